"""What --dry-run of a benchmark says that asks a judge, or samples a policy behind a server."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.options import RunOptions
from stages.eval.benchmarks import BENCHMARKS
from stages.eval.config import BenchmarkName, EvalConfig
from stages.eval.forecast import ANSWER_TOKENS
from stages.eval.options import JudgeOptions, PolicyOptions
from stages.eval.run import run
from stages.rewards.options import RewardOptions
from tests.eval.test_run_judge import pairs
from tests.eval.test_run_model import write
from tests.eval.test_run_policy import problems

NOWHERE = "http://127.0.0.1:9/v1"


def dry_run(cwd: Path, benchmark: BenchmarkName, **options: Any) -> dict[str, Any] | None:
    asked = EvalConfig(
        benchmark=benchmark,
        inputs=(str(cwd / "rows.jsonl"),),
        out=cwd / "out",
        run=RunOptions(dry_run=True, limit=options.pop("limit", None)),
        **options,
    )
    report = run(asked)
    assert not (cwd / "out").exists()
    return report.facts.get("forecast")  # type: ignore[return-value]


@pytest.mark.parametrize(("benchmark", "games"), [("pairwise", 2), ("rubric", 1)])
def test_questions_to_a_judge_are_counted_once_each(tmp_path: Path, benchmark: BenchmarkName, games: int) -> None:
    rows = pairs(5)
    write(tmp_path / "rows.jsonl", [*rows, rows[0], {"prompt": "p", "baseline": "y"}])
    reward = RewardOptions(price_in=1.0, price_out=2.0)
    told = dry_run(tmp_path, benchmark, judge=JudgeOptions(llm=NOWHERE), reward=reward)
    assert told is not None
    read, questions = BENCHMARKS[benchmark].read, BENCHMARKS[benchmark].questions
    assert questions is not None
    chats = [chat for row in rows for chat in questions.chats(read(row, "x"))]
    tokens = sum(len(message.content) for chat in chats for message in chat) // 4
    assert (told["calls"], told["prompt_tokens"]) == (5 * games, tokens)
    assert told["answer_tokens"] == 5 * games * ANSWER_TOKENS
    assert told["cost_usd"] == pytest.approx((tokens + 2 * told["answer_tokens"]) / 1e6, abs=1e-4)
    if benchmark == "rubric":
        both = dry_run(tmp_path, benchmark, judge=JudgeOptions(llm=NOWHERE), against="other.jsonl")
        assert both is not None
        assert both["calls"] == 10
    short = dry_run(tmp_path, benchmark, judge=JudgeOptions(llm=NOWHERE), reward=RewardOptions(max_reply_tokens=7))
    assert short is not None
    assert short["answer_tokens"] == 5 * games * 7
    assert "cost_usd" not in short


def test_each_sample_of_a_policy_is_a_call(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7", "7", "7"))
    policy = PolicyOptions(policy=NOWHERE, reward=("math:",), samples=10, max_new_tokens=100)
    told = dry_run(tmp_path, "avg-at-k", policy=policy, limit=2)
    assert told is not None
    # two questions of 11 characters
    assert (told["calls"], told["prompt_tokens"], told["answer_tokens"]) == (20, 10 * 2 * 11 // 4, 2000)
    assert "--max-new-tokens" in told["rests_on"]


def test_what_asks_nobody_has_no_forecast(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", pairs(2))
    assert dry_run(tmp_path, "pairwise") is None
    local = PolicyOptions(policy="folder", reward=("math:",))
    assert dry_run(tmp_path, "avg-at-k", policy=local) is None
