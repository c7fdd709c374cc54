"""The pool as arrays: what is read of stored chains, and which rows may be selected."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stages.core.errors import DataError
from stages.select_cotp.arrays import tie_of
from stages.select_cotp.pool import Pool, check_models, codes_of, inventory, read_block, series_of
from tests.select_cotp.laid import by_columns, configured, pool_of, store
from tests.select_cotp.pools import cots

ROWS = cots("p", 9, 1)


def pool_from(root: Path, parts: list[Any], **options: Any) -> tuple[Path, Pool]:
    config = configured(**options)
    chains = store(root / "chains", by_columns(config), parts)
    return chains, pool_of(chains, config, len(parts))


def test_arrays_are_over_all_rows_of_all_parts_in_their_order(tmp_path: Path) -> None:
    rows = [row | {"success_rate": rate} for row, rate in zip(ROWS, (None, 0.0, 0.5, 1.0, *[0.25] * 5), strict=True)]
    rows[2] = rows[2] | {"correct": None}
    _, pool = pool_from(tmp_path, [rows[:4], [], rows[4:]])
    assert pool.part_starts.tolist() == [0, 4, 4, 9]
    assert len(pool) == 9
    assert pool.tie.tolist() == [tie_of(f"p{n}") for n in range(9)]
    assert [pool.questions[place] for place in pool.question] == [row["question_id"] for row in rows]
    assert pool.correct.tolist() == [-1 if n == 2 else int(row["correct"]) for n, row in enumerate(rows)]
    assert np.isnan(pool.success_rate[0])
    assert pool.success_rate[1:].tolist() == [0, 0.5, 1, *[0.25] * 5]
    assert pool.num_tokens.tolist() == [len(row["entropy"]) for row in rows]
    assert pool.chars.tolist() == [len(row["completion"]) for row in rows]
    assert pool.eligible.all()
    assert len(set(pool.digest.tolist())) == 9
    assert pool.entropy_models == ("column",)


def test_rows_keep_the_first_reason_for_which_they_are_ruled_out(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS]
    rows[1]["patterns"] = []
    rows[4]["entropy"] = [0.1, None]
    _, pool = pool_from(tmp_path, [rows[:3], rows[3:]])
    assert [pool.reason(n) for n in range(9)] == [None, "no_patterns", None, None, "bad_entropy", *[None] * 4]
    places = np.zeros(9, dtype=bool)
    places[[0, 1, 8]] = True
    pool.drop(places, "in_core")
    assert [pool.reason(n) for n in (0, 1, 8)] == ["in_core", "no_patterns", "in_core"]
    assert pool.drops() == {"bad_entropy": 1, "in_core": 2, "no_patterns": 1}
    facts = pool.facts(np.arange(9.0))
    assert facts.position.tolist() == [2, 3, 5, 6, 7]
    assert facts.shortfall.tolist() == [2, 3, 5, 6, 7]
    assert facts.tie.tolist() == [tie_of(f"p{n}") for n in (2, 3, 5, 6, 7)]
    assert facts.tokens.tolist() == [len(rows[n]["entropy"]) for n in (2, 3, 5, 6, 7)]


def test_a_row_that_is_ruled_out_takes_no_duplicate_with_it(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS]
    rows[0]["patterns"] = []
    for later in (3, 6):
        rows[later]["completion"] = rows[0]["completion"]
    _, pool = pool_from(tmp_path, [rows[:5], rows[5:]])
    assert [pool.reason(n) for n in (0, 3, 6)] == ["no_patterns", None, "duplicate"]


def test_how_alike_duplicates_are_is_an_option(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    texts = [words, f"{words} end", words.upper(), "Another text altogether."]
    rows = [row | {"completion": text} for row, text in zip(ROWS, texts, strict=False)]
    for share, expected in ((0.9, [0, 3]), (1.0, [0, 1, 3]), (None, [0, 1, 2, 3])):
        _, pool = pool_from(tmp_path / str(share), [rows[:2], rows[2:]], near_duplicates=share)
        assert np.flatnonzero(pool.eligible).tolist() == expected, share


def test_strata_are_the_values_of_all_columns_to_match_by(tmp_path: Path) -> None:
    values = [("a", 1), ("a", 2), ("b", 1), ("a", 1), (None, 1), ("a", "1"), ("a", 2), ("b", 1), (None, 1)]
    rows = [row | {"source": one, "grade": other} for row, (one, other) in zip(ROWS, values, strict=True)]
    _, pool = pool_from(tmp_path, [rows], match_by=("source", "grade"))
    for one in range(9):
        for other in range(9):
            assert (pool.strata[one] == pool.strata[other]) == (values[one] == values[other])


def test_a_block_holds_the_chains_of_rows_that_may_be_selected(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS]
    rows[1]["patterns"] = []
    chains, pool = pool_from(tmp_path, [rows[:3], [], rows[3:6], rows[6:]])
    shortfall = np.arange(9.0)
    wanted = np.ones(9, dtype=bool)
    wanted[4] = False
    for parts, mask, positions in (
        ([0], None, [0, 2]),
        ([1], None, []),
        ([2, 3], None, [3, 4, 5, 6, 7, 8]),
        ([3, 0], None, [6, 7, 8, 0, 2]),
        ([0, 1, 2, 3], wanted, [0, 2, 3, 5, 6, 7, 8]),
    ):
        block, names = read_block(chains, parts, pool, shortfall, mask)
        assert block.position.tolist() == positions
        assert block.tie.tolist() == [tie_of(f"p{n}") for n in positions]
        assert block.shortfall.tolist() == positions
        if not positions:
            assert (block.patterns, block.entropy, names) == (None, None, [])
            continue
        assert block.patterns is not None
        assert block.entropy is not None
        starts = block.patterns.starts
        decoded = [[names[code] for code in block.patterns.values[low:high]] for low, high in pairwise(starts.tolist())]
        assert decoded == [rows[n]["patterns"] for n in positions]
        assert len(names) == len({*names}) == len({name for chain in decoded for name in chain})
        assert block.entropy.length == 8


def test_chains_become_codes_in_slices_too() -> None:
    column = pa.chunked_array([pa.array([["x"], ["a", "b"], [], ["b"]]).slice(1), pa.array([["c", "a"]])])
    codes, names = codes_of(column)
    assert codes is not None
    assert (names, codes.values.tolist(), codes.starts.tolist()) == (["a", "b", "c"], [0, 1, 1, 2, 0], [0, 2, 2, 3, 5])
    assert codes_of(pa.chunked_array([pa.array([None, []], type=pa.list_(pa.string()))])) == (None, [])
    numbers = pa.chunked_array([pa.array([[9.0], [1, 2], [3.0]], type=pa.list_(pa.float32())).slice(1)])
    series = series_of(numbers)
    assert series is not None
    assert (series.values.tolist(), series.starts.tolist(), series.length) == ([1, 2, 3], [0, 2, 3], None)
    assert series_of(pa.chunked_array([pa.array([None], type=pa.list_(pa.float32()))])) is None


def test_the_inventory_counts_names_of_all_parts_and_chains_with_names(tmp_path: Path) -> None:
    rows = [
        row | {"patterns": names} for row, names in zip(ROWS, (["a", "b", "b"], [], ["b"], ["c", "a"]), strict=False)
    ]
    chains, _ = pool_from(tmp_path, [rows[:2], [], rows[2:]])
    found, unnamed = inventory(chains, 3)
    assert unnamed == 0
    assert list(found.occurrences.items()) == [("b", 3), ("a", 2), ("c", 1)]
    assert found.num_chains == 3


def test_only_named_models_are_compared() -> None:
    check_models([])
    check_models(["column", "a", "a", "column"])
    with pytest.raises(DataError, match=r"different models \(a, b\)"):
        check_models(["b", "column", "a"])
