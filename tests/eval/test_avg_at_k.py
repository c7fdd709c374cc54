import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ConfigError, DataError
from stages.eval.avg_at_k import Completions, matched, measure, read, remark
from stages.eval.benchmarks import benchmark_of
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.measured import Measured
from tests.extract_principles.commands import manifest_of, rlbff, rows_of


def one(**row: Any) -> Completions:
    return read({"id": "1"} | row, "x")


def figures(measured: Measured) -> dict[tuple[str, str], float]:
    values = measured.compute(np.arange(len(measured.clusters))).tolist()
    return {(name.group, name.metric): value for name, value in zip(measured.names, values, strict=True)}


def test_figures_by_hand() -> None:
    items = [
        one(problem_id="a", correct=[1, 1, 0], pred=["4", "4", "5"]),
        one(problem_id="b", correct=[0, 0, 0], pred=["1", "2", "3"]),
    ]
    found = figures(measure(items))
    assert found == pytest.approx(
        {
            ("all", "avg@3"): 1 / 3,
            ("all", "pass@2"): 1 / 2,
            ("all", "pass@3"): 1 / 2,
            ("all", "maj@2"): 1 / 3,  # of a's pairs one is won, two are tied
            ("all", "maj@3"): 1 / 2,
            ("all", "no_answer"): 0,
        }
    )
    assert ("all", "pass@1") in figures(measure(items, (1,)))


def test_rows_of_one_problem_belong_together_in_any_layout() -> None:
    rows = [
        {"problem_id": "a", "correct": right, "completion": text} for right, text in ((True, "#### 4"), (False, "5"))
    ]
    assert figures(measure([one(**row) for row in rows])) == pytest.approx(
        figures(measure([one(problem_id="a", correct=[True, False], completion=["#### 4", "5"])]))
    )


def test_the_reference_beside_a_completion_is_no_vote() -> None:
    assert one(problem_id="a", correct=False, answer="204", completion="I think 17").replies == ("17",)
    assert one(problem_id="a", correct=False, answer="204", completion="I think 17", pred="3").replies == ("3",)
    assert one(problem_id="a", correct=True, answer="204").replies == ("204",)
    assert one(problem_id="a", correct=[1, 0], answer="204").replies is None
    assert one(problem_id="a", correct=[1, 0], answer=["204", "7"]).replies == ("204", "7")
    assert one(problem_id="a", correct=True, completion=[{"role": "assistant", "content": "3 or 4"}]).replies == ("4",)
    assert one(problem_id="a", correct=True).replies is None
    assert one(problem_id="a", n=3, c=2, answer="204") == one(problem_id="a", n=3, c=2)
    assert one(problem_id="a", n=3, c=2).right == (True, True, False)


def test_no_majority_where_a_problem_tells_no_answers() -> None:
    items = [one(problem_id="a", correct=[1, 0], pred=["4", "5"]), one(problem_id="b", n=2, c=1)]
    assert {metric for _, metric in figures(measure(items))} == {"avg@2", "pass@2"}


def rollout(**changes: Any) -> dict[str, Any]:
    chat = [{"role": "assistant", "content": r"\boxed{7}"}]
    return {"prompt_id": "p", "reward": 1.0, "parts": None, "completion": chat, "step": 3} | changes


def test_a_rollout_is_right_by_the_parts_that_check_it() -> None:
    assert one(**rollout()).right == (True,)
    assert one(**rollout(reward=0.0)).right == (False,)
    parts = [{"name": "math", "value": 1.0}, {"name": "rm:judge", "value": -3.5}]
    assert one(**rollout(reward=-2.5, parts=parts)).right == (True,)
    parts = [{"name": "math", "value": 1.0}, {"name": "check:words", "value": 0.0}]
    assert one(**rollout(reward=1.0, parts=parts)).right == (False,)
    # train-policy writes null where one of the sources has no best value
    parts = [{"name": "math", "value": 1.0}, {"name": "rm:judge", "value": -3.5}]
    assert one(**rollout(reward=-2.5, parts=parts, correct=None)).right == (True,)
    assert one(**rollout(reward=1.0, parts=parts, correct=False)).right == (False,)
    assert one(**rollout()).replies == ("7",)
    assert one(**rollout()).problem == one(**rollout(reward=0.0)).problem
    assert one(**rollout()).problem != one(**rollout(prompt_id="q")).problem


@pytest.mark.parametrize(("row", "reason"), [(rollout(reward=None), "no_reward"), (rollout(reward=0.3), "bad_value")])
def test_a_rollout_that_is_neither_right_nor_wrong(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unfit) as caught:
        one(**row)
    assert caught.value.problem.reason == reason


