"""Mistakes of users, at the command line: the exit code, one line that names what is wrong, and nothing lost."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.toy_policy import save_toy_policy, toy_rows
from tests.train_policy.killing import Server, server

REWARDS = """
import os, time
def share(completion): return sum(sign.isdigit() for sign in completion) / 4
def hang(completion): time.sleep(100)
def fail(completion): raise ValueError("no such thing")
def nan(completion): return float("nan")
def word(completion): return "x"
def none(completion): return None
def equal(completion): return 0.25
def leave(completion): os._exit(3)
def die(completion): os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def runs() -> Iterator[Server]:
    with server() as opened:
        yield opened


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    save_toy_policy(folder / "base")
    (folder / "rewards.py").write_text(REWARDS)
    write(folder / "prompts.jsonl", toy_rows(8))
    return folder


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def told(runs: Server, inputs: Path, tmp_path: Path) -> Callable[..., str]:
    """Run train-policy with further options, and return its last line on stderr, once the exit code is as expected."""

    def run(
        code: int, *options: str, prompts: Path | None = None, base: Path | None = None, reward: str = "share"
    ) -> str:
        command = ["train-policy", str(prompts or inputs / "prompts.jsonl"), "--model", str(base or inputs / "base")]
        command += ["--reward", reward if ":" in reward else f"py:rewards:{reward}", "--py-path", str(inputs)]
        command += ["--group-size", "4", "--prompts-per-generation", "4", "--prompts-per-update", "2", "-o", "out"]
        command += ["--generations", "1", "--max-new-tokens", "4", "--reward-workers", "1", "--reward-seconds", "0.3"]
        command += ["--dynamic-sampling", "off", "--warmup", "0", *options]
        found = runs.run(tmp_path, command, own_rewards=reward == "share")
        said = (tmp_path / "stderr").read_text()
        assert found == code, said
        assert "Traceback" not in said
        assert (tmp_path / "stdout").read_text() == ("out\n" if code == 0 else "")
        return said.splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--group-size", "1"], "--group-size is 1; .* at least 2"),
        (["--prompts-per-update", "4"], "one update a generation.* identical to GRPO.*--allow-on-policy"),
        (["--beta1", "1.5"], "--beta1 is 1.5; it must be between 0 and 1"),
        (["--beta2", "nan"], "--beta2 is nan; it must be between 0 and 1"),
        (["--eps-low", "1"], "--eps-low is 1; it must be at least 0 and below 1"),
        (["--dual-clip", "1.1"], r"--dual-clip is 1.1; it must be above 1 \+ --eps-high = 1.2, or 0"),
        (["--beta1-schedule", "0@0,x@5"], "--beta1-schedule '0@0,x@5' is not of the form"),
        (["--entropy-band", "2,1"], "--entropy-band '2,1' is no band"),
        (["--stop", ""], "--stop is empty"),
        (["--on-timeout", "value:inf"], "--on-timeout is 'value:inf'; write drop, or value:"),
        (["--device", "cuda:99"], "'cuda:99' cannot be used here.*use cpu or cuda"),
    ],
)
def test_options_without_meaning_are_refused_before_anything_is_done(
    told: Callable[..., str], tmp_path: Path, options: list[str], expected: str
) -> None:
    assert re.search(expected, told(2, *options))
    assert not (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("reward", "code", "expected"),
    [
        ("hang", 3, "timeout 16.* p.#0: timeout, py: no answer within 0.3 s"),
        ("fail", 3, "error 16.*ValueError: no such thing.*--max-failed"),
        ("nan", 3, "gave nan, not a finite number"),
        ("word", 3, "gave 'x', not a number"),
        ("leave", 3, "its process ended with exit code 3"),
        ("die", 3, "its process was killed by SIGKILL"),
        ("none", 65, "no group of it has completions of different rewards .no_reward 16.*Rewards: none: 16"),
        ("equal", 65, "equal_rewards 16.*Rewards: 0.25: 16.*--group-size"),
        ("py:absent:share", 2, "no module absent.*--py-path"),
        ("py:rewards:absent", 2, "rewards has no function absent"),
    ],
)
def test_rewards_that_do_not_work_are_named(told: Callable[..., str], reward: str, code: int, expected: str) -> None:
    assert re.search(expected, told(code, reward=reward))


