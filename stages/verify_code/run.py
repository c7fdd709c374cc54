"""Wires verify-code together; the only file of the stage that touches the disk, besides `write.py` and `strengths.py`.

Three passes, each a job of its own that goes on where it stopped: programs are run (`.rlbff/runs/`), tests are measured
if asked for (`.rlbff/strength/`), and what is decided about all programs is joined to their rows.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.core import folder
from stages.core.inputs import stem
from stages.core.job import Job
from stages.core.manifest import hidden, read_done, total
from stages.core.options import parse_shard
from stages.core.passing import passing
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.runner import finish, left_to_do, open_folder, planned, work
from stages.core.sealed import read_sealed, write_sealed
from stages.core.shards import list_parts, write_part
from stages.core.sources import Plan
from stages.core.steps import do_share, done_parts, open_with_options, share_report, works_here
from stages.core.tables import TESTS, VERDICTS
from stages.programs.keep import parse_rule
from stages.programs.reading import CONSUMED, check_columns
from stages.sandbox.layers import header, require
from stages.sandbox.limits import machine_factor
from stages.verify_code import columns
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.decide import decide
from stages.verify_code.forecast import forecast
from stages.verify_code.jobs import Settings, running_job, transform, writing_job
from stages.verify_code.judge import Judge
from stages.verify_code.opening import open_judge_of, open_verifier
from stages.verify_code.self_test import run_self_test
from stages.verify_code.show import closing_facts, decided_facts, doubts, show
from stages.verify_code.strengths import measure_tasks
from stages.verify_code.task_strength import TaskStrength
from stages.verify_code.write import Writer, load_programs, numeric_columns, runs_of

_TOLD: Final = "decided.json"
"""What the decision left of figures."""

WRITES: Final = VERDICTS


def run(config: VerifyCodeConfig, *, progress: Progress = quiet) -> Report:
    """Verify the programs of the inputs into the output folder.

    Raises:
        RlbffError: see core/errors.py; whatever was finished by then is stored, and the same call goes on from there.
    """
    if config.self_test:
        return run_self_test(config, progress)
    parse_rule(config.keep, seed=config.run.seed)
    root = config.out or Path(f"{stem(config.inputs[0])}.{WRITES.name}")
    with planned(config.inputs, root, config.run, progress, unique_ids=False) as plan:
        names = plan.columns.names()
        check_columns(names, plan.inputs[0].name, needs_tests=config.judge == "column" and "judge" not in names)
        require(config.sandbox.level)
        if config.run.dry_run:
            return _dry_run(root, config, plan, progress)
        for line in header(config.sandbox.level):
            progress.notice(line)
        settings = _settle(config, root, plan)
        parse_rule(config.keep, seed=config.run.seed, columns=numeric_columns(settings.pass_through))
        judge = open_judge_of(settings, progress.notice)
        try:
            if judge is not None:
                settings = replace(settings, decided=dict(judge.identity))
            return _Run(settings, plan, judge, progress).run()
        finally:
            if judge is not None:
                judge.close()


def _settle(config: VerifyCodeConfig, root: Path, plan: Plan) -> Settings:
    own = config.sandbox.machine_factor
    return Settings(
        config=config,
        root=root,
        factor=machine_factor() if own is None else own,
        pass_through=passing(plan.columns, CONSUMED, columns.our_names()),
        decided={},
    )


def _told(root: Path) -> dict[str, Any] | None:
    """The figures that the decision left; None where they or the tests are not all there."""
    return read_sealed(hidden(root, "report") / _TOLD)


@dataclass(frozen=True)
class _Run:
    """One run that has its input planned."""

    settings: Settings
    plan: Plan
    judge: Judge | None
    progress: Progress

    def run(self) -> Report:
        config, plan = self.settings.config, self.plan
        runs, parts = running_job(self.settings, plan)
        job = writing_job(self.settings, plan)
        open_with_options(job, plan, config)
        if self._undecided(job) or len(done_parts(runs)) < len(runs.slices):
            with folder.locked(runs.root, *parse_shard(config.run.shard)):
                open_folder(runs, plan, config.run)
                self._execute(runs)
                if finish(runs, plan, {}) is None:
                    return share_report(runs, config.run, self.progress, {}, self.settings.root)
                with folder.last_turn(job.root):
                    if self._undecided(job):
                        self._decide(job, runs, parts)
        return self._close(job, runs)

    def _undecided(self, job: Job) -> bool:
        """Whether a part of the output is missing, or the figures that the decision left."""
        return bool(left_to_do(job, replace(self.settings.config.run, shard=None))) or _told(job.root) is None

    def _decide(self, job: Job, runs: Job, parts: list[range]) -> None:
        measures = self.settings.config.measures_strength
        strengths = measure_tasks(self.settings, self.plan, runs, self.progress) if measures else {}
        self._write(job, runs, parts, strengths)

    def _execute(self, runs: Job) -> None:
        options = self.settings.config.run
        workers = options.workers or len(os.sched_getaffinity(0))
        with ExitStack() as stack:
            here = None
            if works_here(runs, options, workers):
                verifier = stack.enter_context(open_verifier(self.settings))
                here = transform(self.settings, verifier, self.judge)
            do_share(runs, options, "verifying", workers, self.progress, here)

    def _write(self, job: Job, runs: Job, parts: list[range], strengths: Mapping[str, TaskStrength]) -> None:
        """Decide about all programs, then join the decision to every part."""
        config, root = self.settings.config, self.settings.root
        numeric = numeric_columns(self.settings.pass_through)
        programs = load_programs(runs.root, range(len(runs.slices)), numeric)
        # Without any program there is nothing that a rule could be fitted to; that all rows failed is said at the end.
        decided = decide(programs, strengths, config if len(programs) else replace(config, keep="all"))
        facts, scratch = decided_facts(decided, config), hidden(root, "tmp")
        if decided.tests.num_rows:
            write_part(hidden(root, "tests") / "part-00000.parquet", decided.tests, {"table": TESTS.name}, scratch)
        write_sealed(hidden(root, "report") / _TOLD, facts, scratch, list_parts(hidden(root, "tests")))
        writer = Writer(
            decided, strengths, root, only_kept=config.output == "kept", timings=config.timings == "columns"
        )
        self.progress.start("writing", self.plan.rows)
        for part, from_runs in enumerate(parts):
            work(job, part, writer.part, self.progress.advance, runs_of(runs.root, from_runs))
        self.progress.finish()

    def _close(self, job: Job, runs: Job) -> Report:
        """Write the manifest, and show what was found."""
        settings = self.settings
        facts = _told(job.root)
        assert facts is not None
        facts |= {"level": settings.config.sandbox.level, "machine_factor": round(settings.factor, 3)}
        facts |= {"programs": total(done_parts(runs))["counts"]}
        manifest = finish(job, self.plan, facts)
        assert manifest is not None
        show(facts, self.progress)
        for doubt in doubts(facts, settings.config):
            self.progress.warn(doubt)
        self.progress.summary(closing_facts(manifest, facts, job.root))
        check_failed(job, manifest["rows"], manifest["rejected_by"], settings.config.run.max_failed)
        return Report(folder=job.root, complete=True, rows=manifest["rows"], facts=facts)


def _dry_run(root: Path, config: VerifyCodeConfig, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without running a program and without writing."""
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "would_write": str(root),
        "table": WRITES.name,
        "parts": len(plan.slices),
        "parts_already_there": sum(read_done(root, part) is not None for part in range(len(plan.slices))),
        "forecast": forecast(plan.sample, plan.rows, config),
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