def test_data_sets_are_groups_and_several_policies_are_noticed() -> None:
    items = [one(**rollout(prompt_id=str(n), data_source=name, reward=float(n == 0))) for n, name in enumerate("xyy")]
    found = figures(measure(items))
    assert (found["all", "avg@1"], found["x", "avg@1"], found["y", "avg@1"]) == pytest.approx((1 / 3, 1, 0))
    assert remark(items) is None
    assert "2 steps of training" in str(remark([*items, one(**rollout(step=4))]))
    assert "from 1 to 2 samples" in str(remark([one(problem_id="a", n=1, c=1), one(problem_id="b", n=2, c=1)]))


def test_another_policy_is_brought_into_the_same_order() -> None:
    ours = [one(problem_id=name, n=2, c=1) for name in "ab"]
    theirs = [one(problem_id=name, correct=right) for name, right in (("b", True), ("a", False), ("b", True))]
    assert [sum(other.right) for other in matched(ours, theirs)] == [0, 2]
    with pytest.raises(DataError, match="lacks 1 of the problems and adds 1"):
        matched(ours, [one(problem_id="a", n=1, c=1), one(problem_id="c", n=1, c=1)])
    with pytest.raises(DataError, match="without a name"):
        matched(ours, [one(correct=[1, 0])])


def test_options() -> None:
    config = EvalConfig(benchmark="avg-at-k", inputs=("x",), k=("2",))
    measured = benchmark_of(config).measure([one(problem_id="a", n=3, c=1)], 20)
    assert [name.metric for name in measured.names] == ["avg@3", "pass@2"]
    with pytest.raises(ConfigError, match="rows of another policy"):
        EvalConfig(benchmark="avg-at-k", inputs=("x",), against="length")
    with pytest.raises(ConfigError, match="no response is scored"):
        EvalConfig(benchmark="avg-at-k", inputs=("x",), scores="length")


def test_paired_comparison_as_a_user_calls_it(tmp_path: Path) -> None:
    for name, right in (("new", [1, 1, 1]), ("old", [1, 0, 0])):
        rows = [{"problem_id": str(n), "correct": [one, 1]} for n, one in enumerate(right)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = ("eval", "avg-at-k", "new.jsonl", "--against", "old.jsonl", "--draws", 50)
    done = rlbff(*call, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    values = {row["metric"]: row for row in rows_of(tmp_path / "new.metrics")}
    assert values["avg@2.difference"]["value"] == pytest.approx(1 / 3)
    assert 0 <= values["avg@2.difference"]["low"] < values["avg@2.difference"]["high"] <= 0.5
    (tmp_path / "old.jsonl").write_text((tmp_path / "new.jsonl").read_text())
    other = rlbff(*call, cwd=tmp_path)
    assert other.returncode == 73  # the content of the other file is part of what the figures are
    assert manifest_of(tmp_path / "new.metrics")["config"]["against_of"]


def test_real_samples(shared_data: Path) -> None:
    with gzip.open(shared_data / "qwen25math" / "math_cot_100.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    told = [one(question=row["question"], correct=row["score"], pred=row["pred"]) for row in rows]
    found = figures(measure(told))
    published = {"avg@8": 0.9150, "pass@2": 0.9329, "pass@4": 0.9483, "pass@8": 0.9600}
    assert {name: round(found["all", name], 4) for name in published} == published
    # one problem is tied 4 to 4: the earliest answer is right there, which gives 0.94, and here it counts half
    assert found["all", "maj@8"] == pytest.approx(0.94 - 0.5 / 50)
    extracted = [one(question=row["question"], correct=row["score"], completion=row["code"]) for row in rows]
    assert figures(measure(extracted)) == pytest.approx(found)


def test_answers_of_real_solutions_are_found(shared_data: Path) -> None:
    with gzip.open(shared_data / "gsm8k" / "example_model_solutions.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    names = [name for name in rows[0] if name not in ("question", "ground_truth")]
    items = [
        one(question=row["question"], correct=row[name]["is_correct"], completion=row[name]["solution"])
        for row in rows
        for name in names
    ]
    found = figures(measure(items))
    shares = (0.2212, 0.4030, 0.3409, 0.5621)
    assert found["all", "avg@4"] == pytest.approx(sum(shares) / 4, abs=1e-4)
    assert found["all", "no_answer"] < 0.01


def test_the_share_of_completions_without_an_answer() -> None:
    items = [
        one(problem_id="a", correct=[0, 1], completion=["no idea", "#### 4"]),
        one(problem_id="b", correct=[1, 1], completion=["#### 4", "#### 4"]),
    ]
    assert figures(measure(items))["all", "no_answer"] == 0.25
