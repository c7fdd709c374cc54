"""When to try again: waiting times and what a Retry-After header means. Nothing here waits."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
LONGEST_RETRY_AFTER: Final = 600.0


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after failed try number `attempt` (from 0): exponential with full jitter.

    Uniform in [0, min(30, 0.5 * 2**attempt)], so that callers who failed together do not come back together.
    """
    return rng.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt, 16)))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, 0 to 600; None if there is none or it is neither form of RFC 9110.

    The header is a number of seconds or an HTTP date; `now` must carry a time zone.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if seconds == seconds else None
