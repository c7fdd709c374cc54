"""Which of two models' responses a judge prefers: win rates over both orders, position bias, and length held equal.

Shapes: N pairs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stages.core.chat import Message
from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer, answer, digest, prompt_text
from stages.eval.fields import Unfit, messages_field, number_field, text_field
from stages.eval.length_control import Floats, controlled_win_rate, length_term
from stages.eval.measured import WHOLE, Measured, Name, grouped_means, join
from stages.eval.verdict import SHARES, comparison, read_verdict


class Pair(NamedTuple):
    """A response and that of the baseline. `games` are shares of the response: in the first game it stood first.

    `games` is None until there is a verdict, and of one number where the order is not known. `answers` is empty, and
    `chars` None, where a judged row has no texts.
    """

    answers: tuple[Answer, ...]
    prompt: bytes | None
    chars: tuple[int, int] | None
    games: tuple[float, ...] | None
    category: str | None


def read(row: Row, file: str) -> Pair:
    """`prompt`, `completion` or `response_a`, `baseline` or `response_b`; judged rows have `verdicts` or `preference`.

    `verdicts` are those of two games, in the second the responses are swapped and the verdict is as it was given.
    `preference` lies between 1 (the baseline is better) and 2, as AlpacaEval stores it.
    """
    games = _stored(row)
    names = _name(row, "completion", "response_a"), _name(row, "baseline", "response_b")
    category = row["category"] if isinstance(row.get("category"), str) else None
    if games is not None and any(row.get(name) is None for name in ("prompt", *names)):
        prompt = digest(text_field(row, "prompt")) if row.get("prompt") is not None else None
        return Pair((), prompt, None, games, category)
    messages = messages_field(row, "prompt")
    answers = tuple(answer(messages, text_field(row, name)) for name in names)
    chars = answers[0].length, answers[1].length
    return Pair(answers, digest(prompt_text(messages)), chars, games, category)


def chats(item: Pair) -> tuple[tuple[Message, ...], ...]:
    """The two games: the response first, then the baseline first."""
    ours, theirs = (one.texts for one in item.answers)
    assert ours is not None
    assert theirs is not None
    return (
        comparison(ours.messages, ours.response, theirs.response),
        comparison(ours.messages, theirs.response, ours.response),
    )


def with_replies(item: Pair, replies: Sequence[str]) -> Pair:
    """The pair, decided by the judge's replies to both games."""
    return item._replace(games=_shares([read_verdict(reply) for reply in replies]))


def measure(items: Sequence[Pair]) -> Measured:
    """Win rates over all pairs and by category, the judge's position bias, and the win rate at equal length.

    `win_rate` is the mean share, a tie half, of both games; `wins`, `ties` and `losses` are shares of pairs by their
    mean. `flipped`: the two games name different winners; `first_wins`: how much more often than not the response that
    stands first wins a game, from -1 to 1. `win_rate.length_controlled` where all rows have their texts.
    """
    share = np.array([np.mean(item.games or ()) for item in items])
    values: dict[str, Floats] = {
        "win_rate": share,
        "wins": (share > 0.5).astype(np.float64),
        "ties": (share == 0.5).astype(np.float64),
        "losses": (share < 0.5).astype(np.float64),
    }
    if all(len(item.games or ()) == 2 for item in items):
        games = np.array([item.games for item in items])
        values["flipped"] = (np.abs(games[:, 0] - games[:, 1]) == 1).astype(np.float64)
        values["first_wins"] = games[:, 0] - games[:, 1]
    labels = [item.category or "" for item in items]
    clusters = _clusters(items)
    means = grouped_means(values, labels if len(set(labels)) > 1 else None, clusters=clusters)
    controlled = _controlled(items, share, clusters)
    return means if controlled is None else join(means, controlled)


def _controlled(items: Sequence[Pair], share: Floats, clusters: Rows) -> Measured | None:
    chars = [item.chars for item in items if item.chars is not None]
    if len(chars) < len(items):
        return None
    lengths = np.array(chars, dtype=np.float64)
    term = length_term(lengths[:, 0], lengths[:, 1])

    def compute(rows: Rows) -> Floats:
        means = lengths[rows].mean(axis=0)
        return np.array([controlled_win_rate(share[rows], term[rows]), *means])

    names = ("win_rate.length_controlled", "mean_chars", "mean_chars.baseline")
    return Measured(
        names=tuple(Name(WHOLE, name, len(items)) for name in names),
        compute=compute,
        clusters=clusters,
        strata=np.zeros(len(items), dtype=np.int64),
    )


def _clusters(items: Sequence[Pair]) -> Rows:
    """Pairs of one prompt have one number."""
    numbers: dict[object, int] = {}
    keys = [place if item.prompt is None else item.prompt for place, item in enumerate(items)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _name(row: Row, *names: str) -> str:
    """The first of the names that the row has; the first of all where it has none."""
    return next((name for name in names if row.get(name) is not None), names[0])


def _stored(row: Row) -> tuple[float, ...] | None:
    verdicts: Any = row.get("verdicts")
    if verdicts is not None:
        if not isinstance(verdicts, list) or len(verdicts) != 2 or not all(one in tuple(SHARES) for one in verdicts):
            choices = ", ".join(SHARES)
            raise Unfit("bad_value", "verdicts", f"field 'verdicts' must be a list of two of {choices}.")
        return _shares(verdicts)
    if row.get("preference") is None:
        return None
    preference = number_field(row, "preference")
    if not 1 <= preference <= 2:
        raise Unfit("bad_value", "preference", f"field 'preference' is {preference:g}; it must lie between 1 and 2.")
    return (preference - 1,)


def _shares(verdicts: Sequence[str]) -> tuple[float, ...]:
    first, second = verdicts
    return SHARES[first], 1 - SHARES[second]
