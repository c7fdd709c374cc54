"""The core set by looking at every row for every pick, and the best cover by trying every set."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple


class Row(NamedTuple):
    id: str
    question: int
    kind: int
    correct: int
    patterns: tuple[int, ...]
    tokens: int
    hardness: float


def build(rows: Sequence[Row], size: int, per_question: int, accept: Sequence[str]) -> list[tuple[int, float, str]]:
    """(place, gain, why) of every pick; it is known that there are enough."""
    rarity = idf([row for row in rows if row.correct == 1 or row.id in accept])
    covered: set[tuple[int, int]] = set()
    picks: list[tuple[int, float, str]] = []
    round_ = 1

    def gain(row: Row) -> float:
        return sum((rarity[name] for name in sorted(set(row.patterns)) if (row.kind, name) not in covered), 0.0)

    def take(place: int, why: str) -> None:
        picks.append((place, gain(rows[place]), why))
        covered.update((rows[place].kind, name) for name in rows[place].patterns)

    for name in accept:
        take(next(place for place, row in enumerate(rows) if row.id == name), "accepted")
    while len(picks) < size:
        asked = [rows[place].question for place, _, _ in picks]
        taken = {place for place, _, _ in picks}
        free = [
            place
            for place, row in enumerate(rows)
            if row.correct == 1 and place not in taken and asked.count(row.question) < per_question
        ]
        best = min(free, key=lambda place: (-gain(rows[place]), *ties(rows[place])))
        if gain(rows[best]) == 0 and covered:
            covered.clear()
            round_ += 1
        else:
            take(best, f"cover {round_}")
    return picks


def ties(row: Row) -> tuple[float, int, str]:
    return (math.inf if math.isnan(row.hardness) else -row.hardness, row.tokens, row.id)


def idf(rows: Sequence[Row]) -> dict[int, float]:
    questions = {row.question for row in rows}
    having = {name: {row.question for row in rows if name in row.patterns} for row in rows for name in row.patterns}
    return {name: math.log((1 + len(questions)) / (1 + len(found))) + 1 for name, found in having.items()}


def best_cover(rows: Sequence[Row], size: int, per_question: int) -> float:
    """The largest cover of any `size` rows, at most `per_question` of one question."""
    rarity = idf(rows)
    best = 0.0
    for some in combinations(rows, size):
        asked = [row.question for row in some]
        if max(map(asked.count, asked)) <= per_question:
            best = max(
                best, sum(rarity[name] for _, name in {(row.kind, name) for row in some for name in row.patterns})
            )
    return best
