"""The chat that asks for a judgement, cut to a number of tokens. Apart from judging.py, which needs no local model."""

from collections.abc import Callable

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.models.truncation import Conversation, fit_conversation
from stages.rewards.judging import Chat, Prompt


def fit_chat(
    prompt: Prompt,
    whole: Conversation,
    principle: str,
    *,
    limit: int,
    count: Callable[[tuple[Message, ...]], int],
    remedy: str,
) -> Chat | Problem:
    """The chat about one response and principle, cut to `limit` tokens as `count` counts them, or why there is none.

    What is left out first is in models/truncation.py; the principle and the constant words never are. `remedy` names
    the options that leave more room.
    """

    def length(chat: Conversation) -> int:
        return count(prompt(*chat, principle))

    try:
        if length(whole) <= limit:
            return Chat(prompt(*whole, principle), truncated=False)
        fitted = fit_conversation(whole, limit, length)
    except DataError as refused:
        return Problem("bad_chat", "prompt", str(refused))
    if fitted is None:
        return Problem(
            "principle_too_long",
            "principle",
            f"The principle {principle[:80]!r} leaves no room for a conversation in {limit} tokens; shorten it, "
            f"{remedy}.",
        )
    return Chat(prompt(*fitted, principle), truncated=True)
