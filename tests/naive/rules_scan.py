"""The slow, obvious reading of feedback into lexicon entries: at each token, try every entry of the lexicon in full."""

import re

from stages.extract_principles.rules.lexicon import build

_TOKEN = re.compile(
    r"(?:e\.g|i\.e)\.?|vs\.|[^\W_]+(?:'(?!s\b)[^\W\d_]+)?|'s\b|_+|\.(?=[\s\")_]|$)|[!?\n;:,()—]|(?<=\s)-(?=\s)"
)
_ENTRIES = [(tuple(_TOKEN.findall(entry)), word) for entry, word in build().items()]


def entries(text: str) -> list[tuple[str, ...]]:
    """The longest lexicon entry, or the single token, at each position from left to right."""
    tokens = tuple(_TOKEN.findall(text))
    found, position = [], 0
    while position < len(tokens):
        matching = [parts for parts, _ in _ENTRIES if parts and tokens[position : position + len(parts)] == parts]
        best = max(matching, key=len, default=tokens[position : position + 1])
        found.append(best)
        position += len(best)
    return found
