"""The engine trl from options to a stored policy: alone, resumed, as two processes, with adapters."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from stages.core.checkpoints import complete_checkpoints
from stages.core.errors import ConfigError, Interrupted, TooManyFailed
from stages.core.options import RunOptions
from stages.core.stopping import StopSign
from stages.train_policy import trl_options
from stages.train_policy.arrays import Metric
from stages.train_policy.config import LossOptions, RolloutOptions, TrainPolicyConfig
from stages.train_policy.presets import settle
from stages.train_policy.trl_engine import MODEL
from stages.train_policy.trl_options import Plan, check_installed, differences, grpo_options, plan, refuse_unsupported
from stages.train_policy.trl_scoring import Scorer
from tests.conftest import ROOT
from tests.train_policy.trl_toy import Vowels, config, policy, train

Weights = dict[str, torch.Tensor]


def weights(folder: Path) -> Weights:
    return load_file(folder / MODEL / "model.safetensors")


def assert_equal(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.equal(found[name], weight), name


def test_a_run_leaves_a_model_and_metrics_of_every_step(tmp_path: Path) -> None:
    notices: list[str] = []
    steps: list[int] = []
    reward = Vowels()
    run = train(tmp_path, config(), reward, notice=notices.append, advance=steps.append)
    assert run.steps == sum(steps) == 6
    assert {line.step for line in run.metrics} == set(range(1, 7))
    by_name = {(line.step, line.metric): line for line in run.metrics}
    assert all(line.group == "all" and line.n == by_name[line.step, "tokens"].value for line in run.metrics)
    assert by_name[1, "clip_low"] == Metric(1, "all", "clip_low", 0.0, by_name[1, "tokens"].n)
    assert by_name[2, "clip_low"].value or by_name[2, "clip_high"].value
    assert by_name[1, "reward"].value == pytest.approx(by_name[1, "reward.vowels"].value)
    assert (2, "reward") not in by_name
    assert not {name for _, name in by_name if "clip_ratio" in name or "time" in name}
    assert any("dynamic sampling" in text for text in notices)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / MODEL)
    assert not torch.equal(loaded.get_input_embeddings().weight, policy()[0].get_input_embeddings().weight)
    assert AutoTokenizer.from_pretrained(tmp_path / MODEL)("plus")
    assert not (tmp_path / "README.md").exists()
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["checkpoint-4", "checkpoint-6"]


def test_rewards_see_the_row_and_the_policy_its_tokens(tmp_path: Path) -> None:
    reward = Vowels()
    train(tmp_path, config(), reward)
    _, tokenizer, prompts = policy()
    assert len(reward.items) == 3 * 16
    for item in reward.items:
        row = prompts[int(item.id.split("#")[0][1:])]
        assert (item.messages, item.reference, item.principle) == (row.messages, row.reference, "be brief")
        assert item.prompt_ids == row.ids
        assert item.completion == tokenizer.decode(item.completion_ids, skip_special_tokens=True)
    assert "brief" not in tokenizer.decode([token for row in prompts for token in row.ids])


@pytest.mark.parametrize("stop", [3, 7])
def test_a_run_that_goes_on_equals_one_that_never_stopped(stop: int, tmp_path: Path) -> None:
    """Three generations, of two steps each, are an epoch: the second stop is in the next, with an order of its own."""
    made = replace(config(), rollouts=replace(config().rollouts, generations=5))
    whole = train(tmp_path / "whole", made)
    sign = StopSign()

    def until(steps: int, seen: list[int] = []) -> None:  # noqa: B006 - counts the calls
        seen.append(steps)
        if len(seen) == stop:
            sign.name = "SIGTERM"

    with pytest.raises(Interrupted, match=f"Stopped after step {stop + 1} of 10; the same command goes on"):
        train(tmp_path / "parts", made, sign=sign, advance=until)
    names = [path.name for path in complete_checkpoints(tmp_path / "parts")]
    assert names == [f"checkpoint-{stop - 1}", f"checkpoint-{stop + 1}"]
    reward = Vowels()
    parts = train(tmp_path / "parts", made, reward)
    assert len(reward.items) == 16 * (9 - stop) / 2, "no finished generation is sampled again"
    assert parts == whole
    assert_equal(weights(tmp_path / "parts"), weights(tmp_path / "whole"))


def test_half_a_checkpoint_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-9").mkdir(parents=True)
    assert train(tmp_path, config()).steps == 6
    assert not (tmp_path / "checkpoint-9").exists()


def test_adapters_are_merged(tmp_path: Path) -> None:
    run = train(tmp_path, config(lora_rank=2))
    assert run.steps == 6
    base = policy()[0].state_dict()
    stored = weights(tmp_path)
    assert not any("lora" in name for name in stored)
    changed = {name for name, weight in stored.items() if not torch.equal(weight, base[name])}
    assert changed
    assert all("_proj" in name for name in changed)
    for name in changed:
        assert torch.linalg.matrix_rank(stored[name] - base[name], rtol=1e-4) <= 2


def test_beta1_follows_its_schedule(tmp_path: Path) -> None:
    run = train(tmp_path, config(loss=LossOptions(beta1_schedule="0@0,0.75@3")))
    beta1 = [line.value for line in run.metrics if line.metric == "beta1"]
    # step 3 is the first with the new one, as with the engine local
    assert beta1 == [0, 0, 0.75, 0.75, 0.75, 0.75]


def test_too_many_failures_stop_the_run(tmp_path: Path) -> None:
    _, _, prompts = policy()
    reward = Vowels([prompt.id for prompt in prompts])
    with pytest.raises(TooManyFailed, match=r"^16 of 16 .* --max-failed 0.01: p\d+#0: timeout, 10 s are over; p"):
        train(tmp_path, config(), reward)


def test_completions_without_a_reward_have_no_part(tmp_path: Path) -> None:
    run = train(tmp_path, config(run=RunOptions(max_failed=1.0)), Vowels(["p0", "p1", "p2", "p3"]))
    assert run.steps == 6
    assert all(line.value == line.value for line in run.metrics if line.value is not None)


@pytest.mark.parametrize(
    ("truncated", "buffer", "ids", "best", "expected"),
    [
        ("keep", 0, (5,) * 8, None, 0.25),
        ("keep", 4, (5,) * 6, None, 0.25 - 0.5),
        ("wrong", 0, (5,) * 8, 1.0, 0.0),
        ("wrong", 0, (5,) * 7 + (2,), 1.0, 0.25),
        ("wrong", 0, (5,) * 7, 1.0, 0.25),
    ],
)
def test_what_becomes_of_long_completions(
    truncated: Any, buffer: int, ids: tuple[int, ...], best: float | None, expected: float
) -> None:
    rollouts = RolloutOptions(group_size=4, max_new_tokens=8, truncated=truncated, overlong_buffer=buffer)
    made = config(rollouts=rollouts)
    scorer = Scorer(made, settle(made), policy()[2], Vowels(), frozenset([2]))
    told: dict[str, float] = {}
    found = scorer(
        prompts=["p1"], completions=["ae"], completion_ids=[ids], log_metric=told.__setitem__, trainer_state=None
    )
    assert found == [pytest.approx(expected)]
    assert told == {"reward.vowels": 0.25}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "as-released"}, "--aggregate micro-batch-mean"),
        ({"loss": LossOptions(nll_on_correct=0.1)}, "--nll-on-correct"),
        ({"loss": LossOptions(advantage="rloo")}, "--advantage rloo"),
        ({"loss": LossOptions(entropy_band="0.5,1.5")}, "--entropy-band"),
        ({"rollouts": RolloutOptions(stop=("END",))}, "--stop"),
        ({"rollouts": RolloutOptions(dynamic_sampling="on")}, "--dynamic-sampling"),
        ({"rollouts": RolloutOptions(truncated="wrong")}, "--truncated wrong with a reward that knows no right"),
        ({"vllm": True}, "--vllm needs vLLM"),
    ],
)
def test_what_trl_cannot_do_is_refused(changes: dict[str, Any], message: str) -> None:
    made = config(**changes)
    with pytest.raises(ConfigError, match=message):
        refuse_unsupported(made, settle(made), best=None)


def test_all_other_presets_are_taken() -> None:
    for preset in ("ce-gppo", "paper", "grpo", "dapo", "gppo", "cispo", "gspo"):
        made = config(preset=preset)
        refuse_unsupported(made, settle(made), best=None)
        assert differences(made, settle(made))
    made = config(rollouts=RolloutOptions(truncated="wrong"))
    refuse_unsupported(made, settle(made), best=1.0)


def test_another_trl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setattr(trl_options, "version", lambda name: "1.17.0")
    with pytest.raises(ConfigError, match=r"TRL 1.16, and 1.17.0 is installed; run pip install 'rlbff\[trl\]'"):
        check_installed()

    def absent(name: str) -> str:
        raise trl_options.PackageNotFoundError(name)

    monkeypatch.setattr(trl_options, "version", absent)
    with pytest.raises(ConfigError, match=r"not installed; run pip install 'rlbff\[trl\]'"):
        check_installed()


def test_a_plan_comes_out_even() -> None:
    made = config()
    # 2 prompts x 4 completions an update, two of them a generation, 3 generations
    assert plan(made, 12, 10, 1) == Plan(micro=8, accumulate=1, per_generation=2, steps=6)
    assert plan(made, 12, 10, 2) == Plan(micro=4, accumulate=1, per_generation=2, steps=6)
    short = replace(made, training=replace(made.training, micro_tokens=60, passes=2))
    # 60 tokens hold three sequences of 18, of which only 2 divide 8
    assert plan(short, 12, 10, 1) == Plan(micro=2, accumulate=4, per_generation=2, steps=12)
    assert plan(replace(made, rollouts=replace(made.rollouts, generations=None)), 13, 10, 1).steps == 6
    for changed, prompts, processes, message in (
        (made, 3, 1, "--prompts-per-generation is 4, and there are 3 prompts"),
        (made, 12, 3, "8 completions, which 3 processes cannot share"),
        (replace(made, training=replace(made.training, prompts_per_update=3)), 12, 1, "not a multiple"),
    ):
        with pytest.raises(ConfigError, match=message):
            plan(changed, prompts, 10, processes)


def test_options_have_trls_names() -> None:
    made: TrainPolicyConfig = config(preset="gspo", loss=LossOptions(kl=0.1, entropy_bonus=0.01, advantage="dr-grpo"))
    made = replace(made, training=replace(made.training, passes=3, save_every=7))
    found = grpo_options(made, settle(made), Plan(2, 4, 2, 18), Path("out"), bf16=True, cpu=False, processes=2)
    expected = {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "scale_rewards": "none",
        "beta": 0.1,
        "use_bias_correction_kl": False,
        "entropy_coef": 0.01,
        "num_iterations": 3,
        "steps_per_generation": 8,
        "gradient_accumulation_steps": 4,
        "save_steps": 12,
        "bf16": True,
        "learning_rate": 1e-2,
    }
    assert {name: found[name] for name in expected} == expected


def start(folder: Path, generations: int, *failing: str, processes: int = 2) -> "subprocess.CompletedProcess[str]":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={port}"]
    command = [sys.executable, *launcher, "-m", "tests.train_policy.trl_toy", str(folder), str(generations), "{}"]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run([*command, *failing], env=environ, capture_output=True, text=True, timeout=280, cwd=ROOT)


@pytest.mark.slow
def test_two_processes_train_one_policy(tmp_path: Path) -> None:
    ended = start(tmp_path, 3)
    assert ended.returncode == 0, ended.stderr
    told = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in range(2)]
    assert told[0][0] == told[1][0] == 6
    assert told[0][1] == told[1][1] > 0
    assert [one[2] for one in told] == [6, 0]
    for name in ("rng_state_0.pth", "rng_state_1.pth"):
        assert (tmp_path / "checkpoint-6" / name).is_file()
    assert (tmp_path / "equal").read_text() == "yes"


@pytest.mark.slow
def test_failures_on_one_process_stop_all(tmp_path: Path) -> None:
    ended = start(tmp_path, 3, *[f"p{number}" for number in range(6)])
    assert ended.returncode != 0
    assert ended.stderr.count("TooManyFailed: ") >= 1
    assert "of 16 completions of a generation have no reward" in ended.stderr
