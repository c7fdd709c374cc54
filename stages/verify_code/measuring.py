"""What running a task's reference, and mutants of it, says about the task's tests.

Shapes: M mutants, T tests. Rates and scores are made of this elsewhere; the definitions are those of mutation testing.
"""

from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.programs.matrix import Bools
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import DataTests, InProcessTests, Program, SplitTests, StdioTests, SuiteTests, Tests
from stages.sandbox.verdict import Outcome, Status, Verdict
from stages.verify_code.differential import differential, nearby
from stages.verify_code.mutants import Mutant, mutants
from stages.verify_code.verifier import Verifier

_SEEDS: Final = (0, 1)
NO_SUITE: Final = "no_suite"
NO_REFERENCE: Final = "no_reference"

Places = NDArray[np.intp]
Case = TypeVar("Case")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The tests of one task under its reference and under mutants of that.

    `names` (T,). `valid` (T,): the reference passes in two runs under different hash seeds; `flaky` (T,): it passes in
    one of them. `reference_status`: the sandbox's status of the reference, NO_REFERENCE or NO_SUITE. `killed` (M, T):
    a valid test that the mutant does not pass. `known` (M, T): whether that was found out; it is not for tests that
    are not valid, nor for those left when a mutant has run out of time in one. `equivalent` (M,): mutants that no
    test kills and that do what the reference does on every input of the suite and near those. This is an estimate:
    another input may tell them apart, and an input near those may be none that the problem allows.
    """

    names: tuple[str, ...]
    valid: Bools
    flaky: Bools
    reference_status: str
    mutants: tuple[Mutant, ...]
    killed: Bools
    known: Bools
    equivalent: Bools

    def __post_init__(self) -> None:
        assert self.valid.shape == self.flaky.shape == (len(self.names),)
        assert self.killed.shape == self.known.shape == (len(self.mutants), len(self.names))
        assert self.equivalent.shape == (len(self.mutants),)
        assert not (self.killed & ~self.known).any()

    @property
    def mutation_score(self) -> float:
        """Share of the mutants that some valid test kills, in [0, 1], equivalent ones left out; NaN without any."""
        counted = self.known.any(axis=1) & ~self.equivalent
        return float(self.killed[counted].any(axis=1).mean()) if counted.any() else float("nan")

    @classmethod
    def without_mutants(cls, names: tuple[str, ...], status: str, valid: Bools, flaky: Bools) -> Self:
        """What is known where the reference cannot be mutated."""
        none = np.zeros((0, len(names)), dtype=bool)
        return cls(
            names=names,
            valid=valid,
            flaky=flaky,
            reference_status=status,
            mutants=(),
            killed=none,
            known=none,
            equivalent=_falses(0),
        )


def measure(task: Task, verifier: Verifier, *, most: int, seed: int) -> Measured:
    """Run the reference twice, then at most `most` mutants of it, drawn with `seed`.

    Never raises for what a row holds: without a suite, without a reference, or with one that does not load, there are
    no mutants and no test is valid. Mutants run under the limits of the verifier.
    """
    if task.suite is None:
        return Measured.without_mutants((), NO_SUITE, _falses(0), _falses(0))
    if task.reference is None:
        names = task.suite.names or _numbers(task.suite.tests)
        return Measured.without_mutants(names, NO_REFERENCE, _falses(len(names)), _falses(len(names)))
    tests = task.suite.tests
    entry = None if isinstance(tests, StdioTests) else task.entry_point
    program = Program(source=task.reference, entry_point=entry)
    first, second = (verifier.verify(program, tests, hash_seed=seed) for seed in _SEEDS)
    names, valid, flaky = _validity(task.suite, first, second)
    status = str(first.status if first.status is not Status.DONE else second.status)
    if not _ran(first).any():
        return Measured.without_mutants(names, status, valid, flaky)
    tried = mutants(task.reference, entry_point=entry, most=most, seed=seed)
    killed, known = _kills(tried, program, tests, valid, verifier)
    survivors = np.flatnonzero(~killed.any(axis=1))
    equivalent = _falses(len(tried))
    equivalent[survivors] = _equivalent([tried[number] for number in survivors], program, tests, verifier)
    return Measured(
        names=names,
        valid=valid,
        flaky=flaky,
        reference_status=status,
        mutants=tried,
        killed=killed,
        known=known,
        equivalent=equivalent,
    )


def _validity(suite: Suite, first: Verdict, second: Verdict) -> tuple[tuple[str, ...], Bools, Bools]:
    """Names of the tests, whether both runs pass, and whether one of them does, each (T,)."""
    # The tests of a suite are found anew in each run, and their order may depend on the hash seed.
    again = {result.test: result.outcome for result in second.results}
    passed = _passed(first)
    passed_again = np.array([again.get(result.test) is Outcome.PASS for result in first.results], dtype=bool)
    found = tuple(result.test for result in first.results)
    names = suite.names if len(suite.names) == len(found) else found
    return names, passed & passed_again, passed != passed_again


def _kills(
    tried: tuple[Mutant, ...], program: Program, tests: Tests, valid: Bools, verifier: Verifier
) -> tuple[Bools, Bools]:
    """`killed` and `known`, (M, T)."""
    killed, known = (np.zeros((len(tried), len(valid)), dtype=bool) for _ in range(2))
    if not valid.any():
        return killed, known
    whole = isinstance(_inner(tests), SuiteTests)
    probe = int(np.flatnonzero(valid)[-1])
    for number, mutant in enumerate(tried):
        mutated = replace(program, source=mutant.source)
        # Most mutants that loop do so in the test in which others looped: one time limit is then enough.
        for places in [np.arange(len(valid))] if whole else _probe_first(valid, probe):
            verdict = verifier.verify(mutated, tests if whole else _subset(tests, places))
            killed[number, places], known[number, places] = _judged(verdict, valid[places])
            if verdict.status is Status.TIMEOUT:
                probe = _looped_in(verdict, places, probe)
                break
    return killed, known


def _probe_first(valid: Bools, probe: int) -> list[Places]:
    """The places of the valid tests in the order in which they are run: one alone, then the rest."""
    rest = np.flatnonzero(valid & (np.arange(len(valid)) != probe))
    return [np.array([probe]), rest] if len(rest) else [np.array([probe])]


def _looped_in(verdict: Verdict, places: Places, probe: int) -> int:
    """The place of the first test that ran out of time; as before where the program did not load in time."""
    looped = np.flatnonzero(_timed_out(verdict))
    return int(places[looped[0]]) if len(looped) and len(verdict.results) == len(places) else probe


def _judged(verdict: Verdict, valid: Bools) -> tuple[Bools, Bools]:
    """`killed` and `known` of one mutant, (T,), from a run of all these tests."""
    ran = _ran(verdict)
    if not ran.any():
        # A mutant that does not load passes no test; tests that do not run with it say nothing.
        killed = valid & (verdict.status is not Status.TESTER_ERROR)
        return killed, killed
    if len(ran) != len(valid):
        # The suite itself found other tests than before: nothing can be assigned.
        return _falses(len(valid)), _falses(len(valid))
    looped = np.flatnonzero(_timed_out(verdict))
    # How far a program gets after it was stopped once depends on the time that is left to it.
    ran[looped[0] + 1 if len(looped) else len(ran) :] = False
    known = valid & ran
    return known & ~_passed(verdict), known


def _equivalent(survivors: list[Mutant], program: Program, tests: Tests, verifier: Verifier) -> Bools:
    """Whether each does what the reference does, where that does the same as itself; not if that is nowhere, (M,)."""
    alike = np.ones(len(survivors), dtype=bool)
    compared = False
    for turned in (differential, nearby) if survivors else ():
        suite = turned(tests, program.source, program.entry_point)
        comparable = _falses(0) if suite is None else _passed(verifier.verify(program, suite))
        if suite is None or not comparable.any():
            continue
        compared = True
        if not isinstance(suite, SuiteTests):
            suite, comparable = _subset(suite, np.flatnonzero(comparable)), comparable[comparable]
        for number in np.flatnonzero(alike):
            verdict = verifier.verify(replace(program, source=survivors[number].source), suite)
            alike[number] = _agrees(verdict, comparable)
    return alike if compared else _falses(len(survivors))


def _agrees(verdict: Verdict, comparable: Bools) -> bool:
    """Whether no test that was run says otherwise; the time may not be enough for all of them."""
    ran = _ran(verdict)
    return ran.shape == comparable.shape and bool(ran.any()) and not (comparable & ran & ~_passed(verdict)).any()


def _subset(tests: Tests, chosen: Places) -> Tests:
    """Some of the cases."""
    match tests:
        case InProcessTests(tests=SplitTests() as inner):
            return replace(tests, tests=replace(inner, cases=_at(inner.cases, chosen)))
        case DataTests():
            return replace(tests, cases=_at(tests.cases, chosen))
        case SplitTests():
            return replace(tests, cases=_at(tests.cases, chosen))
        case StdioTests():
            return replace(tests, cases=_at(tests.cases, chosen))
    raise AssertionError("a suite is run as a whole")


def _at(cases: tuple[Case, ...], places: Places) -> tuple[Case, ...]:
    return tuple(cases[place] for place in places)


def _inner(tests: Tests) -> Tests:
    return tests.tests if isinstance(tests, InProcessTests) else tests


def _numbers(tests: Tests) -> tuple[str, ...]:
    return tuple(map(str, range(len(getattr(_inner(tests), "cases", ())))))


def _passed(verdict: Verdict) -> Bools:
    return np.array([result.outcome is Outcome.PASS for result in verdict.results], dtype=bool)


def _ran(verdict: Verdict) -> Bools:
    return np.array([result.outcome is not Outcome.NOT_RUN for result in verdict.results], dtype=bool)


def _timed_out(verdict: Verdict) -> Bools:
    return np.array([result.outcome is Outcome.TIMEOUT for result in verdict.results], dtype=bool)


def _falses(length: int) -> Bools:
    return np.zeros(length, dtype=bool)
