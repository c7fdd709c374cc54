import random
from datetime import UTC, datetime

import pytest

from stages.core.retry import backoff, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("86400", 600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Sun, 01 Mar 2026 12:00:20 GMT", 20.0),
        ("Sun, 01 Mar 2026 12:00:20 -0000", 20.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 99999999999999999999 12:00:20 GMT", None),
        ("Sun, 01 Mar 2026 12:00:20 +99999999999999", None),
    ],
)
def test_retry_after_reads_seconds_and_dates(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1.0), (3, 4.0), (6, 30.0), (5000, 30.0)])
def test_backoff_is_spread_over_the_whole_interval(attempt: int, longest: float) -> None:
    rng = random.Random(1)
    delays = [backoff(attempt, rng) for _ in range(500)]
    assert 0.0 <= min(delays) < 0.05 * longest
    assert 0.95 * longest < max(delays) <= longest
