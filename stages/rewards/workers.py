"""Scoring by worker processes, each item with a deadline: late and dead workers are replaced, failures are results.

Nothing here knows what is scored. A worker escapes only by starting a process in a session of its own; such a process
is not found, and one that the worker forked outlives a parent that is killed with SIGKILL.
"""

import os
import pickle
import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.worker import Worker, WorkerSetup

_LOOK_S: Final = 0.25
_STARTS: Final = 3


class WorkerPool:
    """Up to `workers` processes that each take one item at a time.

    They start when there is work, stay between calls, and end with `close` or with this process. `seconds` is the
    deadline of an item in wall-clock time, from when a ready worker gets it; `start_seconds` that of a start.
    """

    def __init__(
        self,
        target: str,
        *,
        arguments: Mapping[str, object],
        workers: int | None,
        seconds: float,
        memory: int | None = None,
        folder: str | None = None,
        start_seconds: float = 60.0,
    ) -> None:
        self._setup = WorkerSetup(target, arguments, memory, folder)
        self._most = workers if workers is not None else _cores()
        self._seconds, self._start_seconds = seconds, start_seconds
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        # the kernel ends a worker with the thread that started it: this one lives as long as the pool
        self._starter = ThreadPoolExecutor(1, "rewards")
        self._failed_starts = 0
        self._counts: Counter[str] = Counter()
        self._replaced, self._slowest = 0, 0.0

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """Score all items; results stand in their order. `advance` is told of each that is finished.

        timeout: no answer before the deadline. error: an exception, a worker that died, no finite number. skipped:
        the scorer gave None. Raises ConfigError where workers cannot start.
        """
        waiting = deque(range(len(items)))
        results: dict[int, RewardResult] = {}
        self._drop_dead()
        try:
            while len(results) < len(items):
                finished = self._hand_out(waiting, items)
                self._listen()
                for worker in list(self._workers):
                    finished += self._look_at(worker)
                for number, result in finished:
                    results[number] = result
                    self._counts[result.status] += 1
                    self._slowest = max(self._slowest, result.seconds)
                    advance(1)
        finally:
            for worker in [worker for worker in self._workers if worker.item is not None]:
                self._discard(worker)
        return [results[number] for number in range(len(items))]

    def check(self) -> None:
        """Wait until a worker has opened the scorer. Raises ConfigError where none can."""
        while not any(worker.ready for worker in self._workers):
            self._start_until(1)
            self._listen()
            for worker in list(self._workers):
                self._look_at(worker)

    def facts(self) -> dict[str, object]:
        """Items by status, the slowest in seconds, and how many workers had to be replaced."""
        return {**dict(sorted(self._counts.items())), "slowest_s": round(self._slowest, 3), "replaced": self._replaced}

    def close(self) -> None:
        """End all workers with their groups. A closed pool cannot be used again."""
        for worker in list(self._workers):
            self._discard(worker)
        self._starter.shutdown()
        self._selector.close()

    def _hand_out(self, waiting: deque[int], items: Sequence[RewardItem]) -> list[tuple[int, RewardResult]]:
        """Give items to idle workers and start further ones; gives those items that cannot travel."""
        finished = []
        for worker in self._workers:
            while waiting and worker.ready and worker.item is None:
                number = waiting.popleft()
                try:
                    worker.hand(number, items[number])
                except (pickle.PicklingError, TypeError, AttributeError) as error:
                    result = RewardResult(None, "error", detail=f"the row cannot be handed to a worker: {error}")
                    finished.append((number, result))
                else:
                    self._selector.register(worker.requests, selectors.EVENT_WRITE, (worker, "requests"))
        busy = sum(worker.item is not None for worker in self._workers)
        self._start_until(min(self._most, busy + len(waiting)))
        return finished

    def _start_until(self, number: int) -> None:
        for _ in range(number - len(self._workers)):
            worker = self._starter.submit(Worker, self._setup).result()
            self._workers.append(worker)
            self._selector.register(worker.answers, selectors.EVENT_READ, (worker, "answers"))
            self._selector.register(worker.errors, selectors.EVENT_READ, (worker, "errors"))

    def _listen(self) -> None:
        """Wait until a pipe has something, or the next deadline; move what there is."""
        now = time.monotonic()
        left = [worker.since + self._allowed(worker) - now for worker in self._workers if _runs(worker)]
        for key, _ in self._selector.select(max(0.0, min([_LOOK_S, *left]))):
            worker, pipe = key.data
            if pipe == "requests":
                worker.write()
                if not worker.outbox:
                    self._selector.unregister(worker.requests)
            elif pipe == "answers":
                worker.read_answers()
                if worker.closed:
                    self._selector.unregister(worker.answers)
            elif not worker.read_errors():
                self._selector.unregister(worker.errors)

    def _look_at(self, worker: Worker) -> list[tuple[int, RewardResult]]:
        """What a worker has come to: an answer, its death, or its deadline."""
        gone = worker.closed or worker.died()
        if gone:
            worker.read_answers()
        seconds = time.monotonic() - worker.since
        answer = worker.next_answer()
        if answer is not None and not worker.ready:
            self._note_start(worker, answer)
        elif answer is not None and worker.item is not None:
            number, worker.item = worker.item, None
            assert answer["number"] == number
            if answer.get("last"):
                self._replace(worker)
            return [(number, _result(answer, seconds))]
        elif gone:
            return self._bury(worker, seconds)
        elif _runs(worker) and seconds > self._allowed(worker):
            return self._time_out(worker, seconds)
        return []

    def _note_start(self, worker: Worker, answer: Mapping[str, Any]) -> None:
        if "failed" in answer:
            self._discard(worker)
            raise ConfigError(str(answer["failed"]))
        worker.ready, self._failed_starts = True, 0

    def _bury(self, worker: Worker, seconds: float) -> list[tuple[int, RewardResult]]:
        ready, number = worker.ready, worker.item
        self._forget(worker)
        words = worker.death()
        self._replaced += 1
        if not ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise ConfigError(f"No process for rewards comes up: {words}. Try a smaller --reward-workers.")
        return [] if number is None else [(number, RewardResult(None, "error", {}, seconds, words))]

    def _time_out(self, worker: Worker, seconds: float) -> list[tuple[int, RewardResult]]:
        number, words = worker.item, worker.last_words()
        self._replace(worker)
        if number is None:
            raise ConfigError(
                f"A process for rewards is not ready after {self._start_seconds:g} s{words}; make what it imports "
                "lighter, or try a smaller --reward-workers."
            )
        return [(number, RewardResult(None, "timeout", {}, seconds, f"no answer within {self._seconds:g} s{words}"))]

    def _allowed(self, worker: Worker) -> float:
        return self._seconds if worker.ready else self._start_seconds

    def _drop_dead(self) -> None:
        """Forget workers that died while nothing was asked, so that no item is charged with it."""
        for worker in [worker for worker in self._workers if worker.died()]:
            self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        self._replaced += 1
        self._discard(worker)

    def _discard(self, worker: Worker) -> None:
        self._forget(worker)
        worker.end()

    def _forget(self, worker: Worker) -> None:
        self._workers.remove(worker)
        for pipe in (worker.requests, worker.answers, worker.errors):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)


def _runs(worker: Worker) -> bool:
    """Whether a deadline is running: of its start, or of an item."""
    return not worker.ready or worker.item is not None


def _result(answer: Mapping[str, Any], seconds: float) -> RewardResult:
    return RewardResult(
        answer.get("value"), answer["status"], answer.get("parts", {}), seconds, answer.get("detail", "")
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
