from collections import Counter
from typing import Any

import numpy as np
import pytest

from stages.select_cotp.arms import length_tenth
from stages.select_cotp.arms_random import random_matched, random_rows
from stages.select_cotp.arrays import PoolFacts


def pool(num: int, seed: int = 0) -> PoolFacts:
    rng = np.random.default_rng(seed)
    return PoolFacts(
        position=np.cumsum(rng.integers(1, 4, num)),
        tie=rng.integers(0, 2**63, num, dtype=np.uint64),
        tokens=rng.integers(1, 1000, num),
        chars=rng.integers(1, 5000, num),
        correct=rng.integers(-1, 2, num).astype(np.int8),
        question=rng.integers(0, num, num),
        strata=rng.integers(0, 3, num) * 1000,
        shortfall=np.zeros(num),
    )


def shuffled(facts: PoolFacts, seed: int) -> PoolFacts:
    """The same rows in another order, at the same positions."""
    order = np.random.default_rng(seed).permutation(len(facts))
    return PoolFacts(facts.position, *(column[order] for column in facts[1:]))


def ties(facts: PoolFacts, position: Any) -> list[int]:
    return facts.tie[np.searchsorted(facts.position, position)].tolist()


def cells(facts: PoolFacts, position: Any) -> Counter[tuple[int, int, int]]:
    at = np.searchsorted(facts.position, position)
    tenths = length_tenth(facts.tokens)
    return Counter(zip(tenths[at].tolist(), facts.correct[at].tolist(), facts.strata[at].tolist(), strict=True))


def test_as_many_rows_as_asked_for_each_once() -> None:
    facts = pool(50)
    chosen = random_rows(facts, 1, total=20)
    assert len(set(chosen.position.tolist())) == 20
    assert set(chosen.position.tolist()) <= set(facts.position.tolist())
    assert chosen.rank.tolist() == list(range(1, 21))
    assert set(chosen.core.tolist()) == {-1}
    assert np.isnan(chosen.distance).all()
    assert len(random_rows(facts, 1, total=60)) == 50


def test_a_smaller_draw_is_the_beginning_of_a_larger_one() -> None:
    facts = pool(50)
    large = random_rows(facts, 1, total=20).position.tolist()
    assert random_rows(facts, 1, total=7).position.tolist() == large[:7]


def test_draws_depend_on_the_seed_and_not_on_the_order_of_rows() -> None:
    facts = pool(80)
    one = random_rows(facts, 1, total=20)
    other = shuffled(facts, 5)
    again = random_rows(other, 1, total=20)
    assert ties(facts, one.position) == ties(other, again.position)
    assert set(random_rows(facts, 2, total=20).position.tolist()) != set(one.position.tolist())


def test_rows_are_drawn_evenly() -> None:
    facts = pool(40)
    times = Counter(row for seed in range(1000) for row in random_rows(facts, seed, total=10).position.tolist())
    # 250 each, with a standard deviation of 14
    assert len(times) == 40
    assert 185 < min(times.values()) <= max(times.values()) < 315


def test_rows_come_as_near_to_the_tokens_as_the_draw_allows() -> None:
    facts = pool(200)
    for wanted in (1, 5000, 40_000):
        chosen = random_rows(facts, 3, tokens=wanted)
        everything = random_rows(facts, 3, total=200)
        lengths = facts.tokens[np.searchsorted(facts.position, everything.position)]
        sums = np.concatenate([[0], np.cumsum(lengths)])
        assert abs(sums[len(chosen)] - wanted) == np.abs(sums - wanted).min()
        assert chosen.position.tolist() == everything.position[: len(chosen)].tolist()
    assert len(random_rows(facts, 3, tokens=10**9)) == 200


@pytest.mark.parametrize("seed", range(20))
def test_matched_rows_have_the_same_lengths_correctness_and_strata(seed: int) -> None:
    facts = pool(300, seed)
    long_ones = facts.position[np.argsort(facts.tokens)[-60:]]
    selected = np.random.default_rng(seed).permutation(long_ones)[:40]
    chosen = random_matched(facts, selected, seed)
    assert cells(facts, chosen.position) == cells(facts, selected)
    assert len(set(chosen.position.tolist())) == 40
    assert set(chosen.position.tolist()) != set(selected.tolist())
    other = shuffled(facts, seed)
    same = other.position[np.argsort(other.tie)[np.searchsorted(np.sort(other.tie), ties(facts, selected))]]
    assert ties(other, random_matched(other, same, seed).position) == ties(facts, chosen.position)


def test_a_cell_that_is_all_selected_is_drawn_whole() -> None:
    facts = pool(30)
    assert sorted(random_matched(facts, facts.position, 0).position.tolist()) == facts.position.tolist()
    assert len(random_matched(facts, facts.position[:0], 0)) == 0


def test_matched_rows_are_drawn_evenly_within_a_cell() -> None:
    made = pool(40)
    facts = PoolFacts(
        position=made.position,
        tie=made.tie,
        tokens=np.full(40, 7),
        chars=made.chars,
        correct=np.ones(40, np.int8),
        question=made.question,
        strata=np.repeat(np.array([0, 1]), 20),
        shortfall=made.shortfall,
    )
    selected = facts.position[[0, 1, 2, 3, 4, 20]]
    times = Counter(row for seed in range(1000) for row in random_matched(facts, selected, seed).position.tolist())
    first = [times[row] for row in facts.position[:20].tolist()]
    second = [times[row] for row in facts.position[20:].tolist()]
    # 250 and 50 each, with standard deviations of 14 and 7
    assert 185 < min(first) <= max(first) < 315
    assert 20 < min(second) <= max(second) < 85


def test_rows_that_are_not_in_the_pool_are_a_mistake() -> None:
    facts = pool(10)
    with pytest.raises(AssertionError):
        random_matched(facts, np.array([facts.position[-1] + 1]), 0)


def test_length_alone_leaves_correctness_to_chance() -> None:
    """Short rows are right, long ones wrong but for one; of two right short rows chosen, matched ones are short."""
    plain = pool(8)
    tokens, correct = np.array([10] * 4 + [900] * 4), np.array([1, 0, 0, 0, 0, 0, 0, 1], dtype=np.int8)
    nothing = np.zeros(8, dtype=np.int64)
    facts = PoolFacts(np.arange(8), plain.tie, tokens, tokens, correct, nothing, nothing, nothing.astype(np.float64))
    seeds = range(40)
    drawn = [random_matched(facts, np.array([0]), seed, length_alone=True).position.tolist() for seed in seeds]
    assert {position for one in drawn for position in one} == {0, 1, 2, 3}
    assert all(random_matched(facts, np.array([0]), seed).position.tolist() == [0] for seed in seeds)


def test_a_seed_below_zero_draws_like_another_one() -> None:
    facts = pool(30)
    below = random_rows(facts, -1, total=10).position.tolist()
    assert below == random_rows(facts, -1, total=10).position.tolist()
    assert below != random_rows(facts, 0, total=10).position.tolist()
