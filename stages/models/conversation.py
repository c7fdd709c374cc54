"""The tokens of a conversation with its response, as a model with a scalar head reads them: no question, no principle.

Training and scoring of such a head both take their tokens from here. Pairs with a principle are in encoding.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from stages.models.encoding import Ids, conversation_too_long
from stages.models.template import render_chat
from stages.models.truncation import Conversation, fit_conversation

_SMALLEST: Final = Conversation([Message("user", "")], "")


class EncodedConversation(NamedTuple):
    """The tokens of one conversation with its response; `truncated` if anything of it was left out."""

    ids: Ids
    truncated: bool


class ConversationEncoder:
    """A tokenizer with a chat template, and the most tokens that a conversation may have.

    Raises ConfigError for a tokenizer without a chat template, and for a window in which nothing fits.
    """

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:  # noqa: ANN401 - transformers' tokenizers share no type
        if getattr(tokenizer, "chat_template", None) is None:
            raise ConfigError(
                f"The tokenizer of {tokenizer.name_or_path} has no chat template, which a reward model needs; put the "
                "chat_template.jinja that the model was trained with into its folder."
            )
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        frame = len(self._ids(_SMALLEST))
        if frame >= max_tokens:
            raise ConfigError(
                f"A window of {max_tokens} tokens holds no conversation: an empty one has {frame}; use a larger window."
            )

    def encode(self, messages: Sequence[Message], response: str) -> EncodedConversation | Problem:
        """Return the tokens of the whole chat, at most `max_tokens`; what goes first is in truncation.py.

        The text is the chat template's own, without a cue for a further turn. A Problem (bad_chat,
        conversation_too_long) stands for turns that the template refuses, and for ones that cannot be cut to fit.
        """
        whole = Conversation(messages, response)
        try:
            ids = self._ids(whole)
            if len(ids) <= self.max_tokens:
                return EncodedConversation(ids, truncated=False)
            fitted = fit_conversation(whole, self.max_tokens, lambda chat: len(self._ids(chat)))
            if fitted is not None:
                return EncodedConversation(self._ids(fitted), truncated=True)
        except DataError as refused:
            return Problem("bad_chat", "prompt", str(refused))
        return conversation_too_long(self.max_tokens)

    def _ids(self, chat: Conversation) -> Ids:
        text = render_chat(self._tokenizer, [*chat.messages, Message("assistant", chat.response)])
        # a chat template writes the special tokens itself
        return tuple(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
