"""One dictionary from words and phrases to what they mean for a judgement, built once from the word lists.

It knows no grammar: which tags together make a claim is decided in `grammar`.
"""

from typing import NamedTuple

from stages.extract_principles.rules import adjectives, faults, function_words, general_words, nouns, subjects, verbs
from stages.extract_principles.rules.wordlists import phrases


class Word(NamedTuple):
    """What a word or phrase is: its one-letter tag, the principle it names ("" if none) and its sign (0 if none)."""

    tag: str
    principle: str
    sign: int


UNKNOWN = Word("u", "", 0)
POSSESSIVE = Word("z", "", 0)


def build() -> dict[str, Word]:
    """All entries; where two lists hold the same entry, the earlier list of this function wins."""
    table: dict[str, Word] = {}
    _add_signed(table, "V", verbs.VERBS)
    for adverb, principle in general_words.FIELDS.items():
        for sign, words in (
            (1, "correct, right, sound, valid, accurate, consistent"),
            (-1, "incorrect, wrong, off, flawed"),
        ):
            for word in phrases(words):
                table.setdefault(f"{adverb} {word}", Word("A", principle, sign))
    _add_plain(table, "E", faults.FAULTS)
    _add_plain(table, "K", nouns.TASKS)
    _add_plain(table, "N", nouns.PARTS)
    _add_plain(table, "n", nouns.ASPECTS)
    _add_plain(table, "Z", subjects.RIGHT_THINGS)
    for tag, text in (("R", subjects.RESPONSE), ("T", subjects.PRONOUN), ("X", subjects.FOREIGN)):
        for entry in phrases(text):
            table.setdefault(entry, Word(tag, "", 0))
    for tag, text in function_words.FUNCTION_WORDS.items():
        for entry in phrases(text):
            table.setdefault(entry, Word(tag, "", 0))
    _add_signed(table, "A", adjectives.STRONG)
    _add_signed(table, "W", adjectives.WEAK)
    _add_signed(table, "q", general_words.ADVERBS)
    for tag, pair in (("G", general_words.CORRECT), ("Q", general_words.QUALITY), ("P", general_words.PRESENT)):
        _add_signed(table, tag, {"": pair})
    return table


def _add_plain(table: dict[str, Word], tag: str, lists: dict[str, str]) -> None:
    for principle, text in lists.items():
        for entry in phrases(text):
            table.setdefault(entry, Word(tag, principle, 0))


def _add_signed(table: dict[str, Word], tag: str, lists: dict[str, tuple[str, str]]) -> None:
    for principle, (positive, negative) in lists.items():
        for entry in phrases(positive):
            table.setdefault(entry, Word(tag, principle, 1))
        for entry in phrases(negative):
            table.setdefault(entry, Word(tag, principle, -1))
