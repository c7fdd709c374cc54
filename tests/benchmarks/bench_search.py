"""Search of a pool end to end: forecast and actual, memory, threads, pruning, and six values of lambda at once.

A pool of made-up chains: 10 to 60 patterns out of 120 names, in styles that prefer some successions, and entropies in
256 bins that drift about a falling level. Each line is a process of its own; the clocks run over the search, not over
the making of the pool. Speed-ups are those of the wall; beside them the CPU time, which others on the machine do not
slow as much. --full: 100,000 pool rows as the issue has it, else 20,000; --rows N: any number.
"""

import argparse
import ctypes
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from stages.select_cotp.arrays import Block, Codes, Objective, Series
from stages.select_cotp.dtw import EntropyKernel, radius_of
from stages.select_cotp.ngrams import name_distances
from stages.select_cotp.pattern_dtw import PatternKernel
from stages.select_cotp.search import Search
from stages.select_cotp.speed import forecast

NUM_CORE, LENGTH, NEAREST, MEMORY_MB, BLOCK = 100, 256, 64, 512, 1 << 15
SWEEP = (0.8, 0.0, 0.2, 0.4, 0.6, 1.0)
VERBS = ("restate", "split", "compute", "check", "retrace", "bound", "guess", "recall", "sketch", "conclude")
OBJECTS = ("the goal", "a case", "a sum", "a lemma", "the units", "a graph", "an example", "the claim", "a ratio")
MANNERS = ("", "again", "by symmetry", "backwards")
NAMES = [f"{verb} {thing} {how}".strip() for verb in VERBS for thing in OBJECTS for how in MANNERS][::3]


def chains(rows: int, seed: int) -> tuple[Codes, Series]:
    """Pattern and entropy chains of some rows."""
    random, styles = np.random.default_rng(seed), np.random.default_rng(0)
    steps = np.cumsum(styles.dirichlet(np.full(len(NAMES), 0.05), (12, len(NAMES))), axis=2)
    lengths = np.clip(random.lognormal(3.2, 0.45, rows), 10, 60).astype(np.int64)
    style, states = random.integers(0, 12, rows), np.empty((rows, 60), np.int32)
    state = random.integers(0, len(NAMES), rows)
    for place in range(60):
        states[:, place] = state
        state = np.minimum((steps[style, state] < random.random((rows, 1))).sum(axis=1), len(NAMES) - 1)
    codes = Codes(states[np.arange(60) < lengths[:, None]], np.concatenate([[0], np.cumsum(lengths)]))
    drift = np.cumsum(random.normal(0, 0.1, (rows, LENGTH)).astype(np.float32), axis=1)
    level = random.normal(-1.2, 0.3, (rows, 1)) - np.linspace(0, 0.4, LENGTH)
    noise = random.normal(0, 0.25, (rows, LENGTH))
    entropy = np.exp(level + 0.6 * np.sin(drift) + noise).astype(np.float32)
    return codes, Series(entropy.ravel(), np.arange(rows + 1) * LENGTH)


def blocks(rows: int) -> Iterator[Block]:
    """The pool, a block at a time."""
    for first in range(0, rows, BLOCK):
        num = min(BLOCK, rows - first)
        ties = np.random.default_rng(first).integers(0, 2**63, num).astype(np.uint64)
        yield Block(np.arange(first, first + num), ties, *chains(num, 1000 + first), np.zeros(num))


