"""Opens the judge that --llm names: a server's model, or one in this process."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from stages.core.ask import Check
from stages.core.chat import ChatRequest, Outcome
from stages.core.journal import Journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from stages.eval.options import URLS

if TYPE_CHECKING:
    from stages.models.client import LocalClient


class Judge(Protocol):
    """A language model that answers many chats."""

    def complete(
        self, requests: Sequence[ChatRequest], check: Check, journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """The outcome of each request in order; what the journal holds is not asked again."""

    def facts(self) -> Mapping[str, object]:
        """What the calls of this process came to."""

    def close(self) -> None:
        """Give back connections and memory."""


def judge_name(options: LlmOptions) -> str:
    """The name of the judge for fingerprints, without its weights; a server is asked unless --llm-model says it.

    Raises:
        EndpointError: there is no server. ConfigError: it lists no model or several. InputMissing: no such folder.
    """
    assert options.llm is not None
    if options.llm.startswith(URLS):
        if options.llm_model is not None:
            return options.llm_model
        with ChatClient(options) as client:
            return client.model
    from stages.models.load import find_model, model_name

    return model_name(find_model(options.llm.removeprefix("local:")))


def open_judge(options: LlmOptions, seed: int, notice: Callable[[str], None]) -> Judge:
    """The judge, ready to be asked. Raises as `judge_name`, and DataError where a folder holds no model."""
    assert options.llm is not None
    if options.llm.startswith(URLS):
        return ChatClient(options, notice=notice)
    from stages.models.client import LocalClient

    return _Local(LocalClient(options, seed))


class _Local:
    """A model in this process, which has nothing to close."""

    def __init__(self, client: "LocalClient") -> None:
        self.complete = client.complete
        self.facts = client.facts

    def close(self) -> None:
        """See Judge."""
