"""A source of rewards as a source of scores: math:, code:, check: or py: says what each response of a row is worth.

Rows are read once for it, since what a response is checked against stands in columns that benchmarks do not read.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, Final

from stages.core.progress import Progress
from stages.core.rows import Problem, Row
from stages.eval.benchmarks import Benchmark
from stages.eval.fields import Unfit
from stages.eval.interviewer import Rows
from stages.eval.measured import Figure
from stages.rewards.item import Reward, RewardItem, RewardResult
from stages.rewards.reference import find_reference

_BATCH: Final = 256
"""Rows whose responses are scored together."""

_Key = tuple[bytes, ...]
_Scores = tuple[float, ...] | Problem


class BySource:
    """One source, not open yet. See Prepared. `wording` is the hash of all that decides its scores besides the rows."""

    def __init__(self, name: str, open_reward: Callable[[], Reward], benchmark: Benchmark, *, wording: str) -> None:
        self.name: Final = name
        self.wording: Final = wording
        self.noticed: Mapping[str, object] = {}
        self._open_reward = open_reward
        self._benchmark = benchmark
        self._found: dict[_Key, _Scores] = {}
        self._counts = Counter[str]()

    def prepare(self, rows: Rows, total: int, progress: Progress) -> list[Figure]:
        """Score the responses of all rows. Raises as `open_reward`; no further figures come of it."""
        with closing(self._open_reward()) as reward:
            progress.start(f"scoring by {self.name}", total)
            wanted = self._wanted(rows)
            while batch := list(islice(wanted, _BATCH)):
                results = iter(reward.score([item for _, items in batch for item in items]))
                for key, items in batch:
                    self._add(key, _scores([next(results) for _ in items]))
                progress.advance(len(batch))
            progress.finish()
        self.noticed = dict(self._counts)
        return []

    def score(self, item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        """The item with its scores. Raises Unfit where a response has none."""
        found = self._found[_key(item)]
        if isinstance(found, Problem):
            raise Unfit(*found)
        return self._benchmark.with_p_yes(self._benchmark.with_scores(item, found), (None,) * len(found))

    def facts(self) -> dict[str, object]:
        """The source, and how many rows have scores or, by reason, none."""
        return {"name": self.name, **dict(sorted(self._counts.items()))}

    def remarks(self) -> Iterator[str]:
        """Nothing: what has no score is among the rejected rows."""
        return iter(())

    def _wanted(self, rows: Rows) -> Iterator[tuple[_Key, list[RewardItem]]]:
        """For each row what its responses are called, and they themselves; nothing for a row that cannot be read."""
        for row in rows():
            try:
                item = None if row.value is None else self._benchmark.read(row.value, row.file)
            except Unfit:
                item = None
            if item is None or row.value is None:
                yield (), []
                continue
            # a column of the benchmark, such as LLMBar's label, says which response is better, and is no reference
            others = {name: value for name, value in row.value.items() if name not in self._benchmark.needs}
            reference = find_reference(others)
            if isinstance(reference, Problem):
                self._found[_key(item)] = reference
                yield (), []
            else:
                yield _key(item), _items(item, row.value, reference.value)

    def _add(self, key: _Key, scores: _Scores) -> None:
        if not key:
            return
        known = self._found.setdefault(key, scores)
        if known != scores and not isinstance(known, Problem):
            self._found[key] = Problem(
                "several_scores", None, "rows with the same responses are checked against different references."
            )
        self._counts[scores.reason if isinstance(scores, Problem) else "scored"] += 1


def _key(item: Any) -> _Key:  # noqa: ANN401 - an item of a benchmark
    return tuple(one.key for one in item.answers)


def _items(item: Any, row: Row, reference: object) -> list[RewardItem]:  # noqa: ANN401 - as above
    own = row.get("principle")
    extra = {name: value for name, value in row.items() if name not in ("id", "prompt", "principle")}
    return [
        RewardItem(
            id=f"{row['id']}#{place}",
            messages=one.texts.messages,
            completion=one.texts.response,
            reference=reference,
            principle=one.texts.principle or (own if isinstance(own, str) else None),
            extra=extra,
        )
        for place, one in enumerate(item.answers)
    ]


def _scores(results: Sequence[RewardResult]) -> _Scores:
    values = []
    for result in results:
        if result.value is None:
            return Problem(result.status, None, f"a response has no score: {result.detail or result.status}.")
        values.append(result.value)
    return tuple(values)
