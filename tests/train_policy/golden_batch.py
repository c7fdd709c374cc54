"""How tests/golden/policy_batch.json is made: run this file to write it anew.

Ratios of every region stand on both sides of every bound, but no closer to it than f32 can tell.
"""

import json
import random
from pathlib import Path
from typing import Any

import torch

from stages.train_policy.arrays import Objective
from stages.train_policy.conformance import Case, Row, case_config, case_objective
from stages.train_policy.presets import settle
from tests.naive.policy_loss import ce_gppo, cispo

GOLDEN = Path(__file__).parents[1] / "golden" / "policy_batch.json"

LOG_RATIOS = (-6.0, -1.5, -0.3, -0.224, -0.222, -0.05, 0.0, 0.05, 0.181, 0.184, 0.24, 0.25, 0.9, 1.25, 2.25, 2.5, 3.0)
ADVANTAGES = (1.25, -0.75, 0.0, -2.0, 0.5, -0.25)
LENGTHS = (17, 17, 4, 9, 1, 12)

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ce-gppo", {}),
    ("ce-gppo", {"dual_clip": 10.0}),
    ("ce-gppo", {"beta1": 0.25, "beta2": 0.75, "eps_low": 0.1, "eps_high": 0.28, "dual_clip": 3.0}),
    ("paper", {}),
    ("grpo", {}),
    ("grpo", {"aggregate": "sequence-mean", "dual_clip": 3.0}),
    ("dapo", {}),
    ("gppo", {}),
    ("cispo", {}),
    ("gspo", {}),
    ("gspo", {"eps_low": 0.2, "eps_high": 0.2, "aggregate": "token-mean", "beta1": 0.5, "beta2": 1.0}),
)


def batch() -> list[Row]:
    draw = random.Random(0)
    rows = []
    for length, advantage in zip(LENGTHS, ADVANTAGES, strict=True):
        log_ratios = LOG_RATIOS if length == len(LOG_RATIOS) else draw.sample(LOG_RATIOS, length)
        # multiples of 2^-10 are sums in f32 without rounding
        now = [-draw.randrange(1, 8 * 1024) / 1024 for _ in range(length)]
        old = [value - round(ratio * 1024) / 1024 for value, ratio in zip(now, log_ratios, strict=True)]
        rows.append(Row(tuple(now), tuple(old), advantage))
    return rows


def literal_gradients(rows: list[Row], case: Case) -> list[list[float]]:
    """Autograd in f64 over the objective as papers write it."""
    settled, own = settle(case_config(case, len(rows))), case_objective(case, len(rows))
    leaves, loss = [], torch.zeros((), dtype=torch.float64)
    for row in rows:
        leaf = torch.tensor(row.logp, dtype=torch.float64, requires_grad=True)
        values = _literal(leaf, torch.tensor(row.old, dtype=torch.float64), row.advantage, own)
        by_token = settled.aggregate == "token-mean"
        loss = loss + (values.sum() / sum(LENGTHS) if by_token else values.mean() / len(rows))
        leaves.append(leaf)
    loss.backward()
    return [[] if leaf.grad is None else leaf.grad.tolist() for leaf in leaves]


def _literal(logp: torch.Tensor, old: torch.Tensor, advantage: float, own: Objective) -> torch.Tensor:
    if own.sequence_ratio:
        # the mean of log-ratios in the place of each of them
        mean = (logp - old).mean()
        logp, old = mean.expand_as(logp), torch.zeros_like(logp)
    advantages = torch.full_like(old, advantage)
    bounds = {"eps_low": own.eps_low, "eps_high": own.eps_high}
    if own.both_sides:
        return cispo(logp, old, advantages, **bounds)
    return ce_gppo(logp, old, advantages, beta1=own.beta1, beta2=own.beta2, dual_clip=own.dual_clip, **bounds)


def main() -> None:
    rows = batch()
    cases = []
    for preset, loss in CASES:
        gradients = literal_gradients(rows, Case(preset, loss, ()))
        cases.append({"preset": preset, "loss": loss, "gradients": gradients})
    lines = [
        '{"rows": [\n' + ",\n".join(json.dumps(row._asdict()) for row in rows) + "\n],",
        '"cases": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]}",
    ]
    GOLDEN.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
