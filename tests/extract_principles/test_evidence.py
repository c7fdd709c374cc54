import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.extract_principles.evidence import NOWHERE, Found, find_evidence
from stages.extract_principles.normalise import fold
from tests.naive.evidence import partial_ratio, ratio

FEEDBACK = "The answer is mostly helpful.  It explains the “bubble  sort” well—but the user’s code isn't commented."

TEXTS = st.text(alphabet="aBß İé\u0301\n“'—.x", max_size=60)


def span(found: Found, feedback: str) -> str:
    return feedback[found.start : found.end]


@pytest.mark.parametrize(
    ("quote", "text", "how"),
    [
        ("mostly helpful", "mostly helpful", "exact"),
        ("  mostly helpful.\n", "mostly helpful.", "exact"),
        ("IT EXPLAINS the", "It explains the", "normalised"),
        ('the "bubble sort" well', "the “bubble  sort” well", "normalised"),
        ("well-but the user's code", "well—but the user’s code", "normalised"),
        ('"mostly helpful"', "mostly helpful", "normalised"),
        ("'mostly HELPFUL'", "mostly helpful", "normalised"),
        ("helpful", "helpful", "exact"),
        ("MOSTLY", "mostly", "normalised"),
    ],
)
def test_exact_and_folded_quotes_match_fully(quote: str, text: str, how: str) -> None:
    found = find_evidence(quote, FEEDBACK)
    assert (span(found, FEEDBACK), found.match, found.how) == (text, 100.0, how)


def test_first_of_several_occurrences_is_taken() -> None:
    assert find_evidence("too long", "It is too long, far too long.") == Found(6, 14, 100.0, "exact")


def test_fuzzy_match_worked_by_hand() -> None:
    # "abcdefghi jklm" has 14 characters; of the window "abcdefgxi jklm" 13 stand in order: 200 * 13 / 28
    found = find_evidence("abcdefghi jklm", "one abcdefgxi jklm two")
    assert (found.start, found.end, found.how) == (4, 18, "fuzzy")
    assert found.match == pytest.approx(200 * 13 / 28)


def test_fuzzy_span_is_widened_to_whole_words_and_keeps_its_match() -> None:
    feedback = "Overall it completely misunderstands everything."
    found = find_evidence("pletely misunderstand evry", feedback)
    assert span(found, feedback) == "completely misunderstands everything"
    assert found.match == pytest.approx(partial_ratio("pletely misunderstand evry", fold(feedback).text))


def test_span_inside_data_without_spaces_is_not_widened() -> None:
    feedback = "a" * 100 + " bcd efgh " + "i" * 100
    found = find_evidence("aaaa bcdd efgh iiii", feedback)
    assert len(span(found, feedback)) <= 20


@pytest.mark.parametrize("quote", ["Goof", "ok then", "unambiguousx", "", "  ", "''"])
def test_short_quotes_are_never_matched_fuzzily(quote: str) -> None:
    assert find_evidence(quote, "Good, it was okay then, rather unambiguous") == NOWHERE


def test_bounds_of_the_guard_are_eight_characters_and_two_words() -> None:
    assert find_evidence("ab cdef", "xx ab cdxf yy") == NOWHERE
    assert find_evidence("ab cdefg", "xx ab cdxfg yy").how == "fuzzy"
    assert find_evidence("abcdefghijkl", "xx abcdefxhijkl yy") == NOWHERE


def test_each_chinese_character_counts_as_a_word() -> None:
    assert find_evidence("代码没有任何注释吗", "总的来说代码没有任何注释。").how == "fuzzy"


def test_short_feedback_does_not_match_long_quotes() -> None:
    assert find_evidence("The answer is good in every respect", "good") == NOWHERE


def test_quote_longer_than_the_feedback_is_compared_with_all_of_it() -> None:
    feedback = "The answer is good. "
    assert find_evidence("I think: the answer is good. And more.", feedback) == Found(0, 20, 100.0, "fuzzy")


def test_fabricated_quote_scores_below_the_papers_threshold() -> None:
    assert find_evidence("Zero hallucinated citations whatsoever", FEEDBACK).match < 60


def test_offsets_count_code_points() -> None:
    feedback = "🙂🙂 Die Straße ist zu lang"
    assert find_evidence("die strasse IST", feedback) == Found(3, 17, 100.0, "normalised")


@given(TEXTS, st.data())
def test_every_substring_is_found_verbatim(feedback: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(feedback)))
    quote = feedback[start : data.draw(st.integers(start, len(feedback)))]
    found = find_evidence(quote, feedback)
    if quote.strip():
        assert (span(found, feedback), found.match, found.how) == (quote.strip(), 100.0, "exact")
        assert found.start == feedback.index(quote.strip())
    else:
        assert found == NOWHERE


@given(TEXTS, st.data())
def test_every_substring_in_capitals_is_found_folded(feedback: str, data: st.DataObject) -> None:
    feedback = feedback.replace("\u0301", "")
    start = data.draw(st.integers(0, len(feedback)))
    quote = feedback[start : data.draw(st.integers(start, len(feedback)))].strip()
    if quote:
        assert find_evidence(quote.swapcase(), feedback).match == 100.0 or "İ" in quote


@given(TEXTS, TEXTS)
def test_a_span_is_a_piece_of_the_feedback_or_absent(quote: str, feedback: str) -> None:
    found = find_evidence(quote, feedback)
    assert 0 <= found.match <= 100
    if found.how == "none":
        assert found == NOWHERE
    else:
        assert 0 <= found.start < found.end <= len(feedback)
        assert span(found, feedback).strip()


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab c", max_size=14), st.text(alphabet="abc d", max_size=30))
@example("ab ab ab", "ab a ab ab")
def test_fuzzy_match_equals_the_slow_twin(quote: str, feedback: str) -> None:
    found = find_evidence(quote, feedback)
    if found.how == "fuzzy":
        needle, hay = fold(quote.strip()).text, fold(feedback).text
        assert found.match == pytest.approx(partial_ratio(needle, hay))
        if len(needle) <= len(hay):
            # the widened span cannot fit better than the best window of the needle's own length, but holds it
            widened = fold(span(found, feedback)).text
            assert partial_ratio(needle, widened) >= found.match - 100 * 2 / len(needle)
            assert ratio(needle, widened) > 0


def test_long_feedback_and_hostile_quotes_stay_within_seconds() -> None:
    feedback = "the response is clear and accurate but it lacks details " * 18_000
    started = time.monotonic()
    assert find_evidence("the response was clear, accurate, but lacking in detail; " * 4, feedback).match > 60
    assert find_evidence("ab ba " * 20_000, "ba ab" * 20_000) == NOWHERE
    assert time.monotonic() - started < 10
