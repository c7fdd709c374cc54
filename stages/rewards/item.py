"""What any source of rewards is asked, and what it answers. Which sources there are is in spec.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from stages.core.chat import Message

Status = Literal["ok", "no_answer", "timeout", "error", "skipped"]
"""ok: a value that stands. no_answer: the completion holds nothing to judge; the value says what that is worth.
timeout: the scorer missed its deadline. error: it raised, died, or gave no finite number. skipped: it has no opinion
on such a row."""


class RewardItem(NamedTuple):
    """One completion to be scored.

    `messages` is the conversation up to it, as the policy saw it; `reference` what it is checked against, in whatever
    form the row has it (text, number, list); `extra` the other columns of the row. `prompt_ids` and `completion_ids`
    are the tokens, for sources that read the policy itself; empty elsewhere.
    """

    id: str
    messages: tuple[Message, ...]
    completion: str
    reference: object = None
    principle: str | None = None
    extra: Mapping[str, object] = {}
    prompt_ids: tuple[int, ...] = ()
    completion_ids: tuple[int, ...] = ()


class RewardResult(NamedTuple):
    """What one completion is worth: a finite value, or None where `status` is timeout, error or skipped.

    `parts` are values by source, before weights, or what one source says besides its value; `seconds` is how long it
    took; `detail` says why in words.
    """

    value: float | None
    status: Status
    parts: Mapping[str, float] = {}
    seconds: float = 0.0
    detail: str = ""


class Reward(Protocol):
    """A source of rewards, open and ready."""

    @property
    def name(self) -> str:
        """What is written down of the source: its spec, with the content hash of a model or module."""

    @property
    def best(self) -> float | None:
        """The largest value that it gives, reached by right completions only; None where there is none."""

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """Score all items, in order; one item's failure is its own result. `advance` is told of items finished.

        Raises only what concerns all: EndpointError, Interrupted, ConfigError.
        """

    def facts(self) -> dict[str, object]:
        """What was noticed so far, for a run's summary."""

    def close(self) -> None:
        """End processes, give back connections and files."""
