"""Wires score together; the only file of the stage that touches the disk, besides `reduce.py`.

The best responses and pairs are made of scores that an ordinary run writes under `.rlbff/scores/`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stages.core import folder
from stages.core.inputs import stem
from stages.core.job import Job, PartOutput
from stages.core.manifest import hidden, read_done, total
from stages.core.options import parse_shard
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.rows import SourceRow
from stages.core.runner import (
    finish,
    left_to_do,
    open_folder,
    planned,
    read_stats,
    reading,
    work,
)
from stages.core.slices import read
from stages.core.sources import Plan
from stages.core.steps import do_share, done_parts, open_with_options, share_report, works_here
from stages.core.tables import SCORES
from stages.core.whole import as_one_part
from stages.score.columns import find_pass_through, output_table
from stages.score.config import ScoreConfig
from stages.score.forecast import Forecast
from stages.score.jobs import Settings, comparing_job, scoring_job, transform
from stages.score.late_model import LateModel, model_name
from stages.score.prepare import find_layout, find_principles, ignored_options
from stages.score.reduce import reduce_part, scored_rows
from stages.score.show import closing_facts, combined_raw, show
from stages.score.tally import Tally

WRITES: Final = SCORES

_MOST_PRINCIPLES: Final = 20
"""Principles that the manifest describes one by one."""


def run(config: ScoreConfig, *, progress: Progress = quiet) -> Report:
    """Score the responses of the inputs into the output folder.

    Raises:
        RlbffError: see core/errors.py; whatever was finished by then is stored, and the same call goes on from there.
    """
    found = find_principles(config)
    root = config.out or Path(f"{stem(config.inputs[0])}.{output_table(config).name}")
    with planned(config.inputs, root, config.run, progress, unique_ids=False) as plan:
        layout = find_layout(config, plan)
        if config.run.dry_run:
            return _dry_run(root, config, Forecast(layout, found.principles), plan, progress)
        model = LateModel(config, root, progress.notice)
        try:
            reads = model.reads_principles()
            if not reads and (warning := ignored_options(config, model.name)) is not None:
                progress.warn(warning)
            own = reads and found.principles.source == "column"
            settings = Settings(
                config=config,
                root=root,
                layout=layout,
                principles=found.principles,
                pass_through=find_pass_through(config, layout, plan.columns, own_principle=own),
                decided={
                    "layout": layout,
                    "rm_name": model.name,
                    "rm_wording": model.wording,
                    "in_words": config.in_words,
                    "reads_principles": reads,
                    "principles": found.file_hash,
                    **_source_identity(config),
                },
            )
            return _Run(settings, plan, model, progress).run()
        finally:
            model.close()


def _source_identity(config: ScoreConfig) -> dict[str, object]:
    """What decides the scores of a source of rewards; nothing for a model, whose fingerprints stay what they were."""
    if config.source is None:
        return {}
    from stages.rewards.source_model import source_identity

    return {"rewards": source_identity(config.source, config.sources)}


@dataclass(frozen=True)
class _Run:
    """One run that has its input planned and its model open."""

    settings: Settings
    plan: Plan
    model: LateModel
    progress: Progress

    def run(self) -> Report:
        if self.settings.config.output == "scores":
            job = scoring_job(self.settings, self.plan, self.settings.root)
            open_with_options(job, self.plan, self.settings.config)
            self._score(job)
            return self._close(job, self.plan, job)
        return self._reduce()

    def _reduce(self) -> Report:
        """Score into a folder within the folder, then make the output of all scores at once."""
        options = self.settings.config.run
        scores = scoring_job(self.settings, self.plan, hidden(self.settings.root, "scores"))
        job, whole = comparing_job(self.settings, self.plan), as_one_part(self.plan)
        open_with_options(job, whole, self.settings.config)
        if left_to_do(job, replace(options, shard=None)):
            with folder.locked(scores.root, *parse_shard(options.shard)):
                open_folder(scores, self.plan, options)
                self._score(scores)
                if finish(scores, self.plan, {}) is None:
                    return self._close_share(scores)
                self._work_on_scores(job, scores.root)
        return self._close(job, whole, scores)

    def _work_on_scores(self, job: Job, scores: Path) -> None:
        config = self.settings.config
        min_margin = (config.min_margin or 0.0) if config.output == "pairs" else None

        def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
            return reduce_part(scores, rows, min_margin, advance)

        self.progress.start("comparing", self.plan.rows)
        work(job, 0, work_on, self.progress.advance, scored_rows(scores, len(self.plan.slices)))
        self.progress.finish()

    def _score(self, job: Job) -> None:
        options = self.settings.config.run
        workers = options.workers or 1
        here = transform(self.settings, self.model.opened()) if works_here(job, options, workers) else None
        do_share(job, options, "scoring", workers, self.progress, here)

    def _close(self, job: Job, plan: Plan, scores: Job) -> Report:
        """Write what is known only at the end, the manifest last, and show it."""
        tally, config = Tally(), self.settings.config
        for stored in read_stats(scores):
            tally.merge(stored)
        scored = total(done_parts(scores))
        facts = {"rm": self.model.name, "counts": scored["counts"], **tally.facts(_MOST_PRINCIPLES)}
        manifest = finish(job, plan, facts)
        if manifest is None:
            return self._close_share(job)
        show(facts, self.progress)
        if (raw := scored["counts"].get("combined_raw", 0)) > 0:
            self.progress.warn(combined_raw(self.model.name, raw))
        what = {"scores": "scores", "best-of-n": "best responses", "pairs": "pairs"}[config.output]
        self.progress.summary(closing_facts(manifest, facts, self.model.facts(), what, self.settings.root))
        check_failed(job, manifest["rows"], manifest["rejected_by"], config.run.max_failed)
        return Report(folder=self.settings.root, complete=True, rows=manifest["rows"], facts=facts)

    def _close_share(self, job: Job) -> Report:
        config = self.settings.config
        return share_report(job, config.run, self.progress, self.model.facts(), self.settings.root)


def _dry_run(root: Path, config: ScoreConfig, forecast: Forecast, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without opening the model and without writing."""
    from stages.rewards.open import is_url

    for part in plan.slices:
        forecast.add_part(read(part, reading(config.run, unique_ids=False)))
    scores = root if config.output == "scores" else hidden(root, "scores")
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "would_write": str(root),
        "table": output_table(config).name,
        "reward_model": config.model if is_url(config.model) else model_name(config),
        "parts": len(plan.slices),
        "parts_already_there": sum(read_done(scores, part) is not None for part in range(len(plan.slices))),
        "forecast": forecast.facts(),
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
