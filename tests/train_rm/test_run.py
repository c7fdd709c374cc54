import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from stages.core.errors import ConfigError, DataError, OutputError
from stages.core.manifest import folder_status
from stages.core.options import RunOptions
from stages.core.progress import Quiet
from stages.core.report import Report
from stages.rewards.card import read_card
from stages.train_rm.config import TrainRmConfig
from stages.train_rm.run import run
from tests.extract_principles.commands import contents, environment, manifest_of, rlbff, rows_of
from tests.train_rm.reviews import principle_rows, write_jsonl

QUICK: dict[str, Any] = {"model": "tiny", "epochs": 1.0, "step_tokens": 512, "held_out": 0.4, "precision": "fp32"}


class Heard(Quiet):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def configure(source: str, out: Path, **changes: object) -> TrainRmConfig:
    settings = {**QUICK, "run": RunOptions(max_failed=1.0), **changes}
    return TrainRmConfig(inputs=(source,), out=out, **settings)  # type: ignore[arg-type]


def metrics_of(folder: Path) -> dict[tuple[str, str], Any]:
    """Values of the metrics over all rows, by benchmark and metric, single steps left out."""
    return {
        (row["benchmark"], row["metric"]): row["value"]
        for row in rows_of(folder)
        if row["group"] == "all" and row["benchmark"] != "training"
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_jsonl(tmp_path_factory.mktemp("rows") / "rows.jsonl", principle_rows())


@pytest.fixture(scope="module")
def trained(source: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("trained") / "rm"
    return folder, run(configure(source, folder))


def test_the_folder_is_a_model_that_transformers_load(trained: tuple[Path, Report]) -> None:
    folder, report = trained
    assert report.complete
    assert AutoModelForCausalLM.from_pretrained(folder).config.model_type == "qwen3"
    assert AutoTokenizer.from_pretrained(folder).chat_template
    card = read_card(folder)
    assert card is not None
    assert (card.kind, card.objective, card.base, card.fidelity) == ("entailment", "entailment/bce", "tiny", "demo")
    assert card.held_out["rows"] == len(pq.read_table(folder / "held_out" / "test"))


def test_metrics_and_held_out_rows_are_folders_that_datasets_read(trained: tuple[Path, Report]) -> None:
    folder, _ = trained
    metrics = datasets.load_dataset(str(folder / "metrics"), split="train")
    steps = [row["step"] for row in metrics if row["benchmark"] == "training" and row["metric"] == "loss"]
    assert steps == list(range(1, len(steps) + 1))
    for name in ("accuracy.raw", "auroc.raw", "nll.raw", "brier.raw", "ece.raw", "accuracy.majority"):
        assert ("test split", name) in metrics_of(folder)
    assert ("test split", "accuracy.shuffled_principle") in metrics_of(folder)
    assert ("test split", "accuracy.principle_only") in metrics_of(folder)
    held_out = datasets.load_dataset(str(folder / "held_out" / "test"), split="train")
    assert {"prompt", "completion", "principle", "label"} <= set(held_out.column_names)


def test_every_row_is_trained_on_or_held_out_with_its_whole_conversation(trained: tuple[Path, Report]) -> None:
    folder, report = trained
    assert report.rows == {"in": 96, "kept": 96, "dropped": 0, "rejected": 0}
    splits = {
        split: {row["id"].split("-")[0] for row in pq.read_table(folder / "held_out" / split).to_pylist()}
        for split in ("calibration", "test")
    }
    assert not splits["calibration"] & splits["test"]
    held_out = sum(len(pq.read_table(folder / "held_out" / split)) for split in splits)
    trained_on = manifest_of(folder)["facts"]["trained_on"]
    assert held_out == 6 * (len(splits["calibration"]) + len(splits["test"]))
    assert trained_on["rows"] == 96 - held_out


def test_the_same_input_and_seed_give_the_same_bytes(source: str, trained: tuple[Path, Report], tmp_path: Path) -> None:
    run(configure(source, tmp_path / "rm"))
    first, second = contents(trained[0]), contents(tmp_path / "rm")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name] and name != ".rlbff/config.yaml"] == []


