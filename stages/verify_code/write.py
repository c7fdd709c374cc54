"""From stored runs to the output: the second pass, which only joins what was decided.

`load_programs` reads the compact columns for the decision; `runs_of_part` and `Writer` take the whole rows after it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stages.core.again import rejected_rows
from stages.core.job import PartOutput
from stages.core.manifest import hidden
from stages.core.passing import PassThrough
from stages.core.rows import SourceRow
from stages.core.runner import schema_with
from stages.core.shards import open_shard, part_path, read_shard, to_table, write_part
from stages.core.tables import TIMINGS, VERDICTS
from stages.programs.matrix import FLAKY, OUTCOMES, Floats
from stages.verify_code import columns
from stages.verify_code.choose import INPROC
from stages.verify_code.decide import Decided, Programs
from stages.verify_code.task_strength import TaskStrength

_BATCH: Final = 1024
_COMPACT: Final = (
    *(
        "problem_id",
        "solution_sha",
        "judge",
        "truth",
        "trust",
        "mode",
        "flaky",
        "status",
        columns.SUITE,
        columns.VECTOR,
    ),
    *(columns.DIGEST, columns.SIGNATURE, columns.LENGTH),
)

_NAMED_LATE: Final = ("suite", INPROC)
"""Modes in which the tests' names may come from the run."""


def load_programs(runs: Path, parts: Iterable[int], numeric: Sequence[str]) -> Programs:
    """The compact columns of all parts; `numeric` are columns of the input that a rule may name."""
    tables: list[pa.Table] = []
    names: dict[int, tuple[str, ...]] = {}
    seen: set[str] = set()
    offset = 0
    for path in (part_path(runs, part) for part in parts):
        if not path.exists():
            continue
        table = read_shard(path, columns=[*_COMPACT, *numeric])
        wanted = _named(table, seen)
        names |= {offset + place: own for place, own in _names(path, wanted)}
        offset += table.num_rows
        tables.append(table)
    table = pa.concat_tables([*tables, _empty(numeric)], promote_options="permissive")
    return Programs(
        problem=table["problem_id"].to_pylist(),
        suite=table[columns.SUITE].to_pylist(),
        vectors=table[columns.VECTOR].to_pylist(),
        names=names,
        sha=table["solution_sha"].to_pylist(),
        status=table["status"].to_pylist(),
        judge=_floats(table["judge"]),
        truth=_floats(table["truth"]),
        inproc=np.array([trust == INPROC for trust in table["trust"].to_pylist()], dtype=np.bool_),
        flaky=table["flaky"].fill_null(0).to_numpy() > 0,
        digest=table[columns.DIGEST].to_pylist(),
        signature=table[columns.SIGNATURE].to_pylist(),
        length=np.array(table[columns.LENGTH].to_pylist(), dtype=np.int64),
        further={name: _floats(table[name]) for name in numeric},
    )


def _empty(numeric: Sequence[str]) -> pa.Table:
    """No programs: what is left where every row was rejected."""
    known = {field.name: field for field in schema_with(VERDICTS, columns.run_columns())}
    return pa.schema([*(known[name] for name in _COMPACT), *((name, pa.null()) for name in numeric)]).empty_table()


def _named(table: pa.Table, seen: set[str]) -> list[int]:
    """Programs whose tests' names are needed: the first of each task, and all where the run finds out the tests."""
    wanted: list[int] = []
    for place, (suite, mode) in enumerate(
        zip(table[columns.SUITE].to_pylist(), table["mode"].to_pylist(), strict=True)
    ):
        if suite not in seen or mode in _NAMED_LATE:
            seen.add(suite)
            wanted.append(place)
    return wanted


