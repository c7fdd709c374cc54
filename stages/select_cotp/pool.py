"""The pool as arrays over all its rows: what decides whether a row may be selected, without its chains.

Shapes: N rows of the pool, in input order; a row's place is its position.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.errors import DataError
from stages.core.shards import part_path, read_shard
from stages.select_cotp.annotating import COLUMN
from stages.select_cotp.arrays import F32, F64, I64, U64, Block, Bools, Codes, PoolFacts, Series, tie_of
from stages.select_cotp.columns import CHAINS
from stages.select_cotp.duplicates import find_duplicates
from stages.select_cotp.patterns import Inventory

_COMPACT: Final = (
    *("id", "question_id", "stratum", "correct", "success_rate", "num_tokens", "chars"),
    *("digest", "signature", "entropy_model", "dropped_by"),
)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """All rows whose chains are stored; every array is (N,).

    `question` are places in `questions`. `part_starts` (chain parts + 1,): the position of the first row of each part
    of the chains. `dropped` is why a row cannot be selected, as a place in `reasons`; -1 for those that can.
    """

    tie: U64
    digest: U64
    question: I64
    questions: list[str]
    strata: I64
    correct: np.ndarray[Any, np.dtype[np.int8]]
    success_rate: F64
    num_tokens: I64
    chars: I64
    part_starts: I64
    dropped: I64
    reasons: list[str]
    entropy_models: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tie)

    @property
    def eligible(self) -> Bools:
        """Which rows may be selected (N,)."""
        return self.dropped < 0

    def drop(self, places: Bools, reason: str) -> None:
        """Rule out rows; those that are ruled out already keep their reason."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.dropped[places & self.eligible] = self.reasons.index(reason)

    def reason(self, position: int) -> str | None:
        """Why a row cannot be selected; None for one that can."""
        place = int(self.dropped[position])
        return None if place < 0 else self.reasons[place]

    def drops(self) -> dict[str, int]:
        """How many rows each reason rules out."""
        counts = np.bincount(self.dropped[self.dropped >= 0], minlength=len(self.reasons))
        return {name: int(count) for name, count in sorted(zip(self.reasons, counts, strict=True)) if count}

    def drops_told(self) -> str:
        """The drops, as a message has them."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self.drops().items()) or "none"

    def check_left(self) -> None:
        """Raise DataError where no row may be selected."""
        if not self.eligible.any():
            told = self.drops_told()
            raise DataError(f"None of the {len(self):,} pool rows can be selected (dropped: {told}); mend or add rows.")

    def facts(self, shortfall: F64) -> PoolFacts:
        """The rows that may be selected, as the arms take them; `shortfall` (N,) is 1 - utility."""
        rows = np.flatnonzero(self.eligible)
        return PoolFacts(
            position=rows,
            tie=self.tie[rows],
            tokens=self.num_tokens[rows],
            chars=self.chars[rows],
            correct=self.correct[rows],
            question=self.question[rows],
            strata=self.strata[rows],
            shortfall=shortfall[rows],
        )


def read_pool(chains: Path, parts: int, near_duplicates: float | None) -> Pool:
    """The pool behind the stored chains, duplicates ruled out: the first of equal or like rows stays.

    Raises:
        DataError: entropies of different models are mixed, which no distance can compare.
    """
    tables = [_compact(chains, part) for part in range(parts)]
    starts = np.cumsum([0, *(table.num_rows for table in tables)], dtype=np.int64)
    table = pa.concat_tables(tables)
    rates = table["success_rate"].cast(pa.float64()).fill_null(float("nan")).to_numpy()
    correct = pc.fill_null(table["correct"].cast(pa.int8()), -1).to_numpy().astype(np.int8)
    pool = Pool(
        tie=np.array([tie_of(name) for name in table["id"].to_pylist()], dtype=np.uint64),
        digest=table["digest"].to_numpy(),
        question=numbers(table["question_id"]),
        questions=pc.unique(table["question_id"]).to_pylist(),
        strata=numbers(table["stratum"]),
        correct=correct,
        success_rate=rates,
        num_tokens=table["num_tokens"].to_numpy().astype(np.int64),
        chars=table["chars"].to_numpy().astype(np.int64),
        part_starts=starts,
        dropped=numbers(table["dropped_by"]),
        reasons=pc.unique(table["dropped_by"].drop_null()).to_pylist(),
        entropy_models=tuple(sorted(set(table["entropy_model"].drop_null().to_pylist()))),
    )
    if near_duplicates is not None:
        _drop_duplicates(pool, table["signature"], near_duplicates)
    return pool


def read_stored(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """What an earlier pass stored, or some columns of it. Raises DataError where the file is damaged."""
    try:
        return read_shard(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path} is damaged ({why}); delete it and run the same command, which makes it anew."
        ) from None


def inventory(chains: Path, parts: int) -> tuple[Inventory, int]:
    """The pattern names of the whole pool, and how many patterns were left out for want of a name."""
    counts: Counter[str] = Counter()
    num_chains = unnamed = 0
    for path in (part_path(chains, part) for part in range(parts)):
        if path.exists():
            table = read_stored(path, columns=["patterns", "unnamed"])
            column = table["patterns"]
            unnamed += int(pc.sum(table["unnamed"]).as_py() or 0)
            num_chains += int(pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py() or 0)
            for item in pc.value_counts(_one(column).flatten()).to_pylist():
                counts[item["values"]] += item["counts"]
    return Inventory.counted(counts, num_chains), unnamed


def check_models(models: Iterable[str]) -> None:
    """Raise DataError where entropies come from more than one model; `column` says of itself nothing."""
    known = sorted({*models} - {COLUMN})
    if len(known) > 1:
        raise DataError(
            f"The entropies are of different models ({', '.join(known)}), and no distance compares those; compute all "
            "with one --entropy-model, or use --lambda 1."
        )


def _compact(chains: Path, part: int) -> pa.Table:
    path = part_path(chains, part)
    if path.exists():
        return read_stored(path, columns=list(_COMPACT))
    return CHAINS.schema().empty_table().select(list(_COMPACT))


def numbers(column: pa.ChunkedArray) -> I64:
    """Equal values as equal numbers, in order of first appearance; null is -1."""
    encoded = _one(column).dictionary_encode()
    return np.array(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _drop_duplicates(pool: Pool, signatures: pa.ChunkedArray, threshold: float) -> None:
    """Rule out later ones among rows that may be selected otherwise, so that a row that is gone takes none with it."""
    rows = np.flatnonzero(pool.eligible)
    signed = signatures.take(pa.array(rows)).to_pylist() if threshold < 1 else None
    first = find_duplicates(pool.digest[rows], signed, threshold)
    later = np.zeros(len(pool), dtype=np.bool_)
    later[rows[first >= 0]] = True
    pool.drop(later, "duplicate")


def read_block(
    chains: Path, parts: Sequence[int], pool: Pool, shortfall: F64, wanted: Bools | None = None
) -> tuple[Block, list[str]]:
    """The rows of some parts of the chains that may be selected, and the names that pattern codes stand for.

    `wanted` (N,) narrows the rows further.
    """
    some = pool.eligible if wanted is None else pool.eligible & wanted
    tables, places = [], [np.zeros(0, dtype=np.int64)]
    for part in parts:
        first, end = pool.part_starts[part], pool.part_starts[part + 1]
        own = np.flatnonzero(some[first:end])
        if len(own):
            tables.append(read_stored(part_path(chains, part), columns=["patterns", "bins"]).take(pa.array(own)))
            places.append(first + own)
    table = pa.concat_tables(tables) if tables else None
    positions = np.concatenate(places)
    patterns, names = (None, []) if table is None else codes_of(table["patterns"])
    return (
        Block(
            position=positions,
            tie=pool.tie[positions],
            patterns=patterns,
            entropy=None if table is None else series_of(table["bins"]),
            shortfall=shortfall[positions],
        ),
        names,
    )


def codes_of(column: pa.ChunkedArray) -> tuple[Codes | None, list[str]]:
    """Pattern chains as codes, and the names in order of first appearance; None where the rows have none."""
    array = _one(column)
    values = array.flatten()
    if not len(values):
        return None, []
    encoded = values.dictionary_encode()
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int32)
    return Codes(codes, _starts(array)), encoded.dictionary.to_pylist()


def series_of(column: pa.ChunkedArray) -> Series | None:
    """Entropy chains; None where the rows have none."""
    array = _one(column)
    values: F32 = array.flatten().to_numpy(zero_copy_only=False)
    return Series(np.ascontiguousarray(values, dtype=np.float32), _starts(array)) if len(values) else None


def _one(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def _starts(array: pa.ListArray) -> I64:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
