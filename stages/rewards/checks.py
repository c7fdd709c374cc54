"""Checks of a text that can be decided exactly: how they are written, and whether they hold.

    words<=200, sentences>=3, paragraphs==3, ...      counts of measures.py with <= >= == != < >
    keyword:"fox">=2, letter:e<=10                    how often a phrase or a letter occurs, whatever its case
    contains:"text", contains-not:"text"              words or phrases, whatever their case
    starts-with:"Dear", ends-with:"Bye."              exactly, but for white space around the text
    regex:"[A-Z]{3}"                                  found anywhere; Python's syntax
    one-of:"yes|no|maybe"                             the whole text is one of these
    language=de                                       see languages.py
    json, code, python, title, postscript, quoted, lowercase, uppercase, no-comma, no-markdown, two-responses

Several are joined by , or ; outside quotation marks, which may be left out around text without these signs.
"""

import ast
import json
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Final, NamedTuple

from stages.core.chat import bare_answer
from stages.programs.fences import blocks
from stages.rewards import measures
from stages.rewards.languages import LANGUAGES, code_of, language

_PIECE: Final = re.compile(r'(?:[^,;"\\]|\\.|"(?:[^"\\]|\\.)*")+')
_COUNT: Final = re.compile(r"([a-z-]+)\s*(<=|>=|==|!=|=|<|>)\s*(\d+)")
_OCCURS: Final = re.compile(r'(keyword|letter)\s*:\s*("(?:[^"\\]|\\.)*"|[^<>=!"]+?)\s*(<=|>=|==|!=|=|<|>)\s*(\d+)')
_TEXTUAL: Final = re.compile(r'([a-z-]+)\s*:\s*("(?:[^"\\]|\\.)*"|[^"]+)', re.DOTALL)
_LANGUAGE: Final = re.compile(r"language\s*[=:]{1,2}\s*\"?([A-Za-z]+)\"?")
_TITLE: Final = re.compile(r"<<[^<>\n]+>>")
_POSTSCRIPT: Final = re.compile(r"^\s*P\.\s?(?:P\.\s?)?S\.?", re.MULTILINE)
_RESPONSES: Final = 2

_SIGNS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


class Check(NamedTuple):
    """One check as it was written; `holds` gives None for a text of which it cannot be told."""

    text: str
    holds: Callable[[str], bool | None]


def parse_checks(text: str) -> tuple[Check, ...]:
    """Read checks as they are typed. Raises ValueError with one sentence for one that is not known."""
    pieces = [piece.strip() for piece in _pieces(text) if piece.strip()]
    if not pieces:
        raise ValueError(f"{text!r} holds no check; write one as words<=200.")
    return tuple(Check(piece, _parsed(piece)) for piece in pieces)


def judged_text(completion: str) -> str:
    """What is checked: all but the reasoning up to </think>; empty where reasoning is not closed."""
    if "</think>" in completion:
        return completion.rpartition("</think>")[2].strip()
    return "" if "<think>" in completion else completion.strip()


def _pieces(text: str) -> list[str]:
    found, end = [], 0
    for piece in _PIECE.finditer(text):
        if text[end : piece.start()].strip(",; \t\n"):
            break
        found.append(piece[0])
        end = piece.end()
    if text[end:].strip(",; \t\n"):
        raise ValueError(f'{text!r}: a quotation mark is not closed; write text as "...", with \\" inside.')
    return found


def _parsed(piece: str) -> Callable[[str], bool | None]:
    if piece in _FLAGS:
        return _FLAGS[piece]
    if count := _COUNT.fullmatch(piece):
        if count[1] in measures.COUNTS:
            return partial(_counted, measures.COUNTS[count[1]], _SIGNS[count[2]], int(count[3]))
    elif occurs := _OCCURS.fullmatch(piece):
        counter = measures.occurrences if occurs[1] == "keyword" else _letters
        return partial(_counted, partial(_swapped, counter, _unquoted(occurs[2])), _SIGNS[occurs[3]], int(occurs[4]))
    elif wanted := _LANGUAGE.fullmatch(piece):
        return partial(_in_language, _known_language(wanted[1]))
    elif (textual := _TEXTUAL.fullmatch(piece)) and textual[1] in _TEXTUALS:
        return _with_text(textual[1], _unquoted(textual[2]))
    raise ValueError(f"{piece!r} is no check; {_meant(piece)}")


