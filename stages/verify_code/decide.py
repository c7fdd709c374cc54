"""What is known only once all programs have run: rates with weights, consensus, clusters, and what is kept.

Reads the compact columns of the runs into memory, about a hundred bytes a program and a byte a test.

Shapes: N programs in the order of the runs, S programs of one task, T tests.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.programs.agreement import Agreement, agreement
from stages.programs.keep import parse_rule
from stages.programs.matrix import OUTCOMES, Bools, Floats, Ints, Matrix
from stages.programs.stand import TaskResults, stand
from stages.programs.standings import Standings
from stages.programs.strength import measure
from stages.verify_code.choose import choose, diversity, lone_consensus
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.diversity import clusters
from stages.verify_code.task_strength import TaskStrength, augmentation
from stages.verify_code.tests_table import TaskTests, TestsTable


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The compact columns of all runs, one entry a program.

    `names` are those of the tests, kept for the first program of a task, and for all where a run finds out the tests.
    """

    problem: Sequence[str]
    suite: Sequence[str]
    vectors: Sequence[bytes]
    names: Mapping[int, tuple[str, ...]]
    sha: Sequence[str | None]
    status: Sequence[str]
    judge: Floats
    truth: Floats
    inproc: Bools
    flaky: Bools
    digest: Sequence[str | None]
    signature: Sequence[bytes | None]
    length: Ints
    further: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.suite)


class Decided(NamedTuple):
    """The columns that are decided, all (N,), and what was found out on the way, as JSON.

    `doubtful`: programs that no rate can speak for. `names` are those of all tests of a program's task, where
    the program itself may not have got to know all.
    """

    standings: Standings
    cluster: Ints
    kept: Bools
    doubtful: Bools
    reasons: list[str]
    names: Mapping[int, tuple[str, ...]]
    tests: pa.Table
    facts: dict[str, object]


class Group(NamedTuple):
    """One task: its programs' places, the names of its tests, and their cells, `aligned` where they had to be."""

    suite: str
    places: Ints
    names: tuple[str, ...]
    vectors: list[bytes]
    aligned: bool = False


def decide(programs: Programs, strengths: Mapping[str, TaskStrength], config: VerifyCodeConfig) -> Decided:
    """Decide about every program."""
    groups, tests = group_tasks(programs), TestsTable()
    results = [_results(programs, group, strengths.get(group.suite), tests) for group in groups]
    standings = stand(results, further=programs.further)
    decision = parse_rule(config.keep, seed=config.run.seed).decide(standings)
    numbers = _clusters(programs, groups)
    chosen = choose(programs, groups, standings, numbers, decision, config)
    facts: dict[str, object] = {
        "decision": decision.facts,
        "tests": tests.facts(),
        "diversity": diversity(programs, groups, numbers, chosen.kept),
        "lone_consensus": lone_consensus(standings),
        "different_programs": len(set(zip(programs.suite, programs.sha, strict=True))),
        "statuses": dict(Counter(programs.status).most_common()),
        "outcomes": _outcomes(programs),
        "references": dict(Counter(one.reference_status for one in strengths.values()).most_common()),
        "augmented": augmentation(strengths.values()),
        **chosen.facts,
    }
    if not np.isnan(programs.judge).all():
        facts["judge"] = _plain(agreement(standings, config.judge_cut))
    names = {int(place): group.names for group in groups if group.aligned for place in group.places}
    return Decided(standings, numbers, chosen.kept, chosen.doubtful, chosen.reasons, names, tests.table(), facts)


def group_tasks(programs: Programs) -> list[Group]:
    """The tasks in order of appearance."""
    places: dict[str, list[int]] = {}
    for place, suite in enumerate(programs.suite):
        places.setdefault(suite, []).append(place)
    return [_group(programs, suite, found) for suite, found in places.items()]


def _group(programs: Programs, suite: str, places: list[int]) -> Group:
    vectors = [programs.vectors[place] for place in places]
    if len({len(vector) for vector in vectors}) == 1:
        return Group(suite, np.array(places), programs.names.get(places[0], ()), vectors)
    # A suite of the unittest or pytest kind: its tests are not known to programs that did not get as far.
    names = max((programs.names.get(place, ()) for place in places), key=len)
    aligned = [_aligned(vectors[k], programs.names.get(place, ()), names) for k, place in enumerate(places)]
    return Group(suite, np.array(places), names, aligned, aligned=True)


def _aligned(vector: bytes, own: tuple[str, ...], names: tuple[str, ...]) -> bytes:
    known = dict(zip(own, vector, strict=True))
    return bytes(known.get(name, OUTCOMES.index("not_run")) for name in names)


def _results(programs: Programs, group: Group, strength: TaskStrength | None, tests: TestsTable) -> TaskResults:
    """The task's matrix, and what its tests are worth."""
    vectors, names, mutants = group.vectors, group.names, None
    reference, flaky = None, np.zeros(len(group.names), dtype=np.bool_)
    if strength is not None:
        strength = strength.for_tests(group.names)
        places = group.places.tolist()
        vectors = [strength.extended(one, programs.sha[place]) for one, place in zip(vectors, places, strict=True)]
        names, mutants, reference, flaky = strength.names, strength.mutants, strength.valid, strength.flaky
    matrix, truth = Matrix.of(vectors), programs.truth[group.places]
    cases, suite = measure(matrix, reference=reference, mutants=mutants)
    added = () if strength is None else strength.added
    task = TaskTests(programs.problem[group.places[0]], group.suite, names, cases, flaky, added)
    tests.add(task, matrix, suite, mutants, truth)
    return TaskResults(
        rows=group.places,
        matrix=matrix,
        weights=cases.weight,
        strength=suite.strength,
        judge=programs.judge[group.places],
        truth=truth,
    )


def _clusters(programs: Programs, groups: Sequence[Group]) -> Ints:
    numbers = np.full(len(programs), -1)
    for group in groups:
        numbers[group.places] = clusters([programs.digest[place] for place in group.places])
    return numbers


def _plain(agreed: Agreement) -> dict[str, object]:
    """The agreement as JSON, where a kappa that is not defined is null."""
    return {
        name: found._asdict() | {"kappa": None if np.isnan(found.kappa) else found.kappa, "n": found.n}
        for name, found in agreed._asdict().items()
    }


def _outcomes(programs: Programs) -> dict[str, int]:
    """How often each outcome occurs among all tests of all programs, before anything is taken out."""
    counts = np.bincount(np.frombuffer(b"".join(programs.vectors), dtype=np.uint8), minlength=len(OUTCOMES))
    return {name: int(counts[code]) for code, name in enumerate(OUTCOMES) if counts[code]}
