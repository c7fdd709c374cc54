"""How near worker processes of rewards come to the least time that endless loops leave them: deadlines in a row."""

import math
import sys
import time
from pathlib import Path

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.rewards.item import RewardItem
from stages.rewards.workers import WorkerPool

ITEMS = 1000
LOOPS = 10
AIM = 1.2
OPEN = "tests.worker_scorers:open_scripted"


def main() -> None:
    """Print a line for each deadline and number of workers."""
    for seconds, workers in ((2.0, 2), (5.0, 4)):
        took, late = _score(seconds, workers)
        least = seconds * math.ceil(LOOPS / workers)
        print(
            f"{ITEMS} items, {LOOPS} endless loops, deadline {seconds:g} s, {workers} workers: {took:.1f} s, least "
            f"{least:g} s, {took / least:.2f} of it (aim <= {AIM}); {late} timeouts"
        )


def _score(seconds: float, workers: int) -> tuple[float, int]:
    every = ITEMS // LOOPS
    texts = ["loop" if number % every == every // 2 else f"number {number % 3}" for number in range(ITEMS)]
    pool = WorkerPool(OPEN, arguments={}, workers=workers, seconds=seconds)
    pool.score([RewardItem("warm", (), "number 1")])
    before = time.monotonic()
    results = pool.score([RewardItem(str(number), (), text) for number, text in enumerate(texts)])
    took = time.monotonic() - before
    pool.close()
    return took, sum(result.status == "timeout" for result in results)


if __name__ == "__main__":
    main()