def test_a_finished_folder_is_left_alone_and_another_configuration_is_refused(
    source: str, trained: tuple[Path, Report]
) -> None:
    folder, report = trained
    before = contents(folder)
    again = run(configure(source, folder))
    assert again.facts["held_out"] == report.facts["held_out"]
    with pytest.raises(OutputError, match=r"epochs: 1\.0 there, 2\.0 now"):
        run(configure(source, folder, epochs=2.0))
    assert contents(folder) == before


def test_overwriting_leaves_nothing_of_the_old_model(source: str, tmp_path: Path) -> None:
    folder = tmp_path / "rm"
    run(configure(source, folder, objective="bradley-terry"))
    assert (folder / "held_out" / "test").is_dir()
    run(configure(source, folder, held_out=0.0, run=RunOptions(overwrite=True)))
    card = read_card(folder)
    assert card is not None
    assert card.kind == "entailment"
    assert not list(folder.glob("held_out/*/part-*"))


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "full-vocab"},
        {"loss": "brier", "gradient_checkpointing": True},
        {"margin_weight": 0.5},
        {"lora_rank": 4, "precision": "bf16"},
    ],
)
def test_every_loss_trains(changes: dict[str, Any], source: str, tmp_path: Path) -> None:
    run(configure(source, tmp_path / "rm", **changes))
    metrics = {row["metric"] for row in rows_of(tmp_path / "rm") if row["benchmark"] == "training"}
    assert {"loss", "grad_norm", "learning_rate", "unique_tokens"} <= metrics
    assert ("pair_loss" in metrics) == ("margin_weight" in changes)


def test_bradley_terry_learns_from_the_same_rows(source: str, tmp_path: Path) -> None:
    report = run(configure(source, tmp_path / "rm", objective="bradley-terry"))
    assert report.rows["dropped"] == sum(manifest_of(tmp_path / "rm")["dropped_by"].values()) > 0
    assert manifest_of(tmp_path / "rm")["dropped_by"].keys() == {"no_pair"}
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "rm")
    assert model.config.num_labels == 1
    assert 0 <= metrics_of(tmp_path / "rm")["test split", "accuracy"] <= 1
    pairs = pq.read_table(tmp_path / "rm" / "held_out" / "test").to_pylist()
    assert all(row["chosen"] != row["rejected"] for row in pairs)


def test_bradley_terry_learns_from_preferences(tmp_path: Path) -> None:
    rows = [{"prompt": f"Question {n}?", "chosen": f"A good answer to {n}.", "rejected": "No idea."} for n in range(12)]
    source = write_jsonl(tmp_path / "pairs.jsonl", rows)
    report = run(configure(source, tmp_path / "rm", objective="bradley-terry"))
    assert report.rows["kept"] == 12
    with pytest.raises(DataError, match="--objective bradley-terry"):
        run(configure(source, tmp_path / "other"))


def test_bad_rows_are_rejected_and_the_others_are_trained_on(tmp_path: Path) -> None:
    rows = principle_rows()
    rows[0] |= {"label": None}
    rows[7] |= {"principle": "  "}
    rows[14] |= {"agreement": 3.0}
    rows[21] |= {"principle": "far too long " * 3000}
    rows[28] |= {"completion": ""}
    report = run(configure(write_jsonl(tmp_path / "rows.jsonl", rows), tmp_path / "rm"))
    assert report.rows == {"in": 96, "kept": 92, "dropped": 0, "rejected": 4}
    rejected = rows_of(tmp_path / "rm", "rejected")
    assert [row["row"] for row in rejected] == [1, 8, 15, 22]
    assert rejected[-1]["reason"] == "principle_too_long"
    assert "rows.jsonl:1: field 'label' is missing" in rejected[0]["error"]


