"""A tiny policy trained with TRL, by itself or under torchrun: `python -m tests.train_policy.trl_toy FOLDER ...`.

Vowels are rewarded, so that the toy has groups of unequal rewards, ratios that move, and nothing to wait for.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from stages.core.chat import Message
from stages.models.tiny import make_tiny
from stages.rewards.item import RewardItem, RewardResult
from stages.train_policy.arrays import Prompt
from stages.train_policy.config import LossOptions, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.presets import settle
from stages.train_policy.trl_engine import TrlRun, train_with_trl

TEXTS = [f"{a} plus {b}" for a in range(4) for b in range(3)]


class Vowels:
    """The share of vowels; `failing` names prompts whose completions have no reward."""

    name = "vowels"
    best = None

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.failing = failing
        self.items: list[RewardItem] = []

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        self.items += items
        return [self._one(item) for item in items]

    def _one(self, item: RewardItem) -> RewardResult:
        if item.id.split("#")[0] in self.failing:
            return RewardResult(None, "timeout", detail="10 s are over")
        value = sum(letter in "aeiou" for letter in item.completion) / 8
        return RewardResult(value, "ok", {"vowels": value})

    def facts(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        pass


def config(**changes: Any) -> TrainPolicyConfig:
    """Three generations of two updates each."""
    made = TrainPolicyConfig(
        inputs=("toy",),
        model="tiny",
        reward=("py:toy:vowels",),
        engine="trl",
        rollouts=RolloutOptions(generations=3, prompts_per_generation=4, group_size=4, max_new_tokens=8),
        training=TrainingOptions(
            prompts_per_update=2, learning_rate=1e-2, warmup=0, device="cpu", precision="fp32", save_every=1
        ),
    )
    return replace(made, **changes)


def policy() -> tuple[Any, Any, list[Prompt]]:
    model, tokenizer = make_tiny(TEXTS, seed=0)
    prompts = [
        Prompt(
            id=f"p{number}",
            messages=(Message("user", text),),
            ids=tuple(tokenizer(text)["input_ids"]),
            reference=str(number),
            principle="be brief",
        )
        for number, text in enumerate(TEXTS)
    ]
    return model.train(), tokenizer, prompts


def train(folder: Path, made: TrainPolicyConfig, reward: Any = None, **more: Any) -> TrlRun:
    model, tokenizer, prompts = policy()
    return train_with_trl(made, settle(made), model, tokenizer, prompts, reward or Vowels(), folder=folder, **more)


def main() -> None:
    torch.set_num_threads(1)
    folder, generations, loss = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    made = config(loss=LossOptions(**loss))
    made = replace(made, rollouts=replace(made.rollouts, generations=generations))
    failing = sys.argv[4:]
    steps: list[int] = []
    model, tokenizer, prompts = policy()
    run = train_with_trl(
        made, settle(made), model, tokenizer, prompts, Vowels(failing), folder=folder, advance=steps.append
    )
    rank = distributed.get_rank()
    (folder / f"rank-{rank}.json").write_text(json.dumps([run.steps, len(run.metrics), sum(steps)]))
    own = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    first = own.clone()
    distributed.broadcast(first, 0)
    if rank == 1:
        (folder / "equal").write_text("yes" if torch.equal(own, first) else "no")
    distributed.destroy_process_group()
    # everything is stored; threads of gloo that are just ending at times abort the exit
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
