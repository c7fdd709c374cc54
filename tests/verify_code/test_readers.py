"""Folders of verdicts are read unchanged by what people use."""

from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.verify_code.programs import NEARLY, RIGHT, row, verify, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("read")
    rows = [row("a", RIGHT, stars=1), row("b", NEARLY, stars=None), row("c", "no code", stars=3)]
    verify(write(place / "p.jsonl", rows), place / "out", keep="all")
    return place / "out"


def first_outcomes(results: Any) -> list[str]:
    return [result["outcome"] for result in results]


def test_datasets(folder: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    assert found["id"][:] == ["a", "b", "c"]
    assert first_outcomes(found[1]["test_results"]) == ["pass", "pass", "pass", "error"]
    assert found[0]["prompt"] == [{"role": "user", "content": "Add."}]
    assert found.features["label"].dtype == "bool"


def test_pandas_duckdb_polars(folder: Path) -> None:
    assert pd.read_parquet(folder)["passed"].tolist() == [4, 3, 0]
    query = f"select id, len(test_results), stars from '{folder}/*.parquet' where pass_rate >= 0.75 order by id"
    assert duckdb.sql(query).fetchall() == [("a", 4, 1), ("b", 4, None)]
    assert pl.read_parquet(f"{folder}/*.parquet")["kept"].to_list() == [True, True, True]


def test_costs_and_tests_join_by_name(folder: Path) -> None:
    inner = folder / ".rlbff"
    joined = duckdb.sql(
        f"select id, cpu_ms > 0 from '{folder}/*.parquet' join '{inner}/timings/*.parquet' using (id) order by id"
    )
    assert [name for name, _ in joined.fetchall()] == ["a", "b", "c"]
    (weights,) = duckdb.sql(f"select sum(weight) from '{inner}/tests/*.parquet' group by problem_id").fetchall()
    assert weights[0] == pytest.approx(1)


def test_the_unpaired_columns_of_trl_are_there(folder: Path, tmp_path: Path) -> None:
    from trl.data_utils import is_conversational

    found = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    example = found.select_columns(["prompt", "completion", "label"])[0]
    assert is_conversational(example)
    assert example["completion"][0]["role"] == "assistant"
