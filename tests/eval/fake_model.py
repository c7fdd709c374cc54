"""A reward model whose every judgement is known, and that counts what it was asked."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stages.core.rows import Problem
from stages.rewards.model import Judgement, Query

Say = Callable[[str, str], Judgement | Problem | float]
"""From response and principle ("" where none is read) to a judgement; a number is the log-odds of one."""


class FakeModel:
    """Judges by `say`; after `fails_after` calls of `judge` it breaks down."""

    def __init__(self, say: Say, *, reads_principles: bool = True, fails_after: int | None = None) -> None:
        self.name = "fake"
        self.reads_principles = reads_principles
        self.asked: list[tuple[str, str, str]] = []
        self.calls: list[int] = []
        self.closed = 0
        self._say = say
        self._fails_after = fails_after

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        if len(self.calls) == self._fails_after:
            raise KeyboardInterrupt
        self.calls.append(len(queries))
        result = []
        for query in queries:
            principles = query.principles if self.reads_principles else ("",)
            assert self.reads_principles or not query.principles
            self.asked += [(query.messages[-1].content, query.response, principle) for principle in principles]
            said = [self._say(query.response, principle) for principle in principles]
            result.append([Judgement(one) if isinstance(one, int | float) else one for one in said])
            advance(1)
        return result

    def facts(self) -> dict[str, object]:
        return {"asked": len(self.asked)}

    def close(self) -> None:
        self.closed += 1


def install(monkeypatch: pytest.MonkeyPatch, **models: FakeModel) -> None:
    """Let `rm:NAME` open these models."""

    def open_model(rm: str, options: Any, **rest: Any) -> FakeModel:
        return models[rm]

    monkeypatch.setattr("stages.rewards.open.open_reward_model", open_model)
    monkeypatch.setattr("stages.rewards.open.reward_model_name", lambda rm, options: rm)
