import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract_principles.normalise import fold, normalise_principle, principle_key, strip_quotes

# Letters whose case or composition changes length, marks that stack, Hangul in pieces, and styles that are folded.
AWKWARD = st.text(
    alphabet="aB .ßİıŉǰſΣς\u0301\u0323\u030ce\u00e9\u1112\u1161\u11ab\ud55c \t\n\u00a0\u3000“”'`«»–—-\u09c7\u09be🙂"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clarity", "clarity"),
        ("  clarity \n of\u00a0 code ", "clarity of code"),
        ("Clarity.", "Clarity"),
        ("clarity ...", "clarity"),
        ("clarity。", "clarity"),
        ("“clarity.”", "clarity"),
        ("'\"clarity\"'.", "clarity"),
        ("cafe\u0301 culture", "caf\u00e9 culture"),
        ("use of C++", "use of C++"),
        ("completeness (of tests)", "completeness (of tests)"),
        ('"clear" and "short"', '"clear" and "short"'),
        ("the users' needs'", "the users' needs'"),
        ("???", "???"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_normalise_principle_worked_by_hand(text: str, expected: str) -> None:
    assert normalise_principle(text) == expected


@given(AWKWARD)
def test_normalise_principle_is_stable_composed_and_empty_only_for_blank_text(text: str) -> None:
    once = normalise_principle(text)
    assert normalise_principle(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert bool(once) == bool(text.strip())


def test_principle_key_ignores_case_spaces_quote_and_dash_styles_only() -> None:
    assert principle_key(" Follow–up on the user’s “Request”. ") == "follow-up on the user's 'request'"
    assert principle_key("clarity of code") != principle_key("clarity of the code")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("«oui»", "oui"), ("„ja“", "ja"), ("“yes'", "“yes'"), ("'", "'"), ("''", ""), ("don't", "don't")],
)
def test_strip_quotes_drops_only_an_enclosing_pair(text: str, expected: str) -> None:
    assert strip_quotes(text) == expected


def test_fold_lengthens_sharp_s_and_maps_both_halves_to_the_one_letter() -> None:
    folded = fold("Eine Straße!")
    assert folded.text == "eine strasse!"
    # s t r a s s e at folded 5..12; ß is the original's character 9
    assert folded.original(9, 10) == (9, 10)
    assert folded.original(10, 11) == (9, 10)
    assert folded.original(5, 12) == (5, 11)


def test_fold_shortens_space_runs_and_composed_letters() -> None:
    spaced = fold("Ab \n\t cD")
    assert spaced.text == "ab cd"
    assert list(spaced.starts) == [0, 1, 2, 6, 7, 8]
    assert spaced.original(2, 3) == (2, 6)
    accented = fold("cafe\u0301 x")
    assert accented.text == "caf\u00e9 x"
    assert accented.original(3, 4) == (3, 5)


def test_fold_makes_one_style_of_quotation_marks_dashes_and_spaces() -> None:
    assert fold('“a” ‘b’ «c» `d` "e"').text == "'a' 'b' 'c' 'd' 'e'"
    assert fold("a–b—c−d-e").text == "a-b-c-d-e"
    assert fold("a\u00a0b\u3000c\nd").text == "a b c d"


@given(AWKWARD)
def test_fold_equals_folding_the_whole_text_at_once(text: str) -> None:
    # the slow and plain way, without offsets; ſ İ and the like are left to Python
    whole = unicodedata.normalize("NFC", text).casefold()
    for char in '“”"`«»':
        whole = whole.replace(char, "'")
    for char in "–—":
        whole = whole.replace(char, "-")
    parts = whole.split()
    edge_left = " " if whole[:1].isspace() else ""
    edge_right = " " if whole[-1:].isspace() and parts else ""
    assert fold(text).text == (edge_left + " ".join(parts) + edge_right).replace("ʼ", "'")


@given(AWKWARD)
def test_fold_offsets_run_forward_and_cover_the_text_without_gaps(text: str) -> None:
    folded = fold(text)
    assert len(folded.starts) == len(folded.text) + 1
    assert list(folded.starts) == sorted(folded.starts)
    assert folded.starts[-1] == len(text)
    if folded.text:
        assert folded.original(0, len(folded.text)) == (0, len(text))
    for at, char in enumerate(folded.text):
        start, end = folded.original(at, at + 1)
        assert char in fold(text[start:end]).text
