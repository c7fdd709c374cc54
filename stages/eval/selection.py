"""Arms of a selection against the pool: how much more of what each arm holds is correct, hard, long or diverse.

Reads the rows that select-cotp keeps of its arms, or any rows with a column `arm`. It says nothing of what training on
an arm is worth. Shapes: R rows, Q questions, A arms, F means, M figures of an arm, U names of patterns, E counts.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer, digest
from stages.eval.attempts import problem_of
from stages.eval.fields import Unfit, bool_field, count_field, number_field, text_field, texts_field
from stages.eval.measured import Figure, Measured, Name

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

POOL: Final = "pool"
MATCHED: Final = "random-matched"
LENGTH: Final = "random-length"

HARD: Final = 0.5
"""A question is hard where fewer than this share of a policy's samples solve it; the bound is ours."""

NAMES_DRAWN: Final = 100
"""How many names `distinct_of_100` draws."""

NOTE: Final = (
    "random-length has the lengths of the selected rows by design, random-matched their correctness, too: "
    "correct_minus_length is what a gain in right answers owes to more than length; mean_tokens_minus_length, "
    "mean_tokens_minus_matched and correct_minus_matched show only how well they match."
)

_MEANS: Final = (
    "correct",
    "mean_success_rate",
    "hard",
    "unsolved",
    "mean_tokens",
    "mean_chars",
    "distinct_per_row",
    "mean_distance",
)
_SPREADS: Final = ("distinct_of_100", "pattern_entropy")
_COMPARED: Final = ("correct", "hard", "mean_tokens", "distinct_of_100")
_BASES: Final = {"pool": POOL, "length": LENGTH, "matched": MATCHED}


class Pick(NamedTuple):
    """A row of an arm; None for what is not known of it."""

    answers: tuple[Answer, ...]
    arm: str
    id: bytes
    question: bytes
    distance: float | None
    correct: bool | None
    success_rate: float | None
    tokens: int | None
    chars: int | None
    patterns: tuple[str, ...] | None


def read(row: Row, file: str) -> Pick:
    """A row of the arms table: `arm`, and what else is known of it; `chars` else is the length of `completion`.

    Rows of one question share `question_id`, else the text of `prompt`; a row with neither is a question by itself.
    """
    name = digest(row["id"])
    rate = number_field(row, "success_rate") if row.get("success_rate") is not None else None
    if rate is not None and not 0 <= rate <= 1:
        raise Unfit("bad_value", "success_rate", f"field 'success_rate' is {rate:g}; it must be between 0 and 1.")
    return Pick(
        answers=(),
        arm=text_field(row, "arm"),
        id=name,
        question=problem_of(row) or name,
        distance=number_field(row, "distance") if row.get("distance") is not None else None,
        correct=bool_field(row, "correct") if row.get("correct") is not None else None,
        success_rate=rate,
        tokens=count_field(row, "num_tokens") if row.get("num_tokens") is not None else None,
        chars=count_field(row, "chars") if row.get("chars") is not None else _length(row),
        patterns=texts_field(row, "patterns") if row.get("patterns") is not None else None,
    )


def measure(items: Sequence[Pick]) -> Measured:
    """Figures of every arm, a group each: the first arm that is not the pool leads, the pool comes last.

    `correct`, `hard`, `unsolved` are shares, `mean_...` means of what is known. `distinct_of_100` is the number of
    distinct names expected among 100 that are drawn from the arm's without replacement (rarefaction; Hurlbert, 1971),
    so that arms of any size compare, and `pattern_entropy` the entropy of the distribution of names, in nats.
    `_minus_pool`, `_minus_length` and `_minus_matched` are differences to these arms (`random-length`,
    `random-matched`), of names the ratios `_over_...`, `overlap` the Jaccard index of ids with the first arm. Questions
    are drawn, with all their rows in all arms; `rows` and `questions` are counts, which no draw changes.
    """
    kept, dropped = _once(items)
    first = dict.fromkeys(item.arm for item in kept)
    arms = [*(arm for arm in first if arm != POOL), *(arm for arm in first if arm == POOL)]
    sums = _sums(kept, arms)
    names, shown = _names(arms, sums)
    num = len(sums.both)
    return Measured(
        names=names,
        compute=lambda rows: _figures(arms, sums, np.bincount(rows, minlength=num).astype(np.float64))[shown],
        clusters=np.arange(num),
        strata=np.zeros(num, dtype=np.int64),
        dropped=dropped,
    )


