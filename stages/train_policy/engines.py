"""The work on all rows by engines other than `local`: training through TRL, and the files of a run with verl.

Both read and score as `local` does; what is the same for all is in learning.py.
"""

import os
import shutil
from collections.abc import Callable, Iterator

from stages.core.job import PartOutput, Transform
from stages.core.manifest import hidden
from stages.core.progress import Progress
from stages.core.rows import SourceRow
from stages.core.stopping import noting_signals
from stages.train_policy.base import Base, open_base, open_weights
from stages.train_policy.finishing import Course, facts_of, metric_row
from stages.train_policy.material import Material, read_prompts, texts_of
from stages.train_policy.opening import open_rewards
from stages.train_policy.saving import move_into_place


def leads() -> bool:
    """Whether this process writes: the only one, or the first of torchrun's."""
    return os.environ.get("RANK", "0") == "0"


def learn_by_trl(course: Course, progress: Progress) -> Transform:
    """Training through TRL; what processes of torchrun other than the first return is to be thrown away."""

    def work(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        # imported here, so that no other engine needs TRL
        from stages.train_policy.trl_engine import MODEL, train_with_trl

        sources, config = list(rows), course.config
        with open_base(config.model, texts_of(sources), config.run.seed) as base:
            material = _read(course, sources, base, advance)
            progress.finish()
            if not material.prompts:
                return PartOutput(rows=(), kept=0, dropped_rows=0, rejected=material.rejected)
            scratch = hidden(course.root, "rewards" if leads() else f"rewards{os.environ['RANK']}")
            reward = open_rewards(config, scratch, progress.notice)
            try:
                with noting_signals() as sign:
                    progress.start("training", None, unit="steps")
                    trained = train_with_trl(
                        config,
                        course.settled,
                        open_weights(config, base),
                        base.tokenizer,
                        list(material.prompts.values()),
                        reward,
                        folder=course.checkpoints,
                        notice=progress.notice,
                        advance=progress.advance,
                        sign=sign,
                    )
                    progress.finish()
            finally:
                reward.close()
        if not leads():
            shutil.rmtree(scratch, ignore_errors=True)
        return _kept(
            material,
            rows=[metric_row(metric) for metric in trained.metrics],
            files=move_into_place(course.checkpoints / MODEL, course.root) if leads() else [],
            facts=facts_of(course, trained.metrics, steps=trained.steps),
        )

    return work


def export_for_verl(course: Course, progress: Progress) -> Transform:
    """The files with which verl trains, in an environment of its own."""

    def work(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        from stages.train_policy.verl_export import export_verl

        sources, config = list(rows), course.config
        with open_base(config.model, texts_of(sources), config.run.seed) as base:
            material = _read(course, sources, base, advance)
        if not material.prompts:
            return PartOutput(rows=(), kept=0, dropped_rows=0, rejected=material.rejected)
        files = export_verl(config, course.settled, list(material.prompts.values()), course.root)
        return _kept(material, files=files, facts={"summary": [("to train", f"bash {course.root / 'run.sh'}")]})

    return work


def _read(course: Course, rows: list[SourceRow], base: Base, advance: Callable[[int], None]) -> Material:
    return read_prompts(rows, base, course.config, advance=advance)


def _kept(
    material: Material,
    *,
    rows: list[dict[str, object]] | None = None,
    files: list[str],
    facts: dict[str, object],
) -> PartOutput:
    return PartOutput(
        rows=rows or [],
        kept=len(material.prompts),
        dropped_rows=0,
        rejected=material.rejected,
        files=files,
        stats=facts,
    )
