import threading
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.select_cotp.arrays import F32, Codes
from stages.select_cotp.pattern_dtw import PatternKernel
from tests.naive import pattern_dtw as naive

ENGINES = ("simd", "scalar")
# registers of several processors, more rows than most chains have, and no rows together
LANES = ((4, 3), (8, 4), (16, 1), (16, 8), (32, 5))


def chains(*some: list[int]) -> Codes:
    return Codes(
        np.array([code for chain in some for code in chain], dtype=np.int32),
        np.concatenate([[0], np.cumsum([len(chain) for chain in some])]).astype(np.int64),
    )


def random_chains(draw: np.random.Generator, rows: int, num_names: int, longest: int) -> Codes:
    lengths = draw.integers(1, longest + 1, rows)
    return chains(*(draw.integers(0, num_names, length).tolist() for length in lengths))


def random_case(seed: int, rows: int = 9, pool_rows: int = 45) -> tuple[Codes, F32, F32, Codes]:
    """Core, weights, table, pool."""
    draw = np.random.default_rng(seed)
    core, pool = random_chains(draw, rows, 37, 25), random_chains(draw, pool_rows, 50, 30)
    weights = draw.gamma(2, 1, len(core.values)).astype(np.float32)
    return core, weights, draw.random((37, 50), dtype=np.float32), pool


def block(core: Codes, weights: Any, table: Any, pool: Codes, **options: Any) -> F32:
    return PatternKernel(core, np.float32(weights), np.float32(table), **options).block(pool)


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_worked_by_hand(engine: str) -> None:
    table = [[0, 0.5, 1], [1, 0.25, 0.5]]
    # weights 2 and 1 on [0, 1] against [0, 2, 1]: costs 0 2 1 / 1 .5 .25; cheapest 0 + .5 + .25; divisor 3
    assert block(chains([0, 1]), [2, 1], table, chains([0, 2, 1]), engine=engine).tolist() == [[0.25]]
    # the weight belongs to the core element: a core of one name pays for each name of the pool chain
    assert block(chains([1]), [3], table, chains([0, 1, 2]), engine=engine).tolist() == [[1.75]]
    # a pool chain of one name pays for each core element with its weight: (2 * .5 + 1 * .25) / 3
    assert block(chains([0, 1]), [2, 1], table, chains([1]), engine=engine).tolist() == [[np.float32(1.25 / 3)]]
    assert block(chains([0]), [4], table, chains([1]), engine=engine).tolist() == [[0.5]]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(3))
