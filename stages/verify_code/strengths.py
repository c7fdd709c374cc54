"""The second pass: the tests of every task under its reference, mutants of that, and tests that a model adds.

A task is measured once, with the part of the runs in which it comes first; its row is under `.rlbff/strength/`.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stages.core import folder
from stages.core.asking import Model
from stages.core.job import Job, PartOutput, Stage, Transform, llm_load
from stages.core.manifest import fingerprint, hidden
from stages.core.options import identity
from stages.core.progress import Progress
from stages.core.rows import Problem, SourceRow
from stages.core.runner import finish, left_to_do, open_folder
from stages.core.shards import part_path, read_shard
from stages.core.sources import Plan
from stages.core.steps import do_share, works_here
from stages.core.tables import DROPPED_ROWS, Column, Table
from stages.programs.matrix import Bools, vector
from stages.programs.reading import read_row
from stages.programs.task import Task
from stages.sandbox.verdict import Status
from stages.verify_code import columns
from stages.verify_code.augment import augment_all, augmentation_identity
from stages.verify_code.augmented import Augmented, NewTest
from stages.verify_code.augmented import Job as AugmentJob
from stages.verify_code.jobs import LATER, Settings, reading_options
from stages.verify_code.known import KnownPrograms
from stages.verify_code.local_model import open_model
from stages.verify_code.measuring import Measured, measure
from stages.verify_code.opening import open_verifier
from stages.verify_code.task_strength import TaskStrength
from stages.verify_code.verifier import Verifier

STRENGTH: Final = "strength"
"""Folder, among our own files of the output, of what is known of every task's tests."""

_TABLE: Final = Table(
    STRENGTH,
    (
        Column(columns.SUITE, pa.string(), "The task."),
        Column("problem_id", pa.string(), "Its name."),
        Column("reference_status", pa.string(), "The sandbox's status of the reference, or why there is none."),
        Column("mutation_score", pa.float64(), "Share of the mutants that a valid test kills; null without any."),
        Column("mutants", pa.int32(), "Mutants of the reference."),
        Column("equivalent", pa.int32(), "Mutants taken to do the same as the reference."),
        Column("rounds", pa.string(), "What became of a model's proposals, round by round, as JSON."),
        Column("survivors", pa.list_(pa.string()), "The changes that no test notices."),
        Column("measured", pa.string(), "All of it, as JSON."),
    ),
    "What is known of every task's tests.",
)


def measure_tasks(settings: Settings, plan: Plan, runs: Job, progress: Progress) -> dict[str, TaskStrength]:
    """What is known of the tests of every task, by the task's name among the runs; goes on where it stopped."""
    config = settings.config
    with ExitStack() as stack:
        model = None
        if config.augment:
            model = open_model(config, settings.root, progress.notice)
            stack.callback(model.close)
        job = _job(settings, plan, runs, {} if model is None else augmentation_identity(model.name))
        options = replace(config.run, shard=None)
        stack.enter_context(folder.locked(job.root, 0, 1))
        open_folder(job, plan, replace(options, overwrite=True))
        if left_to_do(job, options):
            # A model has concurrency of its own, which several processes would multiply.
            workers = config.run.workers or (1 if config.augment else len(os.sched_getaffinity(0)))
            here = None
            if works_here(job, options, workers):
                here = transform(settings, stack.enter_context(open_verifier(settings)), model)
            do_share(job, options, "measuring tests", workers, progress, here)
        finish(job, plan, {})
        if model is not None:
            progress.summary({f"model {name}": value for name, value in model.usage().items()})
    return dict(_stored(job))


def _job(settings: Settings, plan: Plan, runs: Job, model: Mapping[str, object]) -> Job:
    config = settings.config
    measuring = {"mutants": config.mutants, "augment": config.augment, "rounds": config.rounds if config.augment else 0}
    return Job(
        stage=STAGE,
        config=settings,
        root=hidden(settings.root, STRENGTH),
        identity={
            **{name: value for name, value in identity(config).items() if name not in LATER},
            **measuring,
            **model,
            # Solutions of a task may stand anywhere in the input.
            "inputs": fingerprint([list(info) for info in plan.inputs]),
        },
        schema=_TABLE.schema(),
        reading=runs.reading,
        slices=runs.slices,
        load=llm_load(config.llm.llm) if config.augment else "core",
    )


