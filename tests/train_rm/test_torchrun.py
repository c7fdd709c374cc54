"""train-rm in two processes of torchrun: the model of one process, also where one of the two is killed."""

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests import torchrun
from tests.extract_principles.commands import contents, environment, rows_of
from tests.train_rm.reviews import principle_rows, write_jsonl

OPTIONS = ("--model", "tiny", "--step-tokens", 256, "--micro-tokens", 128, "--save-every", 2, "--precision", "fp32")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_jsonl(tmp_path_factory.mktemp("rows") / "rows.jsonl", principle_rows())


@pytest.fixture(scope="module")
def whole(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two undisturbed processes make."""
    folder = tmp_path_factory.mktemp("whole") / "rm"
    torchrun.finish(["train-rm", source, *OPTIONS, "--out", folder])
    return folder


@pytest.mark.slow
def test_two_processes_train_the_same_model_as_one(source: str, whole: Path, tmp_path: Path) -> None:
    one = [sys.executable, "-m", "rlbff_cli", "train-rm", source, *map(str, OPTIONS), "--out", str(tmp_path / "one")]
    subprocess.run(one, env=environment(OMP_NUM_THREADS="1"), check=True, capture_output=True, timeout=250)
    weights = [load_file(folder / "model.safetensors") for folder in (tmp_path / "one", whole)]
    assert max((weights[0][name] - weights[1][name]).abs().max().item() for name in weights[0]) < 1e-5
    losses = [
        [row["value"] for row in rows_of(folder) if row["benchmark"] == "training" and row["metric"] == "loss"]
        for folder in (tmp_path / "one", whole)
    ]
    assert len(losses[0]) == len(losses[1]) > 2
    assert max(abs(a - b) for a, b in zip(*losses, strict=True)) < 1e-6


@pytest.mark.parametrize(
    "ranks",
    [pytest.param((1,), marks=pytest.mark.slow), pytest.param((0, 1, 0), marks=pytest.mark.campaign)],
)
def test_one_of_two_processes_is_killed_and_the_run_goes_on(
    ranks: tuple[int, ...], source: str, whole: Path, tmp_path: Path
) -> None:
    """The other one ends too, with a sentence; half a checkpoint does not count; the model is the same, to the byte."""
    folder = tmp_path / "rm"
    command = ["train-rm", source, *OPTIONS, "--out", folder]
    said = torchrun.killed_and_relaunched(command, folder, ranks, lambda number: _num_steps(folder) >= 3 * number)
    assert "Going on after step " in said
    assert _differing(folder, whole) <= {".rlbff/config.yaml"}


def _differing(folder: Path, other: Path) -> set[str]:
    """Names of the files that are not in both, or not the same."""
    found, expected = contents(folder), contents(other)
    return {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}


def _num_steps(folder: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in folder.glob(".rlbff/training/*/steps.jsonl"))
