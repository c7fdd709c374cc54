"""A model's answer to an extraction request, read strictly: claims, or a ValueError that a model can act on."""

import json
from typing import Final

from stages.core.chat import bare_answer
from stages.extract_principles.mention import Claim, Verdict

_FIELDS: Final = ("principle", "evidence", "verdict")
_VERDICTS: Final[dict[str, Verdict]] = {"yes": "yes", "no": "no", "partially": "partially"}
_SHOWN: Final = 60

LONGEST_PRINCIPLE: Final = 400
"""Characters. A model that repeats itself writes far longer ones, which no embedder's context may hold."""


def parse_claims(text: str) -> list[Claim]:
    """Read `{"principles": [{"principle", "evidence", "verdict"}, ...]}`, also inside a code fence.

    Raises ValueError naming the item (from 1) and the field for anything else: another form, a missing, repeated or
    unknown field, a value that is not a string, is empty or is not valid Unicode, a principle of more than
    LONGEST_PRINCIPLE characters, a verdict other than yes, no and partially in any case of letters.
    """
    try:
        answer = json.loads(bare_answer(text), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is not JSON ({error})") from error
    if not isinstance(answer, dict) or set(answer) != {"principles"} or not isinstance(answer["principles"], list):
        raise ValueError('the answer is not an object {"principles": [...]} with nothing else in it')
    return [_claim(item, number) for number, item in enumerate(answer["principles"], 1)]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object as it stands; one with a key twice would lose a claim that was written into another."""
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"one object has the key {_shown(repeated)} twice")
    return result


def _claim(item: object, number: int) -> Claim:
    if not isinstance(item, dict):
        raise ValueError(f"item {number} of principles is {_shown(item)}, not an object")
    unknown = sorted(set(item) - set(_FIELDS))
    if unknown:
        raise ValueError(f"item {number} has the field {_shown(unknown[0])}; only {', '.join(_FIELDS)} are allowed")
    principle, evidence, verdict = (_string(item, field, number) for field in _FIELDS)
    if len(principle) > LONGEST_PRINCIPLE:
        raise ValueError(f"item {number}: principle has {len(principle)} characters; it must be a short noun phrase")
    known = _VERDICTS.get(verdict.lower())
    if known is None:
        raise ValueError(f"item {number}: verdict is {_shown(verdict)}; it must be yes, no or partially")
    return Claim(principle, evidence, known)


def _string(item: dict[str, object], field: str, number: int) -> str:
    if field not in item:
        raise ValueError(f"item {number} has no {field}")
    value = item[field]
    if not isinstance(value, str):
        raise ValueError(f"item {number}: {field} is {_shown(value)}, not a string")
    stripped = value.strip()
    if not stripped:
        raise ValueError(f"item {number}: {field} is empty")
    if not _is_unicode(stripped):
        raise ValueError(f"item {number}: {field} is {_shown(value)}, which holds half a surrogate pair")
    return stripped


def _is_unicode(text: str) -> bool:
    """Whether the text can be stored as UTF-8; JSON can spell half a surrogate pair, which cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    words = repr(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]} ..."
