"""The share of checks that hold for one completion. Runs in a worker process, since regular expressions may not end."""

from collections.abc import Mapping
from functools import lru_cache

from stages.rewards.check_phrases import check_of
from stages.rewards.checks import Check, judged_text, parse_checks
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.worker_main import Scorer


def open_check_scorer(arguments: Mapping[str, object]) -> Scorer:
    """The scorer of `checks`, as they are typed; of each row's own where these are empty."""
    text = str(arguments["checks"])
    fixed = parse_checks(text) if text else None
    return lambda item: score_checks(item, fixed)


def score_checks(item: RewardItem, fixed: tuple[Check, ...] | None) -> RewardResult:
    """The share that holds; 0 with no_answer for an empty text; skipped where nothing can be decided."""
    try:
        checks = fixed if fixed is not None else row_checks(item)
    except ValueError as error:
        return RewardResult(None, "error", detail=f"the row's checks: {error}")
    if checks is None:
        return RewardResult(None, "skipped", detail="the row has no checks, and its principle is none that is known")
    text = judged_text(item.completion)
    if not text:
        return RewardResult(0.0, "no_answer", detail="the completion is empty")
    verdicts = [(check, check.holds(text)) for check in checks]
    decided = [holds for _, holds in verdicts if holds is not None]
    if not decided:
        return RewardResult(None, "skipped", detail=f"cannot be told of this text: {_listed(verdicts, None)}")
    failed = _listed(verdicts, False)
    return RewardResult(sum(decided) / len(decided), "ok", detail=f"does not hold: {failed}" if failed else "")


def row_checks(item: RewardItem) -> tuple[Check, ...] | None:
    """The row's own checks: its column `checks`, else its reference, else its principle where that is one of ours.

    Raises ValueError where the column, or a reference that is a list, holds something else. A reference in text that
    is no check may be meant for another source, and is passed over.
    """
    column = item.extra.get("checks")
    for source, strict in ((column, True), (item.reference, isinstance(item.reference, list | tuple))):
        text = ";".join(map(str, source)) if isinstance(source, list | tuple) else source
        if isinstance(text, str) and text.strip():
            try:
                return _parsed(text)
            except ValueError:
                if strict:
                    raise
    check = check_of(item.principle) if item.principle else None
    return _parsed(check) if check is not None else None


@lru_cache(4096)
def _parsed(text: str) -> tuple[Check, ...]:
    return parse_checks(text)


def _listed(verdicts: list[tuple[Check, bool | None]], wanted: bool | None) -> str:
    return ", ".join(check.text for check, holds in verdicts if holds is wanted)
