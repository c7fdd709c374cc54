"""A judge behind an OpenAI-compatible server that gives log-probabilities. Loads neither torch nor transformers."""

from collections.abc import Callable, Sequence
from typing import Final

from stages.core.chat import ChatRequest, Message, Outcome
from stages.core.journal import Journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from stages.rewards.judging import Chat, Form


class ServerJudge:
    """Asks the server that `options` names. The first use of its name contacts the server, unless the options have it.

    Conversations are not cut, since the tokens of a server's model are not known here: it refuses what is too long.
    """

    def __init__(self, options: LlmOptions, form: Form, notice: Callable[[str], None]) -> None:
        self._form: Final = form
        self._name = options.llm_model
        self._client = ChatClient(options, notice=notice, option="--rm", model_option="--rm-model")

    @property
    def model(self) -> str:
        """The model's name at the server."""
        return self._name or self._client.model

    def prepare(self, messages: Sequence[Message], response: str, principle: str) -> Chat:
        """The chat about one response and principle."""
        return Chat(self._form.prompt(messages, response, principle), truncated=False)

    def complete(
        self, requests: Sequence[ChatRequest], journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """The outcome of each request in order; raises EndpointError and Interrupted as ChatClient does."""
        return self._client.complete(requests, str, journal, advance, self._form.keep)

    def facts(self) -> dict[str, object]:
        """Calls, requests, failures, tokens, cost."""
        return self._client.facts()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
