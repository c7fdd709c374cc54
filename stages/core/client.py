"""A language model as those see it who ask it many things at once and remember the answers."""

from collections.abc import Callable, Sequence
from typing import Protocol

from stages.core.ask import Check
from stages.core.chat import ChatRequest, Outcome
from stages.core.journal import Journal


class Client(Protocol):
    """A language model, behind a server (core/llm.py) or in this process (models/client.py)."""

    @property
    def model(self) -> str:
        """The model's name."""

    def complete(
        self, requests: Sequence[ChatRequest], check: Check, journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """The outcome of each request in order; what the journal holds is not asked again."""
