r"""Which part of a text is its final answer, and plain forms of such answers. Pure text, no mathematics.

The answer is, in this order: the last complete \boxed{} or \fbox{}; what follows the last ####; what follows the last
"answer is", "answer:", or "A:" at the start of a line; the last number. Reasoning up to </think> is not looked at; a
<think> that is never closed leaves no answer.
"""

import json
import re
from typing import Any, Final

_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[0-9a-zA-Z]))")
_BRACE: Final = re.compile(r"(?<!\\)[{}]")
_HASHES: Final = re.compile(r"#{4}[ \t]*(\S[^\n]*)")
_SAID: Final = re.compile(
    r"(?:\banswer\b[^\n.:=]{0,40}?(?::|=|\bis\b)|^[ \t*]*A[ \t]*:)[\s:*]*(?=\S)", re.IGNORECASE | re.MULTILINE
)
_SENTENCE_END: Final = re.compile(r"\.\s+(?=[A-Z])|\n")
_NUMBER: Final = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s*/\s*\d+(?![\d.])|%)?|[-+−]?(?<![\w.])\.\d+"
)
_SPAN: Final = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WRAPPED: Final = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_WORD: Final = re.compile(r"\\(?:begin|end)\s*\{[a-z*]+\}|\\[A-Za-z]+|[^\W\d_]{2,}")
_MATHEMATICAL: Final = re.compile(r"[0-9+*/^=_<>|\\]")
_CHOICE: Final = re.compile(r"\(?([A-Za-z])[).]?")
_FUNCTION: Final = re.compile(
    r"(?:arc)?(?:sin|cos|tan)h?|cot|sec|csc|log|ln|exp|sqrt|pi|max|min|gcd|lcm|mod|inf|or|and", re.IGNORECASE
)
_LEADING: Final = re.compile(rf"\s*(?:[€£$]|\\\$)?\s*({_NUMBER.pattern})(?:\s+(.*))?", re.DOTALL)


def final_answer(text: str) -> str | None:
    """The final answer of a completion as it is written, without the marks around it; None where there is none."""
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    elif "<think>" in text:
        return None
    for found in (last_box(text), _last(_HASHES, text), _said(text)):
        if found is not None and (plain := _plain(found)):
            return plain
    numbers = _NUMBER.findall(text)
    return numbers[-1] if numbers else None


def alternatives(reference: object) -> list[str]:
    """The answers that a row's reference allows, as text: one, or each of a list, which may be written as JSON.

    Raises TypeError for what is neither text, number nor list.
    """
    plain: Any = reference.tolist() if hasattr(reference, "tolist") else reference
    if plain is None:
        return []
    if isinstance(plain, list | tuple):
        return [text for part in plain for text in alternatives(part)]
    if isinstance(plain, bool | dict | bytes):
        raise TypeError(f"the reference is {type(plain).__name__}; math: needs text, a number, or a list of these")
    text = str(plain).strip()
    if text.startswith('["') and text.endswith('"]'):
        try:
            return [str(part) for part in json.loads(text)]
        except ValueError:
            return [text]
    return [text]


def reference_answer(text: str) -> str:
    """The answer that a reference states: its last box, what follows its last ####, or else all of it."""
    return _plain(last_box(text) or _last(_HASHES, text) or text)


def last_box(text: str) -> str | None:
    r"""The content of the last \boxed{} that is closed; braces within it are counted, those behind a backslash are not.

    Takes time in proportion to the text, however many boxes a completion opens without closing them.
    """
    opened: list[int] = []
    ends: dict[int, int] = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.end())
        elif opened:
            ends[opened.pop()] = brace.start()
    for start in reversed(list(_BOX.finditer(text))):
        if start["bare"]:
            return start["bare"]
        if start.end() in ends:
            return text[start.end() : ends[start.end()]]
    return None


def in_words(answer: str) -> bool:
    """Whether an answer is a name or words rather than mathematics, in which letters are factors.

    Words are three letters in a row that name no function, or two where there is nothing else; `xyz` counts as one.
    """
    unwrapped = _unwrapped(answer)
    words = [word for word in _WORD.findall(unwrapped) if word[0] != "\\" and not _FUNCTION.fullmatch(word)]
    return any(len(word) > 2 for word in words) or (bool(words) and not _MATHEMATICAL.search(unwrapped))


def folded(answer: str) -> str:
    """An answer in words for comparison: lower case, single spaces, no marks around it, no article before it."""
    words = re.sub(r"[\s~]+|\\[ ,;!]", " ", _unwrapped(answer)).strip(" .,;:!?\"'`*_$()").casefold()
    return re.sub(r"^(?:the|a|an) ", "", words)


def choice(answer: str) -> str | None:
    """The letter of an answer that is only that, as `(C)` or `C.`."""
    found = _CHOICE.fullmatch(_unwrapped(answer))
    return found[1].upper() if found else None


def without_unit(answer: str) -> str:
    """A number without currency and the words that follow it, as in `$12 per day`; anything else as it is."""
    found = _LEADING.fullmatch(_unwrapped(answer))
    return found[1] if found and (not found[2] or in_words(found[2])) else answer


def first_number(answer: str) -> str | None:
    """The first number in a sentence."""
    found = _NUMBER.search(answer)
    return found[0] if found else None


def _said(text: str) -> str | None:
    """What follows the last announcement: the mathematics between dollar signs, or the rest of the sentence."""
    places = list(_SAID.finditer(text))
    if not places:
        return None
    found = _SENTENCE_END.split(text[places[-1].end() :], maxsplit=1)[0]
    span = _SPAN.search(found)
    return next(part for part in span.groups() if part) if span else found


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return found[-1] if found else None


def _plain(answer: str) -> str:
    """Without markup, dollar signs around it, and the full stop behind it; thousands and minus signs as in Python."""
    answer = answer.strip().strip("*_`").strip()
    span = _SPAN.fullmatch(answer.rstrip("."))
    if span:
        answer = next(part for part in span.groups() if part)
    answer = answer.replace("−", "-").strip().removesuffix(".").rstrip("*").strip()
    return re.sub(r"(?<=\d)(?:\\[,!;]|\{,\})\s?(?=\d{3}(?!\d))", ",", answer)


def _unwrapped(answer: str) -> str:
    return _WRAPPED.sub(r" \1 ", answer).strip()
