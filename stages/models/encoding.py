"""The tokens of (conversation, response, principle), split into a prefix that all principles share and a suffix.

The tokens are those of the whole chat, split at a token boundary: pieces tokenised apart differ at the seam.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from stages.models.template import EntailmentTemplate
from stages.models.truncation import Conversation, fit_conversation

_PROBES: Final = ("a", "0")
"""Two principles without a common beginning: what their chats share, the chats of all principles share."""

_SMALLEST: Final = Conversation([Message("user", "")], "")
_SMALLEST_RESERVE: Final = 64

Ids = tuple[int, ...]


class EncodedPair(NamedTuple):
    """The tokens of one pair, prefix and then suffix; `truncated` if anything of the conversation was left out."""

    prefix: Ids
    suffix: Ids
    truncated: bool

    @property
    def length(self) -> int:
        """The number of tokens."""
        return len(self.prefix) + len(self.suffix)


class PairEncoder:
    """A template, a tokenizer that it was checked with, and the most tokens that a pair may have.

    Raises ConfigError for a tokenizer that renders otherwise, and for a window that holds nothing beside the template.
    """

    def __init__(self, template: EntailmentTemplate, tokenizer: Any, max_tokens: int) -> None:  # noqa: ANN401
        template.check(tokenizer)
        self.template = template
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._specials = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        self._frame = self._prefix_length(_SMALLEST)
        if self._frame + _SMALLEST_RESERVE > max_tokens:
            raise ConfigError(
                f"A window of {max_tokens} tokens holds no conversation beside the {self._frame} tokens of the "
                f"template and {_SMALLEST_RESERVE} for a principle; use a larger window."
            )

    def encode(self, messages: Sequence[Message], response: str, principles: Sequence[str]) -> list[EncodedPair]:
        """Return one pair a principle; raises DataError with the first Problem of `encode_each`, if it has one."""
        pairs = []
        for pair in self.encode_each(messages, response, principles):
            if isinstance(pair, Problem):
                raise DataError(pair.error)
            pairs.append(pair)
        return pairs

    def encode_each(
        self, messages: Sequence[Message], response: str, principles: Sequence[str]
    ) -> list[EncodedPair | Problem]:
        """Return one pair a principle, in their order.

        The principle and the constant words are never cut. A pair that is too long loses parts of its conversation
        (see truncation.py): as many as leave room for a suffix of 64 tokens, or of the next power of two that its own
        suffix needs, so that what is left is the same for nearly all principles and never depends on the other
        principles. A Problem stands for turns that the chat template refuses (bad_chat), for a principle that leaves
        no room (principle_too_long), and for turns that cannot be cut to fit (conversation_too_long).
        """
        whole = Conversation(messages, response)
        pairs = self._within(whole, principles, None)
        too_long: dict[int, list[int]] = {}
        for n, pair in enumerate(pairs):
            if isinstance(pair, EncodedPair) and pair.length > self.max_tokens:
                too_long.setdefault(_reserve(len(pair.suffix)), []).append(n)
        for reserve, places in too_long.items():
            shorter = self._within(whole, [principles[n] for n in places], reserve)
            for n, pair in zip(places, shorter, strict=True):
                pairs[n] = pair
        return pairs

    def _within(
        self, whole: Conversation, principles: Sequence[str], reserve: int | None
    ) -> list[EncodedPair | Problem]:
        """Pairs of the whole conversation, or of what leaves room for a suffix of `reserve` tokens."""
        try:
            if reserve is None:
                return [*self._encode(whole, principles, truncated=False)]
            fitted = fit_conversation(whole, self.max_tokens - reserve, self._prefix_length)
            if fitted is None:
                return [self._too_long(principle, reserve) for principle in principles]
            return [*self._encode(fitted, principles, truncated=True)]
        except DataError as refused:
            return [Problem("bad_chat", "prompt", str(refused))] * len(principles)

    def _encode(self, chat: Conversation, principles: Sequence[str], *, truncated: bool) -> list[EncodedPair]:
        texts = [self.template.render(self._tokenizer, *chat, principle) for principle in (*_PROBES, *principles)]
        front, rows = self._split(texts)
        shared = _num_shared(rows)
        prefix = front + rows[0][:shared]
        return [EncodedPair(prefix, row[shared:], truncated) for row in rows[len(_PROBES) :]]

    def _split(self, texts: Sequence[str]) -> tuple[Ids, list[Ids]]:
        """Tokens that all texts begin with, and the rest of each text's tokens.

        No token reaches over a special token, so that the text before the last common one is tokenised only once.
        That it makes no difference is checked on the first text, whole; if it does, all are tokenised whole.
        """
        seam = self._last_special(texts[0][: _num_shared(texts)])
        front, whole = self._tokenize([texts[0][:seam], texts[0]])
        rows = self._tokenize([text[seam:] for text in texts])
        return (front, rows) if whole == front + rows[0] else ((), self._tokenize(texts))

    def _last_special(self, text: str) -> int:
        """Where the last special token of a text begins, 0 if it has none."""
        return max([0, *(text.rfind(special) for special in self._specials)])

    def _prefix_length(self, chat: Conversation) -> int:
        return len(self._encode(chat, _PROBES[:1], truncated=True)[0].prefix)

    def _tokenize(self, texts: Sequence[str]) -> list[Ids]:
        # a chat template writes the special tokens itself
        rows = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [tuple(row) for row in rows]

    def _too_long(self, principle: str, reserve: int) -> Problem:
        if self._frame + reserve <= self.max_tokens:
            return conversation_too_long(self.max_tokens)
        length = len(self._encode(_SMALLEST, [principle], truncated=False)[0].suffix)
        return Problem(
            "principle_too_long",
            "principle",
            f"The principle {principle[:80]!r} needs {length} tokens and leaves no room for a conversation in a window "
            f"of {self.max_tokens}; shorten it or use a larger window.",
        )


def conversation_too_long(max_tokens: int) -> Problem:
    """What is wrong with a conversation that cannot be cut to fit."""
    return Problem(
        "conversation_too_long",
        "prompt",
        f"What may not be cut of the conversation is longer than the window of {max_tokens} tokens; shorten the turns "
        "after the last one of the user, or use a larger window.",
    )


def _num_shared(rows: Sequence[Ids] | Sequence[str]) -> int:
    """The number of tokens or characters that all rows begin with; the smallest and the largest differ first."""
    low, high = min(rows), max(rows)
    return next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _reserve(suffix: int) -> int:
    return max(_SMALLEST_RESERVE, 1 << (suffix - 1).bit_length())
