"""Worker processes of rewards: each way to fail is its own result, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.workers import WorkerPool

OPEN = "tests.worker_scorers:open_scripted"
Score = Callable[..., list[RewardResult]]


def items_of(*texts: str) -> list[RewardItem]:
    return [RewardItem(str(number), (), text) for number, text in enumerate(texts)]


def pool_of(seconds: float = 20.0, workers: int = 2, **arguments: object) -> WorkerPool:
    return WorkerPool(OPEN, arguments=arguments, workers=workers, seconds=seconds)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = pool_of()
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[WorkerPool]:
    made = pool_of(seconds=0.3)
    yield made
    made.close()


def test_results_stand_in_the_order_of_the_items(pool: WorkerPool) -> None:
    told: list[int] = []
    results = pool.score(items_of(*(f"number {value}" for value in range(50))), told.append)
    assert [result.value for result in results] == list(range(50))
    assert {result.status for result in results} == {"ok"}
    assert told == [1] * 50
    assert pool.score([]) == []


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("raise broken", "error", "ValueError: broken"),
        ("raise", "error", "ValueError"),
        ("sys.exit", "error", "SystemExit: left"),
        ("number nan", "error", "gave nan, not a finite number"),
        ("number inf", "error", "gave inf, not a finite number"),
        ("text", "error", "gave '1.0', not a number"),
        ("list", "error", "gave [1.0], not a number"),
        ("nothing", "skipped", "no opinion"),
        ("exit 3", "error", "ended with exit code 3; it printed last: about to go"),
        ("exit 0", "error", "ended with exit code 0"),
        ("signal SIGKILL", "error", "killed by SIGKILL (out of memory?)"),
        ("signal SIGTERM", "error", "killed by SIGTERM"),
        ("segfault", "error", "killed by SIGSEGV"),
        ("memory", "error", "MemoryError"),
        ("forked", "error", "ended with exit code 3"),
    ],
)
def test_a_failure_is_the_result_of_its_item_alone(pool: WorkerPool, text: str, status: str, words: str) -> None:
    before, failed, after = pool.score(items_of("number 1", text, "number 2"))
    assert (before.value, after.value) == (1.0, 2.0)
    assert (failed.value, failed.status) == (None, status)
    assert words in failed.detail
    assert "\n" not in failed.detail


@pytest.mark.parametrize("text", ["loop", "regex", "signal SIGSTOP"])
def test_late_items_time_out_and_their_worker_is_replaced(hasty: WorkerPool, text: str) -> None:
    late, *rest = hasty.score(items_of(text, "number 1", "number 2", "number 3"))
    assert (late.value, late.status) == (None, "timeout")
    assert late.detail.startswith("no answer within 0.3 s")
    assert late.seconds >= 0.3
    assert [result.value for result in rest] == [1.0, 2.0, 3.0]
    assert hasty.facts()["replaced"] == 1
    assert hasty.facts()["timeout"] == 1


def test_a_zero_with_no_answer_keeps_its_words(pool: WorkerPool) -> None:
    (result,) = pool.score(items_of("no_answer"))
    assert (result.value, result.status, result.detail) == (0.0, "no_answer", "empty")


def test_what_a_scorer_prints_or_reads_reaches_nobody(pool: WorkerPool, capfd: pytest.CaptureFixture[str]) -> None:
    flood, stdin = pool.score(items_of("flood", "stdin"))
    assert (flood.value, stdin.value) == (1.0, 0.0)
    assert capfd.readouterr() == ("", "")


def test_items_larger_than_a_pipe_and_odd_ones_arrive(pool: WorkerPool) -> None:
    long = "length " + "x" * 3_000_000
    assert [result.value for result in pool.score(items_of(long, "length \ud800"))] == [len(long), 8]


def test_an_item_that_cannot_travel_is_an_error(pool: WorkerPool) -> None:
    (item,) = items_of("number 1")
    stuck, fine = pool.score([item._replace(reference=lambda: None), item])
    assert (stuck.value, stuck.status) == (None, "error")
    assert "cannot be handed" in stuck.detail
    assert fine.value == 1.0


def test_workers_stay_warm_and_end_with_close() -> None:
    pool = pool_of(workers=1)
    pids = {int(pool.score(items_of("pid"))[0].value or 0) for _ in range(3)}
    assert len(pids) == 1
    assert alive(*pids)
    pool.close()
    assert ended(*pids)


def test_a_worker_killed_between_calls_costs_no_item() -> None:
    pool = pool_of(workers=1)
    first = int(pool.score(items_of("pid"))[0].value or 0)
    os.kill(first, signal.SIGKILL)
    time.sleep(0.1)
    second = pool.score(items_of("pid"))[0]
    assert second.status == "ok"
    assert second.value != first
    pool.close()


def test_workers_outlive_the_thread_that_asked_first(pool: WorkerPool) -> None:
    pids: list[float | None] = []
    thread = threading.Thread(target=lambda: pids.append(pool.score(items_of("pid"))[0].value))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert [pool.score(items_of("pid"))[0].value] == pids


def test_children_of_a_late_worker_end_with_it(hasty: WorkerPool, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    (late,) = hasty.score(items_of(f"child {file}"))
    assert late.status == "timeout"
    assert ended(int(file.read_text(encoding="utf-8")))


def test_an_exception_of_the_caller_leaves_no_stale_answer(pool: WorkerPool) -> None:
    def stop(finished: int) -> None:
        raise KeyboardInterrupt

    pool.score(items_of("sleep 0.3", "sleep 0.3"))
    with pytest.raises(KeyboardInterrupt):
        pool.score(items_of("sleep 0.6", "number 1"), stop)
    assert [result.value for result in pool.score(items_of("sleep 1.2", "number 8"))] == [1.2, 8.0]


def test_a_worker_without_memory_is_replaced(pool: WorkerPool) -> None:
    pool.score(items_of("memory"))
    assert pool.facts()["replaced"] == 1


def test_a_start_counts_against_no_item() -> None:
    pool = pool_of(seconds=0.5, slow=1)
    assert pool.score(items_of("number 1"))[0].value == 1.0
    pool.close()


def test_starts_have_their_own_deadline_and_failures() -> None:
    for arguments, words in (
        ({"refuse": 1}, "Not with these arguments."),
        ({"raise": 1}, "ValueError: first line"),
        ({"die": 1}, "exit code 7; it printed last: no luck today"),
    ):
        pool = pool_of(**arguments)
        with pytest.raises(ConfigError) as caught:
            pool.score(items_of("number 1"))
        assert words in str(caught.value)
        with pytest.raises(ConfigError):
            pool.check()
        pool.close()
    slow = WorkerPool(OPEN, arguments={"hang": 1}, workers=1, seconds=9, start_seconds=0.5)
    with pytest.raises(ConfigError, match=r"not ready after 0.5 s"):
        slow.score(items_of("number 1"))
    slow.close()


def test_workers_end_when_their_parent_is_killed(root: Path) -> None:
    code = (
        "from stages.rewards.workers import WorkerPool; from stages.rewards.item import RewardItem\n"
        f"pool = WorkerPool({OPEN!r}, arguments={{}}, workers=1, seconds=60)\n"
        "print(int(pool.score([RewardItem('0', (), 'pid')])[0].value), flush=True)\n"
        "pool.score([RewardItem('0', (), 'regex')])"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    assert alive(pid)
    parent.kill()
    parent.communicate()
    assert ended(pid)


@pytest.mark.slow
def test_each_of_many_items_is_scored_or_late_and_no_worker_is_left() -> None:
    loops = {50, 350, 650, 950}
    pool = pool_of(seconds=2.0, workers=2)
    texts = ["loop" if number in loops else f"number {number % 3}" for number in range(1000)]
    results = pool.score(items_of(*texts))
    for number, result in enumerate(results):
        expected = (None, "timeout") if number in loops else (number % 3, "ok")
        assert (result.value, result.status) == expected
    pids = [int(result.value or 0) for result in pool.score(items_of("pid", "pid"))]
    pool.close()
    assert ended(*pids)


def ended(*pids: int) -> bool:
    """Whether all of these end within ten seconds: a kill takes effect a little later than it is sent."""
    for _ in range(200):
        if not alive(*pids):
            return True
        time.sleep(0.05)
    return False


def alive(*pids: int) -> bool:
    """Whether any of these runs; one that has ended and waits to be reaped does not."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
                return True
        except FileNotFoundError:
            continue
    return False
