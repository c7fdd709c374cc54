"""Cells and pairs a CPU second of the weighted DTW of pattern chains, all that a block needs included.

Chains of 10 to 60 random names, 10,000 core rows, blocks of 1,024 pool rows: a block pays for laying out the costs of
its names. The same kernel over four core names, whose costs stay in the nearest cache, is the limit that the others
are measured by. Beside it the plain loops of `--kernel scalar` and tslearn's path over a cost matrix, on small blocks.
Names are in no order that would favour a cache. Times are CPU seconds of the process, the median of rounds that go
through all in turn, but those of two threads, which are seconds of the clock, the best of the rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import numpy as np

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.select_cotp.arrays import F32, Codes
from stages.select_cotp.ngrams import name_distances
from stages.select_cotp.pattern_dtw import PatternKernel
from stages.select_cotp.pattern_tile import preferred_lanes

ROUNDS = 5
CORE_ROWS, POOL_ROWS = 10_000, 1024
SIZES = ((4, 2000, ""), (200, 2000, ">= 20"), (1000, 20_000, ">= 14"), (3000, 20_000, ">= 8"), (10_000, 20_000, ""))
SLOW_ROWS = {"scalar": (200, 64), "tslearn": (5, 40)}


def run() -> Iterator[tuple[str, ...]]:
    """Rows (what, Gcells/s, pairs/s, share of the first, aim)."""
    draw = np.random.default_rng(0)
    work: dict[str, tuple[Callable[[], object], int, int]] = {}
    for num_core, num_names, _ in SIZES:
        core, weights, table = _core(draw, CORE_ROWS, num_core, num_names)
        pool = _chains(draw, POOL_ROWS, num_names)
        kernel = PatternKernel(core, weights, table)
        work[f"{num_core:,} / {num_names:,}"] = (_call(kernel, pool), *_amount(core, pool))
    core, weights, table = _core(draw, SLOW_ROWS["scalar"][0], 1000, 20_000)
    pool = _chains(draw, SLOW_ROWS["scalar"][1], 20_000)
    work["scalar"] = (_call(PatternKernel(core, weights, table, engine="scalar"), pool), *_amount(core, pool))
    few, some = _first(core, SLOW_ROWS["tslearn"][0]), _first(pool, SLOW_ROWS["tslearn"][1])
    work["tslearn"] = (lambda: _tslearn(few, weights, table, some), *_amount(few, some))
    seconds = _measure({name: call for name, (call, _, _) in work.items()})
    limit = 0.0
    yield (f"lanes {preferred_lanes()}", "Gcells/s", "pairs/s", "share of the first", "aim")
    for (name, (_, cells, pairs)), aim in zip(work.items(), [*(size[2] for size in SIZES), "", ""], strict=True):
        speed = cells / seconds[name] / 1e9
        limit = limit or speed
        yield name, f"{speed:.3g}", f"{pairs / seconds[name]:,.0f}", f"{speed / limit:.2g}", aim
    yield _threads(draw)
    yield _names(draw)


def main() -> None:
    """Print the rows."""
    for row in run():
        print(" | ".join(row), flush=True)


def _measure(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(ROUNDS + 1):
        for name, call in work.items():
            start = time.process_time()
            call()
            if turn:  # the first time compiles
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(some) for name, some in taken.items()}


def _threads(draw: np.random.Generator) -> tuple[str, ...]:
    core, weights, table = _core(draw, CORE_ROWS, 200, 2000)
    call = _call(PatternKernel(core, weights, table), _chains(draw, POOL_ROWS, 2000))
    best = {1: np.inf, 2: np.inf}
    for _ in range(ROUNDS):
        for num in best:
            threads = [Thread(target=call) for _ in range(num)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            best[num] = min(best[num], time.perf_counter() - start)
    return "two threads, 200 / 2,000", f"{2 * best[1] / best[2]:.2f} x one", "", "", ">= 1.9 x"


def _names(draw: np.random.Generator) -> tuple[str, ...]:
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz 推理验证"))
    names = ["".join(draw.choice(letters, length)) for length in draw.integers(4, 25, 20_000)]
    name_distances(names[:2], names[:2])
    start = time.process_time()
    name_distances(names[:1000], names)
    return "name distances, 1,000 x 20,000", f"{time.process_time() - start:.2f} s", "", "", "seconds"


def _call(kernel: PatternKernel, pool: Codes) -> Callable[[], object]:
    return lambda: kernel.block(pool)


def _core(draw: np.random.Generator, rows: int, num_core: int, num_names: int) -> tuple[Codes, F32, F32]:
    core = _chains(draw, rows, num_core)
    weights = draw.gamma(2, 1, len(core.values)).astype(np.float32)
    return core, weights, draw.random((num_core, num_names), dtype=np.float32)


def _chains(draw: np.random.Generator, rows: int, num_names: int) -> Codes:
    lengths = draw.integers(10, 61, rows)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Codes(draw.integers(0, num_names, starts[-1]).astype(np.int32), starts)


def _first(chains: Codes, rows: int) -> Codes:
    return Codes(chains.values[: chains.starts[rows]], chains.starts[: rows + 1])


def _amount(core: Codes, pool: Codes) -> tuple[int, int]:
    """Cells and pairs."""
    return len(core.values) * len(pool.values), len(core) * len(pool)


def _tslearn(core: Codes, weights: F32, table: F32, pool: Codes) -> None:
    from tslearn.metrics import dtw_path_from_metric

    for c in range(len(core)):
        place = slice(core.starts[c], core.starts[c + 1])
        weighed = weights[place, None] * table[core.values[place]]
        for p in range(len(pool)):
            cost = weighed[:, pool.values[pool.starts[p] : pool.starts[p + 1]]].astype(np.float64)
            dtw_path_from_metric(cost, metric="precomputed")


if __name__ == "__main__":
    main()
