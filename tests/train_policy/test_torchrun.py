"""train-policy --engine trl in two processes of torchrun, one of which is killed: the same policy, to the byte."""

from pathlib import Path

import pytest

from tests import torchrun
from tests.extract_principles.commands import contents

OPTIONS = (
    *("--model", "tiny", "--engine", "trl", "--reward", "py:vowels:vowels", "--device", "cpu", "--precision", "fp32"),
    *("--generations", 4, "--prompts-per-generation", 4, "--prompts-per-update", 2, "--group-size", 4),
    *("--max-new-tokens", 8, "--learning-rate", 1e-2, "--warmup", 0, "--save-every", 1),
)
REWARD = """
def vowels(completion, **columns):
    return sum(letter in "aeiou" for letter in completion) / 8
"""


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of prompts, with the module of the reward beside it."""
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "vowels.py").write_text(REWARD, encoding="utf-8")
    rows = [f'{{"id": "p{number}", "prompt": "{number} plus {number % 3}"}}\n' for number in range(12)]
    (folder / "prompts.jsonl").write_text("".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def whole(prompts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two undisturbed processes make."""
    folder = tmp_path_factory.mktemp("whole") / "policy"
    torchrun.finish(_command(prompts, folder))
    return folder


@pytest.mark.parametrize(
    "ranks",
    [pytest.param((0,), marks=pytest.mark.slow), pytest.param((1, 0, 1), marks=pytest.mark.campaign)],
)
def test_one_of_two_processes_is_killed_and_the_run_goes_on(
    ranks: tuple[int, ...], prompts: Path, whole: Path, tmp_path: Path
) -> None:
    """The other one ends too, with a sentence; half a checkpoint does not count; policy and metrics are the same."""
    folder = tmp_path / "policy"
    command = _command(prompts, folder)
    torchrun.killed_and_relaunched(command, folder, ranks, lambda number: _last_step(folder) >= 2 * number)
    assert not (folder / ".rlbff" / "training").exists()
    found, expected = contents(folder), contents(whole)
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name] != expected[name]} <= {".rlbff/config.yaml"}


def _command(prompts: Path, out: Path) -> list[object]:
    return ["train-policy", prompts / "prompts.jsonl", *OPTIONS, "--py-path", prompts, "--out", out]


def _last_step(folder: Path) -> int:
    """That of the last checkpoint that counts."""
    markers = folder.glob(".rlbff/training/*/checkpoint-*/complete")
    return max((int(path.parent.name.removeprefix("checkpoint-")) for path in markers), default=0)