def missing(items: Sequence[Pick]) -> str | None:
    """A sentence about what some rows do not say; None where every row says all or none does."""
    found = []
    for name in ("correct", "success_rate", "patterns"):
        unknown = sum(getattr(item, name) is None for item in items)
        if 0 < unknown < len(items):
            found.append(f"{unknown:,} of {len(items):,} rows have no `{name}`")
    return f"{', '.join(found)}: figures of it rest on the others." if found else None


def doubts(figures: Sequence[Figure]) -> list[str]:
    """Sentences about a comparison that is not there."""
    groups = {figure.group for figure in figures}
    if POOL not in groups:
        return ["No row is of the arm `pool`: nothing says what there was to select from, and no enrichment is given."]
    if groups & {LENGTH, MATCHED}:
        return []
    return ["No row is of the arms `random-length` or `random-matched`: without one, a gain may be of length."]


class _Names(NamedTuple):
    """How often each name occurs in each arm, by question: all (E,), with `cell` = arm * U + name; `num` is U."""

    question: Rows
    cell: Rows
    times: Floats
    num: int


class _Sums(NamedTuple):
    """Sums over the rows of each question and arm, from which figures of drawn questions follow.

    `known` and `sums` (Q, A, F): how many rows have a value, and its sum. `both` and `either` (Q, A): ids that the arm
    shares with the first arm, and ids of one of the two. `rows` and `questions` (A,).
    """

    known: Floats
    sums: Floats
    both: Floats
    either: Floats
    names: _Names
    rows: Floats
    questions: Floats


def _once(items: Sequence[Pick]) -> tuple[list[Pick], dict[int, str]]:
    """The rows without those that an arm already has."""
    seen: set[tuple[str, bytes]] = set()
    kept, dropped = [], {}
    for place, item in enumerate(items):
        if (item.arm, item.id) in seen:
            dropped[place] = "repeated_in_arm"
            continue
        seen.add((item.arm, item.id))
        kept.append(item)
    return kept, dropped


def _sums(items: Sequence[Pick], arms: Sequence[str]) -> _Sums:
    questions = {name: place for place, name in enumerate(dict.fromkeys(item.question for item in items))}
    places = {arm: place for place, arm in enumerate(arms)}
    question = np.array([questions[item.question] for item in items], dtype=np.int64)
    arm = np.array([places[item.arm] for item in items], dtype=np.int64)
    shape = (len(questions), len(arms))

    def add(weights: NDArray[Any]) -> Floats:
        return _totals(question * len(arms) + arm, weights, shape[0] * shape[1]).reshape(shape)

    values = np.array([_values(item) for item in items], dtype=np.float64)
    size = add(np.ones(len(items)))
    leading = {item.id for item in items if item.arm == arms[0]}
    both = add(np.array([item.id in leading for item in items]))
    return _Sums(
        known=np.stack([add(~np.isnan(column)) for column in values.T], axis=2),
        sums=np.stack([add(np.nan_to_num(column)) for column in values.T], axis=2),
        both=both,
        either=size + size[:, :1] - both,
        names=_named(items, question, arm),
        rows=size.sum(axis=0),
        questions=(size > 0).sum(axis=0).astype(np.float64),
    )


def _values(item: Pick) -> list[float]:
    """What `_MEANS` are means of; NaN where it is not known."""
    rate, patterns = item.success_rate, item.patterns
    return [
        _number(item.correct),
        _number(rate),
        np.nan if rate is None else float(rate < HARD),
        np.nan if rate is None else float(rate == 0),
        _number(item.tokens),
        _number(item.chars),
        np.nan if patterns is None else float(len(set(patterns))),
        _number(item.distance),
    ]


