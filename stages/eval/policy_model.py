"""Draws completions of prompts from the policy that --policy names: a model in this process, or behind a server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from stages.core.chat import ChatRequest, Message, Reply
from stages.core.errors import ConfigError, DataError
from stages.core.journal import Journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from stages.core.rows import Problem
from stages.eval.options import URLS, PolicyOptions
from stages.rewards.options import RewardOptions

if TYPE_CHECKING:
    from stages.models.sampler import Asked, Sampler

_SIDE_BY_SIDE: Final = 64


class Draw(NamedTuple):
    """One completion that is wanted: of a conversation, with a seed of its own."""

    messages: tuple[Message, ...]
    seed: int


class Completion(NamedTuple):
    """What the policy wrote; `finish` is length where the limit ended it, else stop or another word of its server."""

    text: str
    finish: str


class Policy(Protocol):
    """A policy that is ready to be sampled."""

    def draw(self, wanted: Sequence[Draw], calls: Path, advance: Callable[[int], None]) -> list[Completion | Problem]:
        """A completion for each draw, in order, or why there is none; `calls` is a file for what servers say."""

    def facts(self) -> Mapping[str, object]:
        """What the calls of this process came to."""

    def close(self) -> None:
        """Give back connections."""


def policy_name(policy: PolicyOptions, options: RewardOptions) -> str:
    """The policy's name for fingerprints, without its weights; a server is asked unless --policy-model says it.

    Raises:
        EndpointError: there is no server. ConfigError: it lists no model or several. InputMissing: no such folder.
    """
    assert policy.policy is not None
    if not policy.policy.startswith(URLS):
        from stages.models.load import find_model, model_name

        return model_name(find_model(policy.policy))
    if policy.policy_model is not None:
        return policy.policy_model
    with _client(policy, options, lambda text: None) as client:
        return client.model


def open_policy(policy: PolicyOptions, options: RewardOptions, notice: Callable[[str], None]) -> Policy:
    """The policy, ready to be sampled. Raises as `policy_name`, and DataError where a folder holds no model."""
    assert policy.policy is not None
    if policy.policy.startswith(URLS):
        return ServerPolicy(_client(policy, options, notice), policy)
    from stages.models.load import load_causal_lm
    from stages.models.sampler import Sampler

    loaded = load_causal_lm(
        policy.policy, options.device, {"bf16": "bfloat16", "fp32": "float32"}.get(options.precision)
    )
    sampler = Sampler(
        loaded.model,
        loaded.tokenizer,
        max_new_tokens=policy.max_new_tokens,
        temperature=policy.policy_temperature,
        top_p=policy.top_p,
        batch_size=_SIDE_BY_SIDE,
    )
    window: int | None = getattr(loaded.model.config, "max_position_embeddings", None)
    room = None if window is None else window - policy.max_new_tokens
    if room is not None and room < 1:
        raise ConfigError(f"--max-new-tokens {policy.max_new_tokens:,} fills the policy's window of {window:,} tokens.")
    return LocalPolicy(sampler, loaded.tokenizer, room)


@dataclass(frozen=True)
class LocalPolicy:
    """A model in this process; a prompt of more than `room` tokens gets no completion."""

    sampler: "Sampler"
    tokenizer: object
    room: int | None

    def draw(self, wanted: Sequence[Draw], calls: Path, advance: Callable[[int], None]) -> list[Completion | Problem]:
        """See Policy."""
        encoded = [self._encode(one) for one in wanted]
        fitting = [one for one in encoded if not isinstance(one, Problem)]
        drawn = iter(self.sampler.sample(fitting, advance))
        found: list[Completion | Problem] = []
        for one in encoded:
            if isinstance(one, Problem):
                found.append(one)
            else:
                ids, _, finish = next(drawn)
                found.append(Completion(self.sampler.text(ids), finish))
        return found

    def facts(self) -> Mapping[str, object]:
        """See Policy."""
        return {}

    def close(self) -> None:
        """See Policy."""

    def _encode(self, one: Draw) -> "Asked | Problem":
        from stages.models.generate import render
        from stages.models.sampler import Asked

        tokenizer: object = self.tokenizer
        try:
            text = render(one.messages, tokenizer, thinking=True)
        except DataError as error:
            return Problem("bad_value", "prompt", str(error))
        # a chat template writes the special tokens itself
        special = tokenizer.chat_template is None  # type: ignore[attr-defined]
        ids: list[int] = tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]  # type: ignore[operator]
        if self.room is not None and len(ids) > self.room:
            return Problem(
                "prompt_too_long",
                "prompt",
                f"the prompt has {len(ids):,} tokens, and {self.room:,} are the most; shorten it, or change "
                "--max-new-tokens.",
            )
        return Asked(tuple(ids), one.seed)


class ServerPolicy:
    """A model behind an OpenAI-compatible server."""

    def __init__(self, client: ChatClient, policy: PolicyOptions) -> None:
        self._client = client
        self._policy = policy

    def draw(self, wanted: Sequence[Draw], calls: Path, advance: Callable[[int], None]) -> list[Completion | Problem]:
        """See Policy."""
        requests = [self._request(one) for one in wanted]
        with Journal(calls) as journal:
            outcomes = self._client.complete(requests, str, journal, advance)
            journal.compact()
        return [
            Completion(_whole(one.text), one.finish_reason)
            if isinstance(one, Reply)
            else Problem(one.reason, None, one.error)
            for one in outcomes
        ]

    def facts(self) -> Mapping[str, object]:
        """See Policy."""
        return self._client.facts()

    def close(self) -> None:
        """See Policy."""
        self._client.close()

    def _request(self, one: Draw) -> ChatRequest:
        return ChatRequest(
            messages=one.messages,
            model=self._policy.policy_model or self._client.model,
            temperature=self._policy.policy_temperature,
            top_p=self._policy.top_p,
            sampled=True,
            max_reply_tokens=self._policy.max_new_tokens,
            seed=one.seed % 2**31,  # servers want 32 signed bits
        )


def _whole(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which a server that cuts a text may leave at its end."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _client(policy: PolicyOptions, options: RewardOptions, notice: Callable[[str], None]) -> ChatClient:
    assert policy.policy is not None
    asked = LlmOptions(
        llm=policy.policy,
        llm_model=policy.policy_model,
        concurrency=options.concurrency,
        timeout=options.timeout,
        max_retries=options.max_retries,
        max_cost=options.max_cost,
        max_tokens=options.max_tokens,
        price_in=options.price_in,
        price_out=options.price_out,
    )
    return ChatClient(asked, notice=notice, option="--policy", model_option="--policy-model")
