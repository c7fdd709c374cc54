"""The whole stage learns: a toy policy comes to solve a task that is checked, and what is measured of it is right."""

from pathlib import Path

import numpy as np
import pytest
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from stages.train_policy.run import run
from tests.benchmarks.entropy_control import Curves, config_of, interval, read_curves, sign_flip, smoothed, table
from tests.benchmarks.toy_task import right, save_base, write_prompts
from tests.test_recipes import run_recipe


@pytest.mark.parametrize(
    ("completion", "expected"),
    [("471", 1.0), ("777", 1.0), ("123", 0.0), ("7", 0.0), ("7123", 0.0), ("7a1", 0.0), ("", 0.0), ("7²1", 0.0)],
)
def test_right_are_three_digits_with_the_one_asked_for(completion: str, expected: float) -> None:
    assert right(completion, "7") == expected


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    write_prompts(folder / "prompts.jsonl")
    disable_progress_bar()
    save_base(folder / "base", 0)
    enable_progress_bar()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["grpo", "ce-gppo 0.5"])
def test_a_toy_learns_a_task_with_many_right_answers(task: Path, arm: str) -> None:
    run(config_of(task / "prompts.jsonl", task / "base", task / arm, arm, 1))
    curves = read_curves(task / arm)
    assert curves.reward[0] < 0.6
    assert curves.reward[-1] >= 0.85
    # it still answers in many ways: no answer of a sure policy would be worth 3 nats
    assert curves.entropy[-1] > 3
    assert curves.figures["clip_low"] > 0.01


def test_smoothing_is_the_mean_of_a_value_and_those_before_it() -> None:
    assert smoothed([3.0, 1.0, 2.0, 6.0]).tolist() == [3.0, 2.0, 2.0, 3.0]


def test_intervals_cover_the_mean_and_shrink_with_seeds() -> None:
    few = np.array([0.0, 1.0, 2.0, 3.0])
    low, high = interval(few)
    assert 0 <= low < 1.5 < high <= 3
    many_low, many_high = interval(np.tile(few, 25))
    assert high - low > 3 * (many_high - many_low)
    assert interval(np.ones(5)) == (1.0, 1.0)


def test_sign_flips_count_what_is_as_far_from_zero() -> None:
    """Of four equal values the two of sixteen draws with equal signs; values around 0 are always exceeded."""
    assert sign_flip(np.ones(4)) == pytest.approx(2 / 16, abs=0.01)
    assert sign_flip(np.array([1.0, -1.0, 1.0, -1.0])) == 1.0


def test_tables_compare_at_equal_reward_within_seeds() -> None:
    """The second loss is half a nat above the first at each level, whatever the seed adds; it never reaches 0.9."""
    reward = np.array([0.5, 0.75, 0.85, 0.95])
    entropy = np.array([6.0, 5.0, 4.0, 3.0])
    lower = [Curves(reward, entropy + seed, {"updates": 1.0, "PA-LP-out": 0.25}) for seed in range(3)]
    higher = [
        Curves(np.minimum(reward, 0.86), entropy + seed + 0.5, {"updates": 3.0, "PA-LP-out": 0.5}) for seed in range(3)
    ]
    made = {"grpo": lower, "ce-gppo 0.5": higher}
    told = table(made, pairs=[("ce-gppo 0.5", "grpo")])
    assert "| grpo | 6.00 [5.00, 7.00] | 5.00 [4.00, 6.00] | 4.00 [3.00, 5.00] |" in told
    assert "| ce-gppo 0.5 - grpo | 0.50 [0.50, 0.50] | 0.50 [0.50, 0.50] | - | 0.50 [0.50, 0.50] |" in told
    assert "| ce-gppo 0.5 | 3 |" in told
    assert "|  | PA-LP-out |\n| --- | --- |\n| grpo | 0.25 |\n| ce-gppo 0.5 | 0.5 |" in told


@pytest.mark.campaign
def test_the_recipe_goes_on_where_it_was_stopped(root: Path, tmp_path: Path) -> None:
    first = run_recipe(root, "entropy-control.sh", "out", "--seeds", 1, "--generations", 1, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "| ce-gppo 0.5 - grpo |" in first.stdout
    base = (tmp_path / "out" / "base" / "model.safetensors").stat().st_mtime_ns
    policies = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").glob("*/model.safetensors")}
    assert len(policies) == 6
    again = run_recipe(root, "entropy-control.sh", "out", "--seeds", 1, "--generations", 1, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout.split("1 seeds;")[1] == first.stdout.split("1 seeds;")[1]
    assert (tmp_path / "out" / "base" / "model.safetensors").stat().st_mtime_ns == base
    assert {path: path.stat().st_mtime_ns for path in policies} == policies
    assert len((tmp_path / "out" / "curves.csv").read_text(encoding="utf-8").splitlines()) == 1 + 6
