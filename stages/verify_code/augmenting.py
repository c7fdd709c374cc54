"""One task on its way through the rounds of augmentation: what is still let through, and the tests added so far.

Shapes: S different programs, T tests of the suite, P tests added, M mutants of the reference.
"""

from collections import Counter
from typing import Final

import numpy as np

from stages.core.chat import CallFailure, Outcome, transcript
from stages.programs.matrix import Bools, Ints, Matrix
from stages.programs.task import Suite
from stages.sandbox.verdict import Status
from stages.verify_code.augment_prompt import Brief, Kind
from stages.verify_code.augmented import COUNTED, Augmented, Job, NewTest, RoundFacts
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.forms import kind_of, tests_of, why_not
from stages.verify_code.gain import Gain, alike, choose, mutation_score, telling_pairs
from stages.verify_code.measuring import NO_REFERENCE, Measured
from stages.verify_code.proposals import Parsed, Proposal, parse_proposals
from stages.verify_code.texts import existing_texts, shown_tests, text_of
from stages.verify_code.trial import Bench, Tried, kills, try_out
from stages.verify_code.verifier import Verifier

_SHOWN_CHANGES: Final = 12
_SHOWN_PAIRS: Final = 3
"""Mutants and pairs of programs that one question shows at most."""

_NO_TRUST: Final = frozenset(
    {NO_REFERENCE, Status.NO_CODE, Status.NO_ENTRY_POINT, Status.SYNTAX_ERROR, Status.LOAD_ERROR, Status.TESTER_ERROR}
)
"""Statuses of a reference that can say nothing about tests."""


class Augmenting:
    """Asks with `brief`, learns with `take`, and ends with `result`."""

    def __init__(self, job: Job, origin: str, verifier: Verifier, options: VerifyCodeConfig) -> None:
        """`origin`: the model's name."""
        task, known = job.task, job.known
        trusted = task.reference is not None and (job.measured is None or _is_trusted(job.measured))
        self.kind: Kind = kind_of(task, trusted=trusted)
        self.reason: Final = why_not(task) or ""
        self.open = not self.reason
        """Whether the task goes into another round."""
        self._task, self._origin, self._options = task, origin, options
        matrix = known.matrix
        # the tests of a suite are found anew in each run, and may be others for the reference than for the solutions
        if trusted and job.measured is not None and len(job.measured.valid) == matrix.passed.shape[1]:
            matrix = _columns(matrix, job.measured.valid)
        counts = np.ones(len(known.sources), dtype=np.int64) if known.counts is None else known.counts
        self._bench = Bench(
            task=task,
            kind=self.kind,
            sources=known.sources,
            matrix=matrix,
            counts=counts,
            verifier=verifier,
            config=options,
        )
        self._gaps = _Gaps(job.measured if trusted else None, matrix)
        self._seen = existing_texts(task)
        self._shown = shown_tests(task)
        self._tests: list[NewTest] = []
        self._kept: list[Proposal] = []
        self._outcomes: list[list[str]] = [[] for _ in known.sources]
        self._rounds: list[RoundFacts] = []
        self._tokens = (0, 0)

    def brief(self) -> Brief:
        """What the model is shown now."""
        sources = self._bench.sources
        pairs = telling_pairs(self._gaps.together, self._bench.matrix, _SHOWN_PAIRS)
        return Brief(
            kind=self.kind,
            wanted=self._options.augment - len(self._tests),
            problem=transcript(self._task.prompt or []),
            entry_point=self._task.entry_point,
            reference=self._task.reference if self._bench.trusted else None,
            changes=self._gaps.next_changes(_SHOWN_CHANGES),
            pairs=[(sources[first], sources[second]) for first, second in pairs],
            tests=self._shown,
        )

    def take(self, number: int, outcome: Outcome) -> None:
        """Try out what the model answered in round `number`, and keep what tells."""
        if isinstance(outcome, CallFailure):
            self._end_round(number, Counter(), outcome.reason)
            return
        self._tokens = (self._tokens[0] + outcome.prompt_tokens, self._tokens[1] + outcome.completion_tokens)
        wanted = self._options.augment - len(self._tests)
        parsed = parse_proposals(
            outcome.text, self.kind, entry_point=self._task.entry_point, wanted=wanted, existing=self._seen
        )
        self._seen |= {one.text for one in parsed.proposals}
        tried = try_out(self._bench, parsed.proposals)
        gains = self._gaps.fill(self._bench, tried, wanted)
        for place, gain in enumerate(gains, 1):
            self._add(number, place, gain, tried)
        kept = {gain.test for gain in gains}
        self._shown += [text_of(one) for n, one in enumerate(tried.proposals) if n not in kept]
        self._end_round(number, _counts(parsed, tried, len(gains)), "")

    def result(self) -> Augmented:
        """What was added."""
        suite = None
        if self._tests:
            tests = tests_of([one.content for one in self._kept], self.kind, self._task, self._options)
            suite = Suite(tests=tests, names=tuple(test.name for test in self._tests))
        killed, known = self._gaps.kept()
        scores = self._gaps.scores()
        rounds = [
            facts._replace(score_before=scores[n], score_after=scores[n + 1]) for n, facts in enumerate(self._rounds)
        ]
        return Augmented(
            suite=suite,
            tests=tuple(self._tests),
            outcomes=tuple(map(tuple, self._outcomes)),
            killed=killed,
            known=known,
            equivalent=self._gaps.equivalent,
            rounds=tuple(rounds),
            prompt_tokens=self._tokens[0],
            completion_tokens=self._tokens[1],
            reason=self.reason,
        )

    def _add(self, number: int, place: int, gain: Gain, tried: Tried) -> None:
        proposal = tried.proposals[gain.test]
        text = text_of(proposal)
        self._tests.append(
            NewTest(
                name=f"aug-{number}-{place}",
                text=text,
                origin=self._origin,
                round=number,
                validated="reference" if self._bench.trusted else "consensus",
                kills=gain.kills,
                separates=gain.separates,
            )
        )
        self._kept.append(proposal)
        self._shown.append(text)
        for row, outcomes in zip(self._outcomes, tried.outcomes, strict=True):
            row.append(outcomes[gain.test])

    def _end_round(self, number: int, counts: Counter[str], failure: str) -> None:
        counted = {name: counts[name] for name in COUNTED}
        self._rounds.append(RoundFacts(number, counted, None, None, failure))
        self.open = counts["kept"] > 0 and len(self._tests) < self._options.augment
        self._gaps.end_round()


