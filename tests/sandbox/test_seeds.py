"""Pseudo-random numbers of programs and tests: the same in every run under one seed, others under another."""

import random

import pytest

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.layers import Level
from stages.sandbox.sandbox import open_sandbox
from stages.sandbox.verdict import Outcome
from tests.sandbox.conftest import QUICK, skip_unless_possible

CASES = (Case(expected=True), Case(expected=True))
GUESS = Program(source="import random\ndef guess():\n    return random.random() < 0.5\n", entry_point="guess")


def outcomes(level: Level, seed: int) -> list[bool]:
    skip_unless_possible(level)
    with open_sandbox(level, QUICK, factor=1.0, packages=(), hash_seed=seed) as sandbox:
        runs = [sandbox.verify(GUESS, DataTests(cases=CASES)) for _ in range(2)]
    assert runs[0].results == runs[1].results
    return [result.outcome is Outcome.PASS for result in runs[0].results]


@pytest.mark.parametrize("level", ["weak", "standard", "strict"])
def test_a_program_of_chance_does_the_same_under_one_seed_and_something_else_under_another(level: Level) -> None:
    expected = {seed: [random.Random(seed).random() < 0.5] for seed in (0, 1)}
    assert expected == {0: [False], 1: [True]}
    assert {seed: outcomes(level, seed)[:1] for seed in (0, 1)} == expected


def test_eight_seeds_show_both_outcomes() -> None:
    # 0.844, 0.134, 0.956, 0.238, 0.236, 0.623, 0.793, 0.324 are the first numbers that Python draws.
    first = [outcomes("standard", seed)[0] for seed in range(8)]
    assert first == [False, True, False, True, True, False, False, True]


@pytest.mark.parametrize("level", ["weak", "standard"])
def test_numpys_global_numbers_and_those_of_tests_follow_the_seed_too(level: Level) -> None:
    np = pytest.importorskip("numpy")
    skip_unless_possible(level)
    draw = Program(source="import numpy\ndef draw():\n    return numpy.random.random()\n", entry_point="draw")
    for seed in (0, 1):
        drawn, own = np.random.RandomState(seed).random_sample(), random.Random(seed).random()
        case = f"import random\nassert (random.random(), draw()) == ({own!r}, {float(drawn)!r})"
        with open_sandbox(level, QUICK, factor=1.0, hash_seed=seed) as sandbox:
            verdict = sandbox.verify(draw, SplitTests(cases=(case,)))
        assert verdict.all_passed, verdict
