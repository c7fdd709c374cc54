"""Published and recomputed figures of real benchmark rows, which are in no repository."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.eval.config import BenchmarkName, EvalConfig
from stages.eval.run import run

Figures = dict[tuple[str, str], tuple[float, int]]
Measure = Callable[..., Figures]


@pytest.fixture
def figures(shared_data: Path, tmp_path: Path) -> Measure:
    """`figures("llmbar", "llmbar", scores="length")`: (value, n) by group and metric."""

    def measure(benchmark: BenchmarkName, *paths: str, **options: str) -> Figures:
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
