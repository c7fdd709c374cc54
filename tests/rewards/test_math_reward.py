"""The source `math:`: what equals what, what is no answer, and agreement with sets whose verdicts are known."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError
from stages.rewards import math_reward
from stages.rewards.item import Reward, RewardItem
from stages.rewards.math_reward import open_math
from stages.rewards.math_worker import equal, score_math
from stages.rewards.source_options import SourceOptions


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    opened = open_math(SourceOptions(reward_workers=2))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("18", "18.00"),
        ("1234", "1,234"),
        ("2500", "2.5e3"),
        ("0.5", r"\frac{1}{2}"),
        ("1/3", r"\dfrac{1}{3}"),
        ("18", "$18 a day"),
        ("18", r"18 \text{ eggs}"),
        ("18", "x = 18"),
        ("p - q", "-q + p"),
        ("2xy", "2yx"),
        ("x^2 - 1", "(x-1)(x+1)"),
        (r"\{1,2,3\}", r"\{3,2,1\}"),
        (r"(3, \frac{\pi}{2})", r"\left(3, \pi/2\right)"),
        (r"\text{Evelyn}", "evelyn."),
        ("Monday", "the Monday"),
        ("(C)", "C"),
        (r"\text{(C)}", "c"),
        ("90", r"90^\circ"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
    ],
)
def test_equal(wanted: str, answer: str) -> None:
    assert equal(wanted, answer)


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("18", "19"),
        ("5", "5!"),
        ("5", ".5"),
        ("123", "1,2,3"),
        ("123456789012345678901", "123456789012345678902"),
        ("listen", "silent"),
        ("Evelyn", "12"),
        ("12", "Evelyn"),
        ("C", "D"),
        ("x + 1", "x + 2"),
        ("18", r"\frac{1}{"),
        ("[1,2]", "(1,2)"),
        ("18", ""),
        ("18", "???"),
    ],
)
def test_not_equal(wanted: str, answer: str) -> None:
    assert not equal(wanted, answer)


def test_right_wrong_and_no_answer() -> None:
    right = score_math(item("so \\boxed{4}", 4))
    wrong = score_math(item("so \\boxed{5}", "4"))
    nothing = score_math(item("I give up", "4"))
    assert (right.value, right.status) == (1.0, "ok")
    assert (wrong.value, wrong.status, wrong.detail) == (0.0, "ok", "'5', not '4'")
    assert (nothing.value, nothing.status) == (0.0, "no_answer")
    assert score_math(item("so \\boxed{5}", ["4", 5])).value == 1.0
    assert score_math(item("It is \\boxed{5}.", "2 + 3 = 5\n#### 5")).value == 1.0


@pytest.mark.parametrize("reference", [None, "", [], "???", "\\frac{1}{", {"answer": 4}, True])
def test_a_reference_that_cannot_be_read_is_no_zero(reward: Reward, reference: object) -> None:
    (result,) = reward.score([item("so \\boxed{4}", reference)])
    assert (result.value, result.status) == (None, "error")
    assert "reference" in result.detail


def test_hopeless_powers_time_out_alone() -> None:
    opened = open_math(SourceOptions(reward_workers=2, reward_seconds=2.0))
    tower, fine = opened.score([item("\\boxed{9^{9^{9^9}}}", "x^2"), item("\\boxed{4}", "4")])
    opened.close()
    assert fine.value == 1.0
    assert (tower.value, tower.status) == (None, "timeout")


def test_name_and_facts(reward: Reward) -> None:
    assert reward.name.startswith("math: math-verify 0.")
    assert reward.best == 1.0
    reward.score([item("\\boxed{4}", "4")])
    assert reward.facts()["ok"] >= 1  # type: ignore[operator]


def test_without_math_verify_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise math_reward.PackageNotFoundError(name)

    monkeypatch.setattr(math_reward, "version", missing)
    with pytest.raises(ConfigError, match=r"install rlbff\[math\]"):
        open_math(SourceOptions())


def test_verdicts_of_gsm8k_samples_are_met(reward: Reward, shared_data: Path) -> None:
    samples = rows(shared_data / "gsm8k" / "example_model_solutions.jsonl.gz")
    golds = rows(shared_data / "gsm8k" / "test.jsonl.gz")
    for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
        asked = [item(row[model]["solution"], gold["answer"]) for row, gold in zip(samples, golds, strict=True)]
        assert [result.value == 1.0 for result in reward.score(asked)] == [row[model]["is_correct"] for row in samples]


def test_solutions_of_math500_state_their_answers(reward: Reward, shared_data: Path) -> None:
    golds = rows(shared_data / "math500" / "test.jsonl.gz")
    right = reward.score([item(row["solution"], row["answer"]) for row in golds])
    others = [*golds[1:], golds[0]]
    wrong = reward.score([item(row["solution"], other["answer"]) for row, other in zip(golds, others, strict=True)])
    assert {result.value for result in right} == {1.0}
    assert [result.value == 1.0 for result in wrong] == [
        row["answer"] == other["answer"] for row, other in zip(golds, others, strict=True)
    ]


def test_verdicts_of_qwen_samples_are_met(reward: Reward, shared_data: Path) -> None:
    problems = rows(shared_data / "qwen25math" / "math_cot_100.jsonl.gz")
    asked = [item(text, row["gt"]) for row in problems for text in row["code"]]
    assert [result.value == 1.0 for result in reward.score(asked)] == [
        verdict for row in problems for verdict in row["score"]
    ]


def item(completion: str, reference: object) -> RewardItem:
    return RewardItem("row", (), completion, reference)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
