from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from stages.train_policy.arrays import Metric, Prompt, Rollout, TokenStats
from stages.train_policy.ledger import entropy_change, logit_gradient_norm
from stages.train_policy.regions import DUAL, INSIDE, NA_LP, PA_LP, PESSIMISTIC_HIGH, PESSIMISTIC_LOW
from stages.train_policy.telemetry import CLASSES, ZERO, correlation, generation_metrics, update_metrics
from tests.naive import entropy_ledger as naive

LARGE = {"step": 3, "loss": 0.25, "grad_norm": 1.5, "learning_rate": 1e-6, "beta1": 0.5}


def random_tokens(seed: int, size: int = 60) -> TokenStats:
    """Sampled tokens of random contexts of four to nine words."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(size):
        p = rng.dirichlet(np.full(rng.integers(4, 10), 0.5)) + 1e-9
        p /= p.sum()
        logs = np.log(p)
        rows.append((logs[rng.choice(len(p), p=p)], -(p @ logs), p @ p, (p * p) @ logs))
    logp, entropy, squares, squares_logs = np.array(rows, dtype=np.float32).T
    single = np.float32
    return TokenStats(
        logp=logp,
        old=(logp + rng.normal(0, 0.3, size)).astype(single),
        entropy=entropy,
        sum_p2=squares,
        sum_p2_logp=squares_logs,
        advantage=rng.choice([-1.5, 0, 0.5], size).astype(single),
        weight=rng.uniform(0.5, 1, size).astype(single) / size,
        factor=rng.uniform(0, 1.3, size).astype(single),
        value=rng.normal(size=size).astype(single),
        surrogate=rng.normal(size=size).astype(single),
        region=rng.integers(0, 6, size).astype(np.int8),
        row=np.repeat(np.arange(size // 10), 10),
    )


def found(metrics: Sequence[Metric], group: str) -> dict[str, float | None]:
    names = [one.metric for one in metrics if one.group == group]
    assert len(names) == len(set(names))
    return {one.metric: one.value for one in metrics if one.group == group}


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_those_of_a_loop_over_tokens(seed: int) -> None:
    stats = random_tokens(seed)
    metrics = update_metrics(stats, **LARGE)
    p = np.exp(stats.logp.astype(float))
    columns = (p, stats.entropy, stats.sum_p2, stats.sum_p2_logp, stats.advantage, stats.region == INSIDE)
    members = naive.classes([tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    norms, ledger = logit_gradient_norm(stats), entropy_change(stats)
    pull = np.abs(stats.factor * stats.advantage).astype(float)
    assert {one.group for one in metrics} == {"all", *CLASSES, ZERO}
    assert {one.step for one in metrics} == {3}
    for name in (*CLASSES, ZERO):
        own = members.get(name, [])
        values = found(metrics, name)
        assert values["tokens"] == len(own)
        if own:
            assert values["mean_p"] == pytest.approx(p[own].mean())
            assert values["coefficient"] == pytest.approx(pull[own].mean())
        else:
            assert values["mean_p"] is None
            assert values["coefficient"] is None
        assert values["coefficient_share"] == pytest.approx(
            (pull * stats.weight)[own].sum() / (pull * stats.weight).sum()
        )
        assert values["gradient_share"] == pytest.approx(norms[own].sum() / norms.sum())
        assert values["ledger"] == pytest.approx(ledger[own].sum())
        assert {one.n for one in metrics if one.group == name} == {len(own)}
    counts = [found(metrics, name)["tokens"] for name in (*CLASSES, ZERO)]
    assert sum(count for count in counts if count) == len(p)


def test_figures_of_all_tokens() -> None:
    stats = random_tokens(0, 4)._replace(
        logp=np.log(np.float32([0.5, 0.2, 0.9, 0.4])),
        old=np.log(np.float32([0.25, 0.4, 0.9, 0.5])),
        entropy=np.float32([1, 2, 3, 4]),
        weight=np.float32([0.1, 0.2, 0.3, 0.4]),
        surrogate=np.float32([1, -1, 2, 0]),
        advantage=np.float32([1, -1, 1, -1]),
        region=np.array([PA_LP, NA_LP, INSIDE, INSIDE], np.int8),
    )
    values = found(update_metrics(stats, **LARGE), "all")
    expected = {
        "loss": 0.25,
        "surrogate": 0.1 - 0.2 + 0.6,
        "entropy": 2.5,
        # ratios 2, 0.5, 1, 0.8: r - 1 - ln r
        "approx_kl": ((1 - np.log(2)) + (-0.5 + np.log(2)) + 0 + (-0.2 - np.log(0.8))) / 4,
        "ratio_p01": 0.5,
        "ratio_p50": 0.8,
        "ratio_p99": 2,
        "ratio_max": 2,
        "clip_low": 0.25,
        "clip_high": 0.25,
        "dual": 0,
        "outside": 0.5,
        "grad_norm": 1.5,
        "learning_rate": 1e-6,
        "beta1": 0.5,
        "tokens": 4,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-6), name
    assert set(values) == {*expected, "ledger", "threshold"}
    assert values["ledger"] == pytest.approx(entropy_change(stats).sum())


def test_tokens_on_the_pessimistic_sides_are_out_but_not_clipped() -> None:
    stats = random_tokens(1, 3)._replace(
        advantage=np.float32([1, -1, -1]), region=np.array([PESSIMISTIC_LOW, PESSIMISTIC_HIGH, DUAL], np.int8)
    )
    metrics = update_metrics(stats, **LARGE)
    values = found(metrics, "all")
    assert (values["clip_low"], values["clip_high"], values["outside"]) == (0, 0, 1)
    assert values["dual"] == pytest.approx(1 / 3)
    out = [found(metrics, name)["tokens"] for name in CLASSES if name.endswith("-out")]
    assert sum(count for count in out if count) == 3


def test_an_update_without_any_gradient_has_figures() -> None:
    stats = random_tokens(2, 5)
    metrics = update_metrics(stats._replace(advantage=np.zeros(5, np.float32)), **LARGE)
    assert found(metrics, ZERO)["tokens"] == 5
    assert found(metrics, ZERO)["gradient_share"] == 0
    assert all(one.value is None or np.isfinite(one.value) for one in metrics)


def test_ratios_that_overflow_stay_finite() -> None:
    stats = random_tokens(3, 5)
    metrics = update_metrics(stats._replace(old=stats.logp - np.float32(1e4)), **LARGE)
    assert all(one.value is None or np.isfinite(one.value) for one in metrics)


def rollout(group: int, reward: float | None, completion: str = "so", length: int = 3, **change: Any) -> Rollout:
    values = {
        "prompt": Prompt(f"p{group}", (), (1, 2)),
        "group": group,
        "number": 0,
        "completion": completion,
        "completion_ids": (5,) * length,
        "sampling": np.full(length, -1.0, np.float32),
        "finish": "stop",
        "reward": reward,
        "parts": {} if reward is None else {"math:": reward, "check:": 1.0},
    }
    return Rollout(**{**values, **change})


def test_figures_of_a_generation() -> None:
    rollouts = [
        rollout(0, 1.0, length=10, advantage=0.7),
        rollout(0, 0.0, length=2, finish="length", status="no_answer", advantage=-12.0),
        rollout(1, 1.0, dropped_by="equal_rewards"),
        rollout(1, 1.0, dropped_by="equal_rewards"),
        rollout(2, None, status="timeout", dropped_by="no_reward"),
        rollout(2, 0.5, dropped_by="no_reward"),
        rollout(3, None, status="error", dropped_by="no_reward"),
        rollout(3, 0.0, advantage=0.0),
    ]
    metrics = generation_metrics(rollouts, step=8)
    values = found(metrics, "all")
    expected = {
        "reward": 3.5 / 6,
        "reward.math:": 3.5 / 6,
        "reward.check:": 1.0,
        "length": 30 / 8,
        "length_p10": 2,
        "length_p50": 3,
        "length_p90": 10,
        "length_max": 10,
        "truncated": 1 / 8,
        "no_answer": 1 / 8,
        "status.ok": 5,
        "status.no_answer": 1,
        "status.timeout": 1,
        "status.error": 1,
        "status.skipped": 0,
        "groups": 4,
        "groups_kept": 2,
        "groups_dropped.equal_rewards": 1,
        "groups_dropped.no_reward": 1,
        "groups_dropped.truncated": 0,
        "groups_dropped.surplus": 0,
        "outliers": 1,
        "list_items": 0,
        "markdown": 0,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value), name
    assert {one.step for one in metrics} == {8}
    assert next(one.n for one in metrics if one.metric == "reward") == 6
    assert next(one.n for one in metrics if one.metric == "length") == 8


def test_the_gap_between_sampler_and_trainer() -> None:
    rollouts = [rollout(0, 1.0, length=2), rollout(0, 0.0, length=1), rollout(0, 0.0, length=1)]
    old = [np.float32([-1.25, -0.5]), None, np.float32([-1.0])]
    values = found(generation_metrics(rollouts, step=0, old=old), "all")
    assert (values["sampler_gap"], values["sampler_gap_max"]) == (0.25, 0.5)
    assert "sampler_gap" not in found(generation_metrics(rollouts, step=0), "all")


def test_a_generation_without_rewards_has_figures() -> None:
    values = found(generation_metrics([rollout(0, None, length=0), rollout(0, None, length=0)], step=0), "all")
    assert values["reward"] is None
    assert values["reward_with_length"] is None
    assert values["length"] == 0


def test_marks_of_style_are_counted() -> None:
    text = "# Title\n\nSome **bold** words.\n- one\n* two\n  3. three\n4) four\n- \n-5 degrees, 3.5 and a-b\n"
    text += "`code`\n| a | b |"
    values = found(generation_metrics([rollout(0, 1.0, text), rollout(0, 0.0, "plain")], step=0), "all")
    # title, twice **, twice `, one row of a table
    assert (values["list_items"], values["markdown"]) == (4 / 2, 6 / 2)
    assert values["reward_with_list_items"] == pytest.approx(1)
    assert values["reward_with_markdown"] == pytest.approx(1)
    assert values["reward_with_length"] is None


def test_the_reward_is_compared_with_length_within_groups() -> None:
    # long prompts are worth less, yet within each group the longer completion is worth more
    lengths = {0: (1, 2), 1: (101, 102)}
    rollouts = [rollout(g, 10 - 5 * g + long, length=n) for g, own in lengths.items() for long, n in enumerate(own)]
    assert found(generation_metrics(rollouts, step=0), "all")["reward_with_length"] == pytest.approx(1)


def test_groups_of_equal_rewards_do_not_correlate_by_rounding() -> None:
    rollouts = [rollout(g, 0.1 + g, length=n) for g in range(3) for n in range(1, 8)]
    assert found(generation_metrics(rollouts, step=0), "all")["reward_with_length"] is None


def test_correlation_is_pearsons() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    assert correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 2], [5, 5]) is None
    assert correlation([], []) is None
