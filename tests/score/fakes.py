"""A reward model that is a formula, and what tests of the stage ask for again and again."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stages.core.report import Report
from stages.core.rows import Problem
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions
from stages.score.aggregate import sigmoid
from stages.score.config import ScoreConfig
from stages.score.run import run


def formula(messages: Sequence[tuple[str, str]], response: str, principle: str | None) -> float:
    """A score in quarters between -4 and 4 that depends on all that is asked, and on nothing else."""
    text = json.dumps([list(messages), response, principle])
    return zlib.crc32(text.encode()) % 33 / 4 - 4


@dataclass
class FakeModel:
    """Scores by `formula`; a principle "too long" and a response "unscorable" give a Problem."""

    name: str = "fake@1"
    reads_principles: bool = True
    calibrated: bool = True
    asked: list[Query] = field(default_factory=list)
    closed: bool = False

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        self.asked += queries
        advance(len(queries))
        return [
            [self._one(query, text) for text in (query.principles if self.reads_principles else [None])]
            for query in queries
        ]

    def _one(self, query: Query, principle: str | None) -> Judgement | Problem:
        if principle == "too long" or query.response == "unscorable":
            return Problem("principle_too_long", "principle", "it does not fit.")
        score = formula(query.messages, query.response, principle)
        truncated = query.response == "cut"
        if not self.calibrated:
            return Judgement(score, None, None, truncated, "because")
        return Judgement(score, sigmoid(score / 2 + 0.5), 0.99, truncated, "because")

    def facts(self) -> dict[str, object]:
        return {"pairs": sum(len(query.principles) for query in self.asked)}

    def close(self) -> None:
        self.closed = True


def use(monkeypatch: pytest.MonkeyPatch, model: FakeModel) -> FakeModel:
    """Make every `--rm` mean this model."""

    def open_fake(rm: str, options: RewardOptions, **_: Any) -> FakeModel:
        return model

    monkeypatch.setattr("stages.rewards.open.open_reward_model", open_fake)
    monkeypatch.setattr("stages.rewards.open.reward_model_name", lambda rm, options: model.name)
    return model


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def score(path: Path, out: Path, **options: Any) -> Report:
    """Run the stage on one file, in this process."""
    return run(ScoreConfig(inputs=(str(path),), rm="fake", out=out, **options))
