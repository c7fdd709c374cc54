"""The source `py:`: the three forms of functions, and what is said of code that cannot be used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.python_adapters import adapted
from stages.rewards.python_reward import open_python
from stages.rewards.source_options import SourceOptions

ITEM = RewardItem(
    "r1",
    (Message("user", "How long?"),),
    "quite long",
    reference="10",
    principle="brief",
    extra={"data_source": "toy", "extra_info": '{"level": 3}', "solution": "x"},
    completion_ids=(5, 6),
)


def test_ours_takes_what_it_names() -> None:
    def bare(completion: str) -> float:
        return len(completion)

    def some(completion: str, reference: str, *, principle: str) -> float:
        assert (reference, principle) == ("10", "brief")
        return 2.0

    def every(text: str, **columns: Any) -> float:
        assert columns["prompt"] == [{"role": "user", "content": "How long?"}]
        assert columns["solution"] == "x"
        assert columns["id"] == "r1"
        return 3.0

    assert [adapted(function)(ITEM) for function in (bare, some, every)] == [10, 2.0, 3.0]
    column = ITEM._replace(extra={**ITEM.extra, "text": "a column of that name", "completion": "another"})
    assert [adapted(function)(column) for function in (bare, every)] == [10, 3.0]


def test_trl_functions_get_lists_of_one() -> None:
    def named(completions: list[Any], solution: list[str]) -> list[float]:
        assert solution == ["x"]
        return [float(len(completions[0][0]["content"]))]

    def every(prompts: list[Any], completions: list[Any], completion_ids: list[Any], **columns: Any) -> list[None]:
        assert prompts == [[{"role": "user", "content": "How long?"}]]
        assert completions == [[{"role": "assistant", "content": "quite long"}]]
        assert completion_ids == [[5, 6]]
        assert columns["ground_truth"] == ["10"]
        columns["log_metric"]("a", 1.0)
        assert columns["trainer_state"] is None
        return [None]

    assert adapted(named)(ITEM) == 10.0
    assert adapted(every)(ITEM) is None
    for wrong in (lambda completions: [1.0, 2.0], lambda completions: 1.0):
        with pytest.raises(TypeError, match="not a list with one value"):
            adapted(wrong)(ITEM)


def test_verl_functions_get_their_four() -> None:
    def score(data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, int]) -> dict[str, float]:
        assert (data_source, solution_str, ground_truth, extra_info) == ("toy", "quite long", "10", {"level": 3})
        return {"score": 0.25, "acc": 1.0}

    assert adapted(score)(ITEM) == 0.25
    assert adapted(lambda data_source, solution_str, ground_truth, extra_info=None: 0.5)(ITEM) == 0.5
    with pytest.raises(TypeError, match="without score; its keys are acc"):
        adapted(lambda solution_str: {"acc": 1.0})(ITEM)


def test_results_and_failures_of_a_users_function(tmp_path: Path) -> None:
    score, name = opened(
        tmp_path,
        "import time\n"
        "def score(completion, solution, reference=None):\n"
        "    assert (solution, reference) == ('x', '10')\n"
        "    if completion == 'slow': time.sleep(60)\n"
        "    if completion == 'none': return None\n"
        "    return float(completion)\n",
        seconds=0.5,
    )
    found = score("0.5", "slow", "none", "word", "nan")
    assert [(result.value, result.status) for result in found] == [
        (0.5, "ok"),
        (None, "timeout"),
        (None, "skipped"),
        (None, "error"),
        (None, "error"),
    ]
    assert found[3].detail == "ValueError: could not convert string to float: 'word'"
    assert name.startswith("py:mine:score#")
    assert len(name) == len("py:mine:score#") + 12


def test_a_column_that_rows_lack_is_named(tmp_path: Path) -> None:
    score, _ = opened(tmp_path, "def score(completions, nowhere): return [1.0]")
    (result,) = score("x")
    assert result.status == "error"
    assert "'nowhere'" in result.detail


def test_the_name_follows_the_source(tmp_path: Path) -> None:
    _, one = opened(tmp_path, "def score(completion): return 1.0")
    _, same = opened(tmp_path, "def score(completion): return 1.0")
    _, other = opened(tmp_path, "def score(completion): return 2.0")
    assert one == same != other


def test_modules_in_packages_and_beside_the_run_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "inner.py").write_text("class Box:\n    score = staticmethod(len)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    reward = open_python("package.inner:Box.score", SourceOptions(reward_workers=1))
    assert reward.score([ITEM])[0].value == 10.0
    assert reward.best is None
    assert reward.facts()["ok"] == 1
    reward.close()


@pytest.mark.parametrize(
    ("source", "argument", "words"),
    [
        ("def score(completion): return 1.0", "mine:scor", "has no function scor; did you mean score?"),
        ("def score(completion): return 1.0", "mime:score", "did you mean mine?"),
        ("def score(completion): return 1.0", "zzzzzz:score", "--py-path"),
        ("def score(completion): return 1.0", "mine.deep:score", "is a module, not a package"),
        ("score = 5", "mine:score", "is no function"),
        ("async def score(completion): return 1.0", "mine:score", "is async"),
        ("\nimport nowhere_at_all", "mine:score", "mine.py, line 2"),
        ("def score(:", "mine:score", "mine.py, line 1"),
        ("\n\nraise ValueError('not\\ntoday')", "mine:score", "(ValueError: not, "),
        ("import sys; sys.exit('gone')", "mine:score", "SystemExit: gone"),
        ("import os; os._exit(3)", "mine:score", "exit code 3"),
    ],
)
def test_code_that_cannot_be_used_is_told_at_once(tmp_path: Path, source: str, argument: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_python(argument, SourceOptions(py_path=tmp_path, reward_workers=1))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        open_python("mine:score", SourceOptions(py_path=tmp_path / "absent"))


def opened(folder: Path, source: str, seconds: float = 20.0) -> tuple[Callable[..., list[RewardResult]], str]:
    """What the module `mine` with this source gives for completions, and the source's name."""
    (folder / "mine.py").write_text(source, encoding="utf-8")
    options = SourceOptions(py_path=folder, reward_workers=2, reward_seconds=seconds)

    def score(*completions: str) -> list[RewardResult]:
        reward = open_python("mine:score", options)
        results = reward.score([ITEM._replace(completion=text) for text in completions])
        reward.close()
        return results

    reward = open_python("mine:score", options)
    reward.close()
    return score, reward.name


def test_verl_functions_get_none_for_a_data_source_that_the_row_lacks() -> None:
    def score(data_source: object, solution_str: str, ground_truth: str, extra_info: object) -> float:
        assert (data_source, extra_info) == (None, None)
        return 2.0

    assert adapted(score)(ITEM._replace(extra={})) == 2.0