def _names(path: Path, places: list[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    if places:
        found = read_shard(path, columns=["test_results"])["test_results"].take(pa.array(places))
        for place, results in zip(places, found.to_pylist(), strict=True):
            yield place, tuple(result["test_id"] for result in results)


def _floats(column: pa.ChunkedArray) -> Floats:
    numbers: Floats = column.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return numbers


def numeric_columns(pass_through: Sequence[PassThrough]) -> list[str]:
    """The columns of the input that a rule may name: numbers and truth values."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return [name for _, name, type_ in pass_through if any(kind(type_) for kind in kinds)]


def runs_of(runs: Path, parts: Iterable[int]) -> Iterator[SourceRow]:
    """The input rows of some parts: rejected ones with their problem, others with their runs under `runs`."""
    for part in parts:
        yield from rejected_rows(part_path(runs, part, "rejected"))
        path = part_path(runs, part)
        if not path.exists():
            continue
        with open_shard(path) as file:
            rows = (row for batch in file.iter_batches(batch_size=_BATCH) for row in batch.to_pylist())
            for number, found in groupby(rows, key=itemgetter(columns.SOURCE_ROW)):
                own = list(found)
                yield SourceRow(path.name, number, {"id": own[0]["id"], "runs": own}, None, None)


class Writer:
    """Makes the rows of one part after the other, in order, of runs and what was decided about them."""

    def __init__(
        self, decided: Decided, strengths: Mapping[str, TaskStrength], root: Path, *, only_kept: bool, timings: bool
    ) -> None:
        self._decided, self._strengths, self._root = decided, strengths, root
        self._only_kept, self._timings = only_kept, timings
        self._place = 0

    def part(self, part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        """The output of the part behind the one before; its programs are numbered on."""
        written: list[dict[str, Any]] = []
        costs: list[dict[str, Any]] = []
        dropped: list[dict[str, Any]] = []
        first = place = self._place
        kept_rows = 0
        for row in rows:
            assert row.value is not None
            before = len(written)
            for run in row.value["runs"]:
                costs.append({name: run[name] for name in _COST_NAMES})
                if self._decided.kept[place] or not self._only_kept:
                    written.append(self._row(run, place))
                place += 1
            if len(written) == before:
                dropped.append({"id": row.value["id"], "dropped_by": "not_kept"})
            kept_rows += len(written) > before
            advance(1)
        self._place = place
        return PartOutput(
            rows=written,
            kept=kept_rows,
            dropped_rows=len(dropped),
            dropped=dropped,
            counts={"programs": place - first, "kept_programs": int(self._decided.kept[first:place].sum())},
            files=[] if self._timings or not costs else [self._write_costs(part, costs)],
        )

    def _row(self, run: dict[str, Any], place: int) -> dict[str, Any]:
        standings, cluster = self._decided.standings, int(self._decided.cluster[place])
        kept = bool(self._decided.kept[place])
        strength = self._strengths.get(run[columns.SUITE])
        results = run["test_results"]
        if place in self._decided.names:
            results = _all_tests(results, self._decided.names[place])
        if strength is not None:
            results = _with_added(results, strength, run["solution_sha"])
        return run | {
            "test_results": results,
            "passed": int(standings.passed[place]),
            "total": int(standings.total[place]),
            "pass_rate": _number(standings.pass_rate[place]),
            "weighted_rate": _number(standings.weighted_rate[place]),
            "consensus": _number(standings.consensus[place]),
            "kept": kept,
            "label": kept,
            "keep_reason": self._decided.reasons[place],
            "cluster": None if cluster < 0 else cluster,
            "flaky": sum(result["outcome"] == FLAKY for result in results),
        }

    def _write_costs(self, part: int, costs: list[dict[str, Any]]) -> str:
        path = hidden(self._root, "timings") / f"part-{part:05d}.parquet"
        write_part(path, to_table(costs, TIMINGS.schema()), {"table": TIMINGS.name}, hidden(self._root, "tmp"))
        return path.relative_to(self._root).as_posix()


def _all_tests(results: list[dict[str, str]], names: tuple[str, ...]) -> list[dict[str, str]]:
    """The outcomes of all tests of the task, where the program did not get as far as to know them."""
    own = {result["test_id"]: result for result in results}
    return [own.get(name) or {"test_id": name, "outcome": "not_run", "detail": ""} for name in names]


def _with_added(results: list[dict[str, str]], strength: TaskStrength, sha: str | None) -> list[dict[str, str]]:
    """The outcomes with those of tests that a model added; what is flaky on the reference is so here."""
    new = strength.new_outcomes(sha)
    added = [
        {"test_id": test.name, "outcome": OUTCOMES[code], "detail": ""}
        for test, code in zip(strength.added, new, strict=True)
    ]
    flaky = {name for name, is_flaky in zip(strength.names, strength.flaky.tolist(), strict=True) if is_flaky}
    return [
        result | {"outcome": FLAKY, "detail": "runs of the reference disagree"}
        if result["test_id"] in flaky
        else result
        for result in (*results, *added)
    ]


_COST_NAMES: Final = tuple(column.name for column in TIMINGS.columns)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
