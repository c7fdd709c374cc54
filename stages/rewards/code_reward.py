"""code: the tests of a row decide what a completion's program is worth, run in the sandbox of verify-code.

How a row is read is in code_task.py. A program runs once: what makes a verdict vary between runs is not looked for.
"""

import math
import os
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Final, Literal

from stages.core.errors import RlbffError
from stages.core.rows import Problem
from stages.programs.naming import sha_of
from stages.rewards.code_task import CodeTask, read_task, weights_of
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.source_options import SourceOptions
from stages.rewards.tally import Tally
from stages.sandbox.codec import deep_recursion
from stages.sandbox.jobs import Program
from stages.sandbox.limits import Limits, machine_factor
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Outcome, Status, Verdict

Counting = Literal["rate", "weighted", "all"]


def open_code(sources: SourceOptions, *, limits: Limits | None = None, factor: float | None = None) -> "CodeReward":
    """Open the source; `close` it.

    `limits` and `factor` are those of `open_sandbox`; how fast this machine is is measured if not given. Raises
    ConfigError where programs cannot be confined here.
    """
    workers = sources.reward_workers or len(os.sched_getaffinity(0))
    scale = machine_factor() if factor is None else factor
    return CodeReward(sources.reward_code, lambda: open_sandbox(sources.level, limits, factor=scale), workers)


class CodeReward:
    """A Reward: what share of its row's tests a program passes; see `value_of`.

    An answer without code is worth 0 and says no_answer. A program over its own limits fails the tests that it does
    not come to: a verdict, never a timeout. Rows without usable tests, and failures of the sandbox, are errors.
    `workers` sandboxes run side by side, opened when they are needed; the first at once.
    """

    best: Final = 1.0

    def __init__(self, counting: Counting, open_one: Callable[[], Sandbox], workers: int) -> None:
        self.name: Final = f"code:{counting}"
        self._counting, self._open_one, self._workers = counting, open_one, workers
        self._free: queue.SimpleQueue[Sandbox | None] = queue.SimpleQueue()
        self._free.put(open_one())
        for _ in range(1, workers):
            self._free.put(None)
        self._broken: dict[str, str] = {}
        self._tally = Tally()
        self._unweighted = 0

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """See Reward."""
        tasks = [read_task(item) for item in items]
        self._unweighted += sum(isinstance(task, CodeTask) and task.weights is None for task in tasks)
        # The limit belongs to all threads, each of which would set it back for the others.
        with deep_recursion(), ThreadPoolExecutor(self._workers, "code reward") as pool:
            futures: list[Future[RewardResult]] = [pool.submit(self._scored, task) for task in tasks]
            try:
                for _ in as_completed(futures):
                    advance(1)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        results = [future.result() for future in futures]
        self._tally.add(results)
        return results

    def facts(self) -> dict[str, object]:
        """Results by status, how tests count, and completions whose row has no weights for its tests."""
        return self._tally.facts() | {"counting": self._counting, "unweighted": self._unweighted}

    def close(self) -> None:
        """End all sandboxes."""
        for _ in range(self._workers):
            sandbox = self._free.get_nowait()
            if sandbox is not None:
                sandbox.close()
            self._free.put(None)

    def _scored(self, task: CodeTask | Problem) -> RewardResult:
        if isinstance(task, Problem):
            # What is wrong with the answer itself, such as half a character, is no fault of the row.
            if task.field == "completion":
                return RewardResult(0.0, "no_answer", detail=task.error)
            return RewardResult(None, "error", detail=task.error)
        if task.source is None or not task.source.strip():
            return RewardResult(0.0, "no_answer", detail="the completion holds no code.")
        started = time.perf_counter()
        found = self._in_sandbox(task)
        return found._replace(seconds=time.perf_counter() - started)

    def _in_sandbox(self, task: CodeTask) -> RewardResult:
        """Run a program in a sandbox that is free; one that fails is closed, and opened anew for the next."""
        sandbox = self._free.get()
        try:
            sandbox = sandbox or self._open_one()
            return self._judged(sandbox, task)
        except (RlbffError, OSError) as error:
            if sandbox is not None:
                sandbox.close()
            sandbox = None
            return RewardResult(None, "error", detail=f"the sandbox failed: {error}")
        finally:
            self._free.put(sandbox)

    def _judged(self, sandbox: Sandbox, task: CodeTask) -> RewardResult:
        assert task.source is not None
        verdict = sandbox.verify(Program(source=task.source, entry_point=task.task.entry_point), task.suite.tests)
        if verdict.status is Status.TESTER_ERROR and (why := self._why_broken(sandbox, task)):
            text = f"the tests themselves do not run ({why}); correct them. Of packages, they see numpy alone."
            return RewardResult(None, "error", detail=text)
        if verdict.status is Status.DONE and not verdict.results:
            return RewardResult(None, "error", detail="field 'tests' holds no test that is found; write some.")
        names = task.suite.names
        if len(names) != len(verdict.results):
            names = tuple(result.test for result in verdict.results)
        weights = weights_of(task.weights if self._counting == "weighted" else None, names)
        if isinstance(weights, Problem) and verdict.results:
            return RewardResult(None, "error", detail=weights.error)
        value = value_of(verdict, [] if isinstance(weights, Problem) else weights, self._counting)
        return RewardResult(value, "ok", detail=_said(verdict))

    def _why_broken(self, sandbox: Sandbox, task: CodeTask) -> str:
        """Why the tests do not run whatever the program, "" where they do: then the program is at fault.

        Asked with the row's reference, else with a function that does nothing, once for all programs of the task.
        """
        entry, reference = task.task.entry_point, task.task.reference
        key = sha_of([entry, reference, task.suite])
        if key not in self._broken:
            neutral = f"def {entry}(*arguments, **named):\n    return None\n" if entry else "pass\n"
            verdict = sandbox.verify(Program(source=reference or neutral, entry_point=entry), task.suite.tests)
            self._broken[key] = (verdict.detail or "no detail") if verdict.status is Status.TESTER_ERROR else ""
        return self._broken[key]


def value_of(verdict: Verdict, weights: Sequence[float], counting: Counting) -> float:
    """What a verdict is worth, from 0 to 1: 0 where no test was reached.

    rate: passed / all. weighted: the same of the tests' `weights`, one a test, equal where the row has none. all: 1
    where every test passes, else 0.
    """
    passed = [result.outcome is Outcome.PASS for result in verdict.results]
    if counting == "all":
        return float(verdict.all_passed)
    if not passed:
        return 0.0
    if counting == "rate":
        return sum(passed) / len(passed)
    worth = math.fsum(weight for weight, good in zip(weights, passed, strict=True) if good)
    return 1.0 if all(passed) else worth / math.fsum(weights)


def _said(verdict: Verdict) -> str:
    """The first thing that went wrong, in words; empty where nothing did."""
    if verdict.status is not Status.DONE:
        return f"{verdict.status}: {verdict.detail}" if verdict.detail else str(verdict.status)
    failed = next((result for result in verdict.results if result.outcome is not Outcome.PASS), None)
    return "" if failed is None else f"test {failed.test}: {failed.outcome} {failed.detail}".rstrip()
