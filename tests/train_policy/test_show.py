from typing import Any

import pytest

from stages.train_policy.arrays import Metric
from stages.train_policy.show import doubts, live_figures, summarise, tracking


def run_of(generations: int, updates: int = 2, **changed: Any) -> list[Metric]:
    """The metrics of a run in which all goes well; `changed` are figures, or functions of the number of rows before."""
    generation = {
        "reward": lambda k: 0.1 + 0.01 * k,
        "reward.math:": lambda k: 0.2 + 0.01 * k,
        "truncated": 0.02,
        "length": 100.0,
        "groups": 8.0,
        "groups_kept": 6.0,
        "groups_dropped.equal_rewards": 2.0,
        "groups_dropped.no_reward": 0.0,
        "reward_with_length": 0.1,
        "sampler_gap": 0.001,
    }
    update = {
        "entropy": lambda k: 2.0 - 0.01 * k,
        "clip_low": 0.01,
        "clip_high": 0.02,
        "outside": 0.05,
        "dual": 0.0,
        "ledger": -10.0,
        "learning_rate": 1e-6,
        "approx_kl": 0.00012,
    }
    rows: list[Metric] = []
    step = 0
    for number in range(generations):
        rows += rows_of(generation, changed, step, number)
        for _ in range(updates):
            rows += rows_of(update, changed, step + 1, step)
            rows += [
                Metric(step + 1, "PA-HP-in", "gradient_share", 0.75, 3),
                Metric(step + 1, "NA-LP-out", "gradient_share", 0.25, 3),
                Metric(step + 1, "PA-LP-out", "gradient_share", 0.001, 3),
                Metric(step + 1, "PA-HP-in", "ledger", -3.0, 3),
                Metric(step + 1, "NA-HP-in", "ledger", 1.0, 3),
                Metric(step + 1, "NA-HP-in", "mean_p", None, 0),
            ]
            step += 1
    return rows


def rows_of(figures: dict[str, Any], changed: dict[str, Any], step: int, number: int) -> list[Metric]:
    values = {name: changed.get(name, value) for name, value in figures.items()}
    return [Metric(step, "all", name, value(number) if callable(value) else value, 1) for name, value in values.items()]


def test_a_good_run_leaves_no_doubts() -> None:
    assert doubts(run_of(30)) == []


def test_what_is_known_of_a_run() -> None:
    lines = summarise(run_of(10))
    tracked = lines.pop("entropy budget")
    assert lines == {
        "reward": "0.100 -> 0.190",
        "reward of math:": "0.200 -> 0.290",
        "entropy": "2.000 -> 1.810 nats a token",
        "cut off by PPO": "left 1.00 %, right 2.00 % of tokens, mean of 20 updates",
        "gradient by class": "PA-HP-in 75 %, NA-LP-out 25 %",
        "length": "100 -> 100 tokens, 2.0 % cut at the limit",
        "groups": "60 of 80 trained on, equal rewards 20",
        "reward goes with": "length +0.10 (mean correlation within groups)",
    }
    assert tracked == "PA-HP-in -75 %, NA-HP-in +25 % (first order)"


def test_a_run_of_nothing_has_nothing_to_say() -> None:
    assert summarise([]) == {}
    assert doubts([]) == []
    assert live_figures([]) == {}
    assert tracking([]) == (None, 0)


def test_a_part_that_is_the_reward_is_not_told_twice() -> None:
    lines = summarise(run_of(3, **{"reward.math:": lambda k: 0.1 + 0.01 * k}))
    assert [name for name in lines if name.startswith("reward")] == ["reward", "reward goes with"]


def test_the_order_of_rows_does_not_matter() -> None:
    rows = run_of(10)
    assert summarise(rows[::-1])["reward"] == "0.100 -> 0.190"


