"""Samples depend on ids and seed alone; scales are medians, with means and 1 where these are 0."""

import numpy as np
import pytest

from stages.select_cotp.arrays import U64
from stages.select_cotp.scales import sample, scale


def _ties(rows: int, seed: int = 0) -> U64:
    return np.random.default_rng(seed).integers(0, 2**63, rows).astype(np.uint64) * np.uint64(2)


def test_4096_pairs_of_64_core_rows() -> None:
    core, pool = sample(_ties(100), _ties(1000, 1), seed=0)
    assert (len(core), len(set(core.tolist()))) == (64, 64)
    assert (len(pool), len(set(pool.tolist()))) == (64, 64)


def test_few_core_rows_take_more_of_the_pool_and_a_small_pool_gives_what_it_has() -> None:
    assert [len(rows) for rows in sample(_ties(3), _ties(5000, 1), seed=0)] == [3, 1366]
    assert [len(rows) for rows in sample(_ties(3), _ties(10, 1), seed=0)] == [3, 10]


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    ties, order = _ties(500), np.random.default_rng(2).permutation(500)
    rows = sample(_ties(80), ties, seed=7)[1]
    assert ties[rows].tolist() == ties[order][sample(_ties(80), ties[order], seed=7)[1]].tolist()
    assert set(rows.tolist()) != set(sample(_ties(80), ties, seed=8)[1].tolist())


def test_rows_are_those_with_the_smallest_hash_of_splitmix64() -> None:
    """The first outputs of SplitMix64 from state 0, of its authors' code: what hash 0 under a seed is made of."""
    first = 0xE220A8397B1DCDAF
    ties = np.array([first, first ^ 1, first ^ 2], np.uint64)
    # hash ^ mix(seed 0) is 0, 1, 2: mixed to these, of which the third is the smallest
    assert [_reference(n) for n in range(3)] == [first, 0x910A2DEC89025CC1, 0x975835DE1C9756CE]
    assert sample(np.array([1], np.uint64), ties, seed=0, pairs=3)[1].tolist() == [1, 2, 0]


def _reference(state: int) -> int:
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@pytest.mark.parametrize(
    ("values", "expected"), [([3, 1, 2], 2.0), ([1, 2, 4, 8], 3.0), ([0, 0, 0, 1], 0.25), ([0, 0, 5], 5 / 3)]
)
def test_the_scale_by_hand(values: list[float], expected: float) -> None:
    assert scale(np.array(values, np.float32).reshape(1, -1), "entropy") == (expected, None)


def test_only_zeros_warn_and_scale_by_one() -> None:
    found, warning = scale(np.zeros((2, 3), np.float32), "pattern")
    assert found == 1.0
    assert warning is not None
    assert "All sampled pattern distances are 0" in warning
