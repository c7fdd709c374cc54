"""The final answer of a completion, for votes among completions: what stands in a box, behind ####, or as last number.

Two answers are the same where their normalised texts are. That is no proof that they are equal in the sense of
mathematics (1/2 and 0.5 are two votes); whether an answer is right is never decided here.
"""

import re
from typing import Final

from stages.rewards.math_answer import last_box

_HASHES: Final = re.compile(r"####[ \t]*(\S[^\n]*)")
_NUMBER: Final = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")
_FILLER: Final = re.compile(r"\\left|\\right|\\[,;:!]|\\ |\\\$|[\s$]")
_COMMAS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ZEROS: Final = re.compile(r"(\d)\.0+(?!\d)")


def final_answer(completion: str) -> str | None:
    r"""The normalised last answer: that of the last closed \boxed{}, else after the last ####, else the last number.

    None where there is none of these.
    """
    text = last_box(completion)
    if text is None:
        found = _HASHES.findall(completion) or _NUMBER.findall(completion)
        text = found[-1] if found else None
    return None if text is None else normal_answer(text) or None


def normal_answer(text: str) -> str:
    r"""The text by which answers are compared.

    Without white space, $, \left, \right, thin spaces, a full stop at the end, commas that group digits and zeros
    after the point; \dfrac and \tfrac as \frac; letters small.
    """
    bare = _FILLER.sub("", text.strip().rstrip("."))
    bare = bare.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    return _ZEROS.sub(r"\1", _COMMAS.sub("", bare)).casefold()
