"""What a completion is checked against: in which column of a row it stands, and which part of a text it is."""

import json
import re
from typing import Any, Final, NamedTuple

from stages.core.rows import Problem, Row

REFERENCE_COLUMNS: Final = (
    *("ground_truth", "reference", "answer", "final_answer", "expected_answer", "gt", "target", "solution", "label"),
)
"""Where the reference is looked for if `reward_model` holds none; the first that is not empty. Names that say what it
is for come first, then those of answers, then `solution`, which may be a whole derivation. A `label` of true or false
judges another text and is no reference; `canonical_solution` and tests are left to `code:`."""

_VERBATIM: Final = ("ground_truth", "reference")

_MARKED: Final = re.compile(r"^####[ \t]*(\S[^\n]*?)\s*\Z", re.MULTILINE)
_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s*\{")


class Reference(NamedTuple):
    """In whatever form the row has it, None where it has none; and how it is checked, as far as the row says."""

    value: object
    style: str | None


def find_reference(row: Row) -> Reference | Problem:
    """What a completion of a row is checked against, or what is wrong with the row."""
    given = _object(row.get("reward_model"))
    if isinstance(given, Problem):
        return given
    style = given.get("style")
    style = style if isinstance(style, str) else None
    for name, value in (
        ("ground_truth", given.get("ground_truth")),
        *((name, row.get(name)) for name in REFERENCE_COLUMNS),
    ):
        if value in (None, "", [], {}) or (name == "label" and isinstance(value, bool)):
            continue
        return Reference(_final(value) if isinstance(value, str) and name not in _VERBATIM else value, style)
    return Reference(None, style)


def _object(value: object) -> dict[str, Any] | Problem:
    """The column `reward_model`: an object, or JSON of one."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = ()
    if value in (None, ""):
        return {}
    if isinstance(value, dict):
        return value
    text = "field 'reward_model' is no object (or JSON of one) with the field 'ground_truth'."
    return Problem("bad_type", "reward_model", text)


def _final(text: str) -> str:
    """The final answer where a text marks one: in its last line after ####, as in GSM8K, or in its last box (MATH)."""
    if (marked := _MARKED.search(text)) is not None:
        return marked[1]
    starts = [match.end() for match in _BOX.finditer(text)]
    if not starts:
        return text
    depth = 1
    for at in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[starts[-1] : at].strip() or text
    return text
