"""What is left out of a conversation that is too long: the oldest turns, then the middle of the response.

It cuts texts by a length that the caller measures; it knows no tokens and no templates.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from stages.core.chat import Message

CUT: Final = "\n[...]\n"
"""What stands where a text was cut."""


class Conversation(NamedTuple):
    """The turns before a response, and the response."""

    messages: Sequence[Message]
    response: str


Count = Callable[[Conversation], int]
"""The length of a conversation with all that the template puts around it."""


def fit_conversation(whole: Conversation, limit: int, count: Count) -> Conversation | None:
    """Return as much of a conversation as has a length of at most `limit`, None if not even its frame fits.

    Older turns go first, in steps that leave a user turn at the front; the system turn goes after them. If the last
    user turn and the response alone are too long, the middle of the response is cut; a last user turn that takes more
    than half of the room for both also loses its beginning, down to that half.
    """
    candidates = _without_oldest(whole)
    kept = _first(len(candidates), lambda n: count(candidates[n]) <= limit)
    if kept is not None:
        return candidates[kept]
    return _cut_texts(candidates[-1], limit, count)


def _without_oldest(whole: Conversation) -> list[Conversation]:
    """The conversation, and what is left of it after each step of leaving out what is oldest."""
    system = [message for message in whole.messages[:1] if message.role == "system"]
    turns = whole.messages[len(system) :]
    starts = [n for n, message in enumerate(turns) if n > 0 and message.role == "user"]
    shorter = [Conversation([*system, *turns[start:]], whole.response) for start in starts]
    last = turns[starts[-1] :] if starts else turns
    return [whole, *shorter, *([Conversation(last, whole.response)] if system else [])]


def _cut_texts(whole: Conversation, limit: int, count: Count) -> Conversation | None:
    def with_texts(num_prompt: int, num_response: int) -> Conversation:
        messages = [Message(first.role, _end(prompt, num_prompt)) for first in whole.messages[:1]]
        messages += whole.messages[1:]
        return Conversation(messages, _without_middle(whole.response, num_response))

    def length(num_prompt: int, num_response: int) -> int:
        return count(with_texts(num_prompt, num_response))

    prompt = whole.messages[0].content if whole.messages else ""
    frame = length(0, 0)
    if frame > limit:
        return None
    half = frame + (limit - frame) // 2
    response = len(whole.response)
    low = _largest(len(prompt), lambda n: length(n, 0) <= half)
    if length(low, response) <= limit:
        return with_texts(_largest(len(prompt), lambda n: length(n, response) <= limit), response)
    return with_texts(low, _largest(response, lambda n: length(low, n) <= limit))


def _end(text: str, num_kept: int) -> str:
    return text if num_kept >= len(text) else CUT + text[len(text) - num_kept :]


def _without_middle(text: str, num_kept: int) -> str:
    if num_kept >= len(text):
        return text
    tail = num_kept // 2
    return text[: num_kept - tail] + CUT + text[len(text) - tail :]


def _first(count: int, holds: Callable[[int], bool]) -> int | None:
    """The smallest n < count for which `holds` is true, given that it stays true from there on."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low if low < count else None


def _largest(top: int, holds: Callable[[int], bool]) -> int:
    """The largest n in 0..top for which `holds` is true; 0 if it never does.

    It holds up to some n and then no more, except at `top`, where a text is whole and needs no mark.
    """
    if holds(top):
        return top
    smallest_bad = _first(top, lambda n: not holds(n))
    return max(0, (top if smallest_bad is None else smallest_bad) - 1)