def _named(items: Sequence[Pick], question: Rows, arm: Rows) -> _Names:
    codes: dict[str, int] = {}
    chains = [[codes.setdefault(name, len(codes)) for name in item.patterns or ()] for item in items]
    lengths = np.array([len(chain) for chain in chains], dtype=np.int64)
    flat = np.array([code for chain in chains for code in chain], dtype=np.int64)
    places = np.stack([np.repeat(question, lengths), np.repeat(arm, lengths) * len(codes) + flat])
    (of_question, cell), count = np.unique(places, axis=1, return_counts=True)
    return _Names(of_question, cell, count.astype(np.float64), len(codes))


def _figures(arms: Sequence[str], sums: _Sums, times: Floats) -> Floats:
    """All figures (A, M), where question q is drawn `times[q]` times; NaN where one is undefined."""

    def drawn(table: Floats) -> Floats:
        return np.tensordot(times, table, axes=1)

    named = _totals(sums.names.cell, times[sums.names.question] * sums.names.times, len(arms) * sums.names.num)
    found = {"rows": sums.rows, "questions": sums.questions}
    with np.errstate(invalid="ignore", divide="ignore"):
        table = drawn(sums.sums) / drawn(sums.known)
        columns = [*table.T, *_spreads(named.reshape(len(arms), sums.names.num))]
        for name, column in zip((*_MEANS, *_SPREADS), columns, strict=True):
            found[name] = column
            for ending, base in _BASES.items() if name in _COMPARED else ():
                other = column[arms.index(base)] if base in arms else np.nan
                found[_compared(name, ending)] = column / other if name in _SPREADS else column - other
        found["overlap"] = drawn(sums.both) / drawn(sums.either)
    return np.stack(list(found.values()), axis=1)


def _spreads(named: Floats) -> tuple[Floats, Floats]:
    """`_SPREADS`, each (A,), of counts (A, U) of names; NaN where there are too few names."""
    total = named.sum(axis=1, keepdims=True)
    left = np.ones_like(named)
    for drawn in range(NAMES_DRAWN):
        left *= np.maximum(total - named - drawn, 0) / (total - drawn)
    share = named / total
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=1)
    return np.where(total[:, 0] >= NAMES_DRAWN, (1 - left).sum(axis=1), np.nan), entropy


def _names(arms: Sequence[str], sums: _Sums) -> tuple[tuple[Name, ...], Bools]:
    """The figures that are given, and where they stand in the table of all (A, M)."""
    known = sums.known.sum(axis=0)
    of_names = _totals(sums.names.cell // max(sums.names.num, 1), sums.names.times, len(arms))
    names, shown = [], []
    for place, arm in enumerate(arms):
        counts = dict(zip(_MEANS, known[place], strict=True)) | dict.fromkeys(_SPREADS, of_names[place])
        n = {"rows": sums.rows[place], "questions": sums.rows[place]}
        for name, count in counts.items():
            n[name] = count
            for ending, base in _BASES.items() if name in _COMPARED else ():
                n[_compared(name, ending)] = count if base in arms and arm not in (POOL, base) else 0
        n["overlap"] = 0 if arm in (arms[0], POOL) else sums.either[:, place].sum()
        shown.append([count > 0 for count in n.values()])
        names += [Name(arm, name, int(count), name.startswith(_SPREADS)) for name, count in n.items() if count > 0]
    return tuple(names), np.array(shown)


def _compared(name: str, base: str) -> str:
    """The name of a comparison: a difference, but a ratio where draws bias a figure and only a positive one is mended.

    Drawn questions repeat their names, the more so the smaller the arm; `measured` moves such intervals back.
    """
    return f"{name}_over_{base}" if name in _SPREADS else f"{name}_minus_{base}"


def _totals(places: Rows, weights: NDArray[Any], num: int) -> Floats:
    """Sums of the weights at each of `num` places; of none, too, a float."""
    return np.bincount(places, weights, num).astype(np.float64)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _length(row: Row) -> int | None:
    return len(text_field(row, "completion")) if row.get("completion") is not None else None
