"""`rlbff eval rubric --against OTHER`: two policies' grades on the same prompts, compared in pairs."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import DataError
from stages.core.options import RunOptions
from stages.eval.config import EvalConfig
from stages.eval.options import JudgeOptions
from stages.eval.run import run
from stages.rewards.options import RewardOptions
from tests.eval.test_run_judge import blocks
from tests.eval.test_run_model import write
from tests.extract_principles.commands import manifest_of, rows_of
from tests.servers.scripted import Call, Said, completion, scripted


def graded(*grades: float | None, who: str = "ours") -> list[dict[str, Any]]:
    categories = ("code", "chat")
    return [
        {"prompt": f"Question {n}?", "completion": f"{who} {n} {grade}", "grade": grade, "category": categories[n % 2]}
        for n, grade in enumerate(grades)
    ]


def config(cwd: Path, **changes: Any) -> EvalConfig:
    named = {"inputs": (str(cwd / "rows.jsonl"),), "out": cwd / "out", "against": str(cwd / "other.jsonl")}
    return EvalConfig(**({"benchmark": "rubric", "draws": 200} | named | changes))  # type: ignore[arg-type]


def figures(folder: Path) -> dict[str, dict[str, Any]]:
    return {f"{row['group']} {row['metric']}": row for row in rows_of(folder)}


def test_grades_of_the_rows_are_compared_by_prompt(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", graded(8, 6, 9, 5))
    # in another order, with another prompt, and with categories of its own
    others = [row | {"category": "x"} for row in reversed(graded(7, 6, 5, 6, 1, who="theirs"))]
    write(tmp_path / "other.jsonl", others)
    run(config(tmp_path))
    found = figures(tmp_path / "out")
    assert found["all grade"]["value"] == 7
    assert found["all grade.against"]["value"] == 6
    difference = found["all grade.difference"]
    assert difference["value"] == 1
    # differences 1, 0, 4, -1: drawn with their prompts, so that means lie between -1 and 4
    assert -1 <= difference["low"] < 1 < difference["high"] <= 4
    assert found["code grade.difference"]["value"] == 2.5
    assert found["all rescaled.difference"]["value"] == 2
    assert found["all mean_chars.difference"]["value"] == -2


def test_a_constant_advantage_has_an_interval_of_no_width(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", graded(9, 3, 7, 5, 2))
    write(tmp_path / "other.jsonl", graded(8, 2, 6, 4, 1))
    run(config(tmp_path))
    found = figures(tmp_path / "out")
    difference = found["all grade.difference"]
    assert [difference[name] for name in ("value", "low", "high")] == pytest.approx([1, 1, 1])
    assert found["all grade"]["low"] < found["all grade"]["high"]


def test_one_judge_grades_both_policies(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", graded(None, None, None))
    write(tmp_path / "other.jsonl", graded(1, 1, 1, 1, 1, who="theirs"))

    def judge(call: Call) -> Said:
        return completion(f"[[{8 if blocks(call)['response'].startswith('ours') else 6}]]")

    with scripted(judge) as server:
        asked = config(tmp_path, judge=JudgeOptions(llm=server.url), reward=RewardOptions(timeout=5))
        run(asked)
        run(asked)
    # prompts that only the other policy answered are not paid for
    assert len(server.calls) == 6
    found = figures(tmp_path / "out")
    assert (found["all grade"]["value"], found["all grade.against"]["value"]) == (8, 6)
    assert found["all grade.difference"]["value"] == 2
    told = manifest_of(tmp_path / "out")["facts"]["models"]
    assert (told["scores"]["replies"], told["against"]["replies"], told["scores"]["name"]) == (3, 3, "m")


@pytest.mark.parametrize(("others", "reason"), [((5,), "no_counterpart"), ((5, None), "no_verdict")])
def test_a_prompt_without_the_other_grade_is_rejected(
    tmp_path: Path, others: tuple[float | None, ...], reason: str
) -> None:
    write(tmp_path / "rows.jsonl", graded(8, 6))
    write(tmp_path / "other.jsonl", graded(*others))
    run(config(tmp_path, run=RunOptions(max_failed=1)))
    assert manifest_of(tmp_path / "out")["rejected_by"] == {reason: 1}
    assert figures(tmp_path / "out")["all grade.difference"]["value"] == 3


def test_rows_of_another_policy_that_cannot_be_paired(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", graded(8, 6))
    write(tmp_path / "other.jsonl", [*graded(8, 6), *graded(7)])
    with pytest.raises(DataError, match=r"other\.jsonl:3: a second response to one prompt"):
        run(config(tmp_path))
    write(tmp_path / "other.jsonl", [{"prompt": "x"}])
    with pytest.raises(DataError, match="completion"):
        run(config(tmp_path))
