"""Published and recomputed figures of real benchmark rows, which are in no repository."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.core.options import RunOptions
from stages.eval.config import BenchmarkName, EvalConfig
from stages.eval.run import run

Figures = dict[tuple[str, str], tuple[float, int]]
Measure = Callable[..., Figures]


@pytest.fixture
def figures(shared_data: Path, tmp_path: Path) -> Measure:
    """`figures("llmbar", "llmbar", scores="length")`: (value, n) by group and metric."""

    def measure(benchmark: BenchmarkName, *paths: str, **options: Any) -> Figures:
        inputs = tuple(str(shared_data / path) for path in paths)
        config = EvalConfig(benchmark=benchmark, inputs=inputs, out=tmp_path / "out", draws=20, **options)
        report = run(config)
        assert report.rows["in"] == report.rows["kept"]
        rows = pq.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
        assert all(row["value"] is None or row["low"] is None or row["low"] <= row["high"] for row in rows)
        return {(row["group"], row["metric"]): (row["value"], row["n"]) for row in rows}

    return measure


def outputs(name: str) -> str:
    data = "dataset=judgebench,response_model=gpt-4o-2024-05-13,judge_name=reward_model"
    return f"judgebench/outputs/{data},judge_model=Skywork_Skywork-Reward-{name}.jsonl.gz"


@pytest.mark.parametrize(
    ("model", "published"),
    [("Gemma-2-27B", (59.74, 66.33, 83.93, 50.00, 64.29)), ("Llama-3.1-8B", (59.09, 64.29, 76.79, 50.00, 62.29))],
)
def test_judgebench_from_stored_scores(figures: Measure, model: str, published: tuple[float, ...]) -> None:
    found = figures("judgebench", outputs(model))
    groups = ("knowledge", "reasoning", "math", "coding", "all")
    assert tuple(round(100 * found[group, "accuracy"][0], 2) for group in groups) == published
    assert [found[group, "accuracy"][1] for group in groups] == [154, 98, 56, 42, 350]


def test_judgebench_length_and_two_models_on_the_same_pairs(figures: Measure) -> None:
    found = figures("judgebench", "judgebench/data", scores="length")
    assert round(100 * found["all", "accuracy"][0], 2) == 46.00


def test_judgebench_compares_two_models(figures: Measure, shared_data: Path) -> None:
    found = figures("judgebench", outputs("Gemma-2-27B"), against=str(shared_data / outputs("Llama-3.1-8B")))
    assert found["all", "accuracy.difference"][0] == pytest.approx(0.02)
    assert found["all", "only_first_right"][0] - found["all", "only_against_right"][0] == 7
    assert found["all", "mcnemar_p"][0] > 0.05


@pytest.mark.parametrize(
    ("file", "group", "baseline"),
    [
        ("code_filtered", "code", (0.2544, 0.5190, 0.7749, 0.5161)),
        ("safety-refuse_filtered", "safety", (0.0235, 0.1585, 0.8897, 0.3572)),
    ],
)
def test_rm_bench_length_baseline(figures: Measure, file: str, group: str, baseline: tuple[float, ...]) -> None:
    found = figures("rm-bench", f"rm-bench/{file}.jsonl.gz", scores="length")
    levels = ("hard", "normal", "easy", "accuracy")
    assert tuple(round(found[group, level][0], 4) for level in levels) == baseline


def test_llmbar_length_baseline(figures: Measure) -> None:
    found = figures("llmbar", "llmbar", scores="length")
    assert round(100 * found["Natural", "accuracy"][0], 2) == 56.00
    assert round(100 * found["Neighbor", "accuracy"][0], 2) == 11.94
    assert (found["Natural", "ties"], found["Neighbor", "ties"]) == ((0.01, 100), (0, 134))


@pytest.mark.parametrize(
    ("model", "win_rate", "with_log_probs"), [("gemma-7b-it", 6.9373, 805), ("claude-2.1", 15.7335, 803)]
)
def test_alpaca_preferences(figures: Measure, model: str, win_rate: float, with_log_probs: int) -> None:
    found = figures("alpaca", f"alpaca_eval/{model}/annotations.jsonl.gz")
    assert round(100 * found["all", "win_rate"][0], 4) == win_rate
    assert found["all", "reproduced"] == (1.0, with_log_probs)


def test_best_of_n(figures: Measure) -> None:
    found = figures("best-of-n", "qwen25math/math_cot_100.jsonl.gz")
    names = ("mean", "pass@2", "pass@4", "pass@8", "majority@8", "rm@8")
    assert [round(found["all", name][0], 4) for name in names] == [0.915, 0.9329, 0.9483, 0.96, 0.94, 0.96]


@pytest.mark.parametrize(("judge", "accuracy", "unreadable"), [("pandalm-7b", 66.77, 0), ("gpt-3.5-turbo", 69.77, 25)])
def test_pandalm_judges(figures: Measure, judge: str, accuracy: float, unreadable: int) -> None:
    found = figures("pandalm", "pandalm/testset-v1.jsonl.gz", f"pandalm/{judge}-testset-v1.jsonl.gz")
    assert round(100 * found["all", "accuracy"][0], 2) == accuracy
    assert round(999 * found["all", "unreadable"][0]) == unreadable
    assert found["unanimous", "accuracy"][1] == 879


def test_pass_at_k_of_codet(figures: Measure) -> None:
    found = figures("pass-at-k", "codet/verdicts.jsonl", k=("1,2,5,10,20,50,100",))
    published = {1: 23.45, 2: 32.96, 5: 45.02, 10: 54.24, 20: 63.56, 50: 73.81, 100: 79.27}
    assert {k: round(100 * found["all", f"pass@{k}"][0], 2) for k in published} == published
    assert {n for _, n in found.values()} == {82}


LONG, SHORT = "Sky-T1-math-correct-5K-32B-checkpoint-*", "Sky-T1-math-correct-5K-32B-short-checkpoint-*"


@pytest.mark.parametrize(
    ("runs", "unsolved", "share", "by_k"),
    [
        ([LONG], 14, 0.3303, {2: 0.4042, 4: 0.4682, 5: 0.4854, 7: 0.5073, 8: 0.5147, 11: 0.5333}),
        ([SHORT], 20, 0.1000, {2: 0.1545, 4: 0.2230, 5: 0.2485, 7: 0.2873, 8: 0.3018, 11: 0.3333}),
        ([LONG, SHORT], 11, 0.2152, {2: 0.3173, 4: 0.4212, 7: 0.4951, 8: 0.5114, 11: 0.5494, 22: 0.6333}),
    ],
)
def test_pooled_runs_of_one_model(
    figures: Measure, runs: list[str], unsolved: int, share: float, by_k: dict[int, float]
) -> None:
    paths = [f"skythought/{run}.jsonl.gz" for run in runs]
    found = figures("pass-at-k", *paths, k=tuple(map(str, by_k)))
    assert {k: round(found["all", f"pass@{k}"][0], 4) for k in by_k} == by_k
    potential = figures("reasoning-potential", *paths, run=RunOptions(overwrite=True))
    assert round(potential["all", "potential"][0], 4) == share
    assert round(30 * potential["all", "unsolved"][0]) == unsolved
    if runs == [LONG]:
        # the trap: a harmonic mean over the solved problems lies above the potential of all of them
        assert round(1 / potential["all", "attempts_of_solved"][0], 3) == 0.338
        assert potential["all", "attempts_of_solved"][1] == 16


def test_samples_of_a_published_run_in_lists(figures: Measure) -> None:
    run = RunOptions(map=("correct=score",), overwrite=True)
    found = figures("pass-at-k", "qwen25math/math_cot_100.jsonl.gz", run=run)
    by_k = {name: round(value, 4) for (_, name), (value, _) in found.items()}
    assert by_k == {"pass@1": 0.915, "pass@2": 0.9329, "pass@4": 0.9483, "pass@8": 0.96}
    potential = figures("reasoning-potential", "qwen25math/math_cot_100.jsonl.gz", run=run)
    assert round(potential["all", "potential"][0], 4) == 0.915
    assert round(50 * potential["all", "unsolved"][0]) == 2
