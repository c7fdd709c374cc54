"""Which conversations are trained on, which calibrate and which test: all rows of a conversation go together."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from stages.core.errors import DataError

_BYTES: Final = 8

_FEWEST: Final = 3
"""Conversations that make one for each part."""


class Split(NamedTuple):
    """Places of rows, ascending, in three parts that share no conversation."""

    train: tuple[int, ...]
    calibration: tuple[int, ...]
    test: tuple[int, ...]


def split(conversations: Sequence[str], share: float, seed: int) -> Split:
    """Hold out a share of the conversations, named row by row: half of it for calibration, half for testing.

    Where a conversation goes depends on its name, `share` and `seed`, not on the order of rows or on other rows; only
    where a part would be empty does it get its neighbour's nearest conversation.

    Raises:
        DataError: something is to be held out, and there are fewer than three conversations.
    """
    assert 0 <= share < 1
    if share == 0:
        return Split(tuple(range(len(conversations))), (), ())
    drawn = sorted((_draw(name, seed), name) for name in set(conversations))
    if len(drawn) < _FEWEST:
        raise DataError(
            f"The usable rows belong to {len(drawn)} conversation(s); to hold some out for calibration and for "
            "testing takes three. Give more, or --held-out 0."
        )
    first, second = (sum(value < limit for value, _ in drawn) for limit in (share / 2, share))
    second = min(max(second, 2), len(drawn) - 1)
    first = min(max(first, 1), second - 1)
    names = [name for _, name in drawn]
    calibration, test = set(names[:first]), set(names[first:second])
    assert not calibration & test
    parts: dict[str, list[int]] = {"train": [], "calibration": [], "test": []}
    for place, name in enumerate(conversations):
        parts["calibration" if name in calibration else "test" if name in test else "train"].append(place)
    return Split(**{name: tuple(places) for name, places in parts.items()})


def _draw(name: str, seed: int) -> float:
    """A number in [0, 1) that a conversation has with a seed."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=_BYTES).digest()
    return float(int.from_bytes(digest, "big") / 256**_BYTES)
