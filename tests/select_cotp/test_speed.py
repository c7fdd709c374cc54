"""Forecasts follow what they are told of kernels and pool; how near they are to the clock is measured in benchmarks."""

import time
from typing import Any

import numpy as np
import pytest

from stages.select_cotp.arrays import F32, I64, Block, Codes, Objective, Series
from stages.select_cotp.dtw import EntropyKernel
from stages.select_cotp.speed import Forecast, forecast
from tests.naive.search import TablePatterns

ROWS, LENGTH = 2000, 12


class _Spending:
    """An entropy kernel that takes this much CPU time for a pair."""

    def __init__(self, core: Series, seconds: float) -> None:
        self._kernel, self._seconds = EntropyKernel(core, engine="scalar"), seconds

    def block(self, pool: Series) -> F32:
        found = self._kernel.block(pool)
        self._spend(found.size)
        return found

    def pairs(self, core: int, pool: Series, rows: I64, most: float = np.inf) -> F32:
        self._spend(len(rows))
        return self._kernel.pairs(core, pool, rows, most)

    def _spend(self, pairs: int) -> None:
        end = time.thread_time() + pairs * self._seconds
        while time.thread_time() < end:
            pass


def _forecast(*, seconds: float = 2e-5, sample: int = ROWS, **changes: Any) -> Forecast:
    random = np.random.default_rng(0)
    core, pool = (Series(random.random(n * LENGTH).astype(np.float32), np.arange(n + 1) * LENGTH) for n in (4, sample))
    codes = Codes(np.arange(sample, dtype=np.int32), np.arange(sample + 1))
    arguments: dict[str, Any] = {
        "patterns": TablePatterns(random.random((4, sample)).astype(np.float32)),
        "entropy": _Spending(core, seconds),
        "core": core,
        "num_core": 4,
        "objectives": [Objective("lambda 0.8", 0.8, 0.2)],
        "nearest": 4,
        "threads": 1,
        "block": Block(np.arange(sample), np.arange(sample, dtype=np.uint64), codes, pool, np.zeros(sample)),
        "rows": 1_000_000,
        "prune": "none",
    }
    return forecast(**arguments | changes)


def test_all_pairs_cost_what_the_kernel_takes_for_each() -> None:
    found = _forecast()
    assert found.cpu_seconds == pytest.approx(4e6 * 2e-5, rel=0.3)
    assert (found.prune, found.entropy_share) == ("none", 1.0)
    assert found.seconds == found.cpu_seconds


def test_pruning_leaves_a_share_and_costs_that_share() -> None:
    found = _forecast(prune="patterns")
    assert 1e-5 < found.entropy_share < 0.2
    assert found.cpu_seconds < 0.4 * 4e6 * 2e-5
    assert found.cpu_seconds > found.entropy_share * 4e6 * 2e-5


def test_auto_takes_the_cheaper_way() -> None:
    assert _forecast(prune="auto").prune in ("patterns", "keogh")
    assert _forecast(prune="auto", objectives=[Objective("lambda 0", 0.0, 1.0)], nearest=900_000).prune == "none"


def test_a_pool_that_the_heaps_hold_is_not_pruned() -> None:
    assert _forecast(prune="patterns", nearest=50, rows=50).entropy_share == 1.0


def test_patterns_alone_need_no_entropy_kernel() -> None:
    found = _forecast(entropy=None, core=None, objectives=[Objective("lambda 1", 1.0, 0.0)], prune="auto")
    assert found.entropy_share == 0
    assert 0 < found.cpu_seconds < 20


@pytest.mark.parametrize("sample", [1, 3, 60])
def test_a_sample_of_a_few_rows_does(sample: int) -> None:
    assert _forecast(sample=sample, prune="auto").cpu_seconds > 0


def test_threads_share_the_time_as_far_as_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    found = _forecast(threads=8, seconds=0)
    assert found.seconds == found.cpu_seconds / 2
