"""A model in this process that names patterns: one that knows one answer, and one that knows nothing."""

from pathlib import Path

from stages.core.options import LlmOptions
from stages.core.rows import Problem
from stages.select_cotp.annotating import open_annotator
from stages.select_cotp.config import ChainOptions, SelectCotpConfig
from stages.select_cotp.markers import Span
from tests.tiny_models import save_tiny_answering_lm, save_tiny_causal_lm

TEXT = "Add 3 to 4.\n\nWait, that is 7."


def annotated(model: Path, root: Path, max_reply_tokens: int) -> list[Span] | Problem:
    llm = LlmOptions(llm=f"local:{model}", max_reply_tokens=max_reply_tokens)
    config = SelectCotpConfig(inputs=("x",), core=("y",), chains=ChainOptions(patterns="llm"), llm=llm)
    annotator = open_annotator(config, root, lambda text: None)
    assert annotator is not None
    (found,) = annotator.annotate([("", TEXT)], 0)
    annotator.close()
    return found


def test_a_local_models_answers_are_chains(tmp_path: Path) -> None:
    model = save_tiny_answering_lm(tmp_path / "answering", '{"patterns": [{"step": 1, "name": "compute"}]}')
    assert annotated(model, tmp_path, 8) == [Span("compute", 0, len(TEXT))]


def test_a_local_model_that_talks_nonsense_gives_a_problem(tmp_path: Path) -> None:
    found = annotated(save_tiny_causal_lm(tmp_path / "random", window=8192), tmp_path, 8)
    assert isinstance(found, Problem)
    assert found.reason in ("bad_answer", "cut_off")
