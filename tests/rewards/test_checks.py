"""Checks: each holds of one text and not of another, and unknown ones are told what was meant."""

import pytest

from stages.rewards.check_phrases import check_of
from stages.rewards.checks import judged_text, parse_checks
from stages.rewards.languages import language
from stages.rewards.measures import COUNTS, markdown, words

CODE = "Here:\n\n```python\nx = 1\n```\nDone."


def holds(check: str, text: str) -> bool | None:
    (only,) = parse_checks(check)
    return only.holds(text)


@pytest.mark.parametrize(
    ("check", "yes", "no"),
    [
        ("words<=3", "one two three", "one two three four"),
        ("words==2", "don't re-use", "do not"[:2]),
        ("words = 2", "a b", "a"),
        ("words!=2", "a", "a b"),
        ("chars<5", "  four  ", "fiver"),
        ("sentences>=2", "It is. Is it?", "It is 3.5 long."),
        ("lines==2", "a\n\nb", "a"),
        ("paragraphs==2", "a\nb\n\nc", "a\nb\nc"),
        ("bullets>=2", "- a\n* b", "- a\n-b\n1. c"),
        ("numbered==2", "1. a\n2) b", "1. a\n- b"),
        ("headings>0", "## Title\ntext", "#hashtag"),
        ("highlights>=2", "**a** and *b c*", "2 * 3 * 4 and **a**"),
        ("placeholders==1", "Dear [name],", "see [here](http://x)"),
        ("code-blocks==1", CODE, "`x = 1`"),
        ("capital-words<=1", "NASA is big", "NASA AND ESA"),
        ('keyword:"fox">=2', "Fox and fox.", "fox foxes"),
        ("keyword:fox>=2", "Fox and fox.", "fox foxes"),
        ("letter:e<=1", "Eva", "ever"),
        ('contains:"red fox"', "A Red fox.", "A redfox"),
        ('contains:"a, b; c"', "x a, b; c.", "a b c"),
        ('contains-not:"fox"', "foxes", "a fox"),
        ('contains:"say \\"hi\\""', 'they say "hi" now', "they say hi"),
        ('starts-with:"Dear"', " Dear you", "dear you"),
        ("ends-with:Bye.", "So long. Bye.\n", "Bye"),
        (r'regex:"^[A-Z]{2,3}$"', "x\nABC\ny", "ABCD"),
        ('one-of:"yes|no"', "no", "no way"),
        ("language=de", "Das ist nicht die Antwort auf eine Frage.", "This is not the answer to a question."),
        ("language:French", "Ce n'est pas la question que vous avez posée.", "Das ist nicht die Frage, die wir haben."),
        ("language=ja", "これは日本語の文です。", "这是中文的句子。"),
        ("json", '```json\n{"a": [1]}\n```', '{"a": 1,}'),
        ("json", "[1, 2]", "the list [1, 2]"),
        ("code", CODE, "x = 1"),
        ("python", CODE, "```python\nx = = 1\n```"),
        ("python", "```\nx = 1\n```", "```js\nx = 1\n```"),
        ("title", "<<My Song>>\ntext", "<My Song>"),
        ("postscript", "Bye\nP.S. more", "Bye PS"),
        ("quoted", '"all of it"', '"some" of it'),
        ("lowercase", "all small, 1", "One"),
        ("uppercase", "ALL BIG 1", "1 2"),
        ("no-comma", "a b", "a, b"),
        ("no-markdown", "a * b = c_d_e", "**a**"),
        ("two-responses", "one\n******\nother", "same\n******\nsame"),
    ],
)
def test_each_check_tells_two_texts_apart(check: str, yes: str, no: str) -> None:
    assert holds(check, yes) is True
    assert holds(check, no) is False


