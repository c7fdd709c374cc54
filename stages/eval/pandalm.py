"""PandaLM's test set: how often a judge agrees with the majority of three annotators (Wang et al., arXiv 2306.05087).

Rows of two kinds are joined by `idx`: pairs with three human votes, and a judge's verdicts, which stand in files of
their own. Scores take the place of verdicts where they are given.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from stages.core.chat import Message
from stages.core.rows import Row
from stages.eval.answers import Answer, answer
from stages.eval.fields import Unfit, choice_field, count_field, numbers_field, text_field
from stages.eval.measured import Measured, grouped_means

_VOTERS: Final = ("annotator1", "annotator2", "annotator3")
_VERDICTS: Final = {"0": 0, "1": 1, "2": 2, "Tie": 0}


class Entry(NamedTuple):
    """One row: human votes with two answers, or (without answers) a judge's verdict, None where it is unreadable.

    Votes and verdicts are 1 or 2 for the better answer, 0 for a tie.
    """

    number: int
    answers: tuple[Answer, ...]
    votes: tuple[int, ...]
    verdict: int | None
    scores: tuple[float, ...] | None


def read(row: Row, file: str) -> Entry:
    """A row of the test set, or of a judge's file: the verdict is the column whose name ends in `_result`."""
    number = count_field(row, "idx")
    result = next((name for name in row if name.endswith("_result")), None)
    if result is not None:
        return Entry(number, (), (), verdict_of(row[result]), ())
    votes = tuple(choice_field(row, name, (0, 1, 2)) for name in _VOTERS)
    prompt = (Message("user", f"{text_field(row, 'instruction')}\n\n{row.get('input') or ''}".strip()),)
    answers = tuple(answer(prompt, _response(row, name)) for name in ("response1", "response2"))
    scores = numbers_field(row, "scores", 2) if row.get("scores") is not None else ()
    return Entry(number, answers, votes, None, scores)


def verdict_of(value: object) -> int | None:
    """A judge's verdict as 0, 1 or 2; None where it is none of these and not "Tie"."""
    return _VERDICTS.get(str(value))


def majority_vote(votes: Sequence[int]) -> int | None:
    """What more than half of the votes say; None where nothing does."""
    (vote, count), *_ = Counter(votes).most_common(1)
    return vote if 2 * count > len(votes) else None


def measure(items: Sequence[Entry]) -> Measured:
    """Agreement with the majority, over all pairs and over the unanimous ones; unreadable verdicts are wrong."""
    judged = {item.number: item.verdict for item in items if not item.answers}
    dropped: dict[int, str] = {}
    truth, verdicts, labels = [], [], []
    for place, item in enumerate(items):
        majority = majority_vote(item.votes) if item.answers else None
        if not item.answers:
            continue
        if majority is None:
            dropped[place] = "no_majority"
        elif not item.scores and item.number not in judged:
            dropped[place] = "no_verdict"
        else:
            truth.append(majority)
            verdicts.append(_by_score(item.scores) if item.scores else judged[item.number])
            labels.append("unanimous" if len(set(item.votes)) == 1 else "divided")
    right = np.array([verdict == vote for verdict, vote in zip(verdicts, truth, strict=True)], dtype=np.bool_)
    unreadable = np.array([verdict is None for verdict in verdicts], dtype=np.float64)
    values = {"accuracy": right.astype(np.float64), "unreadable": unreadable}
    return replace(grouped_means(values, labels), right=right, dropped=dropped)


def _by_score(scores: Sequence[float]) -> int:
    if scores[0] == scores[1]:
        return 0
    return 1 if scores[0] > scores[1] else 2


def _response(row: Row, name: str) -> str:
    # A few responses "true" and "false" of the published file are JSON booleans.
    value = row.get(name)
    if isinstance(value, bool):
        return str(value)
    if value is None:
        raise Unfit("missing", name, f"field {name!r} is missing or null.")
    return text_field(row, name)
