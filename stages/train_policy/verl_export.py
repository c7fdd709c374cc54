"""The engine `verl`: files for a run in the user's own verl environment; nothing is trained here.

verl is neither imported nor needed. The loss is verl_plugin.py, the rewards are ours: they need rlbff in that
environment, since other rewards under the same name would be another experiment.
"""

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from stages.core.errors import ConfigError
from stages.core.manifest import hidden
from stages.core.policy_tables import REFERENCE
from stages.core.rows import canonical
from stages.core.shards import to_table, write_part, write_text
from stages.core.table import CHAT
from stages.rewards.open import is_url
from stages.rewards.spec import Spec, parse_specs
from stages.train_policy.arrays import Prompt
from stages.train_policy.base import learning_rate
from stages.train_policy.config import TINY, Aggregation, TrainPolicyConfig
from stages.train_policy.presets import Settled
from stages.train_policy.verl_plugin import loss_name

ROWS: Final = "train.parquet"
PLUGIN: Final = "rlbff_verl_plugin"
REWARD: Final = "rlbff_verl_reward.py"
RUN: Final = "run.sh"

NO_DUAL_CLIP: Final = 1e9
"""verl always has one; log-ratios are cut at 20, so no ratio is above e^20 = 4.9e8."""

_HEAD: Final = r"""#!/usr/bin/env bash
# Trains the policy with verl 0.9, in an environment of its own: verl and TRL cannot share one.
#
#   pip install verl rlbff            where rlbff's rewards run; add rlbff's extras for math: and rm:
#   NODES=2 GPUS_PER_NODE=8 ./run.sh actor_rollout_ref.rollout.tensor_model_parallel_size=2
#
# This folder must be visible under the same path on all nodes. Further settings are passed on to verl and win.
# rlbff_verl_plugin.py registers the loss, whose coefficients are in its name; rlbff_verl_reward.py gives the rewards.
# A step of verl is a generation here: total_training_steps and save_freq count these.
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PYTHONPATH="$HERE${PYTHONPATH:+:$PYTHONPATH}"
export VERL_USE_EXTERNAL_MODULES=rlbff_verl_plugin
exec python3 -m verl.trainer.main_ppo \
"""

_OURS: Final = ("$HERE/", "$PYTHONPATH", "${NODES", "${GPUS_PER_NODE")

_MODES: Final[dict[Aggregation, str]] = {
    "token-mean": "token-mean",
    "sequence-mean": "seq-mean-token-mean",
    "constant": "seq-mean-token-sum-norm",
}
_ESTIMATORS: Final = {"grpo": "grpo", "dr-grpo": "grpo", "rloo": "rloo"}

_SCHEMA: Final = pa.schema(
    [
        pa.field("data_source", pa.string()),
        pa.field("prompt", CHAT),
        pa.field("ability", pa.string()),
        pa.field("reward_model", REFERENCE),
        pa.field("extra_info", pa.struct([("index", pa.int64()), ("id", pa.string()), ("rlbff", pa.string())])),
    ]
)


def export_verl(config: TrainPolicyConfig, settled: Settled, prompts: Sequence[Prompt], root: Path) -> list[str]:
    """Write rows, loss, rewards and the command into `root`, and return the names of the files; run.sh comes last.

    Raises:
        ConfigError: verl cannot do what is asked.
        OutputError: the disk does not take them.
    """
    specs = parse_specs(config.reward)
    refuse_unsupported(config, settled, specs)
    assert prompts
    scratch = hidden(root, "tmp")
    footer = {"stage": "train-policy", "table": "verl", "seed": config.run.seed}
    write_part(root / ROWS, to_table([_row(n, one) for n, one in enumerate(prompts)], _SCHEMA), footer, scratch)
    texts = {
        f"{PLUGIN}.py": _plugin(settled),
        REWARD: _reward(config, specs),
        RUN: _script(overrides(config, settled, prompts)),
    }
    for name, text in texts.items():
        write_text(root / name, text, scratch)
    (root / RUN).chmod(0o755)
    return [ROWS, *texts]


