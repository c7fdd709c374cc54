"""Core sets, given or built: how they are read, made like the pool, and stored so that everything after agrees."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from stages.core.errors import ConfigError, DataError
from stages.core.shards import part_path
from stages.select_cotp.arrays import tie_of
from stages.select_cotp.core_rows import load_core, write_core
from tests.extract_principles.commands import rows_of
from tests.naive import core_set as naive
from tests.naive import weights
from tests.select_cotp.laid import by_columns, configured, made
from tests.select_cotp.pools import NAMES, cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)


def core_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / ".rlbff" / "core" / "part-00000.parquet").to_pylist()
    return rows


def test_a_given_core_set_is_stored_in_its_order_with_texts_and_chains(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out")
    stored = core_of(tmp_path / "out")
    assert [row["id"] for row in stored] == ["c0", "c1", "c2", "c3"]
    for row, own in zip(stored, CORE, strict=True):
        assert row["prompt"] == [{"role": "user", "content": own["prompt"]}]
        assert row["completion"] == [{"role": "assistant", "content": own["completion"]}]
        assert row["patterns"] == own["patterns"]
        assert row["entropy"] == [float(np.float16(value)) for value in own["entropy"]]
        assert len(row["bins"]) == 16
        assert (row["why"], row["gain"]) == (None, None)


def test_a_core_set_is_made_like_the_pool_but_for_benchmarks(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [{name: row[name] for name in row if name != "patterns"} for row in POOL])
    bench = write(tmp_path / "bench.jsonl", [{"question": CORE[1]["prompt"]}, {"question": POOL[3]["prompt"]}])
    names = tmp_path / "names.json"
    names.write_text('{"compute": "calculate"}')
    select(pool, core, tmp_path / "out", benchmarks=(str(bench),), pattern_map=names, entropy_model=None)
    # the pool has no patterns, so both are annotated by the rules
    stored = core_of(tmp_path / "out")
    assert {row["annotator"] for row in [*stored, *rows_of(tmp_path / "out")]} == {"rules@1"}
    assert "compute" not in {name for row in stored for name in row["patterns"]}
    assert [row["dropped_by"] for row in stored] == [None] * 4
    reasons = {row["id"]: row["dropped_by"] for row in rows_of(tmp_path / "out", "dropped")}
    assert reasons["p3"] == "contaminated"


def test_columns_are_mapped_in_both_or_where_they_are(tmp_path: Path) -> None:
    def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{{"completion": "cot", "entropy": "h"}.get(k, k): v for k, v in row.items()} for row in rows]

    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "plain", per_core=2)
    expected = [(row["id"], row["core_id"], row["distance"]) for row in rows_of(tmp_path / "plain")]
    write(pool, renamed(POOL))
    for name, rows in (("same", renamed(CORE)), ("ours", CORE)):
        write(core, rows)
        select(pool, core, tmp_path / name, per_core=2, map=("completion=cot,entropy=h",))
        assert [(row["id"], row["core_id"], row["distance"]) for row in rows_of(tmp_path / name)] == expected


def test_a_core_set_that_is_a_file_of_the_output_of_another_run(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "first", per_core=2)
    other = write(tmp_path / "other.jsonl", cots("o", 30, 9))
    select(other, tmp_path / "first", tmp_path / "second", per_core=3)
    assert [row["id"] for row in core_of(tmp_path / "second")] == [row["id"] for row in rows_of(tmp_path / "first")]
    counts = Counter(row["core_id"] for row in rows_of(tmp_path / "second"))
    assert set(counts.values()) == {3}
    assert len(counts) == 8


def test_the_arrays_of_a_core_set(tmp_path: Path) -> None:
    config = configured(idf="plain")
    rows = [row | {"question_id": f"q{n % 3}"} for n, row in enumerate(CORE)]
    found: Any = made(by_columns(config), rows)
    from stages.select_cotp.chaining import stored_row

    write_core(tmp_path, [stored_row(chain, with_entropy=True) for chain in found])
    core = load_core(tmp_path, config)
    assert core.ids == ("c0", "c1", "c2", "c3")
    assert core.questions == ("q0", "q1", "q2", "q0")
    assert core.tie.tolist() == [tie_of(f"c{n}") for n in range(4)]
    assert core.patterns is not None
    assert core.weights is not None
    assert [core.names[code] for code in core.patterns.values] == [name for row in rows for name in row["patterns"]]
    expected = weights.importance([row["patterns"] for row in rows], list(core.questions), "plain")
    assert core.weights.tolist() == pytest.approx([value for own in expected for value in own])
    assert core.entropy is not None
    assert core.entropy.length == 8
    ones = load_core(tmp_path, configured(weights="none"))
    assert ones.weights is not None
    assert set(ones.weights.tolist()) == {1.0}
    assert load_core(tmp_path, configured(lambda_=1.0)).entropy is None
    bare = load_core(tmp_path, configured(lambda_=0.0))
    assert (bare.patterns, bare.weights, bare.names) == (None, None, [])
    assert core.sha == ones.sha
    write_core(tmp_path, [stored_row(chain, with_entropy=True) for chain in found[:3]])
    assert load_core(tmp_path, config).sha != core.sha


def test_a_core_set_is_built_in_the_order_of_picking_with_the_texts_of_its_rows(tmp_path: Path) -> None:
    rows = [row | {"type": ("algebra", "logic")[n % 2], "level": 1 + n % 5} for n, row in enumerate(POOL)]
    folder = tmp_path / "pool"
    folder.mkdir()
    for number in range(3):
        write(folder / f"{number}.jsonl", rows[number * 14 : number * 14 + 14])
    select(folder, None, tmp_path / "out", build_core=7, per_question=1, rows_per_shard=5)
    stored = core_of(tmp_path / "out")
    by_id = {row["id"]: row for row in rows}
    assert len(stored) == len({row["id"] for row in stored}) == 7
    assert max(Counter(row["question_id"] for row in stored).values()) == 1
    for row in stored:
        own = by_id[row["id"]]
        assert own["correct"]
        assert row["completion"] == [{"role": "assistant", "content": own["completion"]}]
        assert row["prompt"] == [{"role": "user", "content": own["prompt"]}]
        assert row["patterns"] == own["patterns"]
        assert row["entropy"] == [float(np.float16(value)) for value in own["entropy"]]
        assert row["why"].startswith("cover ")
    gains = [row["gain"] for row in stored if row["why"] == "cover 1"]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0
    # the same rows of one file, in parts of another size
    one = write(tmp_path / "one.jsonl", rows)
    select(one, None, tmp_path / "again", build_core=7, per_question=1)
    assert [row["id"] for row in core_of(tmp_path / "again")] == [row["id"] for row in stored]


def test_what_is_picked_is_what_a_plain_greedy_cover_picks(tmp_path: Path) -> None:
    rows = [row | {"type": ("algebra", "logic")[n % 2], "level": 1 + n % 5} for n, row in enumerate(POOL)]
    rows[1]["completion"] = rows[0]["completion"]  # ruled out, so that places and positions differ
    rows[2]["patterns"] = []
    pool = write(tmp_path / "pool.jsonl", rows)
    select(pool, None, tmp_path / "out", build_core=9, rows_per_shard=8)
    stored = core_of(tmp_path / "out")
    left = [row for n, row in enumerate(rows) if n not in (1, 2)]
    picks = naive.build([plain(row) for row in left], 9, 2, ())
    assert [(row["id"], row["why"]) for row in stored] == [(left[place]["id"], why) for place, _, why in picks]
    assert [row["gain"] for row in stored] == pytest.approx([gain for _, gain, _ in picks])


def plain(row: dict[str, Any]) -> naive.Row:
    return naive.Row(
        id=row["id"],
        question=int(row["question_id"][1:]),
        kind=("algebra", "logic").index(row["type"]),
        correct=int(row["correct"]),
        patterns=tuple(NAMES.index(name) for name in row["patterns"]),
        tokens=len(row["entropy"]),
        hardness=row["level"],
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (lambda n: {"level": n % 7}, [6, 5, 4]),
        (lambda n: {"success_rate": 1 - (n % 7) / 8}, [6, 5, 4]),
        # a difficulty, where rows have one, is what counts
        (lambda n: {"level": n % 7, "success_rate": (n % 7) / 8}, [6, 5, 4]),
    ],
)
def test_of_rows_that_cover_as_much_the_harder_are_picked(tmp_path: Path, columns: Any, expected: list[int]) -> None:
    rows = [
        row | {"patterns": ["plan"], "type": f"kind {n % 7}", "question_id": f"q{n}", "correct": True} | columns(n)
        for n, row in enumerate(POOL)
    ]
    select(write(tmp_path / "pool.jsonl", rows), None, tmp_path / "out", build_core=3, rows_per_shard=9)
    assert [int(row["id"][1:]) % 7 for row in core_of(tmp_path / "out")] == expected


def test_an_accept_list_comes_first_and_must_be_right(tmp_path: Path) -> None:
    pool, _ = files(tmp_path)
    right = [row["id"] for row in POOL if row["correct"]]
    wrong = next(row["id"] for row in POOL if not row["correct"])
    accepted = tmp_path / "ids.txt"
    accepted.write_text(f"\n{right[5]}\n {right[2]} \n{right[5]}\n")
    select(pool, None, tmp_path / "out", build_core=4, accept_list=accepted)
    stored = core_of(tmp_path / "out")
    assert [row["id"] for row in stored[:2]] == [right[5], right[2]]
    assert [row["why"] for row in stored][:2] == ["accepted"] * 2
    assert all(row["why"].startswith("cover") for row in stored[2:])
    for text, error in ((wrong, DataError), ("nobody", DataError), ("\n".join(right[:5]), ConfigError)):
        accepted.write_text(text)
        with pytest.raises(error):
            select(pool, None, tmp_path / "out", build_core=4, accept_list=accepted, overwrite=True)


def test_a_core_set_without_rows_is_no_core_set(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    core.write_text("")
    with pytest.raises(DataError):
        select(pool, core, tmp_path / "out")
    assert not part_path(tmp_path / "out" / ".rlbff" / "core", 0).exists()
