"""Tries proposed tests out: whether they hold, and what becomes of them under the known programs and the mutants.

A test holds where the reference gives an answer and passes twice, under two hash seeds; without a reference, where the
consensus of the solutions says so, likewise twice. Shapes: S programs, P tests, M mutants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from stages.programs.matrix import Bools, Ints, Matrix, vector
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import Case, Program, StdioCase, Tests
from stages.sandbox.verdict import Outcome, Status
from stages.verify_code.augment_prompt import Kind
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.execute import run_program
from stages.verify_code.forms import completed, reference_program, some_of, tests_of
from stages.verify_code.gain import agreed, shares
from stages.verify_code.proposals import Proposal
from stages.verify_code.verifier import Verifier

_SEEDS: Final = (0, 1)

_TRIES: Final = 3
"""Runs until every test has had its turn, where some use up the program's whole time."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What tests of a task are tried on: the known programs (S), and its reference if the kind of tests needs one."""

    task: Task
    kind: Kind
    sources: tuple[str, ...]
    matrix: Matrix
    counts: Ints
    verifier: Verifier
    config: VerifyCodeConfig

    @property
    def trusted(self) -> bool:
        """Whether the reference says what is right."""
        return self.kind in ("arguments", "stdin")

    def program(self, source: str) -> Program:
        """A program as the task's tests call it."""
        return Program(source=source, entry_point=self.task.entry_point)


class Tried(NamedTuple):
    """Proposals that hold (P), as tests, with their outcomes under each program (S, P); and how many do not.

    `invalid`: the reference raises, times out or fails, or the consensus does not agree; `flaky`: two runs disagree.
    """

    proposals: list[Proposal]
    tests: Tests | None
    outcomes: list[tuple[str, ...]]
    invalid: int
    flaky: int

    @property
    def matrix(self) -> Matrix:
        """The outcomes as a matrix, (S, P)."""
        if not self.outcomes:
            none = np.zeros((0, len(self.proposals)), dtype=bool)
            return Matrix(passed=none, flaky=none, ran=none)
        return Matrix.of([vector(row) for row in self.outcomes])


def try_out(bench: Bench, proposals: Sequence[Proposal]) -> Tried:
    """Which proposals hold, and their outcomes under every known program; suspects are run again as any program is."""
    answered = _expected(bench, proposals) if bench.trusted else list(proposals)
    lost = len(proposals) - len(answered)
    if not answered:
        return Tried([], None, [()] * len(bench.sources), lost, 0)
    tests = tests_of([one.content for one in answered], bench.kind, bench.task, bench.config)
    first, second = (_by_reference if bench.trusted else _by_consensus)(bench, tests, len(answered))
    chosen = [int(number) for number in np.flatnonzero(first & second)]
    flaky = int((first != second).sum())
    held = some_of(tests, chosen)
    outcomes: list[tuple[str, ...]] = [()] * len(bench.sources)
    if chosen:
        suite = Suite(tests=held)
        outcomes = [
            tuple(
                one.outcome for one in run_program(bench.verifier, program, suite, bench.config.sandbox.reruns).results
            )
            for program in map(bench.program, bench.sources)
        ]
    return Tried([answered[n] for n in chosen], held, outcomes, len(proposals) - len(chosen) - flaky, flaky)


def kills(bench: Bench, tests: Tests, num_tests: int, mutants: Sequence[str]) -> tuple[Bools, Bools]:
    """Which tests each mutant does not pass, and whether that was found out, both (M, P).

    A mutant that does not load passes none. Nothing is known behind the first test in which it runs out of time.
    """
    killed, known = (np.zeros((len(mutants), num_tests), dtype=bool) for _ in range(2))
    for number, mutant in enumerate(mutants):
        # A mutant that loops mostly does so in every test: one time limit is then enough.
        for part in (slice(0, 1), slice(1, num_tests)):
            held = some_of(tests, list(range(num_tests))[part])
            verdict = bench.verifier.verify(bench.program(mutant), held)
            outcomes = [result.outcome for result in verdict.results]
            if all(one is Outcome.NOT_RUN for one in outcomes) and verdict.status is not Status.TESTER_ERROR:
                killed[number, part] = known[number, part] = True
                continue
            known[number, part] = [one is not Outcome.NOT_RUN for one in outcomes]
            killed[number, part] = [one not in (Outcome.NOT_RUN, Outcome.PASS) for one in outcomes]
            if Outcome.TIMEOUT in outcomes or num_tests == 1:
                break
    return killed, known


