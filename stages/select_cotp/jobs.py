"""The work of select-cotp as the runner takes it: making chains, finding candidates, and writing what was selected."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import pyarrow as pa

from stages.core.cut import cut
from stages.core.job import Job, Load, PartOutput, Stage, Transform, llm_load, model_load
from stages.core.manifest import hidden
from stages.core.options import identity
from stages.core.passing import PassThrough
from stages.core.rows import Problem, Rejected, SourceRow
from stages.core.runner import reading, schema_with
from stages.core.sources import Plan
from stages.core.tables import DROPPED_ROWS, SELECTED
from stages.select_cotp.chaining import Item, Method, chains_of, stored_row
from stages.select_cotp.columns import CHAINS
from stages.select_cotp.config import SelectCotpConfig, SourceName
from stages.select_cotp.reading import read_cot

MAKING: Final = "chains"
"""Folder, among our own files of the output, of the chains of every row of the pool."""

FINDING: Final = "candidates"
"""The one of the nearest rows of each core row."""

ROWS_A_PART: Final = 256
"""Rows whose chains are stored together: what a killed run of a model loses, and what a worker takes at once."""

_CHAINS: Final = (
    *("patterns", "revision", "dtype", "device", "pack_tokens", "bins", "match_by", "map"),
    "benchmark_share",
    *("limit", "seed", "rows_per_shard", "max_row_bytes"),
)
"""Options that the chains of a row depend on, besides what `Settings.decided` says of files and models."""

_DISTANCES: Final = ("band", "name_distance")
"""Options that distances depend on and that nothing else of candidates shows: scales may be equal by chance, or 1."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs besides its part: the configuration, and what the input and the files of options settled.

    `annotates` is where patterns come from: column, rules or llm; `tiny_texts` make the vocabulary of the tiny model.
    `decided` is what decides chains besides the options, `files` what decides the selection besides both.
    """

    config: SelectCotpConfig
    root: Path
    pass_through: tuple[PassThrough, ...]
    annotates: SourceName
    tiny_texts: tuple[str, ...]
    decided: dict[str, object]
    files: dict[str, object]


def chains_job(settings: Settings, plan: Plan) -> tuple[Job, list[range]]:
    """The making of all chains, into a folder within the folder, and its parts that make each part of the output."""
    config = settings.config
    options = reading(config.run)
    pieces = [cut(piece, ROWS_A_PART, options) for piece in plan.slices]
    ends = list(accumulate(len(piece) for piece in pieces))
    parts = [range(end - len(piece), end) for end, piece in zip(ends, pieces, strict=True)]
    near = config.near_duplicates is not None and config.near_duplicates < 1
    uses = {"uses_patterns": config.needs_patterns, "uses_entropy": config.uses_entropy, "signatures": near}
    decisive = identity(config)
    job = Job(
        stage=STAGE,
        config=settings,
        root=hidden(settings.root, MAKING),
        identity={name: decisive[name] for name in _CHAINS} | uses | settings.decided,
        schema=CHAINS.schema(),
        reading=options,
        slices=tuple(piece for some in pieces for piece in some),
        load=_load(settings),
    )
    return job, parts


def _load(settings: Settings) -> Load:
    config = settings.config
    if config.uses_entropy and config.chains.entropy_model is not None:
        return model_load(config.chains.device)
    return llm_load(config.llm.llm) if settings.annotates == "llm" and config.needs_patterns else "core"


def candidates_job(settings: Settings, plan: Plan, decided: dict[str, object]) -> Job:
    """The finding of candidates, a part of the output at a time; `decided` is what they rest on."""
    decisive = identity(settings.config)
    return Job(
        stage=STAGE,
        config=settings,
        root=hidden(settings.root, FINDING),
        identity={name: decisive[name] for name in _DISTANCES} | settings.decided | settings.files | decided,
        schema=pa.schema([]),
        reading=reading(settings.config.run),
        slices=plan.slices,
    )


def writing_job(settings: Settings, plan: Plan) -> Job:
    """The writing of selected rows, once everything is decided."""
    passing = [(name, type_) for _, name, type_ in settings.pass_through]
    return Job(
        stage=STAGE,
        config=settings,
        root=settings.root,
        identity=identity(settings.config) | settings.decided | settings.files,
        schema=schema_with(SELECTED, passing),
        reading=reading(settings.config.run),
        slices=plan.slices,
    )


def transform(method: Method) -> Transform:
    """The making of chains of one part."""

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        sources, items, rejected = [], list[Item](), list[Rejected]()
        for source in rows:
            assert source.value is not None
            cot = read_cot(source.value)
            if isinstance(cot, Problem):
                rejected.append(Rejected(source, cot))
            else:
                sources.append(source)
                items.append((source.row, source.value, cot))
        advance(len(rejected))
        found = chains_of(method, items, part, advance)
        rejected += [Rejected(one, what) for one, what in zip(sources, found, strict=True) if isinstance(what, Problem)]
        computed = method.entropies is not None
        chains = [chain for chain in found if not isinstance(chain, Problem)]
        written = [stored_row(chain, with_entropy=computed) for chain in chains]
        return PartOutput(rows=written, kept=len(written), dropped_rows=0, rejected=rejected)

    return work_on


def _open(settings: Settings, root: Path) -> Transform:
    """The transform of a worker process."""
    from stages.select_cotp.opening import open_method

    return transform(open_method(settings, lambda text: None))


STAGE: Final = Stage(name="select-cotp", version=1, writes=SELECTED, dropped=DROPPED_ROWS, open=_open)
