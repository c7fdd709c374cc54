"""Figures of the arms of a selection a row at a time: drawn rows are copied into lists and counted there."""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Row = dict[str, Any]


def figures(rows: Sequence[Row], draw: Sequence[str]) -> dict[tuple[str, str], float]:
    """Every figure that is defined, by arm and name, of the drawn questions; a question may be drawn repeatedly."""
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    leading = next((arm for arm in arms if arm != "pool"), "pool")
    copies = [(number, row) for number, name in enumerate(draw) for row in rows if row["question_id"] == name]
    found: dict[tuple[str, str], float] = {}
    for arm in arms:
        everything = [row for row in rows if row["arm"] == arm]
        found[arm, "rows"] = len(everything)
        found[arm, "questions"] = len({row["question_id"] for row in everything})
        for name, value in _of_rows([row for _, row in copies if row["arm"] == arm]).items():
            found[arm, name] = value
        if arm not in ("pool", leading):
            ids = [{(number, row["id"]) for number, row in copies if row["arm"] == one} for one in (arm, leading)]
            if ids[0] | ids[1]:
                found[arm, "overlap"] = len(ids[0] & ids[1]) / len(ids[0] | ids[1])
    for arm in arms:
        for base, ending in (("pool", "pool"), ("random-length", "length"), ("random-matched", "matched")):
            for name in ("correct", "hard", "mean_tokens"):
                if arm not in ("pool", base) and (arm, name) in found and (base, name) in found:
                    found[arm, f"{name}_minus_{ending}"] = found[arm, name] - found[base, name]
            of_names = [found.get((one, "distinct_of_100")) for one in (arm, base)]
            if arm not in ("pool", base) and of_names[0] and of_names[1]:
                found[arm, f"distinct_of_100_over_{ending}"] = of_names[0] / of_names[1]
    return found


def expected_distinct(names: Sequence[str], drawn: int) -> Fraction:
    """Distinct names expected among `drawn` that are taken from the list, every set of places equally likely."""
    sets = math.comb(len(names), drawn)
    return sum((1 - Fraction(math.comb(len(names) - n, drawn), sets) for n in Counter(names).values()), Fraction())


def _of_rows(rows: Sequence[Row]) -> dict[str, float]:
    rates = [row["success_rate"] for row in rows]
    lists = {
        "correct": [row["correct"] for row in rows],
        "mean_success_rate": rates,
        "hard": [None if rate is None else rate < 0.5 for rate in rates],
        "unsolved": [None if rate is None else rate == 0 for rate in rates],
        "mean_tokens": [row["num_tokens"] for row in rows],
        "mean_chars": [row["chars"] for row in rows],
        "mean_distance": [row["distance"] for row in rows],
        "distinct_per_row": [None if row["patterns"] is None else len(set(row["patterns"])) for row in rows],
    }
    found = {}
    for name, values in lists.items():
        known = [value for value in values if value is not None]
        if known:
            found[name] = sum(known) / len(known)
    names = [name for row in rows for name in row["patterns"] or []]
    if names:
        found["pattern_entropy"] = -sum(n / len(names) * math.log(n / len(names)) for n in Counter(names).values())
    if len(names) >= 100:
        found["distinct_of_100"] = float(expected_distinct(names, 100))
    return found