def _expected(bench: Bench, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Proposals with what the reference gives for them; those for which it gives nothing are left out."""
    reference = reference_program(bench.task, bench.kind)
    left = list(range(len(proposals)))
    found: dict[int, Proposal] = {}
    for _ in range(_TRIES):
        answers = bench.verifier.answers(reference, _cases([proposals[number] for number in left]))
        for number, answer in zip(left, answers, strict=True):
            if answer.outcome is Outcome.PASS:
                proposal = completed(proposals[number], answer.value, bench.task, bench.config)
                found |= {} if proposal is None else {number: proposal}
        again = [n for n, answer in zip(left, answers, strict=True) if answer.outcome is Outcome.NOT_RUN]
        if not again or len(again) == len(left):
            break
        left = again
    return [found[number] for number in sorted(found)]


def _cases(proposals: Sequence[Proposal]) -> tuple[Case, ...] | tuple[StdioCase, ...]:
    calls = tuple(one.content for one in proposals if isinstance(one.content, Case))
    return calls or tuple(one.content for one in proposals if isinstance(one.content, StdioCase))


def _by_reference(bench: Bench, tests: Tests, num_tests: int) -> tuple[Bools, Bools]:
    """Whether the reference passes each test in two runs, (P,) each."""
    assert bench.task.reference is not None
    first, second = (_settled(bench, bench.task.reference, tests, num_tests, seed) for seed in _SEEDS)
    return first, second


def _by_consensus(bench: Bench, tests: Tests, num_tests: int) -> tuple[Bools, Bools]:
    """Whether the solutions agree on each test, (P,), and whether those of the best group pass it again."""
    passed = np.zeros((len(bench.sources), num_tests), dtype=bool)
    best: list[int] = np.flatnonzero(shares(bench.matrix, bench.counts) == 1).tolist()
    left = np.arange(num_tests)
    # What one of the best group fails is not validated: most junk ends here, and the others need not run it.
    for number in sorted(range(len(bench.sources)), key=lambda n: n not in best) if best else ():
        passed[number, left] = _settled(bench, bench.sources[number], some_of(tests, left.tolist()), len(left), 0)
        left = left[passed[number, left]] if number in best else left
    first = agreed(passed, bench.matrix, bench.counts)
    second = first.copy()
    again = np.flatnonzero(first)
    for number in best if len(again) else ():
        held = some_of(tests, again.tolist())
        second[again] &= _settled(bench, bench.sources[number], held, len(again), 1)
    return first, second


def _settled(bench: Bench, source: str, tests: Tests, num_tests: int, seed: int) -> Bools:
    """Whether a program passes each test, (P,); those for which its time did not last get another run."""
    passed = np.zeros(num_tests, dtype=bool)
    left = np.arange(num_tests)
    for _ in range(_TRIES if num_tests else 0):
        outcomes = _outcomes(bench, source, some_of(tests, left.tolist()), seed)
        passed[left] = [one is Outcome.PASS for one in outcomes]
        again = np.array([one is Outcome.NOT_RUN for one in outcomes], dtype=bool)
        if not again.any() or again.all():
            break
        left = left[again]
    return passed


def _outcomes(bench: Bench, source: str, tests: Tests, seed: int) -> list[Outcome]:
    verdict = bench.verifier.verify(bench.program(source), tests, hash_seed=seed)
    return [result.outcome for result in verdict.results]