def refuse_unsupported(config: TrainPolicyConfig, settled: Settled, specs: Sequence[Spec]) -> None:
    """Raise ConfigError for what verl cannot do, or cannot do the way we do it."""
    loss, rollouts = config.loss, config.rollouts
    if config.model == TINY:
        raise ConfigError("--model tiny cannot be exported to verl; name a folder or hub id.")
    refusals = {
        "--aggregate micro-batch-mean": settled.aggregate not in _MODES,
        f"--advantage {settled.advantage}": settled.advantage not in _ESTIMATORS,
        "--nll-on-correct (of --preset as-released, or given)": settled.nll_on_correct > 0,
        "--beta1-schedule": loss.beta1_schedule is not None,
        "--entropy-band": loss.entropy_band is not None,
        f"--truncated {settled.truncated}": settled.truncated != "keep",
        "--overlong-buffer": rollouts.overlong_buffer > 0,
        "--stop": bool(rollouts.stop),
        "--system": rollouts.system is not None,
        "--reward genrm:self": any(spec.is_own for spec in specs),
    }
    for what, refused in refusals.items():
        if refused:
            raise ConfigError(f"{what} cannot be exported to verl; leave it out, or use --engine local.")
    if config.sources.timeout_value is None:
        raise ConfigError(
            "--on-timeout drop cannot be exported: verl needs a number for every completion. Say what one is worth "
            "whose scorer is late: --on-timeout value:0."
        )


