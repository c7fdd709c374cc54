"""Principles in plain English that say exactly what one of our checks decides, such as "at most 100 words".

A principle counts only as a whole: one that asks for anything besides is left to reward models.
"""

import re
from typing import Final

from stages.rewards.languages import code_of

_SUBJECT: Final = re.compile(
    r"(?:the |your |its )?(?:(?:response|answer|reply|text|output|completion) )?"
    r"(?:(?:should|must|shall|has to|needs to) )?(?:be |is |are )?(?:entirely |written |given )?"
)
_BOUNDS: Final = {
    "at most|no more than|not more than|up to|a maximum of|maximum": "<=",
    "at least|no fewer than|no less than|not fewer than|a minimum of|minimum": ">=",
    "exactly|precisely": "==",
    "fewer than|less than|under|below|shorter than": "<",
    "more than|over|above|longer than": ">",
}
_UNITS: Final = {
    "words?": "words",
    "characters?": "chars",
    "sentences?": "sentences",
    "lines?": "lines",
    "paragraphs?": "paragraphs",
    "bullet points?|bullets?": "bullets",
    "headings?": "headings",
    "placeholders?": "placeholders",
    "code blocks?": "code-blocks",
    "highlighted sections?": "highlights",
}
_HAS: Final = r"(?:(?:has|have|contains?|includes?|uses?|with) )?"
_PHRASES: Final = {
    r"(?:a )?(?:valid|well-formed) json(?: format| object)?|in (?:valid )?json(?: format)?": "json",
    r"(?:contains?|includes?|has) (?:some |a )?code(?: block| snippet| example)?s?": "code",
    r"(?:contains?|includes?|has) (?:some )?(?:valid )?python(?: code)?": "python",
    r"(?:in )?(?:all )?lower ?case(?: letters)?": "lowercase",
    r"(?:in )?(?:all )?(?:upper ?case|capitals|capital letters|caps)(?: letters)?": "uppercase",
    r"(?:contains?|has|have|uses?) no commas|without (?:any )?commas|(?:does|do) not (?:use|contain) (?:any )?commas": (
        "no-comma"
    ),
    r"(?:contains?|has|have|uses?) no markdown|without (?:any )?markdown|(?:in )?plain text": "no-markdown",
    r"(?:contains?|includes?|has|have|uses?) (?:a )?(?:bullet points|bullets|bulleted list)": "bullets>=1",
    r"(?:contains?|includes?|has|have|uses?) headings": "headings>=1",
    r"(?:contains?|includes?|has|have) a postscript": "postscript",
}
_QUOTED: Final = {
    r"(?:contains?|includes?|mentions?) (?:the )?(?:word |phrase |text |keyword )?": "contains",
    r"(?:(?:does|do) not|never) (?:contain|include|mention|use) (?:the )?(?:word |phrase |text |keyword )?": (
        "contains-not"
    ),
    r"(?:starts?|begins?) with (?:the )?(?:word |phrase |text )?": "starts-with",
    r"ends? with (?:the )?(?:word |phrase |text )?": "ends-with",
}


def check_of(principle: str) -> str | None:
    """The check that decides a principle, as checks.py writes it; None where none does."""
    text = " ".join(principle.split()).rstrip(".")
    plain = text.lower()
    subject = _SUBJECT.match(plain)
    start = subject.end() if subject else 0
    return _counted(plain[start:]) or _quoted(text[start:]) or _language(plain[start:]) or _phrase(plain[start:])


def _counted(text: str) -> str | None:
    for bound, sign in _BOUNDS.items():
        for unit, name in _UNITS.items():
            found = re.fullmatch(rf"{_HAS}(?:{bound}) (\d+) (?:{unit})(?: long| in length)?", text)
            if found:
                return f"{name}{sign}{found[1]}"
    return None


def _quoted(text: str) -> str | None:
    for phrase, name in _QUOTED.items():
        found = re.fullmatch(rf"{phrase}[\"“']([^\"”]+?)[\"”']", text, re.IGNORECASE)
        if found:
            return f'{name}:"{found[1]}"'
    return None


def _language(text: str) -> str | None:
    found = re.fullmatch(r"in ([a-z]+)", text)
    code = code_of(found[1]) if found else None
    return f"language={code}" if code else None


def _phrase(text: str) -> str | None:
    return next((check for phrase, check in _PHRASES.items() if re.fullmatch(phrase, text)), None)
