"""Words and their runs as plain texts, Jaccard similarity over sets, and duplicates by comparing every pair."""

import unicodedata
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """Runs of letters, marks and digits; characters of scripts without spaces one by one."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    found = [""]
    for character in text:
        if any(first <= ord(character) <= last for first, last in ((0x0E00, 0x0EFF), (0x2E80, 0x9FFF))):
            found += [character, ""] if unicodedata.category(character)[0] in "LMN" else [""]
        elif unicodedata.category(character)[0] in "LMN":
            found[-1] += character
        else:
            found.append("")
    return [word for word in found if word]


def runs(text: str, length: int) -> list[tuple[str, ...]]:
    """All runs of `length` words; of a shorter text all its words."""
    found = words(text)
    count = max(1, len(found) - length + 1) if found else 0
    return [tuple(found[place : place + length]) for place in range(count)]


def jaccard(first: str, second: str) -> float:
    """The share of runs of five words that both texts have among those that one has."""
    ours, theirs = set(runs(first, 5)), set(runs(second, 5))
    return len(ours & theirs) / len(ours | theirs)


def repeats(hashes: Sequence[int], signatures: Sequence[Sequence[int]], threshold: float) -> list[int]:
    """The first kept row that each row repeats, or -1."""
    found: list[int] = []
    for row in range(len(hashes)):
        same = [hashes[row] == hashes[other] or agreement(signatures[row], signatures[other]) >= threshold
                for other in range(row)]  # fmt: skip
        found.append(next((other for other in range(row) if found[other] < 0 and same[other]), -1))
    return found


def agreement(first: Sequence[int], second: Sequence[int]) -> float:
    """The share of places in which two signatures are equal."""
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
