"""Trying out proposals where every outcome is told by the test: runs that end too early, and runs that disagree."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stages.programs.matrix import Matrix, vector
from stages.programs.task import Suite, Task
from stages.sandbox.answers import Cases
from stages.sandbox.jobs import Case, Program, SplitTests, Tests
from stages.sandbox.verdict import Answer, CaseResult, Outcome, Status, Verdict
from stages.verify_code.augment_prompt import Kind
from stages.verify_code.config import SandboxOptions, VerifyCodeConfig
from stages.verify_code.proposals import Proposal
from stages.verify_code.trial import Bench, kills, try_out

P, F, T, N = Outcome.PASS, Outcome.FAIL, Outcome.TIMEOUT, Outcome.NOT_RUN
Tell = Callable[[str, str, int, int], Outcome]
"""From program, test, hash seed, and how many tests of this run came before to the outcome."""


@dataclass
class Told:
    """A Verifier without a sandbox."""

    tell: Tell
    status: Status = Status.DONE
    runs: list[tuple[str, tuple[str, ...], int]] = field(default_factory=list)

    def verify(self, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
        assert isinstance(tests, SplitTests)
        self.runs.append((program.source, tests.cases, hash_seed))
        outcomes = [self.tell(program.source, case, hash_seed, place) for place, case in enumerate(tests.cases)]
        results = tuple(CaseResult(test=str(place), outcome=outcome) for place, outcome in enumerate(outcomes))
        return Verdict(status=self.status, results=results, mode="split", level="standard", layers=())

    def answers(self, program: Program, cases: Cases, *, hash_seed: int = 0) -> tuple[Answer, ...]:
        return tuple(Answer(P, (0, case.args, False)) for case in cases if isinstance(case, Case))


def bench(verifier: Told, *rows: list[str], kind: Kind = "assertions") -> Bench:
    """Programs a, b, c ... of these outcomes."""
    task = Task(key="t", entry_point="f", reference="R", suite=Suite(tests=SplitTests(cases=("old",)), names=("0",)))
    return Bench(
        task=task,
        kind=kind,
        sources=tuple("abcdefgh"[: len(rows)]),
        matrix=Matrix.of([vector(row) for row in rows]),
        counts=np.ones(len(rows), dtype=np.int64),
        verifier=verifier,
        config=VerifyCodeConfig(inputs=("x",), sandbox=SandboxOptions(reruns=1)),
    )


def proposals(*texts: str) -> list[Proposal]:
    return [Proposal(text, text) for text in texts]


def kept(found: list[Proposal]) -> list[str]:
    return [one.text for one in found]


def test_what_was_not_run_is_run_again_without_what_was() -> None:
    # each run lasts for two tests
    verifier = Told(lambda program, case, seed, place: N if place > 1 else P if case != "2" else F)
    tried = try_out(bench(verifier, ["pass"]), proposals("1", "2", "3", "4", "5"))
    assert kept(tried.proposals) == ["1", "3", "4", "5"]
    assert [run[1] for run in verifier.runs[:3]] == [("1", "2", "3", "4", "5"), ("3", "4", "5"), ("5",)]
    assert (tried.invalid, tried.flaky) == (1, 0)
    # in the run that makes the columns, what was not run says so
    assert tried.outcomes == [("pass", "pass", "not_run", "not_run")]


def test_a_program_that_never_gets_to_its_tests_is_not_tried_for_ever() -> None:
    verifier = Told(lambda program, case, seed, place: N)
    tried = try_out(bench(verifier, ["pass"]), proposals("1", "2"))
    assert (kept(tried.proposals), tried.invalid, len(verifier.runs)) == ([], 2, 1)


def test_the_best_group_must_pass_under_another_hash_seed_too() -> None:
    verifier = Told(lambda program, case, seed, place: F if (program, case, seed) == ("b", "2", 1) else P)
    tried = try_out(bench(verifier, ["pass"], ["pass"], ["fail"]), proposals("1", "2"))
    assert (kept(tried.proposals), tried.invalid, tried.flaky) == (["1"], 0, 1)


def test_what_one_of_the_best_group_fails_is_not_run_by_the_others() -> None:
    verifier = Told(lambda program, case, seed, place: F if (program, case) == ("b", "1") else P)
    tried = try_out(bench(verifier, ["fail"], ["pass"], ["pass"]), proposals("1", "2"))
    assert kept(tried.proposals) == ["2"]
    first = [(program, cases) for program, cases, seed in verifier.runs if seed == 0][:3]
    assert first == [("b", ("1", "2")), ("c", ("2",)), ("a", ("2",))]


def test_the_reference_must_pass_in_both_runs() -> None:
    table = {1: (P, P), 2: (P, F), 3: (F, P), 4: (F, F), 5: (T, T)}
    held = {f"assert f({n}) == 0": outcomes for n, outcomes in table.items()}
    verifier = Told(lambda program, case, seed, place: held[case][seed] if program == "R" else P)
    inputs = [Proposal(f"f({n})", Case(args=(n,))) for n in table]
    tried = try_out(bench(verifier, ["pass"], kind="arguments"), inputs)
    assert (kept(tried.proposals), tried.invalid, tried.flaky) == (["f(1)"], 2, 2)
    assert tried.outcomes == [("pass",)]


def test_mutants_are_killed_by_what_was_found_out_alone() -> None:
    table = {
        "m": {"1": P, "2": F, "3": N},
        "loops": {"1": T, "2": P, "3": P},
        "late": {"1": P, "2": T, "3": N},
        "dead": {"1": N, "2": N, "3": N},
    }
    verifier = Told(lambda program, case, seed, place: table[program][case])
    killed, known = kills(bench(verifier), SplitTests(cases=("1", "2", "3")), 3, list(table))
    assert killed.astype(int).tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]]
    assert known.astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert ("loops", ("2", "3"), 0) not in verifier.runs


def test_tests_that_do_not_run_kill_nobody() -> None:
    verifier = Told(lambda program, case, seed, place: N, status=Status.TESTER_ERROR)
    killed, known = kills(bench(verifier), SplitTests(cases=("1",)), 1, ["m"])
    assert not killed.any()
    assert not known.any()
    assert len(verifier.runs) == 1
    assert kills(bench(verifier), SplitTests(cases=("1",)), 1, [])[0].shape == (0, 1)
