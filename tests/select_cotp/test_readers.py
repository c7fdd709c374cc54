"""Folders of selected rows are read unchanged by what people use, TRL's trainer among them."""

import subprocess
import sys
from pathlib import Path

import datasets
import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.extract_principles.commands import environment, rows_of
from tests.select_cotp.pools import files, select


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("read")
    pool, core = files(place)
    select(pool, core, place / "out", per_core=3, rows_per_shard=15, sweep=("0",))
    return place / "out"


def test_datasets(folder: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    rows = rows_of(folder)
    assert found["id"][:] == [row["id"] for row in rows]
    assert found[0]["completion"] == rows[0]["completion"]
    assert found.features["distance"].dtype == "float64"
    assert found.features["entropy"].feature.dtype == "float16"


def test_pandas_duckdb_polars(folder: Path) -> None:
    rows = rows_of(folder)
    assert pd.read_parquet(folder)["core_id"].tolist() == [row["core_id"] for row in rows]
    assert pl.read_parquet(f"{folder}/*.parquet")["rank"].to_list() == [row["rank"] for row in rows]
    query = f"select core_id, count(*), min(distance) from '{folder}/*.parquet' group by core_id order by core_id"
    found = duckdb.sql(query).fetchall()
    assert [one[:2] for one in found] == [(f"c{n}", 3) for n in range(4)]
    assert found[0][2] == min(row["distance"] for row in rows if row["core_id"] == "c0")


def test_arms_join_with_the_rows_by_their_ids(folder: Path) -> None:
    table = f"'{folder}/.rlbff/arms/*.parquet'"
    query = f"select count(*) from '{folder}/*.parquet' s join {table} a on s.id = a.id and a.arm = 'assign'"
    assert duckdb.sql(query).fetchall() == [(12,)]
    counts = dict(duckdb.sql(f"select arm, count(*) from {table} group by arm").fetchall())
    assert counts.pop("pool") == 40
    assert set(counts.values()) == {12}


def test_core_sets_are_tables_too(folder: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(folder / ".rlbff" / "core"), split="train", cache_dir=str(tmp_path))
    assert found["id"][:] == ["c0", "c1", "c2", "c3"]


SFT = """
import sys
import datasets
from trl import SFTConfig, SFTTrainer
from trl.data_utils import is_conversational
from tests.tiny_models import save_tiny_causal_lm
save_tiny_causal_lm(__import__("pathlib").Path("tiny"))
rows = datasets.load_dataset(sys.argv[1], split="train", cache_dir="cache")
assert is_conversational(rows.select_columns(["prompt", "completion"])[0])
settings = {"max_steps": 1, "per_device_train_batch_size": 4, "report_to": "none", "use_cpu": True, "bf16": False}
done = SFTTrainer(model="tiny", args=SFTConfig(output_dir="sft", **settings), train_dataset=rows).train()
print("steps", done.global_step)
"""


@pytest.mark.slow
def test_trl_fine_tunes_on_the_folder_unchanged(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SFT, str(folder)]
    offline = environment(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    done = subprocess.run(command, cwd=tmp_path, env=offline, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "steps 1" in done.stdout
