"""A core set out of the pool: the rows that `core_set.py` picks, with their texts, stored like one that was given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.core.errors import InputMissing
from stages.core.rows import Problem, Row
from stages.core.runner import reading
from stages.core.shards import part_path
from stages.core.slices import Slice, read
from stages.select_cotp.arrays import I64
from stages.select_cotp.columns import CHAINS
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.core_rows import write_core
from stages.select_cotp.core_set import CoreFacts, Pick, accepted_ids, build_core, hardness
from stages.select_cotp.jobs import Settings
from stages.select_cotp.pool import Pool, codes_of, numbers, read_stored
from stages.select_cotp.reading import Cot, read_cot

_FACTS = ("id", "question_id", "type", "difficulty", "patterns")


def build_core_of(settings: Settings, slices: Sequence[Slice], pool: Pool, chains: Path) -> None:
    """Pick the core set among the rows that may be selected, and store it in the order of picking.

    `slices` are the input of each part of the chains.

    Raises:
        ConfigError, DataError: no row may be selected, or see `build_core`. InputMissing: there is no such accept-list.
    """
    config = settings.config
    assert config.build_core is not None
    pool.check_left()
    rows = np.flatnonzero(pool.eligible)
    picks = build_core(_facts(config, pool, chains, rows), config.build_core, config.per_question, accepted(config))
    positions = rows[[pick.place for pick in picks]]
    stored = _stored(chains, pool, positions)
    of_part = np.searchsorted(pool.part_starts, positions, side="right") - 1
    texts = read_rows(settings, slices, [(int(p), one["row"]) for p, one in zip(of_part, stored, strict=True)])
    write_core(settings.root, [_core_row(*one) for one in zip(stored, texts, picks, strict=True)])


def accepted(config: SelectCotpConfig) -> tuple[str, ...]:
    """The ids of --accept-list; none without one. Raises InputMissing where it cannot be read."""
    if config.accept_list is None:
        return ()
    try:
        return accepted_ids(config.accept_list.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputMissing(f"--accept-list {config.accept_list} cannot be read: {error}.") from error


def _facts(config: SelectCotpConfig, pool: Pool, chains: Path, rows: I64) -> CoreFacts:
    tables = [_columns(chains, part) for part in range(len(pool.part_starts) - 1)]
    table = pa.concat_tables(tables).take(pa.array(rows))
    difficulty = table["difficulty"].cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return CoreFacts(
        ids=table["id"].to_pylist(),
        question=pool.question[rows],
        kind=numbers(table["type"].fill_null("")),
        correct=pool.correct[rows],
        patterns=codes_of(table["patterns"])[0] if config.uses_patterns else None,
        tokens=pool.num_tokens[rows],
        hardness=hardness(difficulty, pool.success_rate[rows]),
    )


def _columns(chains: Path, part: int) -> pa.Table:
    path = part_path(chains, part)
    return read_stored(path, columns=list(_FACTS)) if path.exists() else CHAINS.schema().empty_table().select(_FACTS)


def _stored(chains: Path, pool: Pool, positions: I64) -> list[Row]:
    """The stored chains of some rows, in the order asked for."""
    parts = np.searchsorted(pool.part_starts, positions, side="right") - 1
    found: dict[int, Row] = {}
    for part in np.unique(parts).tolist():
        own = positions[parts == part]
        table = read_stored(part_path(chains, part)).take(pa.array(own - pool.part_starts[part]))
        found |= zip(own.tolist(), table.to_pylist(), strict=True)
    return [found[position] for position in positions.tolist()]


def read_rows(settings: Settings, slices: Sequence[Slice], places: Sequence[tuple[int, int]]) -> list[Cot]:
    """The input rows in some places, read again: each is (part of the chains, row in the file).

    `slices` are the input of each part of the chains.
    """
    wanted: dict[int, set[int]] = {}
    for part, row in places:
        wanted.setdefault(part, set()).add(row)
    found: dict[tuple[int, int], Cot] = {}
    for part, rows in sorted(wanted.items()):
        for source in read(slices[part], reading(settings.config.run)):
            if source.row in rows and source.value is not None:
                cot = read_cot(source.value)
                assert not isinstance(cot, Problem)
                found[part, source.row] = cot
    return [found[place] for place in places]


def _core_row(chain: Row, cot: Cot, pick: Pick) -> dict[str, Any]:
    entropy = chain["entropy"]
    if entropy is None and cot.entropy is not None and chain["bins"] is not None:
        entropy = cot.entropy.astype(np.float16)
    texts = {"prompt": cot.prompt, "completion": cot.completion}
    return chain | texts | {"entropy": entropy, "gain": pick.gain, "why": pick.why}
