"""Rows of a small invented run, as the tables hold them."""

import math
from typing import Any

from stages.train_policy.telemetry import CLASSES, ZERO


def metric_rows(generations: int, updates: int = 4) -> list[dict[str, Any]]:
    """A run in which reward rises and entropy falls."""
    rows = []

    def add(step: int, group: str, **values: float | None) -> None:
        for name, value in values.items():
            rows.append({"step": step, "group": group, "metric": name, "value": value, "n": 10})

    for number in range(generations):
        step, done = number * updates, number / max(generations - 1, 1)
        reward = 0.1 + 0.8 * done + 0.05 * math.sin(7 * number)
        add(step, "all", **{"reward": reward, "reward.math:": 2 * reward, "reward.check:length": 0.5 - 0.2 * done})
        add(step, "all", reward_std=0.4, length=200 + 80 * done, length_p50=180 + 70 * done, length_p90=300 + 90 * done)
        add(step, "all", groups=64.0, groups_kept=40.0, truncated=0.1 * (1 - done), no_answer=0.0, sampler_gap=1e-4)
        add(step, "all", reward_with_length=None if number == 0 else 0.1, **{"groups_dropped.equal_rewards": 24.0})
        for later in range(updates):
            at = step + later + 1
            add(
                at, "all", entropy=2 - 1.2 * done, clip_low=0.004 * later, clip_high=0.007 * later, outside=0.02 * later
            )
            add(at, "all", dual=0.0, approx_kl=1e-4 * later, learning_rate=1e-6, ledger=-2.0 + done, grad_norm=0.5)
            for place, name in enumerate((*CLASSES, ZERO)):
                share = 0.0 if name == ZERO else (8 - place) / 36
                raises = name[:5] in ("PA-LP", "NA-HP")
                add(at, name, gradient_share=share, ledger=share * (1 if raises else -1 - done), mean_p=None)
    return rows


def rollout_row(generation: int, group: int, number: int, reward: float | None, text: str = "So 4.") -> dict[str, Any]:
    return {
        "id": f"p{group}-{generation}-{number}",
        "step": generation * 4,
        "generation": generation,
        "group": group,
        "number": number,
        "prompt_id": f"p{group}",
        "prompt": [{"role": "user", "content": f"What is {group} + 2?"}],
        "completion": [{"role": "assistant", "content": text}],
        "completion_ids": list(range(12)),
        "finish": "stop" if number else "length",
        "reward": reward,
        "parts": None if reward is None else [{"name": "math:", "value": reward}],
        "status": "ok",
        "detail": "",
        "advantage": None if reward is None else 0.7 - number,
        "dropped_by": "no_reward" if reward is None else None,
    }
