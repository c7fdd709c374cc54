"""The one JSON object that a model was asked for, found in what it answered."""

import json
import re
from typing import Final

from stages.core.chat import bare_answer

_FENCE: Final = re.compile(r"\s*```\s*\Z")
_SHOWN: Final = 60


def object_in(text: str, keys: tuple[str, ...]) -> dict[str, object]:
    """The object with exactly these keys that an answer is, or that it ends with; a code fence may be around it.

    What stands before it is not read. What stands after it makes the answer no answer: an object in the middle may be
    a quotation of what was to be judged. Raises ValueError, in words that a model can act on.
    """
    answer = _FENCE.sub("", bare_answer(text)).rstrip()
    found = _last_object(answer)
    if set(found) != set(keys):
        named = ", ".join(json.dumps(key) for key in keys)
        raise ValueError(f"the object has the keys {shown(sorted(found))}; it must have {named} and no others")
    return found


def shown(value: object) -> str:
    """A value of an answer as a message repeats it: its beginning."""
    words = repr(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]} ..."


def is_storable(text: str) -> bool:
    """Whether a text can be written as UTF-8; JSON can spell half a surrogate pair, which cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _last_object(answer: str) -> dict[str, object]:
    decoder = json.JSONDecoder(object_pairs_hook=_once_each)
    start, why = answer.find("{"), "there is no { in it"
    while start >= 0:
        try:
            value, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError) as error:
            why, end = str(error), start + 1
        else:
            if end == len(answer) and isinstance(value, dict):
                return value
            why = "text follows the object"
        start = answer.find("{", end)
    raise ValueError(f"the answer is not one JSON object ({why})")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as it stands; of a key that is there twice nobody could say which one is meant."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("an object has one key twice")
    return result