def measure(rows: int, band: float | None, threads: int, prune: Any, lambdas: list[float]) -> dict[str, Any]:
    """One search, in this process; times in seconds, memory in MiB."""
    codes, core = chains(NUM_CORE, 1)
    table = name_distances(NAMES, NAMES)
    kernels = {
        "patterns": PatternKernel(codes, np.ones(len(codes.values), np.float32), table),
        "entropy": EntropyKernel(core, band=band),
        "core": core,
        "radius": None if band is None else radius_of(band, LENGTH),
    }
    sample = next(blocks(4096))
    scales = (
        float(np.median(kernels["patterns"].block(sample.patterns)[:, :64])),
        float(np.median(kernels["entropy"].pairs(0, sample.entropy, np.arange(512)))),
    )
    options = {
        "objectives": [Objective(f"lambda={share}", share / scales[0], (1 - share) / scales[1]) for share in lambdas],
        "num_core": NUM_CORE,
        "nearest": NEAREST,
        "threads": threads,
        "prune": prune,
    }
    expected = forecast(block=sample, rows=rows, **kernels, **options)
    search = Search(memory_bytes=MEMORY_MB << 20, **kernels, **options)
    own, peak, seconds, spent = 0.0, 0.0, 0.0, 0.0
    for block in blocks(rows):
        # what the making of the pool has freed is given back first, and the mark of VmHWM is cleared
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before, start, cpu = _memory("VmRSS"), time.perf_counter(), time.process_time()
        search.add(block)
        seconds, spent = seconds + time.perf_counter() - start, spent + time.process_time() - cpu
        own, peak = max(own, _memory("VmHWM") - before), max(peak, _memory("VmHWM"))
    return {
        "seconds": seconds,
        "cpu": spent,
        "forecast": expected._asdict(),
        "own": own,
        "peak": peak,
        "digest": hashlib.sha256(b"".join(array.tobytes() for array in search.found()[0])).hexdigest(),
        **search.facts,
    }


def table(rows: int) -> Iterator[tuple[str, ...]]:
    """Rows (what, wall and CPU time, forecast of both, its ratio to them, pairs computed, peak memory, compared)."""
    yield "what", "wall, CPU", "forecast", "forecast/actual", "through the entropy kernel", "peak", "compared"
    for band, name in ((0.1, "10 % band"), (None, "no band")):
        known: dict[str, dict[str, Any]] = {}
        for what, threads, prune, lambdas, to in (
            ("unpruned", 1, "none", SWEEP[:1], None),
            ("unpruned, two threads", 2, "none", SWEEP[:1], "unpruned"),
            ("six lambdas, unpruned", 1, "none", SWEEP, "unpruned"),
            ("auto", 1, "auto", SWEEP[:1], "unpruned"),
            ("auto, two threads", 2, "auto", SWEEP[:1], "auto"),
            ("lambda 1 alone", 1, "none", (1.0,), None),
        ):
            found = known[what] = _in_process(rows, band, threads, prune, list(lambdas))
            assert lambdas == (1.0,) or found["digest"] == known["unpruned"]["digest"], f"{what} found something else"
            yield f"{name}, {what}", *_shown(found), "" if to is None else _compared(found, known[to], to)
        yield f"two threads of anything gain {bare_gain():.2f}x here now", *[""] * 6


def bare_gain() -> float:
    """What two threads gain over one at hashing, which shares nothing: what this machine has left for a second one."""
    data, walls = bytes(1 << 26), []
    for threads in (1, 2):
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as executor:
            for done in [executor.submit(hashlib.sha256, data) for _ in range(4)]:
                done.result()
        walls.append(time.perf_counter() - start)
    return walls[0] / walls[1]


def _shown(found: dict[str, Any]) -> tuple[str, ...]:
    wall, cpu = found["forecast"]["seconds"], found["forecast"]["cpu_seconds"]
    return (
        f"{found['seconds']:.2f} s, {found['cpu']:.2f} s",
        f"{wall:.2f} s, {cpu:.2f} s",
        f"{wall / found['seconds']:.2f}, {cpu / found['cpu']:.2f}",
        f"{found['entropy_share']:.1%} ({found['prune']}; forecast {found['forecast']['entropy_share']:.1%})",
        f"{found['own']:.1f} MiB of {MEMORY_MB} allowed; {found['peak']:.0f} with the pool's block and programs",
    )


def _compared(found: dict[str, Any], other: dict[str, Any], name: str) -> str:
    wall, cpu = (other[clock] / found[clock] for clock in ("seconds", "cpu"))
    return f"{wall:.2f}x the speed of {name}; {1 / cpu:.2f}x its CPU time"


def _in_process(*arguments: Any) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _memory(what: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most since the mark was cleared."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--one")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*json.loads(given.one))))
    else:
        for row in table(given.rows or (100_000 if given.full else 20_000)):
            print(" | ".join(row), flush=True)
