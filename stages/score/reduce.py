"""From a folder of scores to the best response of every prompt, or to pairs of the best and the worst.

The scores are passed over twice: once for hashes and numbers, once for the texts of the rows that are written.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from stages.core.again import rejected_rows
from stages.core.job import PartOutput
from stages.core.rows import SourceRow
from stages.core.shards import open_shard, part_path, read_shard
from stages.score.columns import SOURCE_ROW
from stages.score.standing import Group, Place, Standings, no_pair
from stages.score.tally import digest

_BATCH: Final = 1024
_ROWS: Final = 2**40
"""A row's place is part number x _ROWS + its number within the part's scores."""


def scored_rows(scores: Path, parts: int) -> Iterator[SourceRow]:
    """The input rows behind a finished folder of scores, rejected ones with their problem.

    The value of the others has the `id`, and under `scored` their scores as (group, response, score, place).
    """
    for part in range(parts):
        yield from rejected_rows(part_path(scores, part, "rejected"))
        if (path := part_path(scores, part)).exists():
            yield from _by_source_row(path, part)


def reduce_part(
    scores: Path, rows: Iterator[SourceRow], min_margin: float | None, advance: Callable[[int], None]
) -> PartOutput:
    """Make the one part of the output of the rows of `scored_rows`: pairs where `min_margin` is given, else the best.

    An input row is dropped if none of its responses is written, with the rule that holds for its first group.
    """
    standings, sources = Standings(), []
    for row in rows:
        assert row.value is not None
        numbers = [standings.add(*one) for one in row.value["scored"]]
        first, last = row.value["scored"][0][3], row.value["scored"][-1][3]
        sources.append(_Source(row.value["id"], numbers[0], first, last))
        advance(1)
    lost = [None if min_margin is None else no_pair(group, min_margin) for group in standings.groups]
    good = [group for group, rule in zip(standings.groups, lost, strict=True) if rule is None]
    used = {place for group in good for place in ([group.best_at] if min_margin is None else _ends(group))}
    texts = _read_places(scores, sorted(used))
    passed_over = "not_best" if min_margin is None else "not_best_or_worst"
    dropped = [
        {"id": source.id, "dropped_by": lost[source.group] or passed_over}
        for source in sources
        if not any(place in used for place in range(source.first, source.last + 1))
    ]
    groups = Counter(rule for rule in lost if rule is not None)
    return PartOutput(
        rows=[_best(group, texts) if min_margin is None else _pair(group, texts) for group in good],
        kept=len(sources) - len(dropped),
        dropped_rows=len(dropped),
        dropped=dropped,
        counts={"compared": len(standings.groups)} | {f"groups_{rule}": count for rule, count in groups.items()},
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """An input row: its id, the number of its first group, and the first and last place of its scores."""

    id: str
    group: int
    first: Place
    last: Place


def _ends(group: Group) -> tuple[Place, Place]:
    return group.best_at, group.worst_at


def _best(group: Group, texts: Mapping[Place, dict[str, Any]]) -> dict[str, Any]:
    return texts[group.best_at] | {"n": group.n}


def _pair(group: Group, texts: Mapping[Place, dict[str, Any]]) -> dict[str, Any]:
    better, worse = texts[group.best_at], texts[group.worst_at]
    return better | {
        "chosen": better["completion"],
        "rejected": worse["completion"],
        "score_chosen": group.best,
        "score_rejected": group.worst,
        "margin": group.best - group.worst,
    }


def _by_source_row(path: Path, part: int) -> Iterator[SourceRow]:
    value: dict[str, Any] = {}
    number: int | None = None
    for place, row in enumerate(_small_rows(path), start=part * _ROWS):
        if row[SOURCE_ROW] != number:
            if number is not None:
                yield SourceRow(path.name, number, value, None, None)
            number, value = row[SOURCE_ROW], {"id": row["id"], "scored": []}
        group = digest([row["prompt"], row["principle"]])
        value["scored"].append((group, digest(row["completion"]), row["score"], place))
    if number is not None:
        yield SourceRow(path.name, number, value, None, None)


def _small_rows(path: Path) -> Iterator[dict[str, Any]]:
    columns = ["id", "prompt", "completion", "principle", "score", SOURCE_ROW]
    with open_shard(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
            yield from batch.to_pylist()


def _read_places(scores: Path, places: list[Place]) -> dict[Place, dict[str, Any]]:
    """The whole rows at some places, read part by part."""
    by_part: dict[int, list[int]] = {}
    for place in places:
        by_part.setdefault(place // _ROWS, []).append(place % _ROWS)
    result: dict[Place, dict[str, Any]] = {}
    for part, rows in by_part.items():
        table = read_shard(part_path(scores, part)).take(pa.array(rows))
        result |= {part * _ROWS + row: value for row, value in zip(rows, table.to_pylist(), strict=True)}
    return result
