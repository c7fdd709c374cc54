"""What is asked of every reward model, whatever is behind it, and what it answers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from stages.core.chat import Message
from stages.core.rows import Problem
from stages.rewards.item import RewardItem


class Query(NamedTuple):
    """A response to a conversation, and the principles to judge it by; a model without principles takes none.

    `item` is the response with what its row has besides, for sources of rewards that look at it (source_model.py).
    """

    messages: Sequence[Message]
    response: str
    principles: Sequence[str]
    item: RewardItem | None = None


class Judgement(NamedTuple):
    """What a model thinks of one response under one principle.

    `score` is the log-odds of Yes over No, or the number that a model without principles gives; `p_yes` the calibrated
    probability of Yes, None where the model is not calibrated; `mass` p(Yes) + p(No) before calibration, None where it
    was not computed; `truncated` says that a part of the conversation was left out; `reasoning` is what a generative
    model wrote before its judgement, None for others.
    """

    score: float
    p_yes: float | None = None
    mass: float | None = None
    truncated: bool = False
    reasoning: str | None = None


class RewardModel(Protocol):
    """A reward model, open and ready.

    `name` goes into the table's column `rm` and into fingerprints: a hub id, or a folder's own name and a hash of its
    content. `reads_principles`: one judgement a principle; otherwise one a response, and principles are ignored.
    """

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def reads_principles(self) -> bool:
        """Whether the model judges by principles."""

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        """Judge all queries, in order: one entry a principle, or exactly one where principles are not read.

        A `Problem` stands where there is no score; nothing is raised for a single query's sake. `advance` is told of
        queries finished.
        """

    def facts(self) -> dict[str, object]:
        """What was noticed so far, for a run's summary: truncated conversations, mass of Yes and No, calls, cost."""

    def close(self) -> None:
        """Give back what is held: connections, files."""