def test_equal_labels_are_warned_about_and_give_no_auroc(tmp_path: Path) -> None:
    rows = [row | {"label": True} for row in principle_rows()]
    heard = Heard()
    run(configure(write_jsonl(tmp_path / "rows.jsonl", rows), tmp_path / "rm"), progress=heard)
    assert metrics_of(tmp_path / "rm")["test split", "auroc.raw"] is None
    assert any("labels are all equal" in text for text in heard.warnings)


def test_an_input_that_fits_no_layout_names_its_columns(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"question": "?", "answer": "!"}])
    with pytest.raises(DataError, match="has the columns question, answer"):
        run(configure(source, tmp_path / "rm"))


def test_fsdp_without_torchrun_is_refused_before_anything_is_trained(source: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="torchrun"):
        run(configure(source, tmp_path / "rm", fsdp=True))


def test_a_loss_that_is_not_finite_stops_the_run_and_stores_no_model(source: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not finite"):
        run(configure(source, tmp_path / "rm", learning_rate=1e30, clip=1e30, warmup=0.0, epochs=3.0))
    assert not folder_status(tmp_path / "rm").finished
    assert not (tmp_path / "rm" / "config.json").exists()


def test_the_command_prints_the_folder_and_status_and_cat_read_it(source: str, tmp_path: Path) -> None:
    done = rlbff("train-rm", source, "--model", "tiny", "--step-tokens", 512, "--out", "rm", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "rm\n"), done.stderr
    assert "shuffled principles" in done.stderr
    assert "Writing model shards" not in done.stderr
    assert "metrics by train-rm, finished" in rlbff("status", "rm", cwd=tmp_path).stdout
    assert "accuracy.raw" in rlbff("cat", "rm", "--columns", "metric,value", cwd=tmp_path).stdout


def test_a_dry_run_writes_nothing(source: str, tmp_path: Path) -> None:
    report = run(configure(source, tmp_path / "rm", run=RunOptions(dry_run=True)))
    assert not report.complete
    assert not (tmp_path / "rm").exists()


def steps_in(folder: Path) -> int:
    """Lines in the log of steps of a run."""
    return sum(len(path.read_text().splitlines()) for path in folder.glob(".rlbff/training/*/steps.jsonl"))


@pytest.mark.campaign
@pytest.mark.parametrize("kills", [1, 5])
def test_killed_at_random_moments_and_resumed_the_model_is_the_same(source: str, tmp_path: Path, kills: int) -> None:
    command = [sys.executable, "-m", "rlbff_cli", "train-rm", source, "--model", "tiny", "--step-tokens", "256"]
    command += ["--epochs", "3", "--save-every", "3", "--precision", "fp32", "--out"]
    settings = environment(OMP_NUM_THREADS="1")
    subprocess.run([*command, tmp_path / "whole"], env=settings, check=True, capture_output=True)
    for step in (*sorted(random.Random(kills).sample(range(2, 20), kills)), None):
        process = subprocess.Popen(
            [*command, tmp_path / "killed"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if step is None:
            assert process.wait() == 0
            break
        while process.poll() is None and steps_in(tmp_path / "killed") < step:
            time.sleep(0.01)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    whole, killed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    assert [name for name in whole if whole[name] != killed[name] and name != ".rlbff/config.yaml"] == []


def test_what_identifies_a_run_are_its_decisions() -> None:
    from stages.core.options import identity

    config = configure("rows.jsonl", Path("rm"))
    assert identity(config) == identity(replace(config, save_every=7, inputs=("elsewhere.jsonl",)))
    assert identity(config) == identity(replace(config, model="a/copy/elsewhere")), "base_name() stands for it"
    assert identity(config) != identity(replace(config, loss="brier"))
    assert json.dumps(identity(config))
