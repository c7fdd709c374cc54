"""The files for verl: rows it reads, a loss and rewards that load by themselves, a command that bash and verl take."""

import importlib.util
import json
import os
import subprocess
import sys
import types
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.rewards.source_options import SourceOptions
from stages.train_policy.arrays import Prompt
from stages.train_policy.config import LossOptions, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.presets import settle
from stages.train_policy.verl_export import export_verl, overrides

PROMPTS = [
    Prompt("a", (Message("user", "2 + 3?"),), (1, 2, 3), "5", "rule", None, {"data_source": "sums", "ability": "math"}),
    Prompt("b", (Message("system", "Be brief."), Message("user", "It's?")), (1, 2, 3, 4), [1, 2], None, "is kind"),
]


def config(**changes: Any) -> TrainPolicyConfig:
    made = TrainPolicyConfig(
        inputs=("toy",),
        model="some/model",
        reward=("check:words<=3",),
        engine="verl",
        rollouts=RolloutOptions(prompts_per_generation=2, max_new_tokens=64),
        training=TrainingOptions(prompts_per_update=1),
        sources=SourceOptions(on_timeout="value:0"),
    )
    return replace(made, **changes)


def export(root: Path, made: TrainPolicyConfig) -> list[str]:
    return export_verl(made, settle(made), PROMPTS, root)


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the plug-in asks of verl, in the place of verl."""
    losses: dict[str, Any] = {}

    def register_policy_loss(name: str) -> Any:
        return lambda function: losses.setdefault(name, function)

    def agg_loss(loss_mat: Any, loss_mask: Any, loss_agg_mode: str, **info: object) -> Any:
        assert loss_agg_mode == "token-mean"
        assert not info
        return (loss_mat * loss_mask).sum() / loss_mask.sum()

    module = types.ModuleType("verl.trainer.ppo.core_algos")
    module.__dict__.update(register_policy_loss=register_policy_loss, agg_loss=agg_loss)
    for name in ("verl", "verl.trainer", "verl.trainer.ppo"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return losses


def test_rows_are_as_verl_reads_them(tmp_path: Path) -> None:
    names = export(tmp_path, config())
    assert names == ["train.parquet", "rlbff_verl_plugin.py", "rlbff_verl_reward.py", "run.sh"]
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == sorted(names)
    first, second = pq.read_table(tmp_path / "train.parquet").to_pylist()
    assert first["prompt"] == [{"role": "user", "content": "2 + 3?"}]
    assert (first["data_source"], first["ability"]) == ("sums", "math")
    assert first["reward_model"] == {"style": "rule", "ground_truth": "5"}
    assert second["reward_model"]["ground_truth"] == "[1, 2]"
    assert (second["extra_info"]["index"], second["extra_info"]["id"]) == (1, "b")
    assert json.loads(second["extra_info"]["rlbff"])["principle"] == "is kind"
    assert "is kind" not in json.dumps(second["prompt"])


def test_the_plugin_registers_the_loss_that_run_sh_names(tmp_path: Path, registry: dict[str, Any]) -> None:
    made = config(loss=LossOptions(beta1=0.75))
    export(tmp_path, made)
    load(tmp_path / "rlbff_verl_plugin.py")
    assert list(registry) == ["ce_gppo_b0.75_1.0"]
    settings = overrides(made, settle(made), PROMPTS)
    assert settings["actor_rollout_ref.actor.policy_loss.loss_mode"] == "ce_gppo_b0.75_1.0"
    # log-ratios 0, ln 2, ln 0.5 under A = 1, 1, -1 and one of padding: F is 1, 1.2, 0.75 * 0.8
    ratios = torch.tensor([[1.0, 2.0, 0.5, 1.0]])
    old = torch.full((1, 4), -1.0)
    logp = (old + ratios.log()).requires_grad_()
    clip = types.SimpleNamespace(clip_ratio=0.2, clip_ratio_low=None, clip_ratio_high=0.2, global_batch_info={})
    clip.get = lambda name, default: {"clip_ratio_c": 1e9}.get(name, default)
    loss, figures = registry["ce_gppo_b0.75_1.0"](
        old, logp, torch.tensor([[1.0, 1.0, -1.0, 1.0]]), torch.tensor([[1, 1, 1, 0]]), config=clip
    )
    loss.backward()
    assert logp.grad is not None
    assert logp.grad[0].tolist() == pytest.approx([-1 / 3, -1.2 / 3, 0.6 / 3, 0.0])
    assert figures["actor/pg_clipfrac"] == pytest.approx(2 / 3)
    assert figures["actor/region_na_lp"] == pytest.approx(1 / 3)
    assert all(isinstance(value, float) for value in figures.values())


def test_the_reward_is_ours_and_never_a_silent_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(tmp_path, config())
    rows = pq.read_table(tmp_path / "train.parquet").to_pylist()
    module = load(tmp_path / "rlbff_verl_reward.py")
    short = module.compute_score("sums", "It is 5", "5", rows[0]["extra_info"])
    long = module.compute_score(
        data_source="sums", solution_str="It is five, I think", ground_truth="5", extra_info=rows[0]["extra_info"]
    )
    assert (short["score"], long["score"]) == (1.0, 0.0)
    module._reward().close()
    module._reward.cache_clear()
    monkeypatch.setitem(sys.modules, "stages.rewards.sources", None)
    with pytest.raises(RuntimeError, match="need rlbff in verl's environment"):
        module.compute_score("sums", "5", "5", rows[0]["extra_info"])


def test_the_files_of_rewards_go_with_the_process(tmp_path: Path) -> None:
    export(tmp_path / "out", config())
    (tmp_path / "tmp").mkdir()
    extra = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()[0]["extra_info"]
    code = f"from rlbff_verl_reward import compute_score; print(compute_score('sums', 'It is 5', '5', {extra!r}))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": f"{tmp_path / 'out'}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'score': 1.0" in found.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_reward_that_fails_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def reward(**_):\n    raise ValueError('no')\n")
    sources = SourceOptions(on_timeout="value:0", py_path=tmp_path, reward_workers=1)
    export(tmp_path / "out", config(reward=("py:broken:reward",), sources=sources))
    row = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()[0]
    module = load(tmp_path / "out" / "rlbff_verl_reward.py")
    assert module.SOURCES["py_path"] == str(tmp_path)
    with pytest.raises(RuntimeError, match="row a has no reward: error"):
        module.compute_score("sums", "5", "5", row["extra_info"])
    module._reward().close()


def test_nothing_of_a_path_is_run_by_bash(tmp_path: Path) -> None:
    made = config(model='my $HOME/$(touch gone)`touch gone`"model')
    export(tmp_path / "out", made)
    stub = tmp_path / "bin"
    stub.mkdir()
    (stub / "python3").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    (stub / "python3").chmod(0o755)
    environment = {"PATH": f"{stub}:/usr/bin:/bin", "HOME": "/root"}
    ran = subprocess.run(
        [tmp_path / "out" / "run.sh"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"actor_rollout_ref.model.path={made.model}" in ran.stdout.splitlines()
    assert not (tmp_path / "gone").exists()


def test_columns_that_json_does_not_know_are_written_as_text(tmp_path: Path) -> None:
    prompt = PROMPTS[0]._replace(
        reference=[datetime(2026, 1, 2)], extra={"when": datetime(2026, 1, 2), "share": np.nan}
    )
    export_verl(config(), settle(config()), [prompt, PROMPTS[1]], tmp_path)
    row = pq.read_table(tmp_path / "train.parquet").to_pylist()[0]
    assert json.loads(row["extra_info"]["rlbff"])["extra"] == {"when": "2026-01-02T00:00:00", "share": None}
    assert row["reward_model"]["ground_truth"] == '["2026-01-02T00:00:00"]'


def test_run_sh_passes_every_setting_as_one_word(tmp_path: Path) -> None:
    made = config(preset="gspo", loss=LossOptions(kl=0.01, dual_clip=3.0), model="it's a/model")
    root = tmp_path / "a folder"
    export(root, made)
    stub = tmp_path / "bin"
    stub.mkdir()
    (stub / "python3").write_text('#!/bin/bash\nprintf "%s\\n" "$PYTHONPATH" "$VERL_USE_EXTERNAL_MODULES" "$@"\n')
    (stub / "python3").chmod(0o755)
    ran = subprocess.run(
        [root / "run.sh", "trainer.nnodes=3"],
        env={"PATH": f"{stub}:/usr/bin:/bin", "NODES": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    path, module, *words = ran.stdout.splitlines()
    assert (path, module) == (str(root), "rlbff_verl_plugin")
    assert words[:2] == ["-m", "verl.trainer.main_ppo"]
    assert len(words) == 2 + len(overrides(made, settle(made), PROMPTS)) + 1
    found = dict(word.split("=", 1) for word in words[2:-1])
    actor = {name.removeprefix("actor_rollout_ref.actor."): value for name, value in found.items()}
    assert actor["policy_loss.loss_mode"] == "ce_gppo_b0.0_0.0_sequence"
    assert actor["clip_ratio_c"] == "3.0"
    assert actor["loss_agg_mode"] == "seq-mean-token-mean"
    assert (actor["use_kl_loss"], actor["kl_loss_coef"], actor["kl_loss_type"]) == ("True", "0.01", "low_var_kl")
    assert (actor["ppo_mini_batch_size"], found["data.train_batch_size"]) == ("1", "2")
    assert found["data.train_files"] == f"{root}/train.parquet"
    assert found["data.max_prompt_length"] == "4"
    assert (found["trainer.nnodes"], found["trainer.n_gpus_per_node"], words[-1]) == ("2", "8", "trainer.nnodes=3")
    assert found["trainer.logger"] == '["console"]'
    assert found["algorithm.filter_groups.enable"] == "True"


@pytest.mark.parametrize(
    ("advantage", "estimator", "divided"), [("grpo", "grpo", True), ("dr-grpo", "grpo", False), ("rloo", "rloo", False)]
)
def test_advantages_have_verls_names(advantage: Any, estimator: str, divided: bool) -> None:
    made = config(loss=LossOptions(advantage=advantage))
    settings = overrides(made, settle(made), PROMPTS)
    assert settings["algorithm.adv_estimator"] == estimator
    assert settings["algorithm.norm_adv_by_std_in_grpo"] is divided


def test_without_a_dual_clip_no_ratio_reaches_verls() -> None:
    settings = overrides(config(), settle(config()), PROMPTS)
    assert settings["actor_rollout_ref.actor.clip_ratio_c"] == 1e9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "as-released"}, "--aggregate micro-batch-mean"),
        ({"loss": LossOptions(nll_on_correct=0.1)}, "--nll-on-correct"),
        ({"loss": LossOptions(advantage="leave-one-out")}, "--advantage leave-one-out"),
        ({"loss": LossOptions(beta1_schedule="0@0,1@5")}, "--beta1-schedule"),
        ({"loss": LossOptions(entropy_band="0.5,1.5")}, "--entropy-band"),
        ({"rollouts": RolloutOptions(stop=("END",))}, "--stop"),
        ({"rollouts": RolloutOptions(overlong_buffer=8)}, "--overlong-buffer"),
        ({"rollouts": RolloutOptions(truncated="drop")}, "--truncated drop"),
        ({"model": "tiny"}, "--model tiny"),
        ({"reward": ("genrm:self",)}, "genrm:self"),
        ({"sources": SourceOptions()}, "--on-timeout drop .* --on-timeout value:0"),
    ],
)
def test_what_verl_cannot_do_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        export(tmp_path / "out", config(**changes))
    assert not (tmp_path / "out").exists()
