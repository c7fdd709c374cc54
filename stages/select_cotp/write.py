"""From what was chosen to the output: the last pass, which reads the pool again and joins to its rows what is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stages.core.again import rejected_rows
from stages.core.job import PartOutput
from stages.core.manifest import hidden
from stages.core.passing import PassThrough, copied
from stages.core.rows import Problem, Rejected, Row, SourceRow
from stages.core.shards import open_shard, part_path, to_table, write_part
from stages.core.tables import ARMS
from stages.select_cotp.arrays import I64, Chosen
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.pool import Pool, read_stored
from stages.select_cotp.reading import read_cot

POOL_SHOWN: Final = 200_000
"""Rows of the pool that the table of arms holds at most, by the hash of their ids."""

_KNOWN: Final = (
    *("id", "row", "question_id", "correct", "patterns", "pattern_spans", "annotator", "entropy", "entropy_model"),
    "num_tokens",
)
_MEASURED: Final = ("id", "question_id", "correct", "success_rate", "num_tokens", "chars", "patterns")


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Makes the rows of one part after the other of what one arm chose.

    `parts` are the parts of the chains that make each part of the output; `core_ids` names core rows.
    """

    config: SelectCotpConfig
    chains: Path
    parts: Sequence[range]
    pool: Pool
    pass_through: tuple[PassThrough, ...]
    arm: str
    chosen: Chosen
    core_ids: Sequence[str]

    def part(self, part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        """The output of one part; what was rejected when its chains were made is rejected again."""
        places, known = self._known(part)
        broken = {
            row.row: row.problem
            for number in self.parts[part]
            for row in rejected_rows(part_path(self.chains, number, "rejected"))
        }
        written: list[dict[str, Any]] = []
        dropped: list[dict[str, Any]] = []
        rejected: list[Rejected] = []
        for source in rows:
            assert source.value is not None
            advance(1)
            if source.row not in places:
                problem = broken[source.row]
                assert problem is not None
                rejected.append(Rejected(source, problem))
                continue
            position = places[source.row]
            if position in known:
                written.append(self._row(source.value, *known[position]))
            else:
                reason = self.pool.reason(position) or "not_selected"
                dropped.append({"id": source.value["id"], "dropped_by": reason})
        return PartOutput(
            rows=written, kept=len(written), dropped_rows=len(dropped), rejected=rejected, dropped=dropped
        )

    def _known(self, part: int) -> tuple[dict[int, int], dict[int, tuple[int, Row]]]:
        """{row in the file: position}, and {position: (place in `chosen`, its chains)} of those chosen."""
        order, ordered = self._order
        places: dict[int, int] = {}
        known: dict[int, tuple[int, Row]] = {}
        for number in self.parts[part]:
            first, end = self.pool.part_starts[number], self.pool.part_starts[number + 1]
            if first == end:
                continue
            table = read_stored(part_path(self.chains, number), columns=list(_KNOWN))
            places |= zip(table["row"].to_pylist(), range(first, end), strict=True)
            low, high = np.searchsorted(ordered, [first, end])
            taken = table.take(pa.array(ordered[low:high] - first)).to_pylist()
            known |= zip(ordered[low:high].tolist(), zip(order[low:high].tolist(), taken, strict=True), strict=True)
        return places, known

    @cached_property
    def _order(self) -> tuple[I64, I64]:
        """Places in `chosen` by position, and these positions."""
        order = np.argsort(self.chosen.position)
        return order, self.chosen.position[order]

    def _row(self, value: Row, place: int, chain: Row) -> dict[str, Any]:
        cot, chosen = read_cot(value), self.chosen
        assert not isinstance(cot, Problem)
        core = int(chosen.core[place])
        entropy = chain["entropy"]
        if entropy is None and self.config.uses_entropy and cot.entropy is not None:
            entropy = cot.entropy.astype(np.float16)
        return copied(self.pass_through, value) | {
            **{name: chain[name] for name in ("id", "question_id", "correct", "pattern_spans", "annotator")},
            "prompt": cot.prompt,
            "completion": cot.completion,
            "patterns": chain["patterns"] if self.config.needs_patterns else cot.patterns,
            "entropy": entropy,
            "entropy_model": chain["entropy_model"],
            "num_tokens": chain["num_tokens"],
            "core_id": None if core < 0 else self.core_ids[core],
            "rank": int(chosen.rank[place]) or None,
            "distance": _number(chosen.distance[place]),
            "d_pattern": _number(chosen.d_pattern[place]),
            "d_entropy": _number(chosen.d_entropy[place]),
            "arm": self.arm,
        }


def write_arms(root: Path, chains: Path, pool: Pool, arms: Mapping[str, Chosen], core_ids: Sequence[str]) -> None:
    """Store the pool and what each arm chose of it, with what the arms are compared by."""
    facts = _facts(chains, pool, [chosen.position for chosen in arms.values()])
    rows = [{"arm": "pool", **facts[p]} for p in _shown(pool)]
    for name, chosen in arms.items():
        for place, position in enumerate(chosen.position.tolist()):
            core = int(chosen.core[place])
            own = {
                "core_id": None if core < 0 else core_ids[core],
                "rank": int(chosen.rank[place]) or None,
                "distance": _number(chosen.distance[place]),
            }
            rows.append({"arm": name, **facts[position], **own})
    path = part_path(hidden(root, "arms"), 0)
    write_part(path, to_table(rows, ARMS.schema()), {"table": ARMS.name}, hidden(root, "tmp"))


def _shown(pool: Pool) -> list[int]:
    """Positions of the pool that are stored: all that may be selected, or a fixed sample of them."""
    rows = np.flatnonzero(pool.eligible)
    if len(rows) > POOL_SHOWN:
        rows = np.sort(rows[np.argsort(pool.tie[rows], kind="stable")[:POOL_SHOWN]])
    return [int(row) for row in rows]


def _facts(chains: Path, pool: Pool, chosen: Sequence[np.ndarray[Any, Any]]) -> dict[int, Row]:
    """What is measured of rows, by position: those that are shown and those chosen."""
    wanted = np.zeros(len(pool), dtype=np.bool_)
    wanted[_shown(pool)] = True
    for positions in chosen:
        wanted[positions] = True
    found: dict[int, Row] = {}
    for number in range(len(pool.part_starts) - 1):
        first, end = pool.part_starts[number], pool.part_starts[number + 1]
        places = np.flatnonzero(wanted[first:end])
        if len(places):
            with open_shard(part_path(chains, number)) as file:
                table = file.read(columns=list(_MEASURED)).take(pa.array(places))
            found |= zip((first + places).tolist(), table.to_pylist(), strict=True)
    return found


def _number(value: Any) -> float | None:  # noqa: ANN401 - a float of any width
    return None if np.isnan(value) else float(value)