class _Gaps:
    """What the tests so far let through: mutants that survive, and pairs of programs that stay together."""

    def __init__(self, measured: Measured | None, matrix: Matrix) -> None:
        self.together: Bools = alike(matrix)
        self.mutants = () if measured is None else measured.mutants
        none = np.zeros(0, dtype=bool)
        self.killed: Bools = none if measured is None else np.asarray(measured.killed.any(axis=1))
        self.equivalent: Bools = none if measured is None else measured.equivalent.copy()
        self._told: Ints = np.zeros(len(self.mutants), dtype=np.int64)
        self._history: list[Bools] = [self.killed]
        self._columns: list[tuple[Bools, Bools]] = []

    def next_changes(self, most: int) -> list[str]:
        """Changes of surviving mutants: those not told of yet first, those taken for equivalent last."""
        alive = np.flatnonzero(~self.killed)
        order = sorted(alive.tolist(), key=lambda n: (self._told[n], self.equivalent[n], n))[:most]
        self._told[order] += 1
        return [f"line {self.mutants[n].line}: {self.mutants[n].change}" for n in sorted(order)]

    def fill(self, bench: Bench, tried: Tried, most: int) -> list[Gain]:
        """Choose among the tests that hold, and take note of what the chosen ones tell."""
        if tried.tests is None or not tried.proposals:
            return []
        sources = [one.source for one in self.mutants]
        killed, known = kills(bench, tried.tests, len(tried.proposals), sources)
        self.equivalent &= ~killed.any(axis=1)
        gains = choose(killed, tried.matrix, ~self.killed, self.together, most)
        chosen = [gain.test for gain in gains]
        self._columns += [(killed[:, n], known[:, n]) for n in chosen]
        self.killed = self.killed | np.asarray(killed[:, chosen].any(axis=1))
        self.together &= alike(_columns(tried.matrix, chosen))
        return gains

    def end_round(self) -> None:
        """Remember how far the round has come."""
        self._history.append(self.killed)

    def scores(self) -> list[float | None]:
        """The mutation score before the first round and after each."""
        return [mutation_score(killed, self.equivalent) for killed in self._history]

    def kept(self) -> tuple[Bools, Bools]:
        """`killed` and `known` of the tests that were added, (M, P)."""
        killed, known = (np.zeros((len(self.mutants), len(self._columns)), dtype=bool) for _ in range(2))
        for number, (column, found) in enumerate(self._columns):
            killed[:, number], known[:, number] = column, found
        return killed, known


def _is_trusted(measured: Measured) -> bool:
    # where there are mutants, it loads under one hash seed at least, and what it says is tried under two
    return bool(measured.mutants) or measured.reference_status not in _NO_TRUST


def _columns(matrix: Matrix, chosen: Bools | list[int]) -> Matrix:
    return Matrix(passed=matrix.passed[:, chosen], flaky=matrix.flaky[:, chosen], ran=matrix.ran[:, chosen])


def _counts(parsed: Parsed, tried: Tried, kept: int) -> Counter[str]:
    return Counter(
        unparsable=parsed.unparsable,
        oversized=parsed.oversized,
        duplicate=parsed.duplicate,
        surplus=parsed.surplus,
        invalid=tried.invalid,
        flaky=tried.flaky,
        useless=len(tried.proposals) - kept,
        kept=kept,
    )