def _with_text(name: str, argument: str) -> Callable[[str], bool]:
    if name == "regex":
        try:
            re.compile(argument, re.MULTILINE)
        except re.error as error:
            raise ValueError(f"regex:{argument!r} is no regular expression: {error}.") from None
    return partial(_TEXTUALS[name], argument)


def _meant(piece: str) -> str:
    name = re.split(r"[\s<>=!:]", piece, maxsplit=1)[0].lower()
    known = [*_FLAGS, *measures.COUNTS, *_TEXTUALS, "keyword", "letter", "language"]
    close = get_close_matches(name, known, n=1)
    if not close:
        return f"known are {', '.join(sorted(known))}."
    if close[0] in measures.COUNTS:
        return f"did you mean {close[0]}<=10?"
    if close[0] in ("keyword", "letter"):
        return f'did you mean {close[0]}:"x">=1?'
    return "did you mean " + (f'{close[0]}:"text"?' if close[0] in _TEXTUALS else f"{close[0]}?")


def _known_language(name: str) -> str:
    code = code_of(name)
    if code is None:
        raise ValueError(f"language={name} cannot be told; known are {', '.join(LANGUAGES)}.")
    return code


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].replace('\\"', '"') if text.startswith('"') else text


def _counted(count: Callable[[str], int], sign: Callable[[int, int], bool], number: int, text: str) -> bool:
    return sign(count(text), number)


def _swapped(count: Callable[[str, str], int], argument: str, text: str) -> int:
    return count(text, argument)


def _letters(text: str, letter: str) -> int:
    return text.casefold().count(letter.casefold())


def _in_language(wanted: str, text: str) -> bool | None:
    found = language(text)
    return None if found is None else found == wanted


def _is_json(text: str) -> bool:
    try:
        json.loads(bare_answer(text))
    except (ValueError, RecursionError):
        return False
    return True


def _has_python(text: str) -> bool:
    return any(block.language in ("", "python", "py", "python3") and _parses(block.code) for block in blocks(text))


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _two_responses(text: str) -> bool:
    parts = [part.strip() for part in text.split("******")]
    return len(parts) == _RESPONSES and all(parts) and parts[0] != parts[1]


_FLAGS: Final[Mapping[str, Callable[[str], bool]]] = {
    "json": _is_json,
    "code": lambda text: any(block.code.strip() for block in blocks(text)),
    "python": _has_python,
    "title": lambda text: _TITLE.search(text) is not None,
    "postscript": lambda text: _POSTSCRIPT.search(text) is not None,
    "quoted": lambda text: len(text) > 1 and text[0] in '"“„«' and text[-1] in '"”“»',
    "lowercase": lambda text: text.lower() == text and text.upper() != text,
    "uppercase": lambda text: text.upper() == text and text.lower() != text,
    "no-comma": lambda text: measures.COUNTS["commas"](text) == 0,
    "no-markdown": lambda text: not measures.markdown(text),
    "two-responses": _two_responses,
}

_TEXTUALS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda wanted, text: measures.occurrences(text, wanted) > 0,
    "contains-not": lambda wanted, text: measures.occurrences(text, wanted) == 0,
    "starts-with": lambda wanted, text: text.strip().startswith(wanted.strip()),
    "ends-with": lambda wanted, text: text.strip().endswith(wanted.strip()),
    "one-of": lambda wanted, text: text.strip() in [part.strip() for part in wanted.split("|")],
    "regex": lambda wanted, text: re.search(wanted, text, re.MULTILINE) is not None,
}
