"""The work of verify-code as the runner takes it: running programs, measuring tests, and writing what was decided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import pyarrow as pa

from stages.core.cut import cut
from stages.core.job import Job, PartOutput, Stage, Transform, llm_load
from stages.core.manifest import hidden
from stages.core.options import identity
from stages.core.passing import PassThrough
from stages.core.rows import Problem, SourceRow
from stages.core.runner import reading, schema_with
from stages.core.sources import Plan
from stages.core.tables import DROPPED_ROWS, VERDICTS
from stages.programs.reading import ReadingOptions, read_row
from stages.verify_code import columns
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.execute import Method, execute_part
from stages.verify_code.judge import Judge
from stages.verify_code.verifier import Verifier

RUNS: Final = "runs"
"""Folder, among our own files of the output, of what became of every program."""

LATER: Final = frozenset(
    {
        "output",
        "timings",
        "keep",
        "keep_distinct",
        "arm",
        "keep_inproc",
        "keep_flaky",
        "strength",
        "mutants",
        "augment",
        "rounds",
        "judge_cut",
    }
)
"""Options that are about what is made of the runs; the runs themselves are the same whatever they say."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs besides its part: the configuration, and what the input and this machine settled.

    `factor`: how much slower this machine is than the reference. `decided` is what decides the result besides the
    options.
    """

    config: VerifyCodeConfig
    root: Path
    factor: float
    pass_through: tuple[PassThrough, ...]
    decided: dict[str, object]


def transform(settings: Settings, verifier: Verifier, judge: Judge | None) -> Transform:
    """The running of one part, with sandbox and judge at hand."""
    method = Method(
        reading=reading_options(settings.config),
        verifier=verifier,
        reruns=settings.config.sandbox.reruns,
        judge=judge,
        pass_through=settings.pass_through,
    )

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        return execute_part(method, part, rows, advance)

    return work_on


def reading_options(config: VerifyCodeConfig) -> ReadingOptions:
    """The options that say how rows are read."""
    return ReadingOptions(
        mode=config.mode,
        compare=config.compare,
        compare_output=config.compare_output,
        rtol=config.rtol,
        atol=config.atol,
        stop=tuple(text.replace("\\n", "\n").replace("\\t", "\t") for text in config.stop),
    )


PROGRAMS_A_PART: Final = 64
"""About how many programs are run before they are stored: what a killed run loses, and what a worker takes at once."""


def running_job(settings: Settings, plan: Plan) -> tuple[Job, list[range]]:
    """The running of all programs, into a folder within the folder, and its parts that make each part of the output."""
    config, options = settings.config, reading(settings.config.run, unique_ids=False)
    rows = max(1, PROGRAMS_A_PART // _programs_a_row(settings, plan))
    pieces = [cut(piece, rows, options) for piece in plan.slices]
    ends = list(accumulate(len(piece) for piece in pieces))
    parts = [range(end - len(piece), end) for end, piece in zip(ends, pieces, strict=True)]
    decisive = identity(config) | settings.decided
    job = Job(
        stage=STAGE,
        config=settings,
        root=hidden(settings.root, RUNS),
        identity={name: value for name, value in decisive.items() if name not in LATER},
        schema=schema_with(VERDICTS, [*columns.run_columns(), *_passing(settings)]),
        reading=options,
        slices=tuple(piece for some in pieces for piece in some),
        # A judge at a URL takes less of a worker than the programs do.
        load="gpu" if config.judge == "llm" and llm_load(config.llm.llm) == "gpu" else "core",
    )
    return job, parts


def _programs_a_row(settings: Settings, plan: Plan) -> int:
    """Solutions in a row, on average over the first rows."""
    read = [read_row(dict(row), reading_options(settings.config)) for row in plan.sample]
    counts = [len(one.solutions) for one in read if not isinstance(one, Problem)]
    return max(1, sum(counts) // max(1, len(counts)))


def writing_job(settings: Settings, plan: Plan) -> Job:
    """The writing of verdicts, once everything is decided."""
    config = settings.config
    return Job(
        stage=STAGE,
        config=settings,
        root=settings.root,
        identity=identity(config) | settings.decided,
        schema=schema_with(
            VERDICTS, [*columns.output_columns(timings=config.timings == "columns"), *_passing(settings)]
        ),
        reading=reading(config.run, unique_ids=False),
        slices=plan.slices,
    )


def _passing(settings: Settings) -> list[tuple[str, pa.DataType]]:
    return [(name, type_) for _, name, type_ in settings.pass_through]


def _open(settings: Settings, root: Path) -> Transform:
    """The transform of a worker process, which ends its sandboxes with itself."""
    from stages.verify_code.opening import open_judge_of, open_verifier

    return transform(settings, open_verifier(settings), open_judge_of(settings, lambda text: None))


STAGE: Final = Stage(name="verify-code", version=1, writes=VERDICTS, dropped=DROPPED_ROWS, open=_open)
