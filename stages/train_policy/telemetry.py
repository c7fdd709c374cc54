"""What the metrics table holds of an update and of a generation: where the gradient comes from, and what is rewarded.

Figures only: what they mean for a person is in show.py. An update is one pass of numpy over its tokens.

Legend: T completion tokens of an update. A token's class is the sign of its advantage (PA, NA), whether pushing it up
lowers or raises the entropy of its context (HP, LP, by ledger.py), and whether its ratio is in or out of the clip
range; out has every region but `inside`, pessimistic sides and dual clip too. Tokens without advantage are `zero`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from stages.rewards.item import Status
from stages.train_policy.arrays import Floats, Metric, Rollout, TokenStats
from stages.train_policy.ledger import F64, entropy_change, logit_gradient_norm, low_probability, threshold
from stages.train_policy.regions import DUAL, INSIDE, LARGEST_LOG_RATIO, NA_LP, PA_LP

ALL: Final = "all"
CLASSES: Final = tuple(
    f"{sign}-{side}-{where}" for sign in ("PA", "NA") for side in ("HP", "LP") for where in ("in", "out")
)
ZERO: Final = "zero"
DROPPED_BY: Final = ("equal_rewards", "surplus", "truncated", "no_reward")
"""Why a group is not trained on; of several reasons among its completions the first of these is the group's."""
OUTLIER: Final = 10.0
"""Size beyond which an advantage is counted as an outlier."""

