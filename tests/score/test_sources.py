"""Sources of rewards in place of a model: what they score, what they reject, what decides their scores."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError
from stages.core.options import RunOptions
from stages.rewards.options import RewardOptions
from stages.rewards.source_options import SourceOptions
from stages.score.config import ScoreConfig
from stages.score.run import run
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.score.fakes import write

SUMS = [
    {"id": "a", "prompt": "2 + 2?", "completions": ["It is 4.", "\\boxed{5}"], "answer": "4", "level": 1},
    {"id": "b", "prompt": "2 + 2?", "completions": ["It is 4."], "answer": "5", "level": 2},
    {"id": "c", "prompt": "2 + 2?", "completions": ["It is 4."], "reward_model": {"ground_truth": "4"}},
    {"id": "d", "prompt": "2 + 2?", "completions": ["It is 4."], "reward_model": 7},
]

SCORER = """
def score(completion, level=None):
    if level == 2:
        raise ValueError("no level 2")
    return None if level is None else len(completion) + level
"""


def score(rows: list[dict[str, Any]], folder: Path, rm: str, name: str = "out", **options: Any) -> Path:
    path = write(folder / "rows.jsonl", rows)
    sources = SourceOptions(reward_workers=1, py_path=folder)
    settings: dict[str, Any] = {"run": RunOptions(max_failed=1.0), "sources": sources}
    run(ScoreConfig(inputs=(str(path),), rm=rm, out=folder / name, **settings | options))
    return folder / name


def scores(out: Path) -> dict[tuple[str, int], float]:
    return {(row["id"], row.get("sample", 0)): row["score"] for row in rows_of(out)}


def test_equal_responses_are_checked_against_the_reference_of_their_own_row(tmp_path: Path) -> None:
    out = score(SUMS, tmp_path, "math:")
    assert scores(out) == {("a", 0): 1.0, ("a", 1): 0.0, ("b", 0): 0.0, ("c", 0): 1.0}
    first = rows_of(out)[0]
    assert (first["rm"], first["principle"], first["p_yes"], first["truncated"]) == ("math:", None, None, False)
    assert (first["answer"], first["level"]) == ("4", 1)
    manifest = manifest_of(out)
    assert manifest["rows"] == {"in": 4, "kept": 3, "dropped": 0, "rejected": 1}
    assert manifest["rejected_by"] == {"bad_type": 1}


def test_what_has_no_value_is_rejected_with_its_status(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(SCORER, encoding="utf-8")
    out = score(SUMS[:3], tmp_path, "py:my:score")
    assert scores(out) == {("a", 0): 9.0, ("a", 1): 10.0}
    assert manifest_of(out)["rejected_by"] == {"error": 1, "skipped": 1}


def test_the_best_response_by_a_check(tmp_path: Path) -> None:
    out = score(SUMS[:1], tmp_path, "check:chars<=8", output="pairs")
    (pair,) = rows_of(out)
    assert pair["chosen"][0]["content"] == "It is 4."
    assert (pair["score_chosen"], pair["score_rejected"], pair["rm"]) == (1.0, 0.0, "check:chars<=8")


def test_an_unnamed_check_is_the_rows_principle(tmp_path: Path) -> None:
    rows = [{"id": "a", "prompt": "?", "completion": "one two", "principle": f"at most {n} words"} for n in (1, 2)]
    assert [row["score"] for row in rows_of(score(rows, tmp_path, "check:"))] == [0.0, 1.0]


def test_another_module_makes_other_scores_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(SCORER, encoding="utf-8")
    out = score(SUMS[:1], tmp_path, "py:my:score")
    before = contents(out)
    assert contents(score(SUMS[:1], tmp_path, "py:my:score")) == before
    (tmp_path / "my.py").write_text(SCORER.replace("+ level", "- level"), encoding="utf-8")
    with pytest.raises(Exception, match="configuration"):
        score(SUMS[:1], tmp_path, "py:my:score")


def test_options_of_sources_decide_nothing_of_a_model(tmp_path: Path, models: Path) -> None:
    model = str(models / "rm")
    rows = [{"id": "a", "prompt": "?", "completion": "yes", "principle": "brevity"}]
    fp32 = RewardOptions(precision="fp32")
    out = score(rows, tmp_path, model, reward=fp32)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    other = SourceOptions(reward_seconds=3, reward_code="all", allow_demo_rm=True)
    score(rows, tmp_path, f"rm:{model}", reward=fp32, sources=other)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.parquet")} == before
    assert before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rm": "math:x"}, "--rm 'math:x': math: takes no 'x'"),
        ({"rm": "py:my.py:score"}, "--rm 'py:my.py:score' is not of the form"),
        ({"rm": "math:@2"}, "has the weight 2"),
        ({"rm": "genrm:self"}, "here is no policy that could judge"),
        ({"rm": "math:", "reward": RewardOptions(generative=True)}, "--generative does not go with --rm math:"),
        ({"rm": "rm:m", "reward": RewardOptions(generative=True)}, "--generative does not go with --rm rm:m"),
        ({"rm": "math:", "run": RunOptions(workers=2)}, "say --reward-workers"),
        ({"rm": "genrm:m", "run": RunOptions(workers=2)}, "say --concurrency"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ScoreConfig(**{"inputs": ("x",)} | options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rm", "model", "generative", "in_words"),
    [
        ("folder", "folder", False, False),
        ("rm:folder", "folder", False, False),
        ("genrm:folder", "folder", True, True),
        ("rm:http://host/v1", "http://host/v1", False, True),
        ("genrm:http://host/v1", "http://host/v1", True, True),
        ("local:folder", "local:folder", False, False),
        ("http://host/v1", "http://host/v1", False, True),
    ],
)
def test_a_model_may_be_written_as_a_source(rm: str, model: str, generative: bool, in_words: bool) -> None:
    config = ScoreConfig(inputs=("x",), rm=rm)
    assert (config.model, config.model_options.generative, config.in_words) == (model, generative, in_words)
    assert config.source is None
