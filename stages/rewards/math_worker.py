"""Whether a completion's final answer equals the reference, by math-verify. Runs in a worker process, which may hang.

math-verify's own alarms are off: they work in main threads only, and the deadline is kept by the parent.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from math_verify import parse, verify

from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.math_answer import (
    alternatives,
    choice,
    final_answer,
    first_number,
    folded,
    in_words,
    reference_answer,
    without_unit,
)
from stages.rewards.worker_main import Scorer

_SHOWN: Final = 60
_DECIMAL: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)?")


def open_math_scorer(arguments: Mapping[str, object]) -> Scorer:
    """The scorer; it takes no arguments."""
    for name in ("math_verify", "latex2sympy2_extended"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    parse("$1$", parsing_timeout=None)
    return score_math


def score_math(item: RewardItem) -> RewardResult:
    """1 where the answer equals the reference, or one of several; 0 where not; 0 with no_answer where there is none.

    A reference that is missing or cannot be read is an error, whatever the completion says.
    """
    wanted = [reference_answer(text) for text in alternatives(item.reference)]
    if not any(wanted):
        return RewardResult(None, "error", detail="the row has no reference (reward_model.ground_truth)")
    unread = next((text for text in wanted if not _readable(text)), None)
    if unread is not None:
        return RewardResult(None, "error", detail=f"the reference {_shown(unread)} cannot be read as an answer")
    answer = final_answer(item.completion)
    if answer is None:
        return RewardResult(0.0, "no_answer", detail="the completion states no answer")
    right = any(equal(text, answer) for text in wanted)
    return RewardResult(float(right), "ok", detail="" if right else f"{_shown(answer)}, not {_shown(wanted[0])}")


def equal(wanted: str, answer: str) -> bool:
    """Whether two answers say the same: names and words by their letters, all else as mathematics."""
    wanted, answer = without_unit(wanted), without_unit(answer)
    if wanted == answer:
        return True
    if choice(wanted) is not None or in_words(wanted):
        return choice(wanted) == choice(answer) and folded(wanted) == folded(answer)
    if in_words(answer):
        answer = first_number(answer) or ""
    numbers = _number(wanted), _number(answer)
    if numbers[0] is not None and numbers[0] == numbers[1]:
        return True
    return _verified(wanted, answer)


def _verified(wanted: str, answer: str) -> bool:
    try:
        return bool(verify(list(_parsed(wanted)), list(_parsed(answer)), timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything over what a policy writes; that is no right answer
        return False


@lru_cache(4096)
def _parsed(text: str) -> Sequence[Any]:
    parsed: Sequence[Any] = parse(f"${text}$", parsing_timeout=None)
    return parsed


def _readable(wanted: str) -> bool:
    """Whether words, or mathematics for which there is more than the text itself."""
    return in_words(wanted) or _number(wanted) is not None or any(not isinstance(part, str) for part in _parsed(wanted))


def _number(text: str) -> Decimal | None:
    """A plain number, also 1,234.5 and 2.5e3; None for everything else."""
    text = text.strip()
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
