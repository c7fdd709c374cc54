"""JudgeBench: which of two answers is correct (Tan et al., arXiv 2410.12784).

A judge that sees both answers judges twice, the second time in the other order; a reward model scores each answer by
itself, for which one game is enough. Ties are wrong, not half right.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from stages.core.rows import Row
from stages.eval.answers import Answer, answer
from stages.eval.fields import Unfit, choice_field, messages_field, numbers_field, text_field
from stages.eval.measured import Measured, grouped_means

Decision = Literal["A>B", "B>A", "A=B"]

CATEGORIES: Final = {
    "mmlu-pro": "knowledge",
    "livebench-reasoning": "reasoning",
    "livebench-math": "math",
    "livecodebench": "coding",
}
"""Category by the beginning of `source`."""

_FLIPPED: Final[dict[Decision, Decision]] = {"A>B": "B>A", "B>A": "A>B", "A=B": "A=B"}


class Pair(NamedTuple):
    """Two answers, which is correct, and the decision of each game with A and B in their own order."""

    answers: tuple[Answer, ...]
    category: str
    label: Decision
    decisions: tuple[Decision, ...] | None


def read(row: Row, file: str) -> Pair:
    """A row of the benchmark, or of a judge's outputs, which has `judgments` besides."""
    source, question = text_field(row, "source"), messages_field(row, "question")
    category = category_of(source)
    if category is None:
        known = ", ".join(CATEGORIES)
        raise Unfit("bad_value", "source", f"field 'source' is {source!r}; it must begin with one of {known}.")
    answers = tuple(answer(question, text_field(row, name)) for name in ("response_A", "response_B"))
    label: Decision = choice_field(row, "label", ("A>B", "B>A"))
    return Pair(answers, category, label, _stored(row["judgments"]) if row.get("judgments") is not None else None)


def with_scores(item: Pair, scores: tuple[float, ...]) -> Pair:
    """The pair, decided by the scores of A and B; the order of the two cannot matter, so one game is played."""
    return item._replace(decisions=(decide(*scores),))


def category_of(source: str) -> str | None:
    """The category that `source` belongs to."""
    return next((name for prefix, name in CATEGORIES.items() if source.startswith(prefix)), None)


def decide(score_a: float, score_b: float) -> Decision:
    """The decision that two scores stand for."""
    if score_a == score_b:
        return "A=B"
    return "A>B" if score_a > score_b else "B>A"


def pair_right(decisions: Sequence[Decision], label: Decision) -> bool:
    """Whether the games together give the label: +1 for it, -1 for the opposite, 0 for a tie; right above 0."""
    return sum(1 if one == label else -1 if one == _FLIPPED[label] else 0 for one in decisions) > 0


def measure(items: Sequence[Pair]) -> Measured:
    """Accuracy over all pairs (not the mean of the categories) and by category; also pairs without a clear decision."""
    right = np.array([pair_right(item.decisions or (), item.label) for item in items])
    undecided = [_undecided(item.decisions or ()) for item in items]
    values = {"accuracy": right.astype(np.float64), "undecided": np.array(undecided, dtype=np.float64)}
    return replace(grouped_means(values, [item.category for item in items]), right=right)


def _undecided(decisions: Sequence[Decision]) -> bool:
    return not pair_right(decisions, "A>B") and not pair_right(decisions, "B>A")


def _stored(judgments: Any) -> tuple[Decision, ...]:  # noqa: ANN401 - any JSON value
    if not isinstance(judgments, list) or not 1 <= len(judgments) <= 2:
        raise Unfit("bad_type", "judgments", "field 'judgments' must be a list of one or two games.")
    first, *second = [_game(judgment) for judgment in judgments]
    return (first, *(_FLIPPED[decision] for decision in second))


def _game(judgment: Any) -> Decision:  # noqa: ANN401 - any JSON value
    """The decision of one game in the order shown: as stored, else from its scores; a tie where there is neither."""
    if not isinstance(judgment, dict):
        raise Unfit("bad_type", "judgments", "field 'judgments' must hold objects with a decision or scores.")
    stored = judgment.get("decision")
    decision = next((one for one in _FLIPPED if one == stored), None)
    if decision is not None:
        return decision
    inner = judgment.get("judgment")
    if stored is None and isinstance(inner, dict) and inner.get("scores") is not None:
        return decide(*numbers_field(inner, "scores", 2))
    return "A=B"
