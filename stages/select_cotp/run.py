"""Wires select-cotp together; with `write.py`, `core_rows.py` and `finding.py` the only files that touch the disk.

Three passes, each a job of its own that goes on where it stopped: chains of every row (`.rlbff/chains/`), candidates
for every core row (`.rlbff/candidates/`), and, once all of these are there, the assignment and the selected rows.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stages.core import folder
from stages.core.errors import DataError
from stages.core.inputs import stem
from stages.core.job import Job
from stages.core.manifest import hidden, read_done
from stages.core.options import RunOptions, parse_shard
from stages.core.passing import passing
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.rows import SourceRow
from stages.core.runner import finish, left_to_do, log, open_folder, planned, work
from stages.core.sealed import write_sealed
from stages.core.shards import list_parts
from stages.core.sources import Plan
from stages.core.steps import do_share, open_with_options, share_report, works_here
from stages.core.tables import SELECTED
from stages.select_cotp.arrays import I64, Candidates
from stages.select_cotp.chaining import Method
from stages.select_cotp.choose import choose, first_nearest
from stages.select_cotp.columns import OURS
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.core_build import build_core_of
from stages.select_cotp.core_rows import CORE, check_apart, load_core, store_core
from stages.select_cotp.finding import Finder, finding, read_found
from stages.select_cotp.forecast import forecast
from stages.select_cotp.ground import Ground, lay
from stages.select_cotp.jobs import Settings, candidates_job, chains_job, transform, writing_job
from stages.select_cotp.opening import annotates, identity_of, identity_of_files, opened
from stages.select_cotp.pool import read_pool
from stages.select_cotp.reading import CONSUMED, check_columns
from stages.select_cotp.report import TOLD, Stored, read_told
from stages.select_cotp.show import closing_facts, show
from stages.select_cotp.write import Writer, write_arms

WRITES: Final = SELECTED

AGAIN: Final = "when every share is done, call the shares again, or once without --shard."
"""What is left to do after a share of a pass."""

FORECAST_FROM: Final = 20_000
"""Rows of the pool from which on a run says how long distances will take; below, that is said by them being there."""


def run(config: SelectCotpConfig, *, progress: Progress = quiet) -> Report:
    """Select rows of the inputs into the output folder.

    Raises:
        RlbffError: see core/errors.py; whatever was finished by then is stored, and the same call goes on from there.
    """
    root = config.out or Path(f"{stem(config.inputs[0])}.{WRITES.name}")
    with planned(config.inputs, root, config.run, progress) as plan:
        settings = _settle(config, root, plan)
        if config.run.dry_run:
            return _dry_run(settings, plan, progress)
        with opened(settings, progress.notice) as method:
            settings = replace(settings, decided=identity_of(config, method))
            return _Run(settings, plan, method, progress).run()


def _settle(config: SelectCotpConfig, root: Path, plan: Plan) -> Settings:
    check_apart(config, root)
    names = plan.columns.names()
    source = annotates(config, names)
    check_columns(
        names,
        plan.inputs[0].name,
        needs_patterns=config.needs_patterns and source == "column",
        needs_entropy=config.uses_entropy and config.chains.entropy_model is None,
    )
    if lacking := [name for name in config.matched if name not in names]:
        found = ", ".join(names)
        raise DataError(f"--match-by {lacking[0]}: {plan.inputs[0].name} has no such column; its columns are {found}.")
    return Settings(
        config=config,
        root=root,
        pass_through=passing(plan.columns, CONSUMED, OURS),
        annotates=source,
        tiny_texts=tuple(str(row.get("completion")) for row in plan.sample),
        decided={},
        files=identity_of_files(config),
    )


@dataclass(frozen=True)
class _Run:
    """One run that has its input planned and its models open."""

    settings: Settings
    plan: Plan
    method: Method
    progress: Progress

    def run(self) -> Report:
        config, plan, root = self.settings.config, self.plan, self.settings.root
        whole = replace(config.run, shard=None)
        chains, parts = chains_job(self.settings, plan)
        job = writing_job(self.settings, plan)
        open_with_options(job, plan, config)
        if left_to_do(job, whole) or read_told(root) is None:
            if config.core:  # a bad row of it is told before the pool costs anything
                with folder.settling(root):
                    store_core(self.settings, self.method)
            with folder.locked(chains.root, *parse_shard(config.run.shard)):
                open_folder(chains, plan, config.run)
                self._make_chains(chains)
            made = finish(chains, plan, {})
            if made is None:
                self.progress.notice(f"These are the chains; {AGAIN}")
                return share_report(chains, config.run, self.progress, {}, root)
            check_failed(chains, made["rows"], made["rejected_by"], max_failed=1)
            unfinished = self._select(job, chains, parts)
            if unfinished is not None:
                self.progress.notice(f"All chains are there, these are candidates; {AGAIN}")
                return share_report(unfinished, config.run, self.progress, {}, root)
        return self._close(
            job, Stored(settings=self.settings, chains=chains.root, slices=chains.slices, warn=self.progress.warn)
        )

    def _make_chains(self, chains: Job) -> None:
        options = self.settings.config.run
        workers = 1 if self.method.runs_models else options.workers or _cores()
        here = transform(self.method) if works_here(chains, options, workers) else None
        do_share(chains, options, "making chains", workers, self.progress, here)

    def _select(self, job: Job, chains: Job, parts: list[range]) -> Job | None:
        """Find candidates and select; the job of candidates while parts of it belong to other shares."""
        config, plan = self.settings.config, self.plan
        ground = self._ground(chains)
        for doubt in ground.warnings:
            self.progress.warn(doubt)
        finder = Finder(config=config, ground=ground, chains=chains.root, parts=parts, threads=_threads(config.run))
        nearest = first_nearest(config, ground)
        found = candidates_job(self.settings, plan, ground.identity | {"nearest": nearest.tolist()})
        with folder.locked(found.root, *parse_shard(config.run.shard)):
            # whether candidates of other options may be thrown away was asked of the output folder before
            open_folder(found, plan, replace(config.run, overwrite=True))
            self._find(found, finder, nearest)
        if finish(found, plan, {}) is None:
            return found
        with folder.last_turn(job.root):
            if left_to_do(job, replace(config.run, shard=None)) or read_told(job.root) is None:
                self._decide(job, finder, read_found(found.root, range(len(found.slices)), ground, nearest), nearest)
        return None

    def _ground(self, chains: Job) -> Ground:
        config, root = self.settings.config, self.settings.root
        pool = read_pool(chains.root, len(chains.slices), config.near_duplicates)
        if config.build_core is not None:
            with folder.settling(root):
                build_core_of(self.settings, chains.slices, pool, chains.root)
        return lay(config, load_core(root, config), pool, chains.root, self.method)

    def _find(self, found: Job, finder: Finder, nearest: I64) -> None:
        options, starts = self.settings.config.run, finder.ground.pool.part_starts
        left = left_to_do(found, options)
        hunt = finder.hunt(nearest)
        done = [part for part in range(len(found.slices)) if part not in left]
        hunt.seed(read_found(found.root, done, finder.ground, nearest))
        sizes = [int(starts[own.stop] - starts[own.start]) for own in finder.parts]
        self.progress.start("finding candidates", sum(sizes[part] for part in left))
        log(found.root, "start", parts=len(left))
        rows = sum(sizes[part] for part in left)
        told = hunt.forecast(left, rows) if rows >= FORECAST_FROM else None
        if told is not None:
            self.progress.notice(
                f"Distances of {rows:,} rows to {len(nearest):,} core rows: about {told.seconds:,.0f} s."
            )
        for part in left:
            work(found, part, finding(finder, hunt, found.root), self.progress.advance, _light(sizes[part]))
            log(found.root, "part", part=part, rows=sizes[part], **hunt.search.facts)
        self.progress.finish()

    def _decide(self, job: Job, finder: Finder, found: list[Candidates], nearest: I64) -> None:
        """Choose rows by every arm, then join those of one arm to every part."""
        config, root, ground = self.settings.config, self.settings.root, finder.ground
        selection = choose(finder, found, nearest, self.progress)
        write_arms(root, finder.chains, ground.pool, selection.arms, ground.core.ids)
        made = [path for name in (CORE, "arms") for path in list_parts(hidden(root, name))]
        write_sealed(hidden(root, "report") / TOLD, selection.facts, hidden(root, "tmp"), made)
        writer = Writer(
            config=config,
            chains=finder.chains,
            parts=finder.parts,
            pool=ground.pool,
            pass_through=self.settings.pass_through,
            arm=selection.main,
            chosen=selection.arms[selection.main],
            core_ids=ground.core.ids,
        )
        self.progress.start("writing", self.plan.rows)
        for part in range(len(job.slices)):
            work(job, part, writer.part, self.progress.advance)
        self.progress.finish()

    def _close(self, job: Job, stored: Stored) -> Report:
        """Write the manifest and the report, and show what was selected."""
        config, root = self.settings.config, job.root
        facts = read_told(root)
        assert facts is not None
        manifest = finish(job, self.plan, facts)
        assert manifest is not None
        show(facts, self.progress)
        self.progress.summary(closing_facts(manifest, facts, root, stored.write(facts)))
        check_failed(job, manifest["rows"], manifest["rejected_by"], config.run.max_failed)
        return Report(folder=root, complete=True, rows=manifest["rows"], facts=facts)


def _threads(options: RunOptions) -> int:
    """Threads for the distances, which are found on this machine whatever engine makes the chains."""
    return _cores() if options.runner == "ray" else options.workers or _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _light(rows: int) -> Iterator[SourceRow]:
    """Rows that stand for those whose chains are read by other means."""
    return (SourceRow("", number, {"id": ""}, None, None) for number in range(1, rows + 1))


def _dry_run(settings: Settings, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without writing."""
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "would_write": str(settings.root),
        "table": WRITES.name,
        "parts": len(plan.slices),
        "parts_already_there": sum(read_done(settings.root, part) is not None for part in range(len(plan.slices))),
        "forecast": forecast(settings, plan, _threads(settings.config.run)),
    }
    progress.summary(facts)
    return Report(folder=settings.root, complete=False, rows={"in": plan.rows}, facts=facts)
