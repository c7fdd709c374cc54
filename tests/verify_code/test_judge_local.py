"""A judge in this process: models of a few thousand weights, one that knows one answer and one that knows nothing."""

from pathlib import Path

import pytest

from stages.core.errors import InputMissing
from stages.core.options import LlmOptions
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.judge import Judge, JudgeItem, open_judge
from tests.tiny_models import save_tiny_answering_lm, save_tiny_causal_lm

ITEMS = [JudgeItem("a", None, "x = 1"), JudgeItem("b", None, "x = 2"), JudgeItem("c", None, None)]


def opened(model: Path, root: Path) -> Judge:
    llm = LlmOptions(llm=f"local:{model}", max_reply_tokens=8)
    judge = open_judge(VerifyCodeConfig(inputs=("x",), judge="llm", llm=llm), root, lambda text: None)
    assert judge is not None
    return judge


def test_a_local_models_answers_are_scores(tmp_path: Path) -> None:
    model = save_tiny_answering_lm(tmp_path / "answering", '{"reason": "fine", "score": 4}')
    judge = opened(model, tmp_path)
    assert judge.score(ITEMS, 0) == [4.0, 4.0, None]
    assert judge.missing == {"no_code": 1}
    assert judge.name.startswith("answering@")
    judge.close()


def test_a_local_model_that_talks_nonsense_gives_no_score(tmp_path: Path) -> None:
    judge = opened(save_tiny_causal_lm(tmp_path / "random", window=8192), tmp_path)
    assert judge.score(ITEMS, 0) == [None, None, None]
    assert sum(judge.missing.values()) == 3
    assert set(judge.missing) <= {"no_code", "bad_answer", "cut_off"}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        opened(tmp_path / "nowhere", tmp_path)