def test_a_reward_that_is_mended_before_anything_was_learned_goes_on_in_the_same_folder(
    told: Callable[..., str], inputs: Path
) -> None:
    module = inputs / "mended.py"
    module.write_text("def score(completion): raise ValueError\n")
    told(3, reward="py:mended:score")
    module.write_text("def score(completion): return completion.count('a') + completion[:1].isdigit()\n")
    told(0, reward="py:mended:score")


def test_prompts_that_do_not_fit_are_rejected_and_counted(told: Callable[..., str], tmp_path: Path) -> None:
    rows = [*toy_rows(8), {"id": "long", "prompt": "a" * 100, "answer": "1"}, {"id": "none", "answer": "1"}]
    prompts = write(tmp_path / "prompts.jsonl", rows)
    said = told(3, prompts=prompts)
    assert "2 of 10 rows were rejected (missing_field 1, prompt_too_long 1), more than --max-failed 0.01" in said
    assert (tmp_path / "out" / "model.safetensors").exists()
    told(0, "--max-failed", "0.2", prompts=prompts)


@pytest.mark.parametrize(
    ("lacking", "code", "expected"),
    [
        (["model.safetensors"], 65, "no file named model.safetensors"),
        (["tokenizer.json", "tokenizer_config.json"], 65, "has no tokenizer"),
        (["config.json"], 66, "holds no model: it has no config.json"),
        (["chat_template.jinja"], 0, "written"),
    ],
)
def test_bases_that_lack_files(
    told: Callable[..., str], inputs: Path, tmp_path: Path, lacking: list[str], code: int, expected: str
) -> None:
    base = shutil.copytree(inputs / "base", tmp_path / "other")
    for name in lacking:
        (base / name).unlink()
    assert expected in told(code, base=base)


def test_a_base_of_nan_is_an_error_with_the_name_of_the_weights(
    told: Callable[..., str], inputs: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(inputs / "base", tmp_path / "ruined")
    weights = load_file(base / "model.safetensors")
    weights["lm_head.weight"][3] = torch.nan
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    assert "is damaged: lm_head.weight is not finite (NaN)" in told(65, base=base)


def test_a_learning_rate_that_ruins_the_policy_stops_with_the_step(told: Callable[..., str]) -> None:
    assert re.search(r"[sS]tep [2-6]\b.*", told(65, "--learning-rate", "1e4", "--passes", "3", "--grad-clip", "0"))


def test_folders_that_are_not_ours_to_write_are_refused(told: Callable[..., str], inputs: Path, tmp_path: Path) -> None:
    told(0)
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert "belongs to another configuration (seed: 0 there, 5 now)" in told(73, "--seed", "5")
    assert "lie one in the other" in told(73, base=tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    told(0, "--seed", "5", "--overwrite")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() != before


def test_prompts_that_nothing_can_check_are_named_before_anything_is_sampled(
    told: Callable[..., str], tmp_path: Path
) -> None:
    rows = [{name: value for name, value in row.items() if name != "answer"} for row in toy_rows(8)]
    line = told(65, prompts=write(tmp_path / "bare.jsonl", rows), reward="math:")
    assert "8 of 8 prompts have nothing that math: could check answers by, the first p0, p1, p2" in line


def test_prompts_without_a_principle_are_named(told: Callable[..., str], inputs: Path) -> None:
    line = told(65, reward=f"rm:{inputs / 'base'}")
    assert "8 of 8 prompts name no principle for the reward model to judge by, the first p0, p1, p2" in line
