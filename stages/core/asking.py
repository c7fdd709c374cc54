"""Opens what `--llm` names and asks it, with a journal for each part and purpose: judging, writing tests, annotating.

How a model in this process is opened, its caller says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from stages.core.ask import Check
from stages.core.budget import Budget
from stages.core.chat import ChatRequest, Message, Outcome
from stages.core.client import Client
from stages.core.errors import ConfigError, RlbffError
from stages.core.journal import Journal
from stages.core.llm import ChatClient
from stages.core.manifest import hidden
from stages.core.options import LlmOptions
from stages.core.usage import recorded_usage

JOURNALS: Final = "journal"
"""The folder, among our own files of the output, that holds the journals of calls."""

Advance = Callable[[int], None]
"""Is told how many more items are finished."""


def untold(finished: int) -> None:
    """An Advance for nobody."""


class LocalClient(Client, Protocol):
    """A model in this process, which also tells what its calls cost."""

    def facts(self) -> Mapping[str, object]:
        """What the calls of this process came to."""


class Asker(Protocol):
    """Asks one model; every finished call is remembered."""

    name: str
    """The model's name."""

    def ask(
        self,
        chats: Sequence[tuple[Message, ...]],
        schema: Mapping[str, object],
        check: Check,
        advance: Advance = untold,
    ) -> list[Outcome]:
        """The outcome of each chat in order.

        Raises EndpointError if the model is unusable, Interrupted if the budget is reached.
        """


@dataclass(frozen=True)
class Model:
    """The language model of a run; `close` ends connections.

    `usage` tells what the calls of this process cost, `recorded` what all calls for the folder did.
    """

    client: Client
    options: LlmOptions
    seed: int
    journals: Path
    usage: Callable[[], Mapping[str, object]]
    recorded: Callable[[], Mapping[str, object]]
    close: Callable[[], None]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.client.model

    @contextmanager
    def asking(self, part: int, purpose: str) -> Iterator[Asker]:
        """An asker whose calls go into the journal of this part and purpose, compacted at a good end."""
        with Journal(self.journals / f"part-{part:05d}.{purpose}.jsonl") as journal:
            yield _JournalAsker(self, journal)
            journal.compact()


class _JournalAsker:
    """An Asker with one journal."""

    def __init__(self, model: Model, journal: Journal) -> None:
        self.name = model.name
        self._model, self._journal = model, journal

    def ask(
        self,
        chats: Sequence[tuple[Message, ...]],
        schema: Mapping[str, object],
        check: Check,
        advance: Advance = untold,
    ) -> list[Outcome]:
        """See Asker."""
        requests = [self._request(chat, schema) for chat in chats]
        return self._model.client.complete(requests, check, self._journal, advance)

    def _request(self, chat: tuple[Message, ...], schema: Mapping[str, object]) -> ChatRequest:
        options = self._model.options
        return ChatRequest(
            messages=chat,
            model=self.name,
            schema=schema,
            temperature=options.temperature,
            max_reply_tokens=options.max_reply_tokens,
            seed=self._model.seed,
        )


def open_model(
    options: LlmOptions,
    seed: int,
    root: Path,
    notice: Callable[[str], None],
    open_local: Callable[[LlmOptions, int], LocalClient],
) -> Model:
    """The model that `--llm` names; journals lie under `root`. Contacts a server.

    Raises:
        ConfigError: `--llm` names no back end. EndpointError: the server cannot be reached. InputMissing: a model's
        folder does not exist.
    """
    folder = hidden(root, JOURNALS)
    recorded = partial(recorded_usage, folder, Budget.of(options))
    if _is_server(options):
        client = ChatClient(options, notice=notice)
        try:
            _ = client.model
        except RlbffError:  # the first contact failed
            client.close()
            raise
        return Model(client, options, seed, folder, client.facts, recorded, client.close)
    check_choice(options)
    local = open_local(options, seed)
    return Model(local, options, seed, folder, local.facts, recorded, _nothing)


def check_choice(options: LlmOptions) -> None:
    """Raise ConfigError unless `--llm` names a server or a model; rules cannot do what is asked of one here."""
    name = options.llm or ""
    if not (_is_server(options) or (name.startswith("local:") and name != "local:")):
        raise ConfigError(f"--llm is {options.llm!r}; write a URL (http://host:8000/v1) or local:MODEL.")


def _is_server(options: LlmOptions) -> bool:
    return (options.llm or "").startswith(("http://", "https://"))


def _nothing() -> None:
    return
