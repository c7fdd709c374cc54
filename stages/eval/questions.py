"""What a benchmark asks a judge about its items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.chat import Message


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What a benchmark asks a judge: the chats about an item, the check of a reply, and the item with all replies.

    `wording` is the hash of the words beside the item's texts. `stored` are columns with verdicts of the rows' own,
    which are not read where a judge is asked.
    """

    chats: Callable[[Any], tuple[tuple[Message, ...], ...]]
    check: Callable[[str], object]
    with_replies: Callable[[Any, Sequence[str]], Any]
    wording: str
    stored: tuple[str, ...]