def overrides(config: TrainPolicyConfig, settled: Settled, prompts: Sequence[Prompt]) -> dict[str, object]:
    """The settings of verl's main_ppo, by their names; `$HERE` is the folder of the files."""
    rollouts, training = config.rollouts, config.training
    longest = max(rollouts.max_prompt_tokens or 0, *(len(prompt.ids) for prompt in prompts))
    updates = max(1, rollouts.prompts_per_generation // training.prompts_per_update) * training.passes
    generations = rollouts.generations or max(1, len(prompts) // rollouts.prompts_per_generation)
    data = {
        "train_files": f"$HERE/{ROWS}",
        "val_files": f"$HERE/{ROWS}",
        "train_batch_size": rollouts.prompts_per_generation,
        "max_prompt_length": longest,
        "max_response_length": rollouts.max_new_tokens,
        "truncation": "error",
        "seed": config.run.seed,
    }
    trainer = {
        "total_training_steps": generations,
        "total_epochs": math.ceil(generations * rollouts.prompts_per_generation / len(prompts)) + 1,
        "save_freq": math.ceil(training.save_every / updates),
        "test_freq": -1,
        "val_before_train": False,
        "critic_warmup": 0,
        "nnodes": "${NODES:-1}",
        "n_gpus_per_node": "${GPUS_PER_NODE:-8}",
        "default_local_dir": "$HERE/checkpoints",
        "logger": json.dumps(["console", *training.report_to]).replace(" ", ""),
    }
    algorithm = {
        "adv_estimator": _ESTIMATORS[settled.advantage],
        "norm_adv_by_std_in_grpo": settled.advantage == "grpo",
        "use_kl_in_reward": False,
        "filter_groups.enable": settled.dynamic_sampling,
        "filter_groups.max_num_gen_batches": rollouts.max_gen_batches,
    }
    environ = "+ray_kwargs.ray_init.runtime_env.env_vars"
    return {
        **{f"data.{name}": value for name, value in data.items()},
        "actor_rollout_ref.model.path": _absolute(config.model),
        "actor_rollout_ref.model.enable_gradient_checkpointing": training.gradient_checkpointing,
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.rollout.n": rollouts.group_size,
        "actor_rollout_ref.rollout.temperature": rollouts.temperature,
        **{f"actor_rollout_ref.actor.{name}": value for name, value in _actor(config, settled, longest).items()},
        **{f"algorithm.{name}": value for name, value in algorithm.items()},
        "reward.custom_reward_function.path": f"$HERE/{REWARD}",
        "reward.custom_reward_function.name": "compute_score",
        f"{environ}.VERL_USE_EXTERNAL_MODULES": PLUGIN,
        f"{environ}.PYTHONPATH": "$PYTHONPATH",
        **{f"trainer.{name}": value for name, value in trainer.items()},
    }


def _actor(config: TrainPolicyConfig, settled: Settled, longest: int) -> dict[str, object]:
    training, rollouts = config.training, config.rollouts
    return {
        "policy_loss.loss_mode": loss_name(**_loss(settled)),
        "clip_ratio_low": settled.eps_low,
        "clip_ratio_high": settled.eps_high,
        "clip_ratio_c": NO_DUAL_CLIP if settled.dual_clip is None else settled.dual_clip,
        "loss_agg_mode": _MODES[settled.aggregate],
        "loss_scale_factor": rollouts.max_new_tokens if settled.aggregate == "constant" else "null",
        "entropy_coeff": settled.entropy_bonus,
        "use_kl_loss": settled.kl > 0,
        "kl_loss_coef": settled.kl,
        "kl_loss_type": "low_var_kl",
        "ppo_mini_batch_size": training.prompts_per_update,
        "ppo_epochs": training.passes,
        "use_dynamic_bsz": True,
        "ppo_max_token_len_per_gpu": max(training.micro_tokens, longest + rollouts.max_new_tokens),
        "data_loader_seed": config.run.seed,
        "grad_clip": training.grad_clip or 1e9,
        "optim.lr": learning_rate(config),
        "optim.lr_warmup_steps": training.warmup,
        "optim.weight_decay": training.weight_decay,
    }


def _loss(settled: Settled) -> dict[str, Any]:
    """What the plug-in's `register` and `loss_name` take."""
    names = ("beta1", "beta2", "both_sides", "sequence_ratio")
    return {name: getattr(settled, name) for name in names}


def _row(number: int, prompt: Prompt) -> dict[str, object]:
    reference = prompt.reference if isinstance(prompt.reference, str | None) else _json(prompt.reference)
    messages = [message._asdict() for message in prompt.messages]
    ours = {
        "id": prompt.id,
        "messages": messages,
        "reference": prompt.reference,
        "principle": prompt.principle,
        "extra": dict(prompt.extra),
    }
    return {
        "data_source": str(prompt.extra.get("data_source") or "rlbff"),
        "prompt": messages,
        "ability": prompt.extra.get("ability"),
        "reward_model": {"style": prompt.style or "rule", "ground_truth": reference},
        # verl gives it to the reward, and the policy never sees it
        "extra_info": {"index": number, "id": prompt.id, "rlbff": _json(ours)},
    }


def _json(value: object) -> str:
    """JSON text, in which times and the like are texts, as in the ids of rows."""
    return json.dumps(json.loads(canonical(value)), ensure_ascii=False)


def _plugin(settled: Settled) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in _loss(settled).items())
    source = Path(__file__).with_name("verl_plugin.py").read_text(encoding="utf-8")
    return f"{source}\n\nregister({arguments})\n"


def _reward(config: TrainPolicyConfig, specs: Sequence[Spec]) -> str:
    template = Path(__file__).with_name("verl_reward.py").read_text(encoding="utf-8")
    values = {
        "SPECS": [f"{spec.kind}:{_argument(spec)}@{spec.weight:g}" for spec in specs],
        "SOURCES": _plain(asdict(config.sources)),
        "JUDGE": _plain(asdict(config.judge)),
        "SEED": config.run.seed,
    }
    return template + "\n" + "".join(f"{name} = {value!r}\n" for name, value in values.items())


def _argument(spec: Spec) -> str:
    return _absolute(spec.argument) if spec.kind in ("rm", "genrm") else spec.argument


def _absolute(source: str) -> str:
    """A folder by its whole path, for verl's workers start elsewhere; anything else as it is."""
    return str(Path(source).resolve()) if not is_url(source) and Path(source).is_dir() else source


def _plain(options: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in options.items()}


def _script(settings: Mapping[str, object]) -> str:
    lines = [f"  {_quoted(name, str(value))}" for name, value in settings.items()]
    return _HEAD + " \\\n".join([*lines, '  "$@"']) + "\n"


def _quoted(name: str, value: str) -> str:
    """A setting for bash; those that begin with a variable of ours in double quotes, so that it is filled in."""
    return f'"{name}={value}"' if value.startswith(_OURS) else shlex.quote(f"{name}={value}")
