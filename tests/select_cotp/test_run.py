"""The stage as a whole: what is selected, what is written of it, what decides it, and what is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.core.errors import ConfigError, DataError, OutputError
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.naive import selection_of_cots as naive
from tests.select_cotp.pools import BINS, cot, cots, files, select, write


def decided(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / ".rlbff" / "report" / "decided.json").read_text())
    return facts


def by_id(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows_of(folder)}


def results(folder: Path) -> dict[str, bytes]:
    """Every file but locks, the options as they were typed, and candidates: which are stored depends on what a process
    had seen before."""
    apart = ("lock", "config.yaml", "candidates/")
    return {name: data for name, data in contents(folder).items() if not any(part in name for part in apart)}


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("per_core", [1, 3])
def test_the_selection_is_that_of_dense_matrices(tmp_path: Path, share: float, per_core: int) -> None:
    pool, core = files(tmp_path)
    report = select(pool, core, tmp_path / "out", lambda_=share, per_core=per_core)
    assert report.rows == {"in": 40, "kept": 4 * per_core, "dropped": 40 - 4 * per_core, "rejected": 0}
    facts = decided(tmp_path / "out")
    rows, core_rows = cots("p", 40, 1), cots("c", 4, 2)
    scales = naive.medians(core_rows, rows, BINS)
    used = [(scale if on else 1.0) for scale, on in zip(scales, (share > 0, share < 1), strict=True)]
    assert facts["scales"] == pytest.approx(used, rel=1e-5)
    pairs, total = naive.selected(core_rows, rows, per_core, share, scales, BINS)
    found = by_id(tmp_path / "out")
    assert {name: row["core_id"] for name, row in found.items()} == pairs
    assert sum(row["distance"] for row in found.values()) == pytest.approx(total, rel=1e-5)
    assert facts["certificate"]["certified"]
    assert facts["certificate"]["distance"] == pytest.approx(total, rel=1e-5)


def test_each_row_says_for_whom_it_was_selected_and_how_near_it_is(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2)
    facts, found = decided(tmp_path / "out"), rows_of(tmp_path / "out")
    rows = {row["id"]: row for row in cots("p", 40, 1)}
    pattern, entropy = naive.distances(cots("c", 4, 2), cots("p", 40, 1), BINS)
    for row in found:
        own = rows[row["id"]]
        i, j = int(row["core_id"][1:]), int(row["id"][1:])
        assert row["d_pattern"] == pytest.approx(pattern[i, j], rel=1e-5)
        assert row["d_entropy"] == pytest.approx(entropy[i, j], rel=1e-5)
        parts = (row["d_pattern"] / facts["scales"][0], row["d_entropy"] / facts["scales"][1])
        assert row["distance"] == pytest.approx(0.8 * parts[0] + 0.2 * parts[1], rel=1e-6)
        assert row["prompt"] == [{"role": "user", "content": own["prompt"]}]
        assert row["completion"] == [{"role": "assistant", "content": own["completion"]}]
        assert row["patterns"] == own["patterns"]
        assert row["entropy"] == pytest.approx(own["entropy"], rel=1e-3)
        assert (row["arm"], row["annotator"], row["entropy_model"]) == ("assign", "column", "column")
        assert row["num_tokens"] == len(own["entropy"])
    ranks = sorted((row["core_id"], row["rank"]) for row in found)
    assert ranks == [(f"c{i}", rank) for i in range(4) for rank in (1, 2)]
    for i in range(4):
        near = {row["rank"]: row["distance"] for row in found if row["core_id"] == f"c{i}"}
        assert near[1] <= near[2]


def test_the_order_of_the_input_is_kept_and_every_other_row_is_dropped_by_name(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2, rows_per_shard=7)
    found = [row["id"] for row in rows_of(tmp_path / "out")]
    assert found == sorted(found, key=lambda name: int(name[1:]))
    dropped = rows_of(tmp_path / "out", "dropped")
    assert {row["dropped_by"] for row in dropped} == {"not_selected"}
    assert {row["id"] for row in dropped} | set(found) == {f"p{number}" for number in range(40)}
    manifest = manifest_of(tmp_path / "out")
    assert manifest["rows"] == {"in": 40, "kept": 8, "dropped": 32, "rejected": 0}


def test_rows_that_cannot_be_selected_are_dropped_by_their_reason(tmp_path: Path) -> None:
    draw = random.Random(5)
    core = cots("c", 3, 2)
    rows = cots("p", 20, 1)
    rows += [
        cot("empty", draw, patterns=[]),
        cot("numbering", draw, patterns=["1.", " "]),
        cot("silent", draw, entropy=[]),
        cot("nan", draw, entropy=[0.1, None, 0.2]),
        cot("negative", draw, entropy=[0.1, -0.5]),
        cot("huge", draw, entropy=[0.1, 99.0]),
        rows[3] | {"id": "again"},
        rows[4] | {"id": "nearly", "completion": rows[4]["completion"].upper() + "  "},
        core[1] | {"id": "from the core"},
    ]
    path = write(tmp_path / "pool.jsonl", rows)
    select(path, write(tmp_path / "core.jsonl", core), tmp_path / "out", per_core=2)
    reasons = {row["id"]: row["dropped_by"] for row in rows_of(tmp_path / "out", "dropped")}
    assert {name: reasons[name] for name in reasons if not name.startswith("p")} == {
        "empty": "no_patterns",
        "numbering": "no_patterns",
        "silent": "no_entropy",
        "nan": "bad_entropy",
        "negative": "bad_entropy",
        "huge": "bad_entropy",
        "again": "duplicate",
        "nearly": "duplicate",
        "from the core": "in_core",
    }


def test_questions_of_benchmarks_are_left_out(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    rows = cots("p", 40, 1)
    long = "How many ways are there to put seven different books on two shelves of equal length?"
    rows[5]["prompt"] = f"Please answer briefly. {long}"
    write(pool, rows)
    short = write(tmp_path / "a.jsonl", [{"question": "what is  P7?"}])
    books = write(tmp_path / "b.jsonl", [{"problem": long, "answer": "42"}])
    select(pool, core, tmp_path / "out", benchmarks=(str(short), str(books)))
    dropped = rows_of(tmp_path / "out", "dropped")
    assert {row["id"] for row in dropped if row["dropped_by"] == "contaminated"} == {"p5", "p7"}


def test_lambda_1_needs_no_entropies_and_lambda_0_no_patterns(tmp_path: Path) -> None:
    rows, core = cots("p", 12, 1), cots("c", 2, 2)
    for share, column in ((1.0, "entropy"), (0.0, "patterns")):
        without = [{name: value for name, value in row.items() if name != column} for row in rows]
        bare = [{name: value for name, value in row.items() if name != column} for row in core]
        pool = write(tmp_path / f"{column}.jsonl", without)
        out = tmp_path / f"out-{column}"
        select(pool, write(tmp_path / f"core-{column}.jsonl", bare), out, lambda_=share)
        assert len(rows_of(out)) == 2
        assert {row["d_entropy" if share == 1 else "d_pattern"] for row in rows_of(out)} == {None}


def test_shares_in_any_order_and_one_call_at_the_end_give_the_same_bytes(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    options: dict[str, Any] = {"per_core": 2, "rows_per_shard": 6, "sweep": ("0,1",)}
    select(pool, core, tmp_path / "whole" / "out", **options)
    for share in ("3/3", "1/3", "2/3", "3/3", "2/3", "1/3"):
        report = select(pool, core, tmp_path / "shares" / "out", shard=share, **options)
    assert report.complete
    assert results(tmp_path / "shares" / "out") == results(tmp_path / "whole" / "out")
    early = select(pool, core, tmp_path / "early" / "out", shard="2/3", **options)
    assert not early.complete
    assert select(pool, core, tmp_path / "early" / "out", **options).complete
    for path in sorted((tmp_path / "whole" / "out").glob("*.parquet")):
        assert (tmp_path / "early" / "out" / path.name).read_bytes() == path.read_bytes()


def test_workers_kernels_pruning_and_memory_change_no_byte(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=80)
    select(pool, core, tmp_path / "a", per_core=3)
    ways: list[dict[str, Any]] = [
        {"workers": 2},
        {"kernel": "scalar"},
        {"prune": "none"},
        {"prune": "patterns"},
        {"memory_mb": 64},
    ]
    first = {path.name: path.read_bytes() for path in sorted((tmp_path / "a").glob("*.parquet"))}
    for number, way in enumerate(ways):
        out = tmp_path / str(number)
        select(pool, core, out, per_core=3, **way)
        assert {path.name: path.read_bytes() for path in sorted(out.glob("*.parquet"))} == first, way


def test_the_number_of_candidates_changes_no_row_where_distances_differ(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=80)
    select(pool, core, tmp_path / "a", per_core=3)
    select(pool, core, tmp_path / "b", per_core=3, candidates=3)
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")


def test_a_finished_folder_is_left_alone_and_another_configuration_refused(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out")
    before = contents(tmp_path / "out")
    select(pool, core, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    with pytest.raises(OutputError, match="per_core"):
        select(pool, core, tmp_path / "out", per_core=2)
    write(core, cots("c", 4, 99))
    with pytest.raises(OutputError, match="core_files"):
        select(pool, core, tmp_path / "out")
    select(pool, core, tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "out") != before


def test_the_same_files_elsewhere_are_the_same_configuration(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    names = tmp_path / "names.json"
    names.write_text('{"plan": "restate"}')
    items = write(tmp_path / "items.jsonl", [{"question": "what is p7?"}])
    moved = [path.rename(tmp_path / "elsewhere" / f"my {path.name}") for path in map(copied, (core, names, items))]
    select(pool, core, tmp_path / "a" / "out", pattern_map=names, benchmarks=(str(items),))
    select(pool, moved[0], tmp_path / "b" / "out", pattern_map=moved[1], benchmarks=(str(moved[2]),))
    assert results(tmp_path / "a" / "out") == results(tmp_path / "b" / "out")
    report = select(pool, moved[0], tmp_path / "a" / "out", pattern_map=moved[1], benchmarks=(str(moved[2]),))
    assert report.complete
    for name, data in ((1, '{"plan": "check"}'), (2, '{"question": "what is p8?"}\n')):
        before = moved[name].read_bytes()
        moved[name].write_text(data)
        with pytest.raises(OutputError, match=r"pattern_names|benchmark_files"):
            select(pool, moved[0], tmp_path / "a" / "out", pattern_map=moved[1], benchmarks=(str(moved[2]),))
        moved[name].write_bytes(before)


def test_a_list_of_accepted_ids_elsewhere_is_the_same_configuration(tmp_path: Path) -> None:
    rows = [row | {"correct": True, "success_rate": 0.5} for row in cots("p", 40, 1)]
    pool, ids = write(tmp_path / "pool.jsonl", rows), tmp_path / "ids.txt"
    ids.write_text("p3\n")
    select(pool, None, tmp_path / "out", build_core=3, accept_list=ids)
    before = results(tmp_path / "out")
    select(pool, None, tmp_path / "out", build_core=3, accept_list=copied(ids))
    assert results(tmp_path / "out") == before
    ids.write_text("p5\n")
    with pytest.raises(OutputError, match="accepted"):
        select(pool, None, tmp_path / "out", build_core=3, accept_list=ids)


def copied(path: Path) -> Path:
    copy = path.with_name(f"copy of {path.name}")
    copy.write_bytes(path.read_bytes())
    return copy


def test_a_core_set_is_built_from_right_answers_and_can_be_used_again(tmp_path: Path) -> None:
    pool, _ = files(tmp_path)
    accepted = write(tmp_path / "ids.txt", [])
    rows = cots("p", 40, 1)
    right = [row["id"] for row in rows if row["correct"]]
    accepted.write_text(f"{right[3]}\n")
    select(pool, None, tmp_path / "out", build_core=5, accept_list=accepted, per_core=2)
    core = pq.read_table(tmp_path / "out" / ".rlbff" / "core" / "part-00000.parquet").to_pylist()
    assert core[0]["id"] == right[3]
    assert core[0]["why"] == "accepted"
    assert {row["id"] for row in core} <= set(right)
    assert len(core) == 5
    reasons = {row["id"]: row["dropped_by"] for row in rows_of(tmp_path / "out", "dropped")}
    assert {name for name, reason in reasons.items() if reason == "in_core"} == {row["id"] for row in core}
    select(pool, tmp_path / "out" / ".rlbff" / "core", tmp_path / "again", per_core=2)
    first = {row["id"]: (row["core_id"], row["rank"], row["distance"]) for row in rows_of(tmp_path / "out")}
    assert {row["id"]: (row["core_id"], row["rank"], row["distance"]) for row in rows_of(tmp_path / "again")} == first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patterns": []}, "core.jsonl:2.*'c1'.*no pattern chain"),
        ({"entropy": []}, "core.jsonl:2.*'c1'.*no entropies"),
        ({"entropy": [0.1, None]}, "core.jsonl:2.*'c1'.*cannot be"),
        ({"patterns": "plan"}, "core.jsonl:2.*patterns"),
        ({"completion": None}, "core.jsonl:2"),
    ],
)
def test_a_core_row_that_cannot_be_used_ends_the_run(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    pool, core = files(tmp_path)
    rows = cots("c", 4, 2)
    write(core, [rows[0], rows[1] | change, *rows[2:]])
    with pytest.raises(DataError, match=words):
        select(pool, core, tmp_path / "out")


def test_too_few_rows_are_said_with_the_three_numbers(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=11)
    with pytest.raises(DataError, match=r"4 core rows x 3 each need 12 .* only 11 .* --per-core 2"):
        select(pool, core, tmp_path / "out", per_core=3)


def test_rejected_rows_are_stored_with_field_and_remedy(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    rows = cots("p", 200, 1)
    draw = random.Random(0)
    bad = [
        rows[0],
        cot("number", draw, completion=7),
        cot("lengths", draw, entropy=[0.1, 0.2], num_tokens=3),
        cot("long", draw, patterns=["plan"] * 1025),
    ]
    write(pool, [*rows, *bad])
    select(pool, core, tmp_path / "out", max_failed=0.1)
    found = {row["id"]: (row["reason"], row["field"]) for row in rows_of(tmp_path / "out", "rejected")}
    assert len(found) == 4
    assert found["number"][1] == "completion"
    assert found["lengths"][0] == "length_mismatch"
    assert found["long"][1] == "patterns"
    assert manifest_of(tmp_path / "out")["rejected_by"]["duplicate_id"] == 1


def test_entropies_of_two_models_are_refused(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [row | {"entropy_model": "a@1"} for row in cots("p", 40, 1)])
    write(core, [row | {"entropy_model": "b@1"} for row in cots("c", 4, 2)])
    with pytest.raises(DataError, match="different models"):
        select(pool, core, tmp_path / "out")
    select(pool, core, tmp_path / "patterns alone", lambda_=1.0)


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    for options, words in (
        ({"build_core": 3}, "one of the two"),
        ({"per_core": 1, "tokens": 10.0}, "one of them"),
        ({"arms": ("knn,nearest",)}, "nearest"),
        ({"sweep": ("0,two",)}, "two"),
        ({"lambda_": 1.5}, "--lambda"),
        ({"bins": "none", "band": 0.1}, "equal length"),
        ({"bins": "1"}, "--bins"),
        ({"output_arm": "assign:lambda=0.5"}, "--output-arm"),
    ):
        with pytest.raises(ConfigError, match=words):
            select(pool, core, tmp_path / "out", **options)  # type: ignore[arg-type]
