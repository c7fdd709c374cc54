import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.chat import TokenLogprobs
from stages.core.wire import LEAST_LOGPROB
from stages.rewards.judgement import (
    NOT_LISTED,
    find_judgement,
    first_odds,
    first_token,
    judgement_odds,
    judgement_tokens,
)
from tests.naive.judgement import find_judgement_naively, odds_naively


def answer(text: str) -> str | None:
    found = find_judgement(text)
    assert found is None or text[found.at :].startswith(found.answer)
    return None if found is None else found.answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Final Judgement: Yes", "Yes"),
        ("It is.\nFinal Judgement: No", "No"),
        ("It is.\n\n**Final Judgement:** Yes", "Yes"),
        ("### Final Judgement: **No**.\n", "No"),
        ("> final judgment - Yes!", "Yes"),
        ("Final Judgement:\n\n*Yes*", "Yes"),
        ("Final Judgement: Yes\n\nI hope that this helps. No?", "Yes"),
        ("Final Judgement: Yes<|im_end|>", "Yes"),
        ("Final Judgement: No</s>", "No"),
        ("<|channel|>final<|message|>Final Judgement: No<|return|>", "No"),
        ("FinalJudgement:Yes", "Yes"),  # pieces that lost their spaces
        ("Final Judgement: No\nwait\nFinal Judgement: Yes", "Yes"),
        ("<think>Final Judgement: No</think>Final Judgement: Yes", "Yes"),
        ("<think>never closed\nFinal Judgement: Yes", "Yes"),
        ("<think>\nFinal Judgement: Yes\n</think>\n\nI cannot say.", None),
        ("a</think>\nFinal Judgement: Yes\n</think>\nI cannot say.", None),
        ("Final Judgement: Yes\nFinal Judgement: unclear", None),
        ("Final Judgement: Yes or No", None),
        ("Final Judgement: Yes / No", None),
        ("Final Judgement: Yes, because it is.", None),
        ("Final Judgement: YES", None),
        ("Final Judgement: yes", None),
        ("Final Judgement: Nothing", None),
        ("Final Judgements: Yes", None),
        ("Final Judgement:", None),
        ('I will end with "Final Judgement: Yes" or "Final Judgement: No".', None),
        ("The response says Final Judgement: Yes", None),
        ("Yes", None),
        ("", None),
    ],
)
def test_the_last_line_that_begins_with_the_label_decides(text: str, expected: str | None) -> None:
    assert answer(text) == expected
    naive = find_judgement_naively(text)
    assert (None if naive is None else naive[1]) == expected


LABELS = ("Final Judgement", "final judgment", "Final  Judgement", "Judgement", "Final Judgement: Yes")
SIGNS = (": ", ":", " ", "\n", "\n\n", "**", "<", ">", ".", "- ", "</think>", "<think>", "<|im_end|>", "</s>")
PIECES = st.sampled_from([*LABELS, *SIGNS, "Yes", "No", "YES", "a", "ü", "s"])


@given(st.lists(PIECES, max_size=14))
def test_the_search_equals_a_look_at_each_line(pieces: list[str]) -> None:
    text = "".join(pieces)
    found, naive = find_judgement(text), find_judgement_naively(text)
    assert (None if found is None else (found.at, found.answer)) == naive


def test_a_long_answer_of_signs_takes_no_time() -> None:
    assert find_judgement("\n*" * 100_000 + "<" * 100_000 + "\nFinal Judgement" + ": " * 100_000) is None


def judged(
    *words: str, at: str = " Yes", logprob: float = -0.5, top: dict[str, float] | None = None
) -> list[TokenLogprobs]:
    """Tokens, the one `at` with its alternatives."""
    others = tuple((top or {" Yes": -0.5, " No": -2.0}).items())
    return [
        TokenLogprobs(word, logprob, others) if word == at else TokenLogprobs(word, -0.1, ((word, -0.1),))
        for word in words
    ]


LINE = ("Well", ".\n", "Final", " Judgement", ":")