def test_the_ledger_is_compared_from_generation_to_generation() -> None:
    # entropies at the first updates of each generation: 2, 1.9, 2.2; changes -0.1 and +0.3
    entropies = [2.0, 7.0, 1.9, 7.0, 2.2, 7.0]
    ledgers = [-3.0, 2.0, 1.0, 2.0, 50.0, 50.0]
    rows = run_of(3, entropy=entropies.__getitem__, ledger=ledgers.__getitem__)
    value, changes = tracking(rows)
    assert value == pytest.approx(1)
    assert changes == 2
    assert "correlation 1.00 with the measured change over 2 generations" in summarise(rows)["entropy budget"]
    # -1 and 3 become -1 and -27: the ledger of an update counts as much as its learning rate
    rates = [1.0, 1.0, 3.0, -15.0, 0.0, 0.0]
    value, _ = tracking(
        run_of(3, entropy=entropies.__getitem__, ledger=ledgers.__getitem__, learning_rate=rates.__getitem__)
    )
    assert value == pytest.approx(-1)


def doubt(**changed: Any) -> str:
    (sentence,) = doubts(run_of(30, **changed))
    return sentence


def test_a_run_that_never_leaves_the_clip_range_is_doubted() -> None:
    sentence = doubt(outside=0.0)
    assert "30 generations in a row" in sentence
    assert "learning rate 1e-06, 2 updates a generation" in sentence
    assert doubts(run_of(19, outside=0.0)) == []
    # updates 0 to 38 and 40 to 59 are still: 19 generations, then one that is not, then 10
    assert doubts(run_of(30, outside=lambda k: 0.1 if k == 39 else 0.0)) == []
    assert "20 generations in a row" in doubt(outside=lambda k: 0.1 if k == 40 else 0.0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"truncated": 0.26}, "26 % of the completions were cut"),
        ({"entropy": lambda k: max(1 - 0.05 * k, 0.04)}, "Entropy ended at 0.04"),
        ({"entropy": lambda k: 0.5 + 0.05 * k}, "Entropy rose from 0.775 to 3.18"),
        ({"sampler_gap": lambda k: 0.2 if k == 3 else 0.0}, "differ by up to 0.2 nats"),
        ({"reward": 0.5}, "The reward did not rise: 0.5 at the start, 0.5 at the end."),
        ({"reward": lambda k: 1 - k / 30}, "The reward did not rise"),
        ({"length": lambda k: 100.0 + 2 * k, "reward_with_length": 0.6}, "grew from 105 to 153 tokens"),
    ],
)
def test_what_may_be_wrong_is_said(changed: dict[str, Any], words: str) -> None:
    assert words in doubt(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"truncated": 0.25},
        {"entropy": lambda k: 0.05 + 0.001 * k},
        {"entropy": lambda k: 1.0 + 0.01 * k},
        {"sampler_gap": 0.05},
        {"length": lambda k: 100.0 + 2 * k, "reward_with_length": 0.4},
        {"length": 100.0, "reward_with_length": 0.9},
    ],
)
def test_what_is_within_bounds_is_not_doubted(changed: dict[str, Any]) -> None:
    assert doubts(run_of(30, **changed)) == []


def test_one_generation_cannot_be_compared() -> None:
    assert doubts(run_of(1)) == []


def test_the_latest_figures() -> None:
    assert live_figures(run_of(3)) == {
        "step": "6",
        "reward": "0.120",
        "entropy": "1.950",
        "clip low": "1.00 %",
        "clip high": "2.00 %",
        "KL": "1.2e-04",
        "length": "100",
    }
    assert live_figures([Metric(0, "all", "reward", 0.5, 8), Metric(0, "all", "length", None, 8)]) == {
        "step": "0",
        "reward": "0.500",
    }


def test_entropy_is_that_of_the_first_update_of_each_generation() -> None:
    # told -1, 1, 3; measured -1, 1, 3 at the first updates, and something else at the second ones
    entropies = [5.0, 9.0, 4.0, 0.0, 5.0, 9.0, 8.0, 0.0]
    ledgers = [-1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 0.0, 0.0]
    value, changes = tracking(run_of(4, entropy=entropies.__getitem__, ledger=ledgers.__getitem__))
    assert value == pytest.approx(1)
    assert changes == 3


def test_of_few_values_the_first_and_the_last_are_the_ends() -> None:
    assert any("ended at 0.01" in sentence for sentence in doubts(run_of(1, entropy=[2.0, 0.01].__getitem__)))
