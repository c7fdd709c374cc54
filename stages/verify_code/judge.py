"""Soft verification: a score of 1 to 5 for each program, from a language model or from a file of scores.

No judge sees what became of the tests, so that its agreement with them means something. A score that is not there
stays away, with a reason that is counted; none is ever made up.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from stages.core.asking import Advance, Model, untold
from stages.core.chat import CallFailure, Outcome
from stages.core.runner import reading
from stages.core.slices import ReadOptions
from stages.programs.task import Chat
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.judge_file import read_scores
from stages.verify_code.judge_prompt import SCHEMA, judge_chat, parse_score, prompt_hash
from stages.verify_code.local_model import open_model

COLUMN: Final = "column"
LLM: Final = "llm"

NO_CODE: Final = "no_code"
NOT_IN_FILE: Final = "not_in_file"
NULL_IN_FILE: Final = "null_in_file"


class JudgeItem(NamedTuple):
    """One program to judge: the id of its row among the verdicts, the problem, and the program if there is one."""

    id: str
    prompt: Chat | None
    program: str | None


class Judge(Protocol):
    """Scores programs; `close` ends connections."""

    name: str
    """The model, or the file's base name."""

    identity: Mapping[str, object]
    """What decides the scores, for the fingerprint; can be written as JSON."""

    missing: Mapping[str, int]
    """Why the last call gave no score, and how often: no_code, not_in_file, null_in_file, or a CallFailure's reason."""

    def score(self, items: Sequence[JudgeItem], part: int, advance: Advance = untold) -> list[float | None]:
        """A score of 1 to 5 for each item, in order, None where there is none; `advance` is told of items finished."""

    def close(self) -> None:
        """End connections."""


class ModelJudge:
    """A language model: one call for each different program of a problem, remembered in the part's journal."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.identity: Mapping[str, object] = {"judge": model.name, "judge_prompt": prompt_hash()}
        self.missing: Mapping[str, int] = {}
        self._model = model

    def score(self, items: Sequence[JudgeItem], part: int, advance: Advance = untold) -> list[float | None]:
        """See Judge. Raises EndpointError if the model is unusable, Interrupted if the budget is reached."""
        chats = {
            number: judge_chat(item.prompt, item.program)
            for number, item in enumerate(items)
            if item.program is not None
        }
        advance(len(items) - len(set(chats.values())))
        with self._model.asking(part, "judge") as asker:
            outcomes = dict(zip(chats, asker.ask(list(chats.values()), SCHEMA, parse_score, advance), strict=True))
        scores = [_score(outcomes.get(number)) for number in range(len(items))]
        self.missing = Counter(score for score in scores if isinstance(score, str))
        return [None if isinstance(score, str) else score for score in scores]

    def close(self) -> None:
        """See Judge."""
        self._model.close()


class FileJudge:
    """A table of ids and scores."""

    def __init__(self, path: str, reading: ReadOptions) -> None:
        """Read the table; raises InputMissing, or DataError naming the row that is wrong."""
        self.name = Path(path).name
        self._scores, hashes = read_scores(path, reading)
        self.identity: Mapping[str, object] = {"judge_of": list(hashes)}
        self.missing: Mapping[str, int] = {}

    def score(self, items: Sequence[JudgeItem], part: int, advance: Advance = untold) -> list[float | None]:
        """See Judge."""
        scores = [self._scores.get(item.id) for item in items]
        self.missing = Counter(
            NULL_IN_FILE if item.id in self._scores else NOT_IN_FILE
            for item, score in zip(items, scores, strict=True)
            if score is None
        )
        advance(len(items))
        return scores

    def close(self) -> None:
        """See Judge."""


def open_judge(config: VerifyCodeConfig, root: Path, notice: Callable[[str], None]) -> Judge | None:
    """The judge that `--judge` names; None where scores come with the rows. Journals of calls lie under `root`.

    Raises:
        ConfigError: `--llm` names no back end. EndpointError: the server cannot be reached. InputMissing: there is no
        such file or model. DataError: the file holds no scores.
    """
    if config.judge == COLUMN:
        return None
    if config.judge == LLM:
        return ModelJudge(open_model(config, root, notice))
    return FileJudge(config.judge, reading(config.run))


def _score(outcome: Outcome | None) -> float | str:
    """The score, or the reason why there is none."""
    if outcome is None:
        return NO_CODE
    return outcome.reason if isinstance(outcome, CallFailure) else parse_score(outcome.text)
