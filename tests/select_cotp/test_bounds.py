"""Lower bounds never exceed the distance as the kernels round it, and no pair that matters is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.select_cotp.arrays import F32, F64, Series
from stages.select_cotp.bounds import (
    NO_ENVELOPE,
    NO_MATRIX,
    Envelope,
    Offers,
    ends,
    envelope,
    left_by_bounds,
    offer,
    survivors,
)
from stages.select_cotp.dtw import EntropyKernel, radius_of
from tests.naive.search import warped

ENTROPY = np.array([[0.0, 1.0, 0.0]])


def _series(*chains: list[float]) -> Series:
    starts = np.concatenate([[0], np.cumsum([len(chain) for chain in chains])]).astype(np.int64)
    return Series(np.concatenate([np.array(chain, np.float32) for chain in chains]), starts)


def _left(
    factors: F64, worst: F64, core: Series, pool: Series, d_pattern: F32 = NO_MATRIX, around: Envelope = NO_ENVELOPE
) -> tuple[list[list[int]], F64]:
    """The rows left of each core row, and their `most`."""
    num_core = len(core)
    rows, starts = np.empty(num_core * len(pool), np.int64), np.empty(num_core + 1, np.int64)
    most, shortfall = np.empty(num_core), np.zeros(len(pool))
    done = survivors(
        factors, worst, d_pattern, shortfall, ends(core), ends(pool), around, pool.values, 0, rows, starts, most
    )
    assert done == num_core
    return [rows[starts[c] : starts[c + 1]].tolist() for c in range(num_core)], most


def test_the_bound_by_the_ends_by_hand() -> None:
    """(|1 - 2| + |3 - 7|) / 4 = 1.25; one value against one: |1 - 2| / 1; one against two: (|1 - 2| + |1 - 7|) / 2."""
    long, one, two = _series([1, 9, 9, 3]), _series([1]), _series([2, 7])
    for core, pool, bound in ((long, two, 1.25), (one, _series([2]), 1.0), (one, two, 3.5)):
        assert _left(ENTROPY, np.array([[bound]]), core, pool)[0] == [[0]]
        assert _left(ENTROPY, np.array([[bound * 0.9999]]), core, pool)[0] == [[]]


def test_what_may_be_left_for_the_entropy_term_by_hand() -> None:
    """Of 2 = 1 * d_pattern + 0.5 * d_entropy, 1.5 of patterns leave 1 for the entropy distance, 0.5 leave 3."""
    factors, core, pool = np.array([[1.0, 0.5, 0.0]]), _series([1, 1]), _series([1, 1], [1, 1], [1, 1])
    left, most = _left(factors, np.array([[2.0]]), core, pool, np.array([[1.5, 2.5, 0.5]], np.float32))
    assert left == [[0, 2]]
    assert most[0] == pytest.approx(3, rel=1e-5)
    assert most[0] >= 3


def test_a_pair_stays_if_one_of_several_objectives_wants_it() -> None:
    factors = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]])
    core, pool = _series([1, 1]), _series([1, 1], [3, 3])
    d_pattern = np.array([[9.0, 0.0]], np.float32)
    assert _left(factors, np.array([[2.0], [1.0]]), core, pool, d_pattern)[0] == [[0, 1]]
    assert _left(factors, np.array([[2.0], [-np.inf]]), core, pool, d_pattern)[0] == [[1]]
    assert _left(factors, np.array([[-np.inf], [1.0]]), core, pool, d_pattern)[0] == [[0]]


def test_full_heaps_of_other_core_rows_do_not_matter() -> None:
    core, pool = _series([1, 1], [1, 1]), _series([5, 5])
    left, most = _left(ENTROPY, np.array([[np.inf, 1.0]]), core, pool)
    assert left == [[0], []]
    assert most.tolist() == [np.inf, -np.inf]


def test_the_envelope_by_hand() -> None:
    found = envelope(_series([3, 1, 2, 5], [0, 0, 0, 7]), 1)
    assert found.low.tolist() == [[1, 1, 1, 2], [0, 0, 0, 0]]
    assert found.high.tolist() == [[3, 3, 5, 5], [0, 0, 7, 7]]
    whole = envelope(_series([3, 1, 2, 5]), None)
    assert (whole.low.tolist(), whole.high.tolist()) == ([[1] * 4], [[5] * 4])


def test_lb_keogh_by_hand() -> None:
    """Between 1 and 5 everywhere: 6, 0, 3, 3 are 1 + 1 outside, and the ends alone (|3 - 6| + |5 - 3|) / 4 = 1.25."""
    core, pool = _series([3, 1, 2, 5]), _series([6, 0, 3, 3])
    around = envelope(core, None)
    assert _left(ENTROPY, np.array([[1.26]]), core, pool, around=around)[0] == [[0]]
    flat = _series([5, 9, 9, 5])
    core = _series([5, 5, 5, 5])
    assert _left(ENTROPY, np.array([[2.0]]), core, flat, around=envelope(core, None))[0] == [[0]]
    assert _left(ENTROPY, np.array([[1.99]]), core, flat, around=envelope(core, None))[0] == [[]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from([None, 0.1, 0.3]), st.sampled_from([1, 1e-6, 1e4]))
def test_a_pair_at_its_own_distance_is_never_left_out(
    seed: int, length: int, band: float | None, spread: float
) -> None:
    random = np.random.default_rng(seed)
    core, pool = (
        _series(*(random.choice([0, spread, random.random()], (rows, length)) + 1).tolist()) for rows in (3, 8)
    )
    radius = radius_of(band, length)
    distances = EntropyKernel(core, band=band, engine="scalar").block(pool)
    for around in (NO_ENVELOPE, envelope(core, radius)):
        for r in range(8):
            left, most = _left(ENTROPY, distances[:, r].astype(np.float64)[None], core, pool, around=around)
            assert all(r in rows for rows in left)
            assert (most >= distances[:, r]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_nor_is_one_of_chains_of_unequal_length(seed: int) -> None:
    random = np.random.default_rng(seed)
    core, pool = (_series(*(random.random(random.integers(1, 5)).tolist() for _ in range(4))) for _ in range(2))
    for c in range(4):
        x, y = core.values[core.starts[c] : core.starts[c + 1]], pool.values[: pool.starts[1]]
        worst = np.full((1, 4), np.float64(warped(x, y)))
        assert 0 in _left(ENTROPY, worst, core, pool)[0][c]


def test_little_room_gives_the_same_pairs_a_few_core_rows_at_a_time() -> None:
    random = np.random.default_rng(3)
    core, pool = (_series(*random.random((rows, 4)).tolist()) for rows in (5, 20))
    arguments = (ENTROPY, np.array([[0.2, 0.0, 0.3, 0.1, np.inf]]), NO_MATRIX, np.zeros(20), core, pool, NO_ENVELOPE)
    found = []
    for room in (1000, 30, 1):
        pairs = []
        for left in left_by_bounds(*arguments, room):
            assert len(left.core) + 1 == len(left.starts)
            for c, first, end, most in zip(left.core, left.starts, left.starts[1:], left.most, strict=False):
                pairs.append((c, left.rows[first:end].tolist(), most))
        found.append(pairs)
    assert [pair[0] for pair in found[0]] == [0, 1, 2, 3, 4]
    assert found[0] == found[1] == found[2]
    assert found[0][4][1] == list(range(20))


def test_offers_stop_where_the_room_does_not_hold_another_core_row() -> None:
    distances = np.array([[1, 2, np.inf], [3, 1, 1], [2, 2, 2]], np.float32)
    out = Offers(*(np.empty(5, kind) for kind in (np.int32, np.int64, np.float64, np.float32, np.float32)))
    worst, shortfall = np.array([2.0, 1.0, np.inf]), np.zeros(3)
    count, core = offer(ENTROPY[0], worst, NO_MATRIX, distances, shortfall, 0, out)
    assert (count, core) == (4, 2)
    assert (out.core[:4].tolist(), out.row[:4].tolist()) == ([0, 0, 1, 1], [0, 1, 1, 2])
    assert np.isnan(out.d_pattern[:4]).all()
    count, core = offer(ENTROPY[0], worst, NO_MATRIX, distances, shortfall, core, out)
    assert (count, core, out.core[:3].tolist()) == (3, 3, [2, 2, 2])