def test_within_a_millionth_of_float64(engine: str, seed: int) -> None:
    case = random_case(seed)
    np.testing.assert_allclose(block(*case, engine=engine), naive.block(case[0], case[1], case[2], case[3]), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_equal_to_tslearn_on_random_and_adversarial_chains() -> None:
    metrics = pytest.importorskip("tslearn.metrics")
    draw = np.random.default_rng(5)
    core = chains([0] * 40, [0], list(range(30)), draw.integers(0, 30, 61).tolist(), [3, 4] * 20)
    pool = chains(
        [7], [0] * 60, list(range(30)), list(range(29, -1, -1)), [4, 3] * 25, draw.integers(0, 30, 50).tolist()
    )
    spiky = np.where(draw.random((30, 30)) < 0.1, 1, draw.random((30, 30)) ** 8)
    weights = np.float32(10.0 ** draw.integers(-3, 3, len(core.values)))
    for table in (spiky, np.ones((30, 30)), 1 - np.eye(30)):
        found = block(core, weights, table, pool)
        for c in range(len(core)):
            place = slice(core.starts[c], core.starts[c + 1])
            for p in range(len(pool)):
                names = pool.values[pool.starts[p] : pool.starts[p + 1]]
                cost = naive.costs(core.values[place], weights[place], names, np.float32(table))
                distance = metrics.dtw_path_from_metric(cost, metric="precomputed")[1] / weights[place].sum(dtype=float)
                assert found[c, p] == pytest.approx(distance, rel=1e-6, abs=1e-30)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_bits_from_every_engine_width_and_strip(seed: int) -> None:
    case = random_case(seed)
    expected = block(*case, engine="scalar")
    for lanes in LANES:
        np.testing.assert_array_equal(block(*case, lanes=lanes), expected)
    np.testing.assert_array_equal(block(*case), expected)


@pytest.mark.parametrize("pool_rows", [1, 2, 15, 16, 17, 33])
def test_blocks_that_do_not_fill_their_lanes(pool_rows: int) -> None:
    case = random_case(3, pool_rows=pool_rows)
    found = block(*case, lanes=(16, 8))
    assert found.shape == (9, pool_rows)
    np.testing.assert_array_equal(found, block(*case, engine="scalar"))


def test_the_order_of_pool_and_core_rows_changes_no_bit() -> None:
    core, weights, table, pool = random_case(4)
    found = block(core, weights, table, pool, lanes=(16, 8))
    order = np.random.default_rng(0).permutation(len(pool))
    shuffled = chains(*(pool.values[pool.starts[p] : pool.starts[p + 1]].tolist() for p in order))
    np.testing.assert_array_equal(block(core, weights, table, shuffled, lanes=(16, 8)), found[:, order])
    alone = Codes(core.values[core.starts[5] : core.starts[6]], core.starts[5:7] - core.starts[5])
    part = weights[core.starts[5] : core.starts[6]]
    np.testing.assert_array_equal(block(alone, part, table, pool, lanes=(16, 8)), found[5:6])


def test_core_rows_go_in_turns_where_the_memory_is_small() -> None:
    draw = np.random.default_rng(8)
    core, pool = random_chains(draw, 40, 3000, 60), random_chains(draw, 20, 1000, 60)
    weights, table = draw.gamma(2, 1, len(core.values)).astype(np.float32), draw.random((3000, 1000), dtype=np.float32)
    kernel = PatternKernel(core, weights, table, lanes=(16, 8), memory_mb=1)
    turns = kernel._turns(60)
    assert len(turns) > 4
    assert [turn.stop for turn in turns[:-1]] == [turn.start for turn in turns[1:]]
    for turn in turns:
        names = len(set(core.values[core.starts[turn.start] : core.starts[turn.stop]].tolist()))
        assert names * 4 * (16 * 61 + 1000) <= 2**20
    np.testing.assert_array_equal(kernel.block(pool), block(core, weights, table, pool, engine="scalar"))
    # too small for any row: each goes alone
    kernel = PatternKernel(core, weights, table, lanes=(16, 8), memory_mb=0)
    assert len(kernel._turns(60)) == 40
    np.testing.assert_array_equal(kernel.block(pool), block(core, weights, table, pool, engine="scalar"))


@pytest.mark.parametrize("engine", ENGINES)
def test_zero_means_equal_up_to_consecutive_repetition(engine: str) -> None:
    table = 1 - np.eye(3)
    same = chains([0, 1], [0, 0, 1], [0, 1, 1, 1])
    assert block(chains([0, 1]), [1, 2], table, same, engine=engine).tolist() == [[0, 0, 0]]
    other = chains([1, 0], [0, 1, 0], [0, 2, 1], [0], [2])
    assert (block(chains([0, 1]), [1, 2], table, other, engine=engine) > 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_distances_lie_in_their_range(seed: int) -> None:
    core, weights, table, pool = random_case(seed, rows=4, pool_rows=20)
    found = block(core, weights, table, pool)
    for c in range(len(core)):
        place = slice(core.starts[c], core.starts[c + 1])
        w = weights[place].astype(float)
        for p in range(len(pool)):
            names = pool.values[pool.starts[p] : pool.starts[p + 1]]
            cost = naive.costs(core.values[place], weights[place], names, table)
            n, m = cost.shape
            least = max(cost.min(axis=1).sum(), cost.min(axis=0).sum()) / w.sum()
            assert least * (1 - 1e-6) <= found[c, p] <= (1 + max(0, m - n) * w.min() / w.sum()) * (1 + 1e-6)


def test_the_upper_bound_is_attained_where_all_names_differ() -> None:
    weights = np.float32([3, 1, 2])
    found = block(chains([0, 1, 2]), weights, np.ones((3, 3)), chains([0], [0, 1, 2], [0] * 7))
    np.testing.assert_allclose(found, [[1, 1, 1 + 4 * 1 / 6]], rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_of_zero_make_mismatches_free(engine: str) -> None:
    found = block(
        chains([0, 1, 0], [1, 0]), [0, 1, 0, 0, 1], 1 - np.eye(2), chains([1], [0], [0, 1, 1, 0]), engine=engine
    )
    np.testing.assert_array_equal(found, [[0, 1, 0], [1, 0, 0]])


def test_a_long_chain_beside_short_ones() -> None:
    draw = np.random.default_rng(2)
    core = chains([0], draw.integers(0, 20, 1024).tolist())
    pool = chains(draw.integers(0, 20, 1024).tolist(), *([code] for code in range(20)))
    weights, table = np.ones(1025, dtype=np.float32), draw.random((20, 20), dtype=np.float32)
    found = block(core, weights, table, pool, lanes=(16, 8))
    np.testing.assert_array_equal(found, block(core, weights, table, pool, engine="scalar"))
    np.testing.assert_allclose(found, naive.block(core, weights, table, pool), rtol=5e-6)


def test_an_empty_block() -> None:
    case = random_case(0)
    assert block(*case[:3], chains()).shape == (9, 0)


def test_inputs_that_may_not_be_written_to_and_other_kinds_of_numbers() -> None:
    core, weights, table, pool = random_case(6)
    expected = block(core, weights, table, pool)
    for array in (*core, weights, table, *pool):
        array.flags.writeable = False
    np.testing.assert_array_equal(PatternKernel(core, weights, table).block(pool), expected)
    np.testing.assert_array_equal(PatternKernel(core, weights, np.asfortranarray(table)).block(pool), expected)


@pytest.mark.parametrize(
    ("weights", "table", "pool", "message"),
    [
        ([1, np.nan], np.ones((1, 1)), [0], "finite"),
        ([1, -1], np.ones((1, 1)), [0], "not negative"),
        ([0, 0], np.ones((1, 1)), [0], "weighs nothing"),
        ([1, 1], np.full((1, 1), np.nan), [0], "name distances"),
        ([1, 1], np.ones((1, 1)), [1], "the table has not"),
        ([1, 1], np.ones((1, 1)), [], "no pool chain"),
    ],
)
def test_what_callers_must_not_pass(weights: list[float], table: NDArray[Any], pool: list[int], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        block(chains([0, 0]), weights, table, chains(pool))


def test_threads_find_the_same() -> None:
    core, weights, table, pool = random_case(7)
    kernel = PatternKernel(core, weights, table)
    expected, found = kernel.block(pool), [np.empty(0, dtype=np.float32)] * 4

    def work(place: int) -> None:
        found[place] = kernel.block(pool)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((one == expected).all() for one in found)


USED = """
import numpy as np
from stages.select_cotp.arrays import Codes
from stages.select_cotp.pattern_dtw import PatternKernel
from stages.select_cotp.pattern_tile import preferred_lanes, tile_kernel
chain = Codes(np.zeros(1, np.int32), np.array([0, 1]))
PatternKernel(chain, np.ones(1, np.float32), np.ones((1, 1), np.float32)).block(chain)
print(sum(tile_kernel(*preferred_lanes()).stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing(
    run_python: Callable[..., CompletedProcess[str]], root: Any, tmp_path: Any
) -> None:
    environ = {"PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(tmp_path)}
    printed = [run_python("-c", USED, **environ).stdout.strip() for _ in range(2)]
    assert printed == ["0", "1"]
