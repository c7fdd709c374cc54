"""The tokens of (conversation, response, principle), split into a prefix that all principles share and a suffix.

The tokens are those of the whole chat, split at a token boundary: pieces tokenised apart differ at the seam.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.models.template import EntailmentTemplate
from stages.models.truncation import Conversation, fit_conversation

_PROBES: Final = ("a", "0")
"""Two principles without a common beginning: what their chats share, the chats of all principles share."""

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
    """A template, a tokenizer that it was checked with, and the most tokens that a pair may have."""

    def __init__(self, template: EntailmentTemplate, tokenizer: Any, max_tokens: int) -> None:  # noqa: ANN401
        assert max_tokens > 0
        template.check(tokenizer)
        self.template = template
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._specials = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]

    def encode(self, messages: Sequence[Message], response: str, principles: Sequence[str]) -> list[EncodedPair]:
        """Return one pair a principle, in their order.

        The principle and the constant words are never cut. A pair that is too long loses parts of its conversation
        (see truncation.py): as many as leave room for a suffix of 64 tokens, or of the next power of two that its own
        suffix needs, so that what is left is the same for nearly all principles and never depends on the other
        principles. Raises DataError for a principle that leaves no room, and for turns that the chat template refuses.
        """
        whole = Conversation(messages, response)
        pairs = self._encode(whole, principles, truncated=False)
        too_long: dict[int, list[int]] = {}
        for n, pair in enumerate(pairs):
            if pair.length > self.max_tokens:
                too_long.setdefault(_reserve(len(pair.suffix)), []).append(n)
        for reserve, places in too_long.items():
            fitted = fit_conversation(whole, self.max_tokens - reserve, self._prefix_length)
            if fitted is None:
                raise self._refusal(principles[places[0]], len(pairs[places[0]].suffix))
            shorter = self._encode(fitted, [principles[n] for n in places], truncated=True)
            for n, pair in zip(places, shorter, strict=True):
                pairs[n] = pair
        return pairs

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

    def _refusal(self, principle: str, length: int) -> ConfigError | DataError:
        frame = self._prefix_length(Conversation([], ""))
        if frame + _SMALLEST_RESERVE > self.max_tokens:
            return ConfigError(
                f"A window of {self.max_tokens} tokens holds no conversation beside the {frame} tokens of the template "
                f"and {_SMALLEST_RESERVE} for a principle; use a larger window."
            )
        return DataError(
            f"The principle {principle[:80]!r} needs {length} tokens and leaves no room for a conversation in a window "
            f"of {self.max_tokens}; shorten it or use a larger window."
        )


def _num_shared(rows: Sequence[Ids] | Sequence[str]) -> int:
    """The number of tokens or characters that all rows begin with; the smallest and the largest differ first."""
    low, high = min(rows), max(rows)
    return next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _reserve(suffix: int) -> int:
    return max(_SMALLEST_RESERVE, 1 << (suffix - 1).bit_length())
