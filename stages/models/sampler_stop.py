"""Whether a completion's text holds a stop text, asked after every token, without decoding it all each time."""

from collections.abc import Sequence
from typing import Any, Final

_MARGIN: Final = 8
"""Tokens decoded beyond those that a stop text can span: the first ones may be halves of characters."""


class StopText:
    """Texts that end a completion. They are looked for in all that is decoded, special tokens included."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:  # noqa: ANN401 - tokenizers share no type
        assert all(stop)
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        # a token holds at least one byte, as a rule; where it does not, the stop text is found some tokens late
        self._tail = max(len(text.encode()) for text in stop) + _MARGIN
        self._last = frozenset(text[-1] for text in stop)
        self._may_end: dict[int, bool] = {}

    def holds(self, ids: Sequence[int]) -> bool:
        """Whether the text of these tokens holds a stop text, given that it did not before the last of them."""
        return self._can_end(ids[-1]) and self._found(ids[-self._tail :]) and self._found(ids)

    def _found(self, ids: Sequence[int]) -> bool:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return any(stop in text for stop in self._stop)

    def _can_end(self, token: int) -> bool:
        """Whether a stop text can end in this token; yes where it is not clear what the token says beside others."""
        known = self._may_end.get(token)
        if known is None:
            text: str = self._tokenizer.decode([token], skip_special_tokens=False)
            clear = text and "\ufffd" not in text and not any(last.isspace() for last in self._last)
            known = self._may_end[token] = not clear or any(last in text for last in self._last)
        return known
