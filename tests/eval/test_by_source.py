"""Sources of rewards as sources of scores: what they are checked against, what is rejected, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError
from stages.core.options import RunOptions
from stages.core.report import Report
from stages.eval.config import EvalConfig
from stages.eval.run import run
from stages.rewards.options import RewardOptions
from stages.rewards.source_options import SourceOptions
from tests.eval.fake_model import FakeModel
from tests.eval.test_run_model import figures_of, write
from tests.extract_principles.commands import manifest_of

PAIRS = [
    {"input": "Say hi.", "output_1": "Hi.", "output_2": "Hi there, my friend!", "label": 1},
    {"input": "2 + 2?", "output_1": "It is 4.", "output_2": "4", "label": 2, "answer": "4"},
    {"input": "2 + 3?", "output_1": "5", "output_2": "2", "label": 1, "reward_model": {"ground_truth": "5"}},
]


def measure(folder: Path, scores: str, rows: list[dict[str, Any]] = PAIRS, **options: Any) -> Report:
    given: dict[str, Any] = {
        "benchmark": "llmbar",
        "draws": 10,
        "run": RunOptions(max_failed=1.0),
        "sources": SourceOptions(reward_workers=1),
    }
    path = write(folder / "rows.jsonl", rows)
    return run(EvalConfig(inputs=(str(path),), out=folder / "out", scores=scores, **given | options))


def test_responses_are_scored_by_a_check_and_compared_with_another_source(tmp_path: Path) -> None:
    report = measure(tmp_path, "check:words<=1", against="length")
    figures = figures_of(tmp_path / "out")
    # Hi. and 4 are one word and better; 5 and 2 tie
    assert figures["all", "accuracy"] == pytest.approx(2 / 3)
    assert figures["all", "ties"] == pytest.approx(1 / 3)
    assert figures["all", "accuracy.against"] == 0
    assert report.facts["scores"] == ["check:words<=1"]
    assert report.facts["models"]["scores"] == {"name": "check:words<=1", "scored": 3}


def test_references_come_from_the_row_and_never_from_the_benchmarks_own_label(tmp_path: Path) -> None:
    measure(tmp_path, "math:")
    figures = figures_of(tmp_path / "out")
    # the first row has no reference but its label 1, which is none; of the second both are right, of the third one
    assert figures["all", "accuracy"] == 0.5
    assert figures["all", "ties"] == 0.5
    manifest = manifest_of(tmp_path / "out")
    assert manifest["rows"]["rejected"] == 1
    assert set(manifest["rejected_by"]) <= {"error", "skipped"}


def test_equal_responses_with_different_references_have_no_score(tmp_path: Path) -> None:
    rows = [PAIRS[1], PAIRS[1] | {"answer": "5"}, PAIRS[2], PAIRS[2] | {"input": "?", "reward_model": 7}]
    measure(tmp_path, "math:", rows)
    assert manifest_of(tmp_path / "out")["rejected_by"] == {"several_scores": 2, "bad_type": 1}


def test_options_of_rewards_decide_where_one_is_used_alone(tmp_path: Path) -> None:
    slower = SourceOptions(reward_workers=1, reward_seconds=3)
    measure(tmp_path, "length")
    measure(tmp_path, "length", sources=slower)
    (tmp_path / "check").mkdir()
    measure(tmp_path / "check", "check:words<=1")
    measure(tmp_path / "check", "check:words<=1")
    with pytest.raises(Exception, match=r"reward.seconds"):
        measure(tmp_path / "check", "check:words<=1", sources=slower)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scores": "math:x"}, "--scores 'math:x': math: takes no 'x'"),
        ({"against": "py:x"}, "--against 'py:x' is not of the form"),
        ({"scores": "genrm:"}, "lacks what follows the colon"),
        ({"scores": "genrm:self"}, "here is no policy that could judge"),
        ({"scores": "check:words<=1@2"}, "has the weight 2"),
        ({"scores": "math:", "benchmark": "sensitivity"}, "sensitivity asks a model"),
        ({"against": "math:", "benchmark": "avg-at-k"}, "avg-at-k compares with rows of another policy"),
        ({"scores": "math:", "principle": ("clarity",)}, "--principle has a meaning only where a model is run"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        EvalConfig(**{"benchmark": "llmbar", "inputs": ("x",)} | options)
    assert words in str(caught.value)


def test_a_judge_may_be_named_with_principles() -> None:
    config = EvalConfig(benchmark="llmbar", inputs=("x",), scores="genrm:folder", principle=("clarity",))
    assert config.runs_model
    assert not config.runs_source


def test_a_judge_is_opened_to_write_and_is_another_source_than_the_same_model_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, bool]] = []

    def open_model(rm: str, options: RewardOptions, **_: object) -> FakeModel:
        opened.append((rm, options.generative))
        return FakeModel(lambda response, principle: float(len(response)))

    monkeypatch.setattr("stages.rewards.open.open_reward_model", open_model)
    monkeypatch.setattr("stages.rewards.open.reward_model_name", lambda rm, options: rm)
    url = "http://host/v1"
    measure(tmp_path, f"genrm:{url}", principle=("clarity",))
    with pytest.raises(Exception, match="scores_of"):
        measure(tmp_path, f"rm:{url}", principle=("clarity",))
    assert opened == [(url, True)]
