"""What a user may hand in by mistake, and what options may meet: a clear end, never a traceback."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError, DataError, OutputError
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.select_cotp.pools import cot, cots, files, select, write


@pytest.mark.parametrize("spans", ["abc", 5, [{"from": 1}], [1]])
def test_places_of_patterns_without_patterns_are_not_looked_at(tmp_path: Path, spans: object) -> None:
    pool, core = files(tmp_path)
    odd = cot("odd", random.Random(0), patterns=None, pattern_spans=spans)
    write(pool, [*cots("p", 40, 1), odd])
    select(pool, core, tmp_path / "out")
    reasons = {row["id"]: row["dropped_by"] for row in rows_of(tmp_path / "out", "dropped")}
    assert reasons["odd"] == "no_patterns"


def test_a_pool_of_which_every_row_is_rejected_says_why(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [row | {"completion": 5} for row in cots("p", 40, 1)])
    with pytest.raises(DataError, match=r"All 40 rows were rejected.*pool.jsonl:1.*'completion'.*--rejects"):
        select(pool, core, tmp_path / "out")


@pytest.mark.parametrize("options", [{}, {"max_distance": 1.0}, {"tokens": 100.0}, {"build_core": 2}])
def test_a_pool_of_which_every_row_is_dropped_says_by_which_rules(tmp_path: Path, options: dict[str, Any]) -> None:
    pool, core = files(tmp_path)
    write(pool, [row | {"patterns": []} for row in cots("p", 40, 1)])
    with pytest.raises(DataError, match=r"None of the 40 pool rows can be selected .*no_patterns 40"):
        select(pool, None if "build_core" in options else core, tmp_path / "out", **options)


def test_fewer_rows_than_core_rows_have_no_remedy_by_per_core(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=3)
    with pytest.raises(DataError, match=r"only 3 can be selected.*leave out core rows") as caught:
        select(pool, core, tmp_path / "out")
    assert "--per-core 0" not in str(caught.value)


def test_columns_to_match_by_may_be_written_with_commas_and_must_be_there(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    rows = [row | {"level": number % 2, "site": "ab"[number % 3 > 0]} for number, row in enumerate(cots("p", 40, 1))]
    write(pool, rows)
    select(pool, core, tmp_path / "a", match_by=("level, site",), arms=("random-matched",), per_core=3)
    select(pool, core, tmp_path / "b", match_by=("level", "site"), arms=("random-matched",), per_core=3)
    arms = [tmp_path / name / ".rlbff" / "arms" / "part-00000.parquet" for name in "ab"]
    assert arms[0].read_bytes() == arms[1].read_bytes()
    with pytest.raises(DataError, match=r"--match-by nowhere: pool.jsonl .*columns are .*level"):
        select(pool, core, tmp_path / "c", match_by=("level,nowhere",))


@pytest.mark.parametrize("method", ["assign", "knn", "greedy"])
@pytest.mark.parametrize("wanted", [{"per_core": 10**30}, {"per_core": 10**12}, {"tokens": 1e17}])
def test_more_than_there_is_near_enough_is_all_that_is_near_enough(
    tmp_path: Path, method: str, wanted: dict[str, Any]
) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", max_distance=0.5, method=method, **wanted)
    select(pool, core, tmp_path / "all", max_distance=0.5, method=method, per_core=40)
    found, expected = ({row["id"] for row in rows_of(tmp_path / name)} for name in ("out", "all"))
    assert found == expected
    assert 0 < len(found) < 40


def test_an_amount_without_end_is_refused(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    with pytest.raises(ConfigError, match="--tokens is inf"):
        select(pool, core, tmp_path / "out", tokens=float("inf"))


def test_values_of_lambda_that_hardly_differ_are_arms_of_their_own(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    name = "assign:lambda=0.5"
    select(pool, core, tmp_path / "out", sweep=("0.1000001,0.1000002,0.5",), output_arm=name)
    assert {row["arm"] for row in rows_of(tmp_path / "out")} == {name}
    facts = manifest_of(tmp_path / "out")["facts"]
    names = [arm["arm"] for arm in facts["arms"]]
    assert {"assign:lambda=0.1000001", "assign:lambda=0.1000002", name} <= set(names)
    assert len(names) == len(set(names))


def test_entropies_of_steps_need_patterns_though_no_distance_compares_them(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", bins="per-step", patterns="rules", lambda_=0.0)
    row = rows_of(tmp_path / "out")[0]
    assert (row["annotator"], row["d_pattern"]) == ("rules@1", None)
    assert len(row["patterns"]) == len(row["pattern_spans"]) > 0


def test_benchmark_files_may_be_written_with_commas(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    names = [str(write(tmp_path / f"b{number}.jsonl", [{"question": f"What is p{number}?"}])) for number in (5, 7)]
    select(pool, core, tmp_path / "out", benchmarks=(", ".join(names),))
    dropped = rows_of(tmp_path / "out", "dropped")
    assert {row["id"] for row in dropped if row["dropped_by"] == "contaminated"} == {"p5", "p7"}


def test_a_core_set_in_the_output_folder_is_refused_before_it_is_emptied(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(OutputError, match="lies in the run"):
        select(pool, tmp_path / "out" / ".rlbff" / "core", tmp_path / "out", overwrite=True, per_core=2)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("gone", ["core", "arms", "report/decided.json", "chains", "candidates", "done", "plan.json"])
def test_what_is_gone_of_a_finished_folder_is_made_again_where_it_is_needed(tmp_path: Path, gone: str) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out")
    before = contents(tmp_path / "out")
    path = tmp_path / "out" / ".rlbff" / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    report = select(pool, core, tmp_path / "out")
    assert report.complete
    after = contents(tmp_path / "out")
    assert {name: data for name, data in before.items() if name in after} == after
    assert before.keys() == after.keys() or gone in ("chains", "candidates")


@pytest.mark.parametrize("gone", ["chains/part-00000.parquet", "candidates/found/part-00000.parquet"])
def test_a_damaged_file_of_a_first_pass_is_made_again(tmp_path: Path, gone: str) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out")
    before = (tmp_path / "out" / "part-00000.parquet").read_bytes()
    path = tmp_path / "out" / ".rlbff" / gone
    path.write_bytes(bytes(path.stat().st_size))
    (tmp_path / "out" / "part-00000.parquet").unlink()
    select(pool, core, tmp_path / "out")
    assert (tmp_path / "out" / "part-00000.parquet").read_bytes() == before