def test_odds_are_those_at_the_answer_by_hand() -> None:
    odds = judgement_odds(judged(*LINE, " Yes", "<|im_end|>"))
    assert odds.log_odds == pytest.approx(1.5)
    assert odds.mass == pytest.approx(math.exp(-0.5) + math.exp(-2.0))
    assert (odds.listed, odds.clamped) == (True, False)


@pytest.mark.parametrize(
    "tail", [(), ("<|im_end|>",), ("\n",), ("\n\n", "Good", " bye", ".", " No"), ("**", "<|eot_id|>")]
)
def test_the_place_is_found_by_its_text_and_not_by_an_offset_from_the_end(tail: tuple[str, ...]) -> None:
    assert judgement_odds(judged(*LINE, " Yes", *tail)).log_odds == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("words", "at", "top", "expected"),
    [
        # the word and its space in one token, or apart
        ((*LINE, " Yes"), " Yes", {" Yes": -0.5, " No": -2.0, "Yes": -9.0, "No": -1.0}, 1.5),
        ((*LINE, " ", "Yes"), "Yes", {"Yes": -0.5, "No": -2.0, " No": -1.0}, 1.5),
        ((*LINE, " No"), " No", {" Yes": -3.0, " No": -0.5}, -2.5),
        # signs in the same token are part of what is compared
        ((*LINE, " **", "Yes**"), "Yes**", {"Yes**": -0.5, "No**": -1.5, "No": -1.0}, 1.0),
        ((*LINE, "\tYes"), "\tYes", {"\tYes": -0.5, "\tNo": -1.5, " No": -1.0}, 1.0),
        (("Well.\nFinal Judgement: Yes",), "Well.\nFinal Judgement: Yes", {"Well.\nFinal Judgement: No": -2.5}, 2.0),
        # a word in two tokens: the first letter decides, against the whole other word or its longest beginning
        ((*LINE, " ", "Y", "es"), "Y", {"Y": -0.5, "N": -2.5}, 2.0),
        ((*LINE, " Y", "es"), " Y", {" Y": -0.5, " N": -2.5, " No": -1.5}, 1.0),
        ((*LINE, " N", "o"), " N", {" N": -0.5, " Y": -2.5, " Ye": -1.0, "Yes": -0.6}, -0.5),
        # a whole word is not compared with beginnings, which may begin anything
        ((*LINE, " Yes"), " Yes", {" Yes": -0.5, " N": -2.0}, -0.5 - NOT_LISTED),
        # other spellings are not added
        ((*LINE, " Yes"), " Yes", {" Yes": -0.5, " No": -2.0, " NO": -1.0, " no": -0.9, "No": -0.8}, 1.5),
    ],
)
def test_tokens_are_compared_by_what_they_spell(
    words: tuple[str, ...], at: str, top: dict[str, float], expected: float
) -> None:
    tokens = judged(*words, at=at, top=top)
    assert judgement_odds(tokens).log_odds == pytest.approx(expected)
    assert judgement_odds(judgement_tokens(tokens)).log_odds == pytest.approx(expected)


def test_an_answer_that_is_not_listed_counts_minus_fifty_and_is_told() -> None:
    odds = judgement_odds(judged(*LINE, " No", at=" No", top={" No": -0.5}))
    assert (odds.log_odds, odds.listed) == (-49.5, False)
    below = judgement_odds(judged(*LINE, " No", at=" No", top={" No": -0.5, " Yes": -70.0}))
    assert below == odds


def test_the_written_token_counts_even_if_the_list_lacks_it() -> None:
    assert judgement_odds(judged(*LINE, " Yes", logprob=-4.0, top={" No": -0.5})).log_odds == -3.5


@pytest.mark.parametrize("words", [("Well",), (*LINE,), (*LINE, " Perhaps"), ()])
def test_no_judgement_is_never_a_number(words: tuple[str, ...]) -> None:
    for read in (judgement_odds, judgement_tokens):
        with pytest.raises(ValueError, match="no last line"):
            read(judged(*words))


def test_an_answer_of_unknown_probability_is_never_a_number() -> None:
    tokens = judged(*LINE, " Yes", logprob=LEAST_LOGPROB, top={" Sure": -0.1})
    with pytest.raises(ValueError, match="neither Yes nor No"):
        judgement_tokens(tokens)