def transform(settings: Settings, verifier: Verifier, model: Model | None) -> Transform:
    """The measuring of the tasks that come first in one part."""
    config, runs = settings.config, hidden(settings.root, "runs")
    firsts, options = _first_rows(runs), reading_options(config)
    programs = None if model is None else KnownPrograms(runs)

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        found: list[tuple[str, Task, Measured]] = []
        count = 0
        for number, row in enumerate(rows):
            count += 1
            advance(1)
            assert row.value is not None
            if (suite := firsts.get((part, number))) is not None:
                reading = read_row(row.value, options)
                assert not isinstance(reading, Problem)
                measured = measure(reading.task, verifier, most=config.mutants, seed=config.run.seed)
                found.append((suite, reading.task, measured))
        added: list[Augmented | None] = [None] * len(found)
        if model is not None and programs is not None:
            jobs = [AugmentJob(task=task, known=programs.of(suite), measured=one) for suite, task, one in found]
            with model.asking(part, "augment") as asker:
                added = list(augment_all(jobs, asker, verifier, config))
        written = [
            {
                columns.SUITE: suite,
                "problem_id": task.key,
                **_row(one, new, [] if programs is None else programs.shas(suite)),
            }
            for (suite, task, one), new in zip(found, added, strict=True)
        ]
        return PartOutput(rows=written, kept=len(written), dropped_rows=count - len(written))

    return work_on


def _open(settings: Settings, root: Path) -> Transform:
    config = settings.config
    model = open_model(config, settings.root, lambda text: None) if config.augment else None
    return transform(settings, open_verifier(settings), model)


STAGE: Final = Stage(name="verify-code strength", version=1, writes=_TABLE, dropped=DROPPED_ROWS, open=_open)


def _first_rows(runs: Path) -> dict[tuple[int, int], str]:
    """Where each task comes first: (part, number of the row in it) to its name."""
    seen: set[str] = set()
    found: dict[tuple[int, int], str] = {}
    for path in sorted(runs.glob("part-*.parquet")):
        part = int(path.stem.removeprefix("part-"))
        table = read_shard(path, columns=[columns.SUITE, columns.SOURCE_ROW])
        for suite, number in zip(table[columns.SUITE].to_pylist(), table[columns.SOURCE_ROW].to_pylist(), strict=True):
            if suite not in seen:
                seen.add(suite)
                found[part, number] = suite
    return found


def _row(measured: Measured, added: Augmented | None, shas: Sequence[str]) -> dict[str, Any]:
    killed = measured.killed if added is None else np.concatenate([measured.killed, added.killed], axis=1)
    known = measured.known if added is None else np.concatenate([measured.known, added.known], axis=1)
    equivalent = measured.equivalent if added is None else added.equivalent
    survives = (~killed.any(axis=1) & ~equivalent).tolist()
    counted = known.any(axis=1) & ~equivalent
    new = () if added is None else added.tests
    outcomes = {} if added is None else dict(zip(shas, added.outcomes, strict=True))
    return {
        "reference_status": measured.reference_status,
        "mutation_score": float(killed[counted].any(axis=1).mean()) if counted.any() else None,
        "mutants": len(measured.mutants),
        "equivalent": int(equivalent.sum()),
        "survivors": [
            f"line {mutant.line}: {mutant.change}"
            for mutant, survived in zip(measured.mutants, survives, strict=True)
            if survived
        ],
        "rounds": json.dumps(
            [] if added is None else [one._asdict() | {"counts": dict(one.counts)} for one in added.rounds]
        ),
        "measured": json.dumps(
            {
                "names": [*measured.names, *(test.name for test in new)],
                "valid": [*measured.valid.tolist(), *([True] * len(new))],
                "flaky": [*measured.flaky.tolist(), *([False] * len(new))],
                "killed": killed.astype(int).tolist(),
                "known": known.astype(int).tolist(),
                "equivalent": equivalent.tolist(),
                "added": [list(test) for test in new],
                "outcomes": {sha: vector(some).hex() for sha, some in outcomes.items()},
            }
        ),
    }


def _stored(job: Job) -> Iterator[tuple[str, TaskStrength]]:
    for part in range(len(job.slices)):
        path = part_path(job.root, part)
        if path.exists():
            for row in read_shard(path).to_pylist():
                yield row[columns.SUITE], _strength(row)


def _strength(row: Mapping[str, Any]) -> TaskStrength:
    measured = json.loads(row["measured"])
    names, equivalent = tuple(measured["names"]), np.array(measured["equivalent"], dtype=np.bool_)
    trusted = any(measured["valid"]) or row["reference_status"] == Status.DONE
    added = tuple(NewTest(*test) for test in measured["added"])
    by_reference = all(test.validated == "reference" for test in added)
    return TaskStrength(
        reference_status=row["reference_status"],
        names=names,
        valid=np.array(measured["valid"], dtype=np.bool_) if trusted and by_reference else None,
        flaky=np.array(measured["flaky"], dtype=np.bool_),
        killed=_cells(measured["killed"], len(equivalent), len(names)),
        known=_cells(measured["known"], len(equivalent), len(names)),
        equivalent=equivalent,
        added=added,
        outcomes={sha: bytes.fromhex(text) for sha, text in measured["outcomes"].items()},
        rounds=json.loads(row["rounds"]),
    )


def _cells(stored: list[list[int]], num_mutants: int, num_tests: int) -> Bools:
    return np.array(stored, dtype=np.bool_).reshape(num_mutants, num_tests)