_RATIO_QUANTILES: Final = (("ratio_p01", 0.01), ("ratio_p50", 0.5), ("ratio_p99", 0.99))
_LENGTH_QUANTILES: Final = (("length_p10", 0.1), ("length_p50", 0.5), ("length_p90", 0.9))
_LIST_ITEM: Final = re.compile(r"^[ \t]*(?:[-*+\N{BULLET}]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_MARKDOWN: Final = re.compile(r"^#{1,6}[ \t]|\*\*|__|`+|^[ \t]*>[ \t]|^[ \t]*\|", re.MULTILINE)


def update_metrics(
    stats: TokenStats, *, step: int, loss: float, grad_norm: float, learning_rate: float, beta1: float
) -> list[Metric]:
    """Return the figures of one optimiser step; `stats` are those of all its tokens, at least one, in any order.

    Group `all`: `surrogate` is the plain clipped loss with the weights of the loss, `approx_kl` the k3 estimate of
    KL(old || new), `clip_low` and `clip_high` the shares of tokens whose gradient PPO would cut off on either side,
    `outside` of those with a ratio out of the range, `dual` of those past the dual clip, `ledger` the first-order
    change of entropy summed over tokens, per unit of step, `threshold` the mean p* of ledger.py. Each class:
    `tokens`, `mean_p`, `coefficient` (mean |F A|), `coefficient_share` (of sum w |F A|), `gradient_share` (of the
    norms of the logit gradients) and `ledger`.
    """
    size = len(stats.logp)
    assert size > 0
    ledger = entropy_change(stats)
    log_ratio = np.clip(stats.logp.astype(np.float64) - stats.old, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    ratio = np.exp(log_ratio)
    weight = stats.weight.astype(np.float64)
    in_region = np.bincount(stats.region, minlength=DUAL + 1) / size
    figures = {
        "loss": loss,
        "surrogate": float(weight @ stats.surrogate / (weight.sum() or 1.0)),
        "entropy": float(stats.entropy.mean(dtype=np.float64)),
        "approx_kl": float((ratio - 1 - log_ratio).mean()),
        **_quantiles(ratio, _RATIO_QUANTILES),
        "ratio_max": float(ratio.max()),
        "clip_low": float(in_region[NA_LP]),
        "clip_high": float(in_region[PA_LP]),
        "dual": float(in_region[DUAL]),
        "outside": float(1 - in_region[INSIDE]),
        "ledger": float(ledger.sum()),
        "threshold": float(threshold(stats).mean()),
        "grad_norm": grad_norm,
        "learning_rate": learning_rate,
        "beta1": beta1,
        "tokens": float(size),
    }
    return [*_rows(step, figures, size), *_class_rows(stats, ledger, step)]


def generation_metrics(rollouts: Sequence[Rollout], *, step: int, old: Sequence[Floats | None] = ()) -> list[Metric]:
    """Return the figures of one generation, all of its completions, at least one, those that are dropped too.

    `step`: optimiser steps that the sampling policy had made. `old`: the trainer's own log-probabilities of each
    completion's tokens, where there are any; `sampler_gap` is their mean distance to those at sampling.
    `reward_with_length`, `.._list_items`, `.._markdown`: correlation of the reward with these within groups.
    """
    assert rollouts
    size = len(rollouts)
    lengths = np.array([len(one.completion_ids) for one in rollouts], dtype=np.float64)
    status = Counter(one.status for one in rollouts)
    advantages = np.array([one.advantage for one in rollouts if one.advantage is not None])
    figures = {
        "length": float(lengths.mean()),
        **_quantiles(lengths, _LENGTH_QUANTILES),
        "length_max": float(lengths.max()),
        "truncated": sum(one.finish == "length" for one in rollouts) / size,
        "no_answer": status["no_answer"] / size,
        **{f"status.{name}": float(status[name]) for name in get_args(Status)},
        **_groups(rollouts),
        "outliers": float(np.count_nonzero(np.abs(advantages) > OUTLIER)),
    }
    return [
        *_rewards(rollouts, step),
        *_rows(step, figures, size),
        *_watch(rollouts, lengths, step),
        *_gap(rollouts, old, step),
    ]


def correlation(first: Iterable[float], second: Iterable[float]) -> float | None:
    """Pearson's correlation of two series of one length; None where one of them does not vary."""
    x, y = (np.fromiter(values, dtype=np.float64) for values in (first, second))
    assert len(x) == len(y)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = (centred / np.linalg.norm(centred) for centred in (x - x.mean(), y - y.mean()))
    return float(np.clip(x @ y, -1, 1))


def _class_rows(stats: TokenStats, ledger: F64, step: int) -> list[Metric]:
    """The figures of each class; that of tokens without advantage comes last."""
    outside, high = stats.region != INSIDE, ~low_probability(stats)
    # the order of CLASSES: PA before NA, HP before LP, in before out
    codes = (stats.advantage < 0) * 4 + ~high * 2 + outside
    codes = np.where(stats.advantage == 0, len(CLASSES), codes).astype(np.int64)
    names = (*CLASSES, ZERO)

    def by_class(values: F64) -> F64:
        return np.asarray(np.bincount(codes, values, minlength=len(names)), dtype=np.float64)

    tokens = np.bincount(codes, minlength=len(names))
    coefficient = np.abs(stats.factor.astype(np.float64) * stats.advantage)
    sums = {"mean_p": by_class(np.exp(stats.logp.astype(np.float64))), "coefficient": by_class(coefficient)}
    shares = {
        "coefficient_share": by_class(coefficient * stats.weight),
        "gradient_share": by_class(logit_gradient_norm(stats)),
    }
    columns = {
        "tokens": tokens.tolist(),
        **{
            name: [s / n if n else None for s, n in zip(own.tolist(), tokens.tolist(), strict=True)]
            for name, own in sums.items()
        },
        **{name: (own / (own.sum() or 1.0)).tolist() for name, own in shares.items()},
        "ledger": by_class(ledger).tolist(),
    }
    return [
        Metric(step, group, metric, None if values[place] is None else float(values[place]), int(tokens[place]))
        for place, group in enumerate(names)
        for metric, values in columns.items()
    ]


def _rewards(rollouts: Sequence[Rollout], step: int) -> list[Metric]:
    """The mean reward and its spread, and the mean of each part, over the completions that have one."""
    values = np.array([one.reward for one in rollouts if one.reward is not None])
    parts: dict[str, list[float]] = {}
    for one in rollouts:
        for name, value in one.parts.items():
            parts.setdefault(name, []).append(value)
    told = [
        ("reward", float(values.mean()) if len(values) else None, len(values)),
        ("reward_std", float(values.std()) if len(values) else None, len(values)),
        *((f"reward.{name}", float(np.mean(own)), len(own)) for name, own in sorted(parts.items())),
    ]
    return [Metric(step, ALL, metric, value, n) for metric, value, n in told]


def _groups(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """How many groups are trained on, and how many are not, by reason."""
    reasons: dict[int, set[str | None]] = {}
    for one in rollouts:
        reasons.setdefault(one.group, set()).add(one.dropped_by)
    dropped = Counter(next(name for name in DROPPED_BY if name in own) for own in reasons.values() if None not in own)
    return {
        "groups": float(len(reasons)),
        "groups_kept": float(len(reasons) - dropped.total()),
        **{f"groups_dropped.{name}": float(dropped[name]) for name in DROPPED_BY},
    }


def _watch(rollouts: Sequence[Rollout], lengths: F64, step: int) -> list[Metric]:
    """What a policy may learn instead of the task: length, lists and markdown, and how the reward goes with them."""
    counts = {
        "length": lengths,
        "list_items": np.array([len(_LIST_ITEM.findall(one.completion)) for one in rollouts], dtype=np.float64),
        "markdown": np.array([len(_MARKDOWN.findall(one.completion)) for one in rollouts], dtype=np.float64),
    }
    scored = np.array([one.reward is not None for one in rollouts])
    rewards = np.array([one.reward for one in rollouts if one.reward is not None])
    groups = np.unique([one.group for one in rollouts], return_inverse=True)[1][scored]
    told = []
    for name, values in counts.items():
        if name != "length":
            told.append(Metric(step, ALL, name, float(values.mean()), len(rollouts)))
        found = correlation(_within(rewards, groups), _within(values[scored], groups))
        told.append(Metric(step, ALL, f"reward_with_{name}", found, len(rewards)))
    return told


def _within(values: F64, groups: NDArray[np.int64]) -> F64:
    """Values less the mean of their group; exactly 0 where all of a group are equal."""
    if not len(values):
        return values
    first = np.zeros(groups.max() + 1)
    first[groups[::-1]] = values[::-1]
    rest = values - first[groups]
    means = np.bincount(groups, rest) / np.maximum(np.bincount(groups), 1)
    return np.asarray(rest - means[groups])


def _gap(rollouts: Sequence[Rollout], old: Sequence[Floats | None], step: int) -> list[Metric]:
    """How far the sampler's log-probabilities are from the trainer's."""
    assert len(old) in (0, len(rollouts))
    pairs = [(one.sampling, own) for one, own in zip(rollouts, old, strict=False) if own is not None]
    if not any(len(own) for _, own in pairs):
        return []
    gaps = np.concatenate([np.abs(own.astype(np.float64) - drawn) for drawn, own in pairs])
    return _rows(step, {"sampler_gap": float(gaps.mean()), "sampler_gap_max": float(gaps.max())}, len(gaps))


def _quantiles(values: F64, wanted: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Quantiles as values that occur: the smallest with at least that share of the values up to it."""
    ordered = np.sort(values)
    places = {name: max(0, int(np.ceil(share * len(ordered))) - 1) for name, share in wanted}
    return {name: float(ordered[place]) for name, place in places.items()}


def _rows(step: int, figures: dict[str, float], n: int) -> list[Metric]:
    return [Metric(step, ALL, metric, value, n) for metric, value in figures.items()]