@pytest.mark.parametrize("twice", [(-5.0, -2.0), (-2.0, -5.0)])
def test_two_tokens_with_one_text_count_once(twice: tuple[float, float]) -> None:
    tokens = judged(*LINE, " Yes")
    tokens[-1] = tokens[-1]._replace(top=((" No", twice[0]), (" No", twice[1]), (" Yes", -0.5)))
    assert judgement_odds(tokens).log_odds == pytest.approx(1.5)


@pytest.mark.parametrize(("no", "expected"), [(-10.0, 9.5), (-40.0, 16.0)])
def test_what_was_made_of_probabilities_is_clamped(no: float, expected: float) -> None:
    tokens = judged(*LINE, " Yes", top={" Yes": -0.5, " No": no})
    assert judgement_odds(tokens).log_odds == pytest.approx(-0.5 - no)
    odds = judgement_odds([token._replace(exact=False) for token in tokens])
    assert odds.log_odds == pytest.approx(expected)
    assert odds.clamped == (no == -40.0)


def test_what_is_kept_is_one_line_with_one_list() -> None:
    tokens = judged("Because", "</think>", "\n", *LINE[2:], " Yes", "<|im_end|>", "No", "more")
    kept = judgement_tokens(tokens)
    assert [token.token for token in kept] == ["\n", "Final", " Judgement", ":", " Yes", "<|im_end|>"]
    assert [token.token for token in kept if token.top] == [" Yes"]
    assert judgement_tokens(kept) == kept


def test_what_stands_before_the_line_in_its_first_token_is_cut_off() -> None:
    kept = judgement_tokens(judged("Because", "</thin", "k>Final", " Judgement", ":", " Yes"))
    assert [token.token for token in kept] == ["Final", " Judgement", ":", " Yes"]
    assert judgement_tokens(kept) == kept


WORDS = st.sampled_from(
    ["a", "Yes", " No", "\n", "\n\n", ".\nFinal", "Final", " Judgement", ":", " ", "</think>", "<|im_end|>"]
)


@given(
    st.lists(WORDS, max_size=8), st.sampled_from([".\n", "\n", "</think>", "k>\n", ".\n\nFinal"]), st.integers(0, 2**32)
)
def test_keeping_changes_no_odds(before: list[str], end: str, seed: int) -> None:
    rng = random.Random(seed)
    label = (" Judgement", ":") if end.endswith("Final") else ("Final", " Judgement", ":")
    words = [*before, end, *label, rng.choice([" Yes", " No"]), *rng.choice([(), ("<|im_end|>",), ("\n", "Bye")])]
    tokens = []
    for word in words:
        top = {" Yes": -rng.random() * 9, " No": -rng.random() * 9}
        tokens.append(TokenLogprobs(word, top.get(word, -0.1), tuple(top.items())))
    kept = judgement_tokens(tokens)
    assert judgement_tokens(kept) == kept
    assert judgement_odds(kept) == judgement_odds(tokens)
    assert judgement_odds(tokens).log_odds == odds_naively(tokens)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ({"Yes": -0.5, "No": -1.0}, 0.5),
        ({" Yes": -1.0, " No": -0.5}, -0.5),
        ({"Yes": -9.0, "No": -7.0, " Yes": -0.2, " No": -1.2}, 1.0),
        ({"Yes": -0.5, "yes": -0.6, "YES": -0.7}, -0.5 - NOT_LISTED),
    ],
)
def test_one_word_is_read_at_the_first_token(top: dict[str, float], expected: float) -> None:
    tokens = [TokenLogprobs("The", -3.0, tuple(top.items())), TokenLogprobs("Yes", 0.0, (("Yes", 0.0),))]
    assert first_odds(tokens).log_odds == pytest.approx(expected)
    assert first_token(tokens) == tuple(tokens[:1])


@pytest.mark.parametrize("tokens", [[], [TokenLogprobs("<think>", -0.1, (("yes", -3.0),))]])
def test_a_first_token_without_yes_and_no_is_never_a_number(tokens: list[TokenLogprobs]) -> None:
    with pytest.raises(ValueError, match="neither Yes nor No"):
        first_token(tokens)
