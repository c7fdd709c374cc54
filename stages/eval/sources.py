"""Where scores come from: the rows themselves, the length of the response, a reward model, a table, or scored rows.

In a table a response is found by its prompt, its text and, where the benchmark has one, its principle; ids play no
part, so that scores made with any program can be used. How a model is asked is the business of modelled.py.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.core.errors import DataError
from stages.core.rows import Row
from stages.core.slices import ReadOptions
from stages.core.sources import Plan, plan
from stages.core.whole import all_rows
from stages.eval.answers import answer_key, without_texts
from stages.eval.benchmarks import Benchmark
from stages.eval.fields import Unfit, no_scores, no_verdict, number_field, text_field
from stages.eval.prepared import Prepared

Scorer = Callable[[Any], Any]
"""From an item to the same item with scores; raises Unfit where there is none."""

_TABLE: Final = ("prompt", "completion", "score")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of scores: the function, hashes of the files behind it, and the models that the table names.

    `model` is the reward model, judge or policy that must be asked before `score` can be called, where there is one.
    """

    name: str
    score: Scorer
    hashes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    model: Prepared | None = None

    @property
    def shown(self) -> object:
        """What the source is called in records: its models, else its own name."""
        return list(self.models) or Path(self.name).name


def from_model(model: Prepared) -> Source:
    """A reward model, a judge or a policy as a source."""
    return Source(name=model.name, score=model.score, hashes=(model.name,), models=(model.name,), model=model)


@contextmanager
def planned_rows(name: str, reading: ReadOptions) -> Iterator[Plan]:
    """All rows of a file or folder beside the input, as long as the block runs; ids may repeat."""
    with tempfile.TemporaryDirectory() as scratch:
        yield plan((name,), replace(reading, limit=None, unique_ids=False), Path(scratch))


def open_source(name: str, benchmark: Benchmark, reading: ReadOptions) -> Source:
    """The source that `--scores` or `--against` names, unless it is a reward model.

    Raises:
        InputMissing: there is no such file. DataError: it is a model, or its rows are neither scores nor rows of the
            benchmark.
    """
    if name == "stored":
        return Source(name=name, score=_stored(benchmark))
    if name == "length":
        return Source(name=name, score=_by_length(benchmark))
    if Path(name, "config.json").is_file():
        raise DataError(f"{name} is a model and no table of scores; did you mean rm:{name}?")
    with planned_rows(name, reading) as planned:
        columns = planned.columns.names()
        rows = (
            (row.value, f"{row.file}:{row.row}", row.file)
            for row in all_rows(planned, reading)
            if row.value is not None
        )
        hashes = tuple(info.sha256 for info in planned.inputs)
        if benchmark.needs and set(benchmark.needs) <= set(columns) and benchmark.stored in columns:
            return Source(name=name, score=_like_input(benchmark, rows, name), hashes=hashes)
        if not set(_TABLE) <= set(columns):
            raise DataError(
                f"{name} holds no scores: it has neither the columns {', '.join(_TABLE)} nor those of the benchmark's "
                f"own scored rows ({', '.join((*benchmark.needs, benchmark.stored))}); it has {', '.join(columns)}."
            )
        table = _Table(rows)
    return Source(name=name, score=_from_table(benchmark, table, name), hashes=hashes, models=table.models)


def read_rows(name: str, benchmark: Benchmark, reading: ReadOptions) -> tuple[list[Any], tuple[str, ...]]:
    """All items of another file in the benchmark's layout, without their texts, and the hashes of its files.

    Raises:
        InputMissing: there is no such file. DataError: a row is not in the layout.
    """
    items: list[Any] = []
    with planned_rows(name, reading) as planned:
        for row in all_rows(planned, replace(reading, limit=None)):
            problem = row.problem
            if row.value is not None:
                try:
                    items.append(without_texts(benchmark.read(row.value, row.file)))
                    continue
                except Unfit as error:
                    problem = error.problem
            assert problem is not None
            raise DataError(f"{row.file}:{row.row}: {problem.error}")
        return items, tuple(info.sha256 for info in planned.inputs)


def _stored(benchmark: Benchmark) -> Scorer:
    def score(item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        if not benchmark.scored(item):
            raise no_scores(benchmark.stored) if benchmark.questions is None else no_verdict(benchmark.stored)
        return item

    return score


def _by_length(benchmark: Benchmark) -> Scorer:
    def score(item: Any) -> Any:  # noqa: ANN401
        return benchmark.with_scores(item, tuple(float(one.length) for one in item.answers))

    return score


def _from_table(benchmark: Benchmark, table: "_Table", name: str) -> Scorer:
    def score(item: Any) -> Any:  # noqa: ANN401
        return benchmark.with_scores(item, tuple(table.find(one.key, name) for one in item.answers))

    return score


def _like_input(benchmark: Benchmark, rows: Iterator[tuple[Row, str, str]], name: str) -> Scorer:
    known: dict[object, Any] = {}
    for row, where, file in rows:
        try:
            item = benchmark.read(row, file)
        except Unfit as error:
            raise DataError(f"{where}: {error.problem.error}") from error
        known[_keys(item)] = without_texts(item)

    def score(item: Any) -> Any:  # noqa: ANN401
        found = known.get(_keys(item))
        if found is None or not benchmark.scored(found):
            raise Unfit("no_score", None, f"{name} has no scored row with the same prompt and responses.")
        return found

    return score


def _keys(item: Any) -> object:  # noqa: ANN401
    """What makes two rows of a benchmark the same; a row without answers is its own content."""
    return tuple(one.key for one in item.answers) or item


class _Table:
    """Scores by (prompt, response, principle) and by (prompt, response)."""

    def __init__(self, rows: Iterator[tuple[Row, str, str]]) -> None:
        self._scores: dict[bytes, float] = {}
        self._several: set[bytes] = set()
        models: dict[str, None] = {}
        for row, where, _ in rows:
            try:
                prompt, completion = text_field(row, "prompt"), text_field(row, "completion")
                score, principle = number_field(row, "score"), row.get("principle")
            except Unfit as error:
                raise DataError(f"{where}: {error.problem.error}") from error
            for key in {answer_key(prompt, completion, principle), answer_key(prompt, completion)}:
                if self._scores.setdefault(key, score) != score:
                    self._several.add(key)
            if isinstance(row.get("rm"), str):
                models[row["rm"]] = None
        self.models = tuple(models)

    def find(self, key: bytes, name: str) -> float:
        """The score of a response.

        Raises:
            Unfit: there is none, or there are several.
        """
        if key in self._several:
            raise Unfit("several_scores", None, f"{name} has several scores of one response; keep one principle each.")
        if key not in self._scores:
            raise Unfit("no_score", None, f"{name} has no score of one of the row's responses.")
        return self._scores[key]
