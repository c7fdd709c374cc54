import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract_principles.rules.lexicon import build
from stages.extract_principles.rules.scan import mask, normalise, scan
from tests.naive.rules_scan import entries


@given(st.text())
def test_every_character_stays_at_its_offset(text: str) -> None:
    assert len(normalise(text)) == len(text)
    assert len(mask(normalise(text), text)) == len(text)


def test_capitals_that_grow_in_lower_case_keep_their_place() -> None:
    assert normalise("İyi. Clear.")[5:10] == "clear"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('It says "a wrong claim" twice.', "wrong"),
        ("It says 'this isn't wrong' twice.", "wrong"),
        ("It says “all is wrong” twice.", "wrong"),
        ("Run `wrong()` twice.", "wrong"),
        ("```\nwrong\n``` is what it wrote.", "wrong"),
    ],
)
def test_quotations_and_code_are_hidden(text: str, hidden: str) -> None:
    masked = mask(normalise(text), text)
    assert hidden not in masked
    assert masked.split("_")[0] == text.lower().replace("“", '"')[: masked.index("_")]


def test_apostrophes_are_no_quotation_marks() -> None:
    text = "It doesn't answer the users' question and isn't clear."
    assert mask(normalise(text), text) == text.lower()


def test_a_sentence_that_ends_inside_a_quotation_ends_there() -> None:
    tokens = scan(mask(normalise('It says "so be it." The rest is clear.'), 'It says "so be it." The rest is clear.'))
    assert tokens.tags.count(".") == 2


def test_tokens_carry_their_offsets() -> None:
    text = "the tone isn't polite; it is far from it."
    tokens = scan(text)
    assert [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)] == tokens.raw
    assert "far from" in tokens.raw
    assert len(tokens.tags) == len(tokens.words) == len(tokens.raw)


def test_the_possessive_is_no_copula() -> None:
    assert scan("it's clear").tags[1] == "c"
    assert scan("the answer's tone").tags[2] == "d"


def test_two_nouns_of_one_subject_are_not_torn_apart() -> None:
    assert "b" not in scan("the structure and the tone are poor").tags
    assert "b" in scan("the structure is poor and the tone is rude").tags


def test_phrases_are_found_as_by_trying_every_entry() -> None:
    vocabulary = sorted({token for entry in build() for token in entry.split()})
    draw = random.Random(7)
    for _ in range(60):
        # Entries of the lexicon among loose words: many phrases overlap or share their beginning.
        pieces = draw.choices(sorted(build()), k=3) + draw.choices(vocabulary, k=6)
        draw.shuffle(pieces)
        text = " ".join(pieces)
        assert scan(text).raw == [" ".join(entry) for entry in entries(text)], text
