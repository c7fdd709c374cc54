"""Reads a file of scores for programs: the columns `id` and `judge`, as JSONL, CSV, Parquet or any other input."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from stages.core.errors import DataError
from stages.core.rows import Row, SourceRow
from stages.core.slices import ReadOptions
from stages.core.sources import plan
from stages.core.whole import all_rows
from stages.verify_code.judge_prompt import HIGHEST, LOWEST

_NEEDS: Final = ("id", "judge")


def read_scores(path: str, reading: ReadOptions) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Scores by id, None where the table says so, and the sha256 of each file behind them.

    Raises:
        InputMissing: there is no such file. DataError: it lacks a column, or a row has no id, the id of an earlier
            row, or a score that is no number from 1 to 5.
    """
    # The table's own id under another name: a row without one would be given a hash for it.
    options = replace(reading, limit=None, unique_ids=False, mapping={"key": "id"})
    scores: dict[str, float | None] = {}
    places: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        planned = plan((path,), replace(options, mapping={}), Path(scratch))
        columns = planned.columns.names()
        if missing := [name for name in _NEEDS if name not in columns]:
            raise DataError(
                f"{path} has no column {missing[0]!r}; it needs id and judge, and has {', '.join(columns)}."
            )
        for row in all_rows(planned, options):
            place = f"{row.file}:{row.row}"
            name = _id(row, place)
            if name in scores:
                raise DataError(f"{place}: the id {name!r} stands already in {places[name]}; give each id one score.")
            scores[name], places[name] = _score(row.value or {}, place), place
    return scores, tuple(info.sha256 for info in planned.inputs)


def _id(row: SourceRow, place: str) -> str:
    if row.value is None:
        assert row.problem is not None
        raise DataError(f"{place}: {row.problem.error}")
    name = row.value.get("key")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise DataError(f"{place}: field 'id' is {name!r}; it must be the id of a program.")
    return str(name)


def _score(row: Row, place: str) -> float | None:
    value = row.get("judge")
    if value is None:
        return None
    try:
        # every cell of a CSV file is a text
        score = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        score = math.nan
    if not LOWEST <= score <= HIGHEST:
        raise DataError(f"{place}: field 'judge' is {value!r}; it must be a number from 1 to 5, or null.")
    return score
