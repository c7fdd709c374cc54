"""What is known only once all programs have run: rates with weights, consensus, clusters, and what is kept.

Reads the compact columns of the runs into memory, about a hundred bytes a program and a byte a test.

Shapes: N programs in the order of the runs, S programs of one task, T tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from stages.programs.agreement import Agreement, agreement
from stages.programs.keep import Decision, parse_rule
from stages.programs.matrix import FLAKY, OUTCOMES, Bools, Floats, Ints, Matrix
from stages.programs.stand import TaskResults, stand
from stages.programs.standings import Standings
from stages.programs.strength import measure
from stages.verify_code.arms import arm
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.diversity import clusters, farthest_first
from stages.verify_code.diversity import measure as measure_diversity
from stages.verify_code.task_strength import TaskStrength
from stages.verify_code.tests_table import TaskTests, TestsTable

INPROC: Final = "inproc"


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

    `names` are those of all tests of a program's task, where the program itself may not have got to know all.
    """

    standings: Standings
    cluster: Ints
    kept: Bools
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
    kept, reasons = _without_doubtful(programs, decision, config)
    facts: dict[str, object] = {"decision": decision.facts, "tests": tests.facts()}
    if not np.isnan(programs.judge).all():
        facts["judge"] = _plain(agreement(standings, config.judge_cut))
    if config.arm is not None:
        kept, reasons, facts["arm"] = _arm(programs, standings, config)
    if config.keep_distinct is not None:
        kept, reasons = _distinct(programs, groups, standings, numbers, (kept, reasons), config)
    facts["diversity"] = _diversity(programs, groups, numbers, kept)
    facts["lone_consensus"] = _lone(standings)
    names = {int(place): group.names for group in groups if group.aligned for place in group.places}
    return Decided(standings, numbers, kept, reasons, names, tests.table(), facts)


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


def _without_doubtful(programs: Programs, decision: Decision, config: VerifyCodeConfig) -> tuple[Bools, list[str]]:
    """The decision without programs that no rate can speak for, unless the options let them in."""
    kept, reasons = decision.kept.copy(), list(decision.reasons)
    if not config.keep_inproc:
        _veto(kept, reasons, programs.inproc, f"{INPROC}: the program could have forged its result")
    if not config.keep_flaky:
        # Flaky cells are left out of the rates: a program could shake off the tests that it fails.
        _veto(kept, reasons, programs.flaky, f"{FLAKY}: the program passes a test in one run and not in another")
    return kept, reasons


def _veto(kept: Bools, reasons: list[str], doubtful: Bools, reason: str) -> None:
    for place in np.flatnonzero(kept & doubtful).tolist():
        kept[place], reasons[place] = False, reason


def _arm(programs: Programs, standings: Standings, config: VerifyCodeConfig) -> tuple[Bools, list[str], object]:
    assert config.arm is not None
    length = programs.length.astype(np.float64)
    drawn = arm(config.arm, task=standings.task, truth=programs.truth, length=length, seed=config.run.seed)
    reasons = [f"arm {config.arm}: {'drawn' if taken else 'not drawn'}" for taken in drawn.kept.tolist()]
    return drawn.kept, reasons, drawn.facts


def _distinct(
    programs: Programs,
    groups: Sequence[Group],
    standings: Standings,
    numbers: Ints,
    before: tuple[Bools, list[str]],
    config: VerifyCodeConfig,
) -> tuple[Bools, list[str]]:
    """At most `keep_distinct` of the kept programs of each task."""
    assert config.keep_distinct is not None
    was_kept, reasons = before
    kept, reasons = np.zeros_like(was_kept), list(reasons)
    for group in groups:
        places = group.places[was_kept[group.places]]
        # What passes no test has no signature and cannot be told apart.
        able = np.array([place for place in places if programs.signature[place] is not None], dtype=np.int64)
        signatures = [programs.signature[place] or b"" for place in able]
        chosen = farthest_first(
            signatures, numbers[able], standings.pass_rate[able], config.keep_distinct, seed=config.run.seed
        )
        kept[able[chosen]] = True
        for place in places:
            if not kept[place]:
                reasons[place] = f"{reasons[place]}; not among the {config.keep_distinct} most different"
    return kept, reasons


def _plain(agreed: Agreement) -> dict[str, object]:
    """The agreement as JSON, where a kappa that is not defined is null."""
    return {
        name: found._asdict() | {"kappa": None if np.isnan(found.kappa) else found.kappa, "n": found.n}
        for name, found in agreed._asdict().items()
    }


def _diversity(programs: Programs, groups: Sequence[Group], numbers: Ints, kept: Bools) -> dict[str, object]:
    """How many different programs are kept, and the mean over tasks of how far apart they are."""
    able = kept & (numbers >= 0)
    found = []
    for group in groups:
        places = group.places[able[group.places]]
        found.append(measure_diversity([programs.signature[place] or b"" for place in places], numbers[places]))
    distances = [one.mean_distance for one in found if one.mean_distance is not None]
    return {
        "clusters": sum(one.clusters for one in found),
        "mean_distance": float(np.mean(distances)) if distances else None,
    }


def _lone(standings: Standings) -> float | None:
    """Share of the tasks with a passing program in which each program of the best consensus stands alone."""
    best = (standings.consensus >= 1) & (standings.passed > 0)
    tasks = np.unique(standings.task[best])
    agreed = np.unique(standings.task[best & (standings.group > 1)])
    return 1 - len(agreed) / len(tasks) if len(tasks) else None
