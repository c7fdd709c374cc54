"""What a verdict costs in the sandbox, beside the least that any way of running a program in Python costs.

One trivial function with ten tests. CPU time is that of every process involved: caller, zygotes, children. The floor is
a bare os.fork and wait in this process. The other ways are a fresh `python -I -S` for each program, and the scheme of
human-eval's check_correctness (openai/human-eval, human_eval/execution.py at 12d15a03, written anew here without its
patched functions): a Manager, a Process, a temporary folder, redirected output, an alarm. All are measured in turn, in
rounds, so that a busy machine slows them alike; the medians of the rounds are shown.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, MutableSequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.layers import Level
from stages.sandbox.sandbox import Sandbox, open_sandbox

ROUNDS, BATCH, SECONDS_OF_TWO = 15, 20, 5.0
PROGRAM = Program(source="def add(a, b):\n    return a + b\n", entry_point="add")
DATA = DataTests(cases=tuple(Case(args=(number, 1), expected=number + 1) for number in range(10)))
SPLIT = SplitTests(cases=tuple(f"assert add({number}, 1) == {number + 1}" for number in range(10)))
SCRIPT = PROGRAM.source + "\n".join(SPLIT.cases)
TICK = os.sysconf("SC_CLK_TCK")
AIM_FORK, AIM_PEER, AIM_WORKERS = 2.5, 5, 1.7


def run() -> list[tuple[str, ...]]:
    """Rows (what, CPU ms a verdict, verdicts/s, ratio to fork and wait, share of human-eval's scheme, aim)."""
    boxes: dict[str, Sandbox] = {}
    levels: tuple[Level, ...] = ("weak", "standard", "strict")
    ways: dict[str, tuple[Callable[[], object], Callable[[], float]]] = {
        "bare fork and wait": (_fork, _own_cpu),
        "fresh python -I -S": (_fresh, _own_cpu),
        "scheme of human-eval": (_manager, _own_cpu),
    }
    try:
        for level in levels:
            box = boxes[level] = open_sandbox(level)
            ways[f"data, {level}"] = (lambda box=box: box.verify(PROGRAM, DATA), _with_zygotes(box))
        for level in levels[1:]:
            box = boxes[level]
            ways[f"split, {level}"] = (lambda box=box: box.verify(PROGRAM, SPLIT), _with_zygotes(box))
        measured = _measure(ways)
    finally:
        for box in boxes.values():
            box.close()
    floor, peer = measured["bare fork and wait"][0], measured["scheme of human-eval"][0]
    aim = f"<= {AIM_FORK} x fork and wait, <= 1/{AIM_PEER} of human-eval"
    aims = {"data, standard": aim, "data, strict": aim}
    rows = [
        (
            name,
            f"{cpu:.2f} ms",
            f"{1 / wall:.0f}/s",
            f"{cpu / floor:.1f} x",
            f"1/{peer / cpu:.1f}",
            aims.get(name, "none"),
        )
        for name, (cpu, wall) in measured.items()
    ]
    one, two = _speed(1), _speed(2)
    return [
        *rows,
        ("data, standard, 2 workers", "", f"{two:.0f}/s", f"{two / one:.2f} x one", f">= {AIM_WORKERS} x one"),
    ]


def main() -> None:
    """Print the rows."""
    for row in run():
        print(" | ".join(row))


def _measure(
    ways: dict[str, tuple[Callable[[], object], Callable[[], float]]],
) -> dict[str, tuple[float, float]]:
    """Median over the rounds of CPU ms and seconds for each."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (work, clock) in ways.items():
            cpu, wall = clock(), time.perf_counter()
            for _ in range(BATCH):
                work()
            figures[name].append(((clock() - cpu) / BATCH, (time.perf_counter() - wall) / BATCH))
    return {name: (1000 * median(c for c, _ in rows), median(w for _, w in rows)) for name, rows in figures.items()}


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _with_zygotes(box: Sandbox) -> Callable[[], float]:
    """A clock of this process, the zygotes and their ended children; these count in ticks, so rounds are long."""

    def clock() -> float:
        total = time.process_time()
        for pid in box.pids:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15]) / TICK
        return total

    return clock


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _fresh() -> None:
    subprocess.run([sys.executable, "-I", "-S", "-c", SCRIPT], check=True)


def _manager() -> None:
    with multiprocessing.Manager() as manager:
        result = manager.list()
        process = multiprocessing.Process(target=_check, args=(result,))
        process.start()
        process.join(4)
        assert list(result) == ["passed"]


def _check(result: MutableSequence[str]) -> None:
    stream = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 3)
            exec(SCRIPT, {})
            signal.setitimer(signal.ITIMER_REAL, 0)
        result.append("passed")


def _speed(workers: int) -> float:
    """Verdicts a second of several sandboxes at once."""
    with ProcessPoolExecutor(workers) as pool:
        return sum(pool.map(_count, range(workers))) / SECONDS_OF_TWO


def _count(_: int) -> int:
    with open_sandbox("standard") as box:
        box.verify(PROGRAM, DATA)
        end, count = time.perf_counter() + SECONDS_OF_TWO, 0
        while time.perf_counter() < end:
            box.verify(PROGRAM, DATA)
            count += 1
        return count


if __name__ == "__main__":
    main()
