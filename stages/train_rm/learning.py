"""From all rows to a stored and measured reward model: read, deal, tokenise, train, store, examine.

Under torchrun every process does the same up to the last step; then the first one alone goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from stages.core.errors import DataError
from stages.core.job import PartOutput, Transform
from stages.core.manifest import hidden
from stages.core.progress import Progress
from stages.core.rows import Problem, Rejected, SourceRow
from stages.core.tables import PREFERENCES, PRINCIPLES
from stages.models.peers import with_peers
from stages.train_rm import comparing, entailing
from stages.train_rm.base import Base, open_base, open_module
from stages.train_rm.batch import Step
from stages.train_rm.config import TINY, TrainRmConfig
from stages.train_rm.finished import make_card, metric_rows, move_into_place, open_stored, write_held_out
from stages.train_rm.lesson import NOT_FINITE, Examined, Prepared
from stages.train_rm.loop import train
from stages.train_rm.material import Material, Parts, read_material
from stages.train_rm.plan import plan_steps
from stages.train_rm.processes import part, processes
from stages.train_rm.saving import save_model
from stages.train_rm.settle import Settled


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is learned, and where what comes of it goes: the folder, and that of the checkpoints."""

    config: TrainRmConfig
    layouts: tuple[str, ...]
    settled: Settled
    root: Path
    checkpoints: Path

    @property
    def lesson(self) -> ModuleType:
        """What prepares and examines this objective: entailing.py or comparing.py."""
        return entailing if self.config.objective == "entailment" else comparing


def learn(course: Course, progress: Progress) -> Transform:
    """The work on all rows; what the processes of torchrun other than the first return is to be thrown away."""

    def work(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        material = read_material(rows, course.layouts, advance)
        progress.finish()
        if not material.examples and not material.preferences:
            return _output(material)
        parts, unpaired = course.lesson.deal_parts(course.config, material)
        with _threads(course.config), open_base(course.config, parts.train) as base:
            prepared: Prepared = course.lesson.prepare(
                course.config, parts, base.encoder, course.settled.micro_tokens, lambda rows: None
            )
            steps = plan(course, prepared)
            step_log = _train(course, base, prepared, steps, material, progress)
            if processes().rank:
                return _output(material)
            examined = _examine(course, base, prepared, material, progress)
            return _output(
                material,
                problems={**prepared.problems, **examined.problems},
                dropped={**unpaired, **prepared.dropped},
                rows=list(metric_rows(examined.figures, step_log)),
                files=_store(course, base, material, _measured(parts, examined), examined),
                facts=_facts(base, prepared, examined, steps),
            )

    return work


def plan(course: Course, prepared: Prepared) -> list[Step]:
    """The steps of a run. Raises DataError where there is nothing to train on."""
    steps = plan_steps(
        prepared.pieces,
        epochs=course.settled.epochs,
        step_tokens=course.settled.step_tokens,
        micro_tokens=course.settled.micro_tokens,
        seed=course.config.run.seed,
        processes=processes().size,
    )
    if not steps:
        raise DataError(
            "There is nothing to train on: no row is left of the training split. Give more rows, more --epochs, or a "
            "smaller --held-out."
        )
    return steps


@contextmanager
def _threads(config: TrainRmConfig) -> Iterator[None]:
    """One thread for tiny: its products are too small to share, and threads that wait for each other cost most."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if config.model == TINY else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _draft(course: Course) -> Path:
    return hidden(course.root, "tmp") / "model"


def _train(
    course: Course, base: Base, prepared: Prepared, steps: Sequence[Step], material: Material, progress: Progress
) -> Path:
    """Train and store the model as a draft; the log of steps is returned."""
    module = open_module(course.config, base)
    progress.notice(
        f"Training {base.name} on {prepared.arm.rows + prepared.arm.pairs:,} targets of {prepared.arm.responses:,} "
        f"responses, {prepared.arm.tokens:,} unique tokens an epoch, in {len(steps):,} steps; attention: "
        f"{module.plan.kind}, since {module.plan.reason}."
    )
    progress.start("training", len(steps), unit="steps")
    with with_peers():
        step_log = train(
            module,
            steps,
            course.settled.loop,
            folder=course.checkpoints,
            advance=progress.advance,
            notice=progress.notice,
            row_name=material.row_name,
        )
        progress.finish()
        save_model(module, base.tokenizer, _draft(course))
    part()
    return step_log


def _examine(course: Course, base: Base, prepared: Prepared, material: Material, progress: Progress) -> Examined:
    """Measure the draft. Raises DataError if it gives a score that is not finite: then no model is stored."""
    progress.start("measuring on held-out rows", None)
    model = open_stored(_draft(course), base)
    examined: Examined = course.lesson.examine(course.config, prepared, model, progress.advance)
    progress.finish()
    bad = [place for place, problem in sorted(examined.problems.items()) if problem.reason == NOT_FINITE]
    if bad:
        raise DataError(
            f"The trained model's score is not finite for {len(bad):,} of the rows that it was tried on, the first "
            f"{material.row_name(bad[0])}. The model is not stored; lower --learning-rate."
        )
    return examined


def _measured(parts: Parts[Any], examined: Examined) -> Parts[Any]:
    """The parts without rows that could not be scored: those are rejected."""
    return Parts(*(tuple(row for row in part if not examined.problems.keys() & set(row.places)) for part in parts))


def _store(course: Course, base: Base, material: Material, parts: Parts[Any], examined: Examined) -> list[str]:
    """Put everything of the model into the folder, and return the names of the files."""
    held_out = {
        split: [course.lesson.held_out_row(row, material) for row in rows]
        for split, rows in (("calibration", parts.calibration), ("test", parts.test))
    }
    table = PRINCIPLES if course.config.objective == "entailment" else PREFERENCES
    card = make_card(course.config, base, examined, [row.conversation for row in parts.calibration])
    return [
        *write_held_out(course.root, held_out, table, course.config.run.seed),
        *move_into_place(_draft(course), course.root, card),
    ]


def _facts(base: Base, prepared: Prepared, examined: Examined, steps: Sequence[Step]) -> dict[str, object]:
    """What the end of a run tells, also when it is called again for a finished folder."""
    return {
        "base": base.name,
        "trained_on": prepared.arm._replace(updates=len(steps))._asdict(),
        "notes": {name: count for name, count in prepared.notes.items() if count},
        "held_out": dict(examined.headline),
        "calibration": None if examined.platt is None else examined.platt._asdict(),
        "summary": dict(examined.summary),
        "warnings": list(examined.warnings),
    }


def _output(
    material: Material,
    *,
    problems: Mapping[int, Problem] | None = None,
    dropped: Mapping[int, str] | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    files: Sequence[str] = (),
    facts: Mapping[str, object] | None = None,
) -> PartOutput:
    """Account for every row: rejected, dropped, or kept for training or for measuring."""
    bad = {**material.problems, **(problems or {})}
    out = {place: rule for place, rule in {**material.dropped, **(dropped or {})}.items() if place not in bad}
    sources = material.sources
    return PartOutput(
        rows=rows,
        kept=len(sources) - len(bad) - len(out),
        dropped_rows=len(out),
        rejected=[Rejected(sources[place], problem) for place, problem in sorted(bad.items())],
        dropped=[{"id": (sources[place].value or {})["id"], "dropped_by": rule} for place, rule in sorted(out.items())],
        files=files,
        stats=facts,
    )
