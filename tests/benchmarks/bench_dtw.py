"""Million cells per second and core of the entropy kernel: against its limit, plain loops, and DTW libraries.

Gamma-distributed chains of length 64, 256 and 1,024, with all cells and with a band of 10 %; cells inside the band are
counted. The limit is what the processor does of the same instructions on registers alone, in a straight line: two
minima, a sign bit, and difference and sum written plainly or as fused products, whichever is faster; it prints both.
Libraries compute the squared cost in float64, and each is shown equal to ours before it is timed. Times are CPU seconds
of the process on one thread, the median of rounds that go through all methods in turn; two threads are also measured by
the wall clock, the best and the median of rounds.
RLBFF_BENCH_PEERS names a folder of further packages, such as one made by `pip install --no-deps --target DIR aeon`.
"""

import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature

from stages.select_cotp.arrays import F32, F64, Series
from stages.select_cotp.dtw import EntropyKernel, radius_of
from stages.select_cotp.lanes import Emit, Lanes, emitted, host_balances, host_lanes, literal

ROUNDS = 5
SECONDS = 0.1
LENGTHS = (64, 256, 1024)
BANDS = (None, 0.1)
NUM_CORE = 16
# pool chains for ours, and for those about a hundred times as slow
NUM_POOL = {64: (8192, 256), 256: (1024, 32), 1024: (128, 4)}
AIMS = {"tslearn": 100, "aeon": 50}
ROOT = Path(__file__).parents[2]

Distances = Callable[[F32, F32, int | None], F64]


class Method(NamedTuple):
    """Something timed: one call goes through `cells` cells."""

    call: Callable[[], object]
    cells: float


def run() -> Iterator[str]:
    """The lines of the report."""
    lanes = host_lanes()
    yield f"numba {_version('numba')}, llvmlite {_version('llvmlite')}, (lanes, rows) {lanes}"
    peers = _peers()
    yield from (f"{name} is missing" for name in ("tslearn", "aeon", "dtaidistance") if name not in peers)
    limits = _limits()
    for length in LENGTHS:
        for band in BANDS:
            yield from _case(length, band, peers, limits)
    yield from _pairs()
    yield from _two_threads()
    yield from _compiling()


def _case(length: int, band: float | None, peers: dict[str, Distances], limits: dict[str, Method]) -> Iterator[str]:
    draw = np.random.default_rng(length)
    many, few = NUM_POOL[length]
    core, pool = (draw.gamma(0.6, 1.0, size=(num, length)).astype(np.float32) for num in (NUM_CORE, many))
    some = pool[:few]
    radius = radius_of(band, length)
    methods = dict(limits)
    for name, cost, engine, chains in (
        ("ours", "absolute", "simd", pool),
        ("ours squared", "squared", "simd", pool),
        ("scalar", "absolute", "scalar", some),
    ):
        kernel = EntropyKernel(_series(core), band=band, cost=cost, engine=engine)
        rows = _series(chains)
        methods[name] = Method(lambda kernel=kernel, rows=rows: kernel.block(rows), kernel.cells(rows))
    cells = EntropyKernel(_series(core), band=band).cells(_series(some))
    squares = EntropyKernel(_series(core), band=band, cost="squared").block(_series(some)).astype(np.float64) * length
    for name, distances in peers.items():
        np.testing.assert_allclose(distances(core, some, radius), squares, rtol=1e-5, err_msg=name)
        methods[name] = Method(lambda distances=distances: distances(core, some, radius), cells)
    speed = _speeds(methods)
    limit, squared = (max(speed[name] for name in speed if name.startswith(kind)) for kind in ("limit a", "limit s"))
    yield f"L = {length}, " + ("all cells" if band is None else f"band {band:.0%} (radius {radius})")
    yield f"  limit {limit:8.0f} Mcells/s absolute, {squared:.0f} squared"
    yield "  " + ", ".join(f"{name[6:]} {speed[name]:.0f}" for name in limits)
    yield f"  ours  {speed['ours']:8.0f} absolute, {speed['ours'] / limit:.0%} of the limit (aim >= 75 %)"
    yield f"  ours  {speed['ours squared']:8.0f} squared, {speed['ours squared'] / squared:.0%} of the limit"
    for name in ("scalar", *peers):
        aim = f" (aim >= {AIMS[name]} x)" if name in AIMS else ""
        ratios = f"ours {speed['ours'] / speed[name]:.0f} x{aim}, squared {speed['ours squared'] / speed[name]:.0f} x"
        yield f"  {name:12s} {speed[name]:5.0f}, {ratios}"


