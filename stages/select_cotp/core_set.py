"""Which rows of a pool make a core set: right answers that together show many rare reasoning patterns.

The paper picks by hand among right chains those with distinct and important patterns; this greedy cover is ours. A
person's choice can come first. Shapes: N rows, U distinct pattern names.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.core.errors import ConfigError, DataError
from stages.select_cotp.arrays import F64, I32, I64, Bools, Codes

_SHOWN: Final = 5


class CoreFacts(NamedTuple):
    """What decides which rows make a core set; all (N,), in input order.

    `question` and `kind` are numbers of the question and of its type (one number where no type is known); `correct` is
    1, 0, or -1 where it is not known; `tokens` is the length of the completion. `hardness` is larger for harder
    questions, NaN where unknown. `patterns` may have empty chains here, and is None where no distance uses patterns.
    """

    ids: Sequence[str]
    question: I64
    kind: I64
    correct: NDArray[np.int8]
    patterns: Codes | None
    tokens: I64
    hardness: F64


class Pick(NamedTuple):
    """A row of the core set: its place among the N, the gain it was picked for, and why.

    `why` is `accepted` (a person's choice) or `cover <round>`; the gain of accepted rows is what they cover, too.
    """

    place: int
    gain: float
    why: str


def hardness(difficulty: F64, success_rate: F64) -> F64:
    """How hard each question is, (N,): its difficulty, or where no row has one, 1 - success rate; NaN where unknown."""
    return difficulty if not np.isnan(difficulty).all() else 1 - success_rate


def build_core(facts: CoreFacts, size: int, per_question: int = 2, accept: Sequence[str] = ()) -> list[Pick]:
    """`size` rows whose answers are known to be right, in the order in which they were picked.

    The rows with the ids `accept` come first, whatever question they answer; only a wrong answer is refused. Then,
    again and again, the row with the largest gain, at most `per_question` of one question: the sum of IDF over the
    distinct patterns of its chain that no row of the core set with the same type has. IDF(p) = ln((1 + Q) / (1 + df))
    + 1 over the Q questions of the rows that can be picked, df of which have p in one. Equal gains: the harder
    question, then the shorter chain, then the id. Where no row has a gain left, a new round begins, in which nothing
    is covered; rows without patterns come last, in the order of ties.

    What is covered is monotone and submodular in the set of rows. So within a round the greedy cover is at least
    1 - 1/e of the best where only the size binds (Nemhauser, Wolsey and Fisher, 1978), and at least 1/2 where
    `per_question` binds as well, a matroid (Fisher, Nemhauser and Wolsey, 1978).

    Raises:
        ConfigError: `accept` has more than `size` ids. DataError: it has unknown ids or wrong answers; no row is known
            to be right; too few are.
    """
    accepted = _accepted(facts, size, accept)
    _check_enough(facts, accepted, size, per_question)
    cover = _Cover(facts, _by_ties(facts, accepted), per_question)
    picks = [Pick(place, cover.take(cover.row_of(place)), "accepted") for place in accepted]
    round_ = 1
    while len(picks) < size:
        row, gain = _best(cover.starts, cover.pairs, cover.weight, cover.bound, cover.open)
        assert row >= 0
        if gain == 0 and cover.anything:
            cover.forget()
            round_ += 1
        else:
            picks.append(Pick(int(cover.places[row]), cover.take(row), f"cover {round_}"))
    return picks


def accepted_ids(text: str) -> tuple[str, ...]:
    """The ids of an accept-list: one a line, without white space around them, without empty lines and repeats."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


class _Cover:
    """What the core set covers, over M rows in the order of ties.

    A pair is a pattern for a type of question. Row r has the pairs `pairs[starts[r]:starts[r + 1]]`, each once, in
    rising order, so that their sum is rounded alike wherever it is made. `weight` is what covering a pair gains now;
    `bound` (M,) what a row gained at most since the round began; `open` (M,) which rows may still be picked.
    """

    def __init__(self, facts: CoreFacts, places: I64, per_question: int) -> None:
        self.places = places
        self.starts, self.pairs, self._full = _pairs(facts, places)
        self.weight = self._full.copy()
        self.bound = np.full(len(places), np.inf)
        self.open: Bools = np.ones(len(places), dtype=np.bool_)
        self.anything = False
        self._question = facts.question[places]
        self._left = Counter(dict.fromkeys(self._question.tolist(), per_question))

    def row_of(self, place: int) -> int:
        return int(np.flatnonzero(self.places == place)[0])

    def take(self, row: int) -> float:
        """Put a row into the core set; returns what it gains."""
        pairs = self.pairs[self.starts[row] : self.starts[row + 1]]
        gain = sum(self.weight[pairs].tolist(), 0.0)
        self.weight[pairs] = 0
        self.anything |= len(pairs) > 0
        self.open[row] = False
        question = int(self._question[row])
        self._left[question] -= 1
        if self._left[question] <= 0:
            self.open[self._question == question] = False
        return gain

    def forget(self) -> None:
        """Begin a new round, in which nothing is covered."""
        self.weight = self._full.copy()
        self.bound = np.full(len(self.places), np.inf)
        self.anything = False


@njit(nogil=True, cache=True)
def _best(starts: I64, pairs: I32, weight: F64, bound: F64, is_open: Bools) -> tuple[int, float]:
    """The first row of the largest gain, and the gain; (-1, -1) where no row is open.

    Gains only shrink within a round (Minoux, 1978), so that a row whose last gain is no larger is not looked at again.
    """
    best, most = -1, -1.0
    for row in range(len(bound)):
        if is_open[row] and bound[row] > most:
            gain = 0.0
            for pair in pairs[starts[row] : starts[row + 1]]:
                gain += weight[pair]
            bound[row] = gain
            if gain > most:
                best, most = row, gain
    return best, most


def _by_ties(facts: CoreFacts, accepted: Sequence[int]) -> I64:
    """Rows that may come into the core set: the harder question first, then the shorter chain, then the id."""
    places = np.union1d(np.flatnonzero(facts.correct == 1), np.array(accepted, dtype=np.int64))
    ids = np.array([facts.ids[place] for place in places.tolist()], dtype=object)
    softness = -np.nan_to_num(facts.hardness[places], nan=-np.inf)
    order: I64 = np.lexsort((np.argsort(np.argsort(ids)), facts.tokens[places], softness))
    return places[order]


def _pairs(facts: CoreFacts, places: I64) -> tuple[I64, I32, F64]:
    """The distinct pairs of each row as (starts, pairs), and the IDF of each pair's pattern."""
    if facts.patterns is None:
        return np.zeros(len(places) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0)
    values, starts = facts.patterns
    lengths = np.diff(starts)[places]
    rows = np.repeat(np.arange(len(places)), lengths)
    names = values[np.repeat(starts[:-1][places] - np.cumsum(lengths) + lengths, lengths) + np.arange(len(rows))]
    num_names = int(names.max(initial=-1)) + 1
    rows, names = np.divmod(np.unique(rows * num_names + names), max(num_names, 1))
    questions = facts.question[places]
    with_pattern = np.unique(questions[rows] * num_names + names) % max(num_names, 1)
    df = np.bincount(with_pattern, minlength=num_names)
    rarity = np.log((1 + len(np.unique(questions))) / (1 + df)) + 1
    keys, pairs = np.unique(facts.kind[places][rows] * num_names + names, return_inverse=True)
    ends = np.cumsum(np.bincount(rows, minlength=len(places)))
    return np.concatenate([[0], ends]).astype(np.int64), pairs.astype(np.int32), rarity[keys % max(num_names, 1)]


def _accepted(facts: CoreFacts, size: int, accept: Sequence[str]) -> list[int]:
    """The places of a person's choice, in its order."""
    ids = list(dict.fromkeys(accept))
    if len(ids) > size:
        raise ConfigError(f"--build-core is {size:,}, but the accept-list has {len(ids):,} ids; raise the former.")
    wanted = set(ids)
    place_of = {name: place for place, name in enumerate(facts.ids) if name in wanted}
    if unknown := [name for name in ids if name not in place_of]:
        text = f"The accept-list has {_listed(unknown)}, which no row of the pool that may be selected has as its id"
        raise DataError(f"{text}; correct the list.")
    places = [place_of[name] for name in ids]
    if wrong := [facts.ids[place] for place in places if facts.correct[place] == 0]:
        raise DataError(f"The accept-list has {_listed(wrong)}, whose answer is wrong; take it off the list.")
    return places


def _check_enough(facts: CoreFacts, accepted: Sequence[int], size: int, per_question: int) -> None:
    right = np.setdiff1d(np.flatnonzero(facts.correct == 1), accepted)
    taken = Counter(facts.question[list(accepted)].tolist())
    counts = Counter(facts.question[right].tolist())
    most = len(accepted) + sum(min(n, max(per_question - taken[question], 0)) for question, n in counts.items())
    if not len(right) and most < size:
        known = f"{int((facts.correct == 0).sum()):,} are wrong, {int((facts.correct < 0).sum()):,} not known"
        raise DataError(
            f"--build-core takes rows whose answer is known to be right, and the pool has no such row ({known}); map "
            "the column that says so with --map correct=COLUMN, or name a core set with --core."
        )
    if most < size:
        raise DataError(
            f"--build-core {size:,} is too large: there are {len(right):,} right answers to {len(counts):,} questions, "
            f"of which, with --per-question {per_question}, {most:,} can be taken; lower the one or raise the other."
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
