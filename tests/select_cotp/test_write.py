"""The rows that are written: what passes through, what is joined to it, and where each row of the input ends."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.select_cotp import write as writing
from stages.select_cotp.arrays import tie_of
from tests.extract_principles.commands import manifest_of, rows_of
from tests.select_cotp.pools import cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)


def test_columns_of_the_input_pass_through_and_give_way_to_ours(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    further = [{"source": f"s{n}", "rank": n, "arm": "left", "n": n % 3, "c": n % 2} for n in range(40)]
    further = [one | {"n": 3, "nested": {"a": [n]}} for n, one in enumerate(further)]
    write(pool, [row | one for row, one in zip(POOL, further, strict=True)])
    select(pool, core, tmp_path / "out", per_core=3, rows_per_shard=7)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 12
    for row in rows:
        own = further[int(row["id"][1:])]
        assert row["source"] == own["source"]
        assert (row["input_rank"], row["input_arm"]) == (own["rank"], "left")
        assert json.loads(row["nested"]) == own["nested"]
        assert (row["rank"] in (1, 2, 3), row["arm"]) == (True, "assign")
    assert "input_rank" in manifest_of(tmp_path / "out")["columns"]


def test_rejected_rows_between_others_shift_nothing(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "clean", per_core=3)
    broken: list[dict[str, Any]] = []
    for number, row in enumerate(POOL):
        if number % 5 == 2:
            broken.append({"id": f"x{number}", "prompt": "q", "completion": 7 if number % 2 else ""})
        broken.append(row)
    path = tmp_path / "broken.jsonl"
    write(path, broken)
    lines = path.read_text().splitlines()
    lines[10:10] = ["{not json", "[]"]
    path.write_text("\n".join(lines) + "\n")
    select(path, core, tmp_path / "out", per_core=3, rows_per_shard=7, max_failed=0.5)
    # without a row there is no id, and no row has the id of another
    keys = ("id", "core_id", "rank", "distance", "prompt", "completion", "patterns", "entropy")
    clean, out = ([{key: row[key] for key in keys} for row in rows_of(tmp_path / n)] for n in ("clean", "out"))
    assert out == clean
    rejected = rows_of(tmp_path / "out", "rejected")
    assert len(rejected) == 10
    assert {row["id"] for row in rejected if row["id"]} >= {f"x{n}" for n in range(2, 40, 5)}
    dropped = {row["id"] for row in rows_of(tmp_path / "out", "dropped")}
    assert dropped | {row["id"] for row in out} == {row["id"] for row in POOL}
    assert manifest_of(tmp_path / "out")["rows"] == {"in": 50, "kept": 12, "dropped": 28, "rejected": 10}


def test_several_files_are_read_as_one_pool(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "one", per_core=3)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(4):
        write(folder / f"{number}.jsonl", POOL[number * 10 : number * 10 + 10])
    select(folder, core, tmp_path / "out", per_core=3, rows_per_shard=6)
    one, out = rows_of(tmp_path / "one"), rows_of(tmp_path / "out")
    assert out == one
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) > 2


def test_the_limit_is_of_the_pool_alone(tmp_path: Path) -> None:
    pool, core = files(tmp_path, core=8)
    report = select(pool, core, tmp_path / "out", limit=5, max_distance=9.0)
    assert report.rows == {"in": 5, "kept": 5, "dropped": 0, "rejected": 0}
    assert report.facts["core_rows"] == 8


def test_chains_that_are_not_used_come_through_as_they_are(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "entropy", lambda_=0.0)
    for row in rows_of(tmp_path / "entropy"):
        assert row["patterns"] == POOL[int(row["id"][1:])]["patterns"]
        assert (row["annotator"], row["entropy_model"]) == (None, "column")
    select(pool, core, tmp_path / "patterns", lambda_=1.0)
    for row in rows_of(tmp_path / "patterns"):
        # entropies that nobody has looked at are not passed on
        assert (row["annotator"], row["entropy_model"], row["entropy"]) == ("column", None, None)
        assert row["num_tokens"] == len(POOL[int(row["id"][1:])]["entropy"])


def test_names_are_written_as_they_were_compared(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [row | {"patterns": [name.upper() for name in row["patterns"]] + ["3."]} for row in POOL])
    names = tmp_path / "names.json"
    names.write_text('{"restate": "plan"}')
    select(pool, core, tmp_path / "out", per_core=3, pattern_map=names)
    for row in rows_of(tmp_path / "out"):
        own = [name.casefold() for name in POOL[int(row["id"][1:])]["patterns"]]
        assert row["patterns"] == ["plan" if name == "restate" else name for name in own]


def test_places_of_patterns_of_the_input_are_kept(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    spans = [[{"start": n, "end": n + 1} for n, _ in enumerate(row["patterns"])] for row in POOL]
    write(pool, [row | {"pattern_spans": own} for row, own in zip(POOL, spans, strict=True)])
    select(pool, core, tmp_path / "out", per_core=3)
    for row in rows_of(tmp_path / "out"):
        assert row["pattern_spans"] == spans[int(row["id"][1:])]


@pytest.mark.parametrize("most", [10, 200_000])
def test_the_table_of_arms_holds_a_sample_of_a_large_pool_and_all_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(writing, "POOL_SHOWN", most)
    pool, core = files(tmp_path)
    rows = [row | ({"success_rate": n / 40} if n % 2 else {}) for n, row in enumerate(POOL)]
    rows[8] = rows[8] | {"patterns": []}
    write(pool, rows)
    select(pool, core, tmp_path / "out", per_core=4, rows_per_shard=7)
    table = pq.read_table(tmp_path / "out" / ".rlbff" / "arms" / "part-00000.parquet").to_pylist()
    shown = [row["id"] for row in table if row["arm"] == "pool"]
    can = sorted((row["id"] for n, row in enumerate(rows) if n != 8), key=tie_of)[:most]
    assert shown == sorted(can, key=lambda name: int(name[1:]))
    arms = [row for row in table if row["arm"] != "pool"]
    assert len(arms) == 16 * 5
    for row in table:
        own = rows[int(row["id"][1:])]
        assert (row["question_id"], row["correct"], row["patterns"], row["num_tokens"], row["chars"]) == (
            own["question_id"],
            own["correct"],
            own["patterns"],
            len(own["entropy"]),
            len(own["completion"]),
        )
        assert row["success_rate"] == pytest.approx(own.get("success_rate"))
        assert (row["core_id"] is None) == (row["arm"] == "pool" or row["arm"].startswith("random"))
