"""How figures and texts of a folder are written on a report: shares, intervals, cells, excerpts, the text of a chat.

Plain text in, plain text out; what makes it harmless in a page is in `svg.py`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

MISSING: Final = "-"
"""What stands where there is no figure."""

EXCERPT: Final = 600
"""The most characters that are shown of one text."""

_CELL: Final = 80
_LARGE: Final = 1e15
_Z: Final = 1.959963984540054


def is_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def decimal(value: object, places: int = 3) -> str:
    """A figure with so many places; a very large one with as many digits."""
    if not isinstance(value, int | float) or not is_number(value):
        return MISSING
    return f"{value:,.{places}f}" if abs(value) < _LARGE else f"{value:.{places}e}"


def count(value: object) -> str:
    """A whole number."""
    return decimal(value, 0)


def percent(value: object) -> str:
    """A share as a percentage."""
    return f"{100 * value:.1f} %" if isinstance(value, int | float) and is_number(value) else MISSING


def ranged(value: object, low: object, high: object, places: int = 3) -> str:
    """A figure with the ends of its interval, if it has them."""
    if not (is_number(low) and is_number(high)):
        return decimal(value, places)
    return f"{decimal(value, places)} [{decimal(low, places)}, {decimal(high, places)}]"


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a share hits / n; (0, 1) where n is 0."""
    if n <= 0:
        return 0.0, 1.0
    share, spread = hits / n, _Z * _Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def cell(text: object, most: int = _CELL) -> str:
    """A name on one line of at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def distinct(names: Sequence[str], most: int = 40) -> list[str]:
    """The names as `cell` cuts them, with a number behind those that would then be equal."""
    taken: set[str] = set()
    result = []
    for name in names:
        short = base = cell(name, most)
        number = 1
        while short in taken:
            number += 1
            short = f"{base} ({number})"
        taken.add(short)
        result.append(short)
    return result


def excerpt(text: str, most: int = EXCERPT) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def chat_text(value: object) -> str:
    """What stands in a prompt or completion: the text of a single message, or all messages with their roles."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    messages = [message for message in value if isinstance(message, Mapping)]
    if len(messages) == 1:
        return str(messages[0].get("content") or "")
    return "\n\n".join(f"{message.get('role')}: {message.get('content') or ''}" for message in messages)