def test_several_are_joined_by_commas_and_semicolons() -> None:
    found = parse_checks('words<=200, contains:"a, b";json;')
    assert [check.text for check in found] == ["words<=200", 'contains:"a, b"', "json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("word<=3", "did you mean words<=10?"),
        ("wordz", "did you mean words<=10?"),
        ("words<=three", "did you mean words<=10?"),
        ("jsno", "did you mean json?"),
        ("contain:x", 'did you mean contains:"text"?'),
        ("keyword:fox", 'did you mean keyword:"x">=1?'),
        ("qqqqqq", "known are"),
        ("language=Klingon", "language=Klingon cannot be told; known are en, de"),
        ("regex:(a", "is no regular expression"),
        ('contains:"a', "not closed"),
        ("", "holds no check"),
        (" , ", "holds no check"),
    ],
)
def test_unknown_checks_are_told_what_was_meant(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is tested
        parse_checks(text)
    assert words in str(caught.value)


def test_reasoning_is_not_judged() -> None:
    assert judged_text("<think>long</think> short ") == "short"
    assert judged_text("long</think>short") == "short"
    assert judged_text("<think>never ends") == ""
    assert judged_text(" plain\n") == "plain"


def test_languages_and_what_cannot_be_told() -> None:
    told = {
        "en": "The answer to that question is not known to us.",
        "es": "No es la respuesta que se da en el libro de los niños.",
        "it": "Non è la risposta che si dà nel libro per gli altri.",
        "pt": "Não é a resposta que se dá no livro para os outros.",
        "nl": "Het is niet de vraag die wij aan het boek hebben.",
        "ru": "Это не ответ на вопрос.",
        "ko": "이것은 답이 아닙니다.",
        "zh": "这不是答案。",
        "el": "Δεν είναι η απάντηση.",
        "he": "זו לא התשובה.",
        "ar": "هذا ليس الجواب.",
        "hi": "यह उत्तर नहीं है।",
        "th": "นี่ไม่ใช่คำตอบ",
    }
    assert {code: language(text) for code, text in told.items()} == {code: code for code in told}
    assert [language(text) for text in ("", "42", "Hello there", "xyzzy plugh foo bar baz quux")] == [None] * 4
    assert holds("language=de", "Hello") is None


def test_words_and_markdown() -> None:
    assert words("It's 3.5 re-uses, e.g. A_B!") == ["It's", "3.5", "re-uses", "e.g", "A", "B"]
    assert len(words("我们 ok")) == 3
    assert COUNTS["bullets"]("```\n- a\n```\n- b") == 1
    assert markdown("| a | b |\n|---|---|\n| 1 | 2 |")
    assert not markdown("Plain text, 3 - 2 = 1.")


@pytest.mark.parametrize(
    ("principle", "check"),
    [
        ("at most 100 words", "words<=100"),
        ("The response should be at most 100 words long.", "words<=100"),
        ("Must contain exactly 3 paragraphs", "paragraphs==3"),
        ("fewer than 5 sentences", "sentences<5"),
        ("has at least 2 bullet points", "bullets>=2"),
        ("contains code", "code"),
        ("The answer contains a code block.", "code"),
        ("is valid JSON", "json"),
        ("contains valid Python code", "python"),
        ("is in German", "language=de"),
        ("The reply is written in French", "language=fr"),
        ("all lowercase", "lowercase"),
        ("in capital letters", "uppercase"),
        ("contains no commas", "no-comma"),
        ("without markdown", "no-markdown"),
        ("uses bullet points", "bullets>=1"),
        ('contains the word "Fox"', 'contains:"Fox"'),
        ('does not mention "fox"', 'contains-not:"fox"'),
        ("starts with “Dear”", 'starts-with:"Dear"'),
        ("is clear and at most 100 words", None),
        ("is polite", None),
        ("in a friendly tone", None),
        ("contains code that is correct", None),
        ("", None),
    ],
)
def test_principles_that_a_check_decides(principle: str, check: str | None) -> None:
    assert check_of(principle) == check
    if check is not None:
        parse_checks(check)
