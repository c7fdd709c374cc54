import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stages.select_cotp import dtw
from stages.select_cotp.arrays import F32, Series
from stages.select_cotp.dtw import Cost, EntropyKernel, cells_of_pair, radius_of
from stages.select_cotp.dtw_tile import tile_kernel
from stages.select_cotp.lanes import host_balances
from tests.naive import dtw as naive

COSTS: tuple[Cost, ...] = ("absolute", "squared")
SHAPES = ((4, 1), (8, 4), (16, 2), (16, 8), (32, 4))
ENGINES = ("simd", "scalar", pytest.param("tslearn", marks=pytest.mark.slow))  # whose own functions compile anew
ROOT = Path(__file__).parents[2]


def series(*chains: Sequence[float]) -> Series:
    values = np.concatenate([np.asarray(chain, np.float32) for chain in chains])
    return Series(values, np.cumsum([0, *map(len, chains)]))


def random_series(seed: int, lengths: Sequence[int]) -> Series:
    draw = np.random.default_rng(seed)
    return series(*[draw.gamma(0.6, 1.0, size=length) for length in lengths])


def adversarial(length: int) -> Series:
    """Constant, spiked, tied, rising, huge, tiny and zero chains of one length."""
    spike = np.zeros(length)
    spike[length // 2] = 11.9
    early = np.zeros(length)
    early[0] = 11.9
    ties = np.arange(length) % 2
    rising = np.linspace(0, 11, length)
    flat = np.full(length, 0.7)
    return series(flat, spike, early, ties, rising, rising[::-1], flat * 1e4, flat * 1e-20, flat * 0, -rising)


def table(core: Series, pool: Series, radius: int | None, cost: str) -> np.ndarray:
    xs, ys = (np.split(chains.values.astype(np.float64), chains.starts[1:-1]) for chains in (core, pool))
    return np.array([[naive.dtw(x.tolist(), y.tolist(), radius=radius, cost=cost) for y in ys] for x in xs])


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_worked_by_hand(engine: str) -> None:
    # |x - y| of (0, 2) and (1, 3) is [[1, 3], [1, 1]]: 1 + 1 on the diagonal, divided by 2
    pairs: list[tuple[list[float], list[float], float]] = [
        ([0, 2], [1, 3], 1.0),
        ([1, 2, 3], [1, 1, 2, 3, 3], 0.0),  # equal up to repetition
        ([2], [1, 4, 2.5], 3.5 / 3),  # one value pays for each: 1 + 2 + 0.5
        ([1, 4, 2.5], [2], 3.5 / 3),
        ([5], [2], 3.0),
        ([0, 0, 6, 0], [0, 6, 0, 0], 0.0),  # a shifted spike
        ([0, 0, 0], [1, 1, 1], 1.0),
    ]
    for x, y, distance in pairs:
        kernel = EntropyKernel(series(x), engine=engine)  # type: ignore[arg-type]
        assert kernel.block(series(y))[0, 0] == np.float32(distance)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_band_forbids_what_it_leaves_out(engine: str) -> None:
    core, pool = series([0, 0, 0, 6]), series([6, 0, 0, 0])
    distances = [
        EntropyKernel(core, band=band, engine=engine).block(pool)[0, 0]  # type: ignore[arg-type]
        for band in (0, 0.25, None)
    ]
    # the diagonal pays 6 twice; the corners (0, 0) and (3, 3) belong to every path
    assert distances == [3.0, 3.0, 3.0]
    core, pool = series([0, 0, 6, 0, 0, 0]), series([0, 0, 0, 0, 6, 0])
    distances = [
        EntropyKernel(core, band=band, engine=engine).block(pool)[0, 0]  # type: ignore[arg-type]
        for band in (0, 1 / 6, 2 / 6, 1)
    ]
    assert distances == [2.0, 2.0, 0.0, 0.0]


def test_the_squared_cost_squares() -> None:
    assert EntropyKernel(series([0, 2]), cost="squared").block(series([1, 4]))[0, 0] == np.float32((1 + 4) / 2)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("band", [None, 0.0, 0.1, 0.34, 1.0])
@pytest.mark.parametrize("length", [1, 2, 7, 16, 33])
def test_equal_lengths_equal_the_naive_twin(length: int, band: float | None, cost: Cost) -> None:
    core, pool = random_series(length, [length] * 3), random_series(length + 1, [length] * 21)
    odd = adversarial(length)
    for x, y in ((core, pool), (odd, odd), (core, odd)):
        want = table(x, y, radius_of(band, length), cost)
        np.testing.assert_allclose(EntropyKernel(x, band=band, cost=cost).block(y), want, rtol=5e-6, atol=1e-30)


@pytest.mark.parametrize("cost", COSTS)
def test_unequal_lengths_equal_the_naive_twin(cost: Cost) -> None:
    draw = np.random.default_rng(5)
    core = random_series(1, [1, 2, 9, 4, 17, 30])
    pool = random_series(2, [*draw.integers(1, 40, size=45).tolist(), 1, 1, 2])
    want = table(core, pool, None, cost)
    np.testing.assert_allclose(EntropyKernel(core, cost=cost).block(pool), want, rtol=5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("band", [None, 0.1])
def test_long_chains_stay_within_5e_6_of_float64(band: float | None, cost: Cost) -> None:
    core, pool = random_series(3, [1024] * 2), random_series(4, [1024] * 3)
    found = EntropyKernel(core, band=band, cost=cost).block(pool).astype(np.float64)
    want = EntropyKernel(core, band=band, cost=cost, engine="tslearn").block(pool)
    np.testing.assert_allclose(found, want, rtol=5e-6)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("band", "lengths"), [(None, None), (None, 37), (0.1, 37), (0.02, 64), (0.4, 20)])
def test_lanes_and_rows_change_no_bit(band: float | None, lengths: int | None, cost: Cost) -> None:
    ragged = np.random.default_rng(6).integers(1, 50, size=60).tolist()
    core = random_series(7, ragged[:5] if lengths is None else [lengths] * 5)
    pool = random_series(8, ragged if lengths is None else [lengths] * 60)
    want = EntropyKernel(core, band=band, cost=cost, engine="scalar").block(pool)
    for lanes in SHAPES:
        assert EntropyKernel(core, band=band, cost=cost, lanes=lanes).block(pool).tobytes() == want.tobytes()


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("band", [None, 0.2])
def test_sums_written_as_products_change_no_bit(
    band: float | None, cost: Cost, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, pool = random_series(23, [21] * 5), random_series(24, [21] * 40)
    found = []
    for balanced in (False, True):
        monkeypatch.setattr(dtw, "host_balances", lambda balanced=balanced: balanced)
        found.append(EntropyKernel(core, band=band, cost=cost, lanes=(8, 2)).block(pool).tobytes())
    assert found[0] == found[1]


def test_neither_the_cut_of_the_pool_nor_threads_change_a_bit() -> None:
    core, pool = random_series(9, [40] * 4), random_series(10, [40] * 100)
    kernel = EntropyKernel(core, band=0.2)
    whole = kernel.block(pool)
    parts: list[F32] = [np.empty(0, np.float32)] * 5

    def work(part: int) -> None:
        chosen = pool.values.reshape(100, 40)[part * 20 : part * 20 + 20]
        parts[part] = kernel.block(series(*chosen))

    threads = [threading.Thread(target=work, args=(part,)) for part in reversed(range(5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("band", [None, 0.1])
def test_pairs_are_those_of_the_block_in_the_order_asked(engine: str, band: float | None) -> None:
    core, pool = random_series(11, [30] * 3), random_series(12, [30] * 70)
    kernel = EntropyKernel(core, band=band, engine=engine)  # type: ignore[arg-type]
    block = kernel.block(pool)
    for rows in ([69, 0, 5, 5, 33], list(range(70))[::-1], [7]):
        for c in range(3):
            assert kernel.pairs(c, pool, np.array(rows)).tobytes() == block[c, rows].tobytes()
    assert kernel.pairs(0, pool, np.array([], np.int64)).shape == (0,)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ragged", [True, False])
def test_pairs_above_most_are_infinite_and_no_others(engine: str, ragged: bool) -> None:
    lengths = np.random.default_rng(13).integers(1, 60, size=90).tolist() if ragged else [48] * 90
    core, pool = random_series(14, lengths[:4]), random_series(15, lengths)
    kernel = EntropyKernel(core, band=None if ragged else 0.1, engine=engine)  # type: ignore[arg-type]
    block = kernel.block(pool)
    rows = np.arange(90)
    for c in range(4):
        for most in (0.0, *np.sort(block[c])[[0, 1, 30, 89]].tolist(), float(block[c].min()) * (1 - 1e-9)):
            want = np.where(block[c] <= most, block[c], np.float32(np.inf))
            assert kernel.pairs(c, pool, rows, most).tobytes() == want.tobytes()


def test_a_distance_of_just_most_survives_though_every_cell_of_its_last_row_is_at_it() -> None:
    kernel = EntropyKernel(series([1, 1]), lanes=(8, 1))
    assert kernel.pairs(0, series([0, 0]), np.array([0]), 1.0).tolist() == [1.0]
    assert kernel.pairs(0, series([0, 0]), np.array([0]), 0.99).tolist() == [np.inf]


def test_empty_blocks_and_single_chains() -> None:
    kernel = EntropyKernel(random_series(16, [5, 6]))
    nothing = Series(np.empty(0, np.float32), np.zeros(1, np.int64))
    assert kernel.block(nothing).shape == (2, 0)
    assert kernel.block(random_series(17, [9])).shape == (2, 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(engine: str, bad: float) -> None:
    good = random_series(18, [9] * 40)
    for place in (0, 100, 359):
        values = good.values.copy()
        values[place] = bad
        with pytest.raises(AssertionError, match="finite"):
            EntropyKernel(good, engine=engine).block(Series(values, good.starts))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="finite"):
        EntropyKernel(Series(values, good.starts), engine=engine)  # type: ignore[arg-type]


def test_pairs_do_not_look_at_other_rows() -> None:
    good = random_series(18, [9] * 4)
    values = good.values.copy()
    values[9] = np.nan
    kernel = EntropyKernel(good)
    assert kernel.pairs(0, Series(values, good.starts), np.array([0, 2, 3])).shape == (3,)
    with pytest.raises(AssertionError, match="finite"):
        kernel.pairs(0, Series(values, good.starts), np.array([0, 1]))


def test_empty_chains_wrong_rows_and_bands_over_unequal_lengths_are_refused() -> None:
    even, uneven = random_series(19, [4, 4]), random_series(20, [4, 5])
    hollow = Series(np.ones(4, np.float32), np.array([0, 4, 4]))
    for call, what in (
        (lambda: EntropyKernel(hollow), "empty"),
        (lambda: EntropyKernel(even).block(hollow), "empty"),
        (lambda: EntropyKernel(Series(np.empty(0, np.float32), np.zeros(1, np.int64))), "empty"),
        (lambda: EntropyKernel(uneven, band=0.5), "one length"),
        (lambda: EntropyKernel(even, band=0.5).block(uneven), "one length"),
        (lambda: EntropyKernel(even, band=1).block(uneven), "one length"),
        (lambda: EntropyKernel(even).pairs(0, even, np.array([2])), "last"),
        (lambda: EntropyKernel(even).pairs(0, even, np.array([-1])), "first"),
        (lambda: EntropyKernel(even).pairs(2, even, np.array([0])), "core row"),
        (lambda: EntropyKernel(Series(np.ones(4), np.array([0, 4]))), "float32"),  # type: ignore[arg-type]
    ):
        with pytest.raises(AssertionError, match=what):
            call()


def test_the_radius_is_the_share_rounded_down() -> None:
    assert radius_of(0.1, 256) == 25
    assert radius_of(0.29, 100) == 29
    assert radius_of(0.1, 64) == 6
    assert radius_of(0, 8) == 0
    assert radius_of(None, 8) is None
    assert radius_of(1, 8) is None
    assert radius_of(0.9, 8) is None  # 7: every cell is inside


def test_cells_are_counted_inside_the_band() -> None:
    assert cells_of_pair(256, 256, 25) == 12406
    for n in range(1, 9):
        assert cells_of_pair(n, 5) == n * 5
        for radius in range(n):
            assert cells_of_pair(n, n, radius) == naive.num_cells(n, n, radius)
    assert EntropyKernel(random_series(21, [256] * 2), band=0.1).cells(random_series(22, [256] * 3)) == 6 * 12406
    assert EntropyKernel(random_series(21, [256] * 2), band=1).cells(random_series(22, [256] * 3)) == 6 * 256**2
    assert EntropyKernel(random_series(21, [3, 5])).cells(random_series(22, [1, 2, 4])) == 8 * 7


def test_a_second_process_reads_what_the_first_compiled(tmp_path: Path) -> None:
    program = (
        "import numpy as np\n"
        "from stages.select_cotp.arrays import Series\n"
        "from stages.select_cotp.dtw import EntropyKernel\n"
        "from stages.select_cotp.dtw_tile import tile_kernel\n"
        "from stages.select_cotp.lanes import host_balances\n"
        "chains = Series(np.ones(40, np.float32), np.arange(0, 41, 10))\n"
        "hits = 0\n"
        "for band in (None, 0.1):\n"
        "    EntropyKernel(chains, band=band, lanes=(8, 2)).block(chains)\n"
        "    kernel = tile_kernel(\n"
        "        8, 2, absolute=True, banded=band is not None, bounded=False, balanced=host_balances()\n"
        "    )\n"
        "    hits += sum(kernel.stats.cache_hits.values())\n"
        "print(hits)\n"
    )
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    hits, files = [], []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
        )
        hits.append(int(done.stdout))
        files.append(sorted(path.name for path in tmp_path.rglob("*.nbc")))
    assert hits == [0, 2]
    assert files[0] == files[1]


def test_kernels_are_compiled_once_for_each_variant() -> None:
    one = tile_kernel(8, 2, absolute=True, banded=False, bounded=False, balanced=host_balances())
    assert tile_kernel(8, 2, absolute=True, banded=False, bounded=False, balanced=host_balances()) is one
    assert tile_kernel(8, 2, absolute=True, banded=True, bounded=False, balanced=host_balances()) is not one
