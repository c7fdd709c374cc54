"""Training in several processes, in shards, and through SIGKILL: each must leave the numbers of one undisturbed run."""

import os
import random
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from stages.core.checkpoints import complete_checkpoints
from stages.core.errors import ConfigError
from stages.train_rm.loop import LOG
from stages.train_rm.processes import assert_what_runs, processes
from stages.train_rm.step_log import StepRecord, read_steps
from tests.conftest import ROOT
from tests.train_rm.training import Options, assert_close


def environ() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}


def start(options: Options, num_processes: int = 1) -> subprocess.Popen[str]:
    launcher = []
    if num_processes > 1:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={num_processes}", f"--master-port={port}"]
    command = [sys.executable, *launcher, *options.command()]
    return subprocess.Popen(command, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(options: Options, num_processes: int = 1) -> tuple[list[StepRecord], dict[str, torch.Tensor]]:
    """Run to the end; the records and the final weights."""
    process = start(options, num_processes)
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    assert out == ""
    folder = Path(options.folder)
    return list(read_steps(folder / LOG)), load_file(folder / "final.safetensors")


def assert_alike(found: list[StepRecord], expected: list[StepRecord]) -> None:
    assert len(found) == len(expected)
    for one, two in zip(found, expected, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-6)
        assert one.pair_loss == pytest.approx(two.pair_loss, rel=1e-6)
        assert one.grad_norm == pytest.approx(two.grad_norm, rel=1e-6)
        assert one[4:] == two[4:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[StepRecord], dict[str, torch.Tensor]]:
    return finish(Options(folder=str(tmp_path_factory.mktemp("alone"))))


@pytest.mark.slow
def test_two_processes_equal_one(alone: tuple[list[StepRecord], dict[str, torch.Tensor]], tmp_path: Path) -> None:
    records, weights = finish(Options(folder=str(tmp_path)), 2)
    assert_alike(records, alone[0])
    assert_close(weights, alone[1])


@pytest.mark.campaign
def test_shards_equal_one_process_also_after_a_stop(
    alone: tuple[list[StepRecord], dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    sharded = Options(folder=str(tmp_path / "whole"), fsdp=True, unrefused=True, pretend_gpus=True)
    records, weights = finish(sharded, 2)
    assert_alike(records, alone[0])
    assert_close(weights, alone[1])
    stopped = start(replace(sharded, folder=str(tmp_path / "parts"), stop_after=4), 2)
    _, err = stopped.communicate(timeout=280)
    assert stopped.returncode != 0
    assert "Stopped by SIGTERM after step 5 of 8." in err
    assert [path.name for path in complete_checkpoints(tmp_path / "parts")] == ["checkpoint-3", "checkpoint-5"]
    again, final = finish(replace(sharded, folder=str(tmp_path / "parts")), 2)
    assert again == records
    assert all(torch.equal(final[name], weight) for name, weight in weights.items())


@pytest.mark.campaign
def test_shards_take_bf16_adapters_checkpointing_and_tied_weights(tmp_path: Path) -> None:
    plain = Options(folder=str(tmp_path / "one"), family="llama", rank=4, bf16=True, gradient_checkpointing=True)
    expected, merged = finish(plain)
    sharded = replace(plain, folder=str(tmp_path / "two"), fsdp=True, unrefused=True, pretend_gpus=True)
    records, weights = finish(sharded, 2)
    for one, two in zip(records, expected, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=0.05)
    assert weights.keys() == merged.keys()
    assert all((weights[name] - merged[name]).abs().max() < 0.01 for name in merged)


@pytest.mark.campaign
def test_fsdp_that_becomes_copies_on_a_cpu_is_noticed(tmp_path: Path) -> None:
    process = start(Options(folder=str(tmp_path), fsdp=True, unrefused=True), 2)
    _, err = process.communicate(timeout=280)
    assert process.returncode != 0
    assert "--fsdp was asked for, but accelerate made a DistributedDataParallel" in err
    assert not (tmp_path / LOG).read_text()


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(3))
def test_killed_run_goes_on_to_the_same_numbers(
    seed: int, alone: tuple[list[StepRecord], dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    """SIGKILL twice: at any moment, and so that the second strikes a run that was resumed."""
    draw = random.Random(seed)
    options = Options(folder=str(tmp_path), nap=0.1)
    for wanted in sorted(draw.sample(range(1, 8), 2)):
        process = start(options)
        while process.poll() is None and (_num_lines(tmp_path / LOG) < wanted):
            time.sleep(0.01)
        time.sleep(draw.random() * 0.15)
        process.kill()
        process.communicate()
    assert 0 < _num_lines(tmp_path / LOG) <= 8
    records, weights = finish(replace(options, nap=0.0))
    assert records == alone[0]
    assert all(torch.equal(weights[name], weight) for name, weight in alone[1].items())
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["checkpoint-6", "checkpoint-8"]


def _num_lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert processes() == (0, 1)
    assert not processes().launched
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert processes() == (2, 4)
    assert processes().launched


def test_what_was_not_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = nn.Linear(2, 2)
    assert_what_runs(plain, fsdp=False)
    with pytest.raises(ConfigError, match="accelerate made a Linear with 2 parameters that are not sharded"):
        assert_what_runs(plain, fsdp=True)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="There are 2 processes, but accelerate made a Linear"):
        assert_what_runs(plain, fsdp=False)
