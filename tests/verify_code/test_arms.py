from collections import Counter
from typing import Any

import numpy as np
import pytest

from stages.verify_code.arms import Arm, ArmName, arm, deciles

NAN = float("nan")


def inputs(*programs: tuple[int, float, float]) -> dict[str, Any]:
    """Columns of programs, each (task, truth, length)."""
    task, truth, length = zip(*programs, strict=True)
    return {
        "task": np.array(task, dtype=np.int64),
        "truth": np.array(truth, dtype=np.float64),
        "length": np.array(length, dtype=np.float64),
    }


def random_inputs(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "task": rng.integers(0, 8, 300),
        "truth": rng.choice([0.0, 1.0, NAN], 300, p=[0.6, 0.3, 0.1]),
        "length": rng.integers(20, 200, 300).astype(np.float64),
    }


def test_tasks_by_hand() -> None:
    # task 0: two right, one wrong; task 1: right only; task 2: one of each, one unknown. All of one length.
    columns = inputs((0, 1, 5), (0, 1, 5), (0, 0, 5), (1, 1, 5), (2, 0, 5), (2, 1, 5), (2, NAN, 5))
    right, wrong = arm("correct", **columns), arm("incorrect", **columns)
    assert right.kept[:2].sum() == 1
    assert right.kept[2:].tolist() == [False, False, False, True, False]
    assert wrong.kept.tolist() == [False, False, True, False, True, False, False]
    assert right.facts == wrong.facts
    assert right.facts == {
        "pairs": 2,
        "tasks": 2,
        "tasks_without_pairs": 1,
        "unknown_truth": 1,
        "mean_length_right": 5,
        "mean_length_wrong": 5,
    }


def test_programs_of_different_deciles_make_no_pair() -> None:
    columns = inputs(*((0, number % 2, 10 * number) for number in range(20)))
    # twenty lengths, two a decile: a wrong one (even) and a right one (odd)
    assert deciles(columns["length"], np.ones(20, dtype=bool)).tolist() == [number // 2 for number in range(20)]
    assert arm("correct", **columns).kept.tolist() == [False, True] * 10
    apart = columns | {"truth": np.array([1.0, 1.0, 0.0, 0.0] * 5)}
    assert arm("correct", **apart).facts["pairs"] == 0
    assert arm("correct", **apart).facts["mean_length_right"] is None


def test_equal_lengths_lie_in_one_decile() -> None:
    length = np.array([1.0] * 15 + [2.0] * 5)
    assert set(deciles(length, np.ones(20, dtype=bool))[:15].tolist()) == {0}
    assert len(set(deciles(length, np.ones(20, dtype=bool)).tolist())) == 2


@pytest.mark.parametrize("seed", range(5))
def test_arms_have_equal_numbers_in_every_task_and_decile(seed: int) -> None:
    columns = random_inputs(seed)
    task, truth = columns["task"], columns["truth"]
    decile = deciles(columns["length"], ~np.isnan(truth))

    def cells(kept: Any) -> Counter[tuple[int, int]]:
        return Counter(zip(task[kept].tolist(), decile[kept].tolist(), strict=True))

    arms: dict[ArmName, Arm] = {kind: arm(kind, **columns, seed=seed) for kind in ("correct", "incorrect", "mixed")}
    right, wrong, mixed = (arms[kind].kept for kind in ("correct", "incorrect", "mixed"))
    assert set(truth[right].tolist()) == {1.0}
    assert set(truth[wrong].tolist()) == {0.0}
    # as many pairs as there can be
    known = [(Counter(zip(task[truth == t].tolist(), decile[truth == t].tolist(), strict=True))) for t in (0, 1)]
    assert cells(right) == cells(wrong) == cells(mixed) == known[0] & known[1]
    # the mixed arm is made of the same pairs, half of each kind
    assert not (mixed & ~(right | wrong)).any()
    assert 0 <= int((mixed & right).sum()) - int((mixed & wrong).sum()) <= 1


def test_the_seed_decides_which_and_nothing_else_does() -> None:
    columns = random_inputs(0)
    kinds: tuple[ArmName, ...] = ("correct", "incorrect", "mixed")
    for kind in kinds:
        first, again, other = (arm(kind, **columns, seed=seed) for seed in (0, 0, 1))
        assert first.kept.tolist() == again.kept.tolist()
        assert first.kept.tolist() != other.kept.tolist()
        assert first.facts["pairs"] == other.facts["pairs"]


def test_unknown_lengths_decide_no_decile() -> None:
    columns = inputs((0, 1, 5), (0, 0, 6), *((0, NAN, 1000.0 + number) for number in range(50)))
    found = arm("correct", **columns)
    # of the two known lengths each has a decile of its own; among all fifty-two they would share one
    assert (found.facts["unknown_truth"], found.facts["pairs"]) == (50, 0)
    nothing = arm("correct", **inputs((0, NAN, 5)))
    assert (nothing.kept.tolist(), nothing.facts["pairs"]) == ([False], 0)
