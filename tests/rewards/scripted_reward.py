"""A source of rewards whose every answer the test writes, and completions to be scored."""

from collections.abc import Callable, Sequence
from typing import Any

from stages.core.chat import Message
from stages.rewards.item import RewardItem, RewardResult


class Scripted:
    """Answers by a function of the item, and remembers what it was asked."""

    def __init__(
        self, answer: Callable[[RewardItem], RewardResult], *, name: str = "scripted", best: float | None = None
    ) -> None:
        self.name, self.best = name, best
        self._answer = answer
        self.asked: list[str] = []
        self.closed = 0

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        results = []
        for item in items:
            self.asked.append(item.completion)
            results.append(self._answer(item))
            advance(1)
        return results

    def facts(self) -> dict[str, object]:
        return {"asked": len(self.asked)}

    def close(self) -> None:
        self.closed += 1


def item(completion: str, name: str = "i", asked: str = "Add.", **fields: Any) -> RewardItem:
    """A completion to one question."""
    return RewardItem(name, (Message("user", asked),), completion, **fields)