def _speeds(methods: dict[str, Method]) -> dict[str, float]:
    """Million cells a CPU second."""
    repeats = {}
    for name, method in methods.items():
        method.call()
        repeats[name] = max(1, math.ceil(SECONDS / max(_cpu(method.call, 1), 1e-6)))
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, method in methods.items():
            times[name].append(_cpu(method.call, repeats[name]))
    return {name: method.cells / statistics.median(times[name]) / 1e6 for name, method in methods.items()}


def _cpu(call: Callable[[], object], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def _wall(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _pairs() -> Iterator[str]:
    """One core chain against rows gathered from the pool, and what early abandoning saves of it."""
    draw = np.random.default_rng(1)
    chains = np.cumsum(draw.normal(size=(1025, 256)), axis=1).astype(np.float32)
    kernel, pool, rows = EntropyKernel(_series(chains[:1]), band=0.1), _series(chains[1:]), np.arange(0, 1024, 2)
    most = float(np.quantile(kernel.block(pool), 0.02))
    half = _series(chains[1::2])
    calls = {
        "block": lambda: kernel.block(half),
        "pairs": lambda: kernel.pairs(0, pool, rows),
        "bounded": lambda: kernel.pairs(0, pool, rows, most),
    }
    speed = _speeds({name: Method(call, kernel.cells(half)) for name, call in calls.items()})
    few = np.arange(0, 1024, 32)
    call = _cpu(lambda: kernel.pairs(0, pool, few), 200)
    yield "pairs of one core row, L = 256, band 10 %, smooth chains"
    yield f"  block {speed['block']:.0f}, pairs {speed['pairs']:.0f}, below the nearest 2 % {speed['bounded']:.0f}"
    yield f"  a call for {len(few)} rows takes {call * 1e6:.0f} microseconds"


def _two_threads() -> Iterator[str]:
    """Wall-clock of two halves of a block, one after the other and side by side."""
    draw = np.random.default_rng(2)
    core, pool = (_series(draw.gamma(0.6, 1.0, size=(num, 256)).astype(np.float32)) for num in (32, 1024))
    kernel = EntropyKernel(core)

    def alone() -> None:
        kernel.block(pool)
        kernel.block(pool)

    def beside() -> None:
        threads = [threading.Thread(target=kernel.block, args=(pool,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    alone()
    ratios = [_wall(alone) / _wall(beside) for _ in range(4 * ROUNDS)]
    share = [_cpu(alone, 1) / _cpu(beside, 1) for _ in range(ROUNDS)]
    yield f"two threads {max(ratios):.2f} x one at best, {statistics.median(ratios):.2f} x in the median (aim >= 1.8 x)"
    yield f"  in CPU seconds {2 * statistics.median(share):.2f} x"


def _compiling() -> Iterator[str]:
    """Seconds of the first call in a process, without and with numba's cache, beyond those of a second call."""
    program = (
        "import time, numpy as np\n"
        "from stages.select_cotp.arrays import Series\n"
        "from stages.select_cotp.dtw import EntropyKernel\n"
        "chains = Series(np.ones(40, np.float32), np.arange(0, 41, 10))\n"
        "for band in (None, 0.1):\n"
        "    kernel, start = EntropyKernel(chains, band=band), time.process_time()\n"
        "    kernel.block(chains)\n"
        "    print(f'{time.process_time() - start:.2f}')\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", program]
        for what in ("compiling", "from the cache"):
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
            yield f"first call, {what}: {' and '.join(done.stdout.split())} CPU s without and with a band"


def _limits() -> dict[str, Method]:
    """Cells without memory, on as many registers as suit the processor best."""
    found = {}
    for cost in ("absolute", "squared"):
        for sums in ("plain", "fused") if host_balances() else ("plain",):
            shapes = [_limit(width, chains, cost, sums) for width, chains in ((4, 16), (8, 12), (16, 12), (16, 20))]
            for method in shapes:
                method.call()
            found[f"limit {cost} {sums}"] = min(shapes, key=lambda method: _cpu(method.call, 20) / method.cells)
    return found


def _limit(width: int, chains: int, cost: str, sums: str) -> Method:
    absolute, fused = cost == "absolute", sums == "fused"

    @njit(nogil=True)
    def mix(seed: F32, out: F32, rounds: int, one: np.float32) -> None:
        _mix(seed, out, rounds, one, width, chains, absolute, fused)

    seed, out = np.full((chains + 2) * width, 0.5, np.float32), np.empty(chains * width, np.float32)
    rounds = 20_000_000 // out.size
    return Method(lambda: mix(seed, out, rounds, np.float32(1)), rounds * out.size)


@emitted
def _mix(
    _: Context,
    seed: types.Type,
    out: types.Type,
    rounds: types.Type,
    one: types.Type,
    width: types.Type,
    chains: types.Type,
    absolute: types.Type,
    fused: types.Type,
) -> tuple[Signature, Emit]:
    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes, num = Lanes(context, builder, literal(width)), literal(chains)
        start, stop = (lanes.data(signature.args[k], args[k]) for k in (0, 1))
        x, y, *carried = (lanes.load(start, lanes.integer(k)) for k in range(num + 2))

        unit = lanes.splat(args[3])

        def body(_: ir.Value, old: list[ir.Value]) -> list[ir.Value]:
            new = []
            for k in range(num):
                nearest = lanes.smaller(lanes.smaller(old[k], y), old[(k + 1) % num])
                plain = not literal(fused)
                difference = lanes.sub(x, old[k]) if plain else lanes.fma(lanes.negative(old[k]), unit, x)
                if literal(absolute):
                    cost = lanes.absolute(difference)
                    new.append(lanes.add(nearest, cost) if plain else lanes.fma(cost, unit, nearest))
                else:
                    new.append(lanes.fma(difference, difference, nearest))
            return new

        for k, value in enumerate(lanes.loop(lanes.integer(0), args[2], carried, body)):
            lanes.store(value, stop, lanes.integer(k))
        return context.get_dummy_value()

    return types.void(seed, out, types.intp, types.float32, width, chains, absolute, fused), emit


def _peers() -> dict[str, Distances]:
    """Sums of squared differences along the best path, (C, P), by each library that is installed."""
    if folder := os.environ.get("RLBFF_BENCH_PEERS"):
        sys.path.append(folder)
    known = {"tslearn": _by_tslearn, "aeon": _by_aeon, "dtaidistance": _by_dtaidistance}
    return {name: open_() for name, open_ in known.items() if find_spec(name) is not None}


def _by_tslearn() -> Distances:
    from tslearn.metrics import cdist_dtw

    def distances(core: F32, pool: F32, radius: int | None) -> F64:
        constraint = None if radius is None else "sakoe_chiba"
        found: F64 = cdist_dtw(core, pool, global_constraint=constraint, sakoe_chiba_radius=radius, n_jobs=1) ** 2
        return found

    return distances


def _by_aeon() -> Distances:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aeon.distances import dtw_pairwise_distance

    def distances(core: F32, pool: F32, radius: int | None) -> F64:
        window = None if radius is None else radius / core.shape[1]
        found: F64 = dtw_pairwise_distance(core.astype(np.float64), pool.astype(np.float64), window=window)
        return found

    return distances


def _by_dtaidistance() -> Distances:
    from dtaidistance import dtw

    def distances(core: F32, pool: F32, radius: int | None) -> F64:
        num = len(core)
        chains = np.concatenate([core, pool]).astype(np.float64)
        block = ((0, num), (num, len(chains)))
        window = None if radius is None else radius + 1
        found = dtw.distance_matrix_fast(chains, block=block, window=window, parallel=False, compact=True)
        return np.asarray(found).reshape(num, len(pool)) ** 2

    return distances


def _series(chains: F32) -> Series:
    return Series(chains.reshape(-1), np.arange(0, chains.size + 1, chains.shape[1]))


def _version(name: str) -> str:
    return str(__import__(name).__version__)


if __name__ == "__main__":
    # aeon's functions compile with a warning about their own types
    warnings.filterwarnings("ignore", message="unsafe cast from uint64")
    for line in run():
        print(line, flush=True)
