"""Turns feedback into tagged tokens with offsets. It decides nothing about judgements."""

import re
from typing import NamedTuple

from stages.extract_principles.rules.lexicon import POSSESSIVE, UNKNOWN, Word, build

_STRAIGHT = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "`": "`", "\u00a0": " ", "–": "—"}
)
# Quoted text and code are what the response said: masked, so that no word of it reads as a judgement.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]{1,300}`|\"[^\"\n]{0,600}\"|(?<![\w'])'[^'\n]{0,200}(?:'\w[^'\n]{0,200}){0,3}'(?!\w)",
    re.DOTALL,
)
_NEW_SENTENCE = re.compile(r"\s+[A-Z]|\s*\n")
_TOKEN = re.compile(
    r"(?:e\.g|i\.e)\.?|vs\.|[^\W_]+(?:'(?!s\b)[^\W\d_]+)?|'s\b|_+|\.(?=[\s\")_]|$)|[!?\n;:,()—]|(?<=\s)-(?=\s)"
)
_PUNCTUATION = {
    **{mark: Word(".", "", 0) for mark in ".!\n;"},
    "?": Word("?", "", 0),
    **{mark: Word(",", "", 0) for mark in ":,()—-"},
}


_CLITIC = re.compile(r"(?<=[Te])z")
# "and" before a verb, or before a noun and its verb, starts a clause of its own.
_NEW_CLAUSE = re.compile(
    r"&(?=[ihHq]{0,3}(?:!?[cCwfVkFovs]|([deu]{0,4}[RTNnXEKZ](?:d?[Nn])?[hiHq]{0,3}[cCwfVkFvs])|T|e))"
)

_VERB = re.compile(r"[cCwfVkFMo]")


class Scan(NamedTuple):
    """Tokens of one feedback: one tag letter each, and beside it the entry, the lower-case text and the offsets."""

    text: str
    tags: str
    words: list[Word]
    raw: list[str]
    starts: list[int]
    ends: list[int]
    vocabulary: set[str]


def _index(table: dict[str, Word]) -> tuple[dict[str, Word], dict[str, dict[str, list[tuple[list[str], int, Word]]]]]:
    single: dict[str, Word] = dict(_PUNCTUATION)
    single["'s"] = POSSESSIVE
    multi: dict[str, dict[str, list[tuple[list[str], int, Word]]]] = {}
    for entry, word in table.items():
        parts = _TOKEN.findall(entry)
        if len(parts) == 1:
            single.setdefault(parts[0], word)
        elif parts:
            multi.setdefault(parts[0], {}).setdefault(parts[1], []).append((parts, len(parts), word))
    for by_second in multi.values():
        for entries in by_second.values():
            entries.sort(key=lambda item: -item[1])
    return single, multi


_SINGLE, _MULTI = _index(build())


def normalise(feedback: str) -> str:
    """The feedback in lower case with straight quotation marks; every character stays at its offset."""
    lowered = feedback.lower()
    if len(lowered) != len(feedback):
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in feedback)
    return lowered.translate(_STRAIGHT)


def mask(text: str, original: str) -> str:
    """Replaces quotations and code by underscores of equal length; a sentence that ends inside one still ends there."""
    if '"' not in text and "'" not in text and "`" not in text:
        return text

    def hidden(match: re.Match[str]) -> str:
        length = match.end() - match.start()
        if match.group()[-2:-1] in (".", "!", "?") and _NEW_SENTENCE.match(original, match.end()):
            return "_" * (length - 2) + ". "
        return "_" * length

    return _QUOTED.sub(hidden, text)


def scan(text: str) -> Scan:
    """Tokens of masked, normalised text; phrases of the lexicon become one token."""
    matches = list(_TOKEN.finditer(text))
    raw_all = [match.group() for match in matches]
    words: list[Word] = []
    raw: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position, total = 0, len(raw_all)
    while position < total:
        token = raw_all[position]
        length, word = 1, None
        seconds = _MULTI.get(token)
        if seconds is not None and position + 1 < total:
            for parts, size, candidate in seconds.get(raw_all[position + 1], ()):
                if size == 2 or raw_all[position : position + size] == parts:
                    length, word = size, candidate
                    break
        if word is None:
            word = _SINGLE.get(token, UNKNOWN)
        words.append(word)
        raw.append(token if length == 1 else " ".join(raw_all[position : position + length]))
        starts.append(matches[position].start())
        position += length
        ends.append(matches[position - 1].end())
    return Scan(text, _tags(words), words, raw, starts, ends, set(raw_all))


def _tags(words: list[Word]) -> str:
    tags = "".join([word.tag for word in words])
    if "z" in tags:
        tags = _CLITIC.sub("c", tags).replace("z", "d")
    return _NEW_CLAUSE.sub(_split, tags) if "&" in tags else tags


def _split(match: re.Match[str]) -> str:
    """Tag b where a clause starts; two nouns of one subject ("the structure and the tone are ...") stay together."""
    tags, position = match.string, match.start()
    if position and tags[position - 1] in "nNRE" and match.group(1):
        start = max(tags.rfind(mark, 0, position) for mark in ".B?,")
        return "b" if _VERB.search(tags, start + 1, position) else "&"
    return "b"
