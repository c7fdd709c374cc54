"""From an input row to what is learned from it: a principle judged on a response, or which of two responses is better.

Four layouts are understood; a row that fits none of them, or says what cannot be, becomes a Problem. Knows no tokens.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from stages.core.errors import DataError
from stages.core.row_fields import (
    Answer,
    Turns,
    Unfit,
    answer_of,
    conversation_of,
    label_field,
    number_field,
    response_field,
    shown,
    turns_field,
)
from stages.core.rows import Problem, Row

PRINCIPLE_LAYOUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "principles": ("completion", "principle", "label"),
    "helpsteer3-principle": ("response", "principle", "fulfilment"),
}
"""What a row must have to say whether a response satisfies a principle; prompt or context may be missing."""

PREFERENCE_LAYOUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "preferences": ("chosen", "rejected"),
    "helpsteer3-preference": ("response1", "response2", "overall_preference"),
}
"""What a row must have to say which of two responses is better."""

_LAYOUTS: Final = {**PRINCIPLE_LAYOUTS, **PREFERENCE_LAYOUTS}

_STRONGEST: Final = 3
"""HelpSteer3 rates from -3, the first response is much better, to 3, the second is."""


class Example(NamedTuple):
    """A principle judged on a response.

    `place` numbers the input row; `conversation` is equal where prompts are; `family` is the principle without case
    and style; `target` is the share of annotators who say yes, in [0, 1], `label` what most of them say.
    """

    place: int
    conversation: str
    messages: Turns
    response: str
    principle: str
    family: str
    target: float
    label: bool

    @property
    def answer(self) -> Answer:
        """The response with its turns."""
        return Answer(self.messages, self.response)

    @property
    def places(self) -> tuple[int, ...]:
        """The input row behind it, as a Comparison names several."""
        return (self.place,)


class Comparison(NamedTuple):
    """Two responses, of which one is better, by `margin` at least.

    `better_rows` and `worse_rows` are the places of the input rows that say so of either. `family` is the principle by
    which it is better, None where it is so overall.
    """

    better_rows: tuple[int, ...]
    worse_rows: tuple[int, ...]
    conversation: str
    better: Answer
    worse: Answer
    margin: float
    family: str | None

    @property
    def places(self) -> tuple[int, ...]:
        """All input rows behind it."""
        return self.better_rows + self.worse_rows

    @property
    def sides(self) -> tuple[tuple[Answer, tuple[int, ...]], tuple[Answer, tuple[int, ...]]]:
        """The better and the worse response, each with its rows."""
        return (self.better, self.better_rows), (self.worse, self.worse_rows)


def find_layouts(columns: Collection[str], source: str, *, pairs: bool) -> tuple[str, ...]:
    """Return the layouts that these columns hold; `pairs`: whether preferences can be learned from.

    Raises:
        DataError: none that can be learned from; the sentence names the columns.
    """
    found = tuple(name for name, needs in _LAYOUTS.items() if set(needs) <= set(columns))
    usable = found if pairs else tuple(name for name in found if name in PRINCIPLE_LAYOUTS)
    if usable:
        return usable
    if found:
        raise DataError(
            f"{source} holds preferences, from which no principle can be learned; use --objective bradley-terry, or "
            "give rows with completion, principle and label."
        )
    wanted = {**PRINCIPLE_LAYOUTS, **PREFERENCE_LAYOUTS} if pairs else PRINCIPLE_LAYOUTS
    needed = "; or ".join(", ".join(needs) for needs in wanted.values())
    raise DataError(
        f"{source} has the columns {', '.join(columns) or 'none'}; train-rm needs {needed}. "
        "Map other names with --map ours=theirs; feedback becomes principles by rlbff extract-principles."
    )


def read_row(row: Row, place: int, layouts: Sequence[str]) -> Example | Comparison | Problem | None:
    """Return what one row teaches, or what is wrong with it; None for two responses that are equally good.

    Where the input has several layouts, the row is read in the one of which it has most columns.
    """
    layout = max(layouts, key=lambda name: _share_present(row, _LAYOUTS[name]))
    try:
        match layout:
            case "principles":
                return _example(row, place, "prompt", "completion", "label")
            case "helpsteer3-principle":
                return _example(row, place, "context", "response", "fulfilment")
            case "preferences":
                return _chosen(row, place)
            case "helpsteer3-preference":
                return _rated(row, place)
            case _:
                raise AssertionError(layout)
    except Unfit as error:
        return error.problem


def family_of(principle: str) -> str:
    """Return what wordings of one principle have in common: NFC, single spaces, no upper case."""
    return " ".join(unicodedata.normalize("NFC", principle).split()).casefold()


def _share_present(row: Row, fields: Sequence[str]) -> float:
    return sum(row.get(field) is not None for field in fields) / len(fields)


def _example(row: Row, place: int, prompt: str, completion: str, label: str) -> Example:
    turns = turns_field(row, prompt, "user")
    answer = answer_of(turns, response_field(row, completion), completion)
    principle = row.get("principle")
    if not isinstance(principle, str) or not principle.strip():
        raise Unfit("no_principle", "principle", "is empty; each row needs the text of a principle.")
    says_yes = label_field(row, label)
    target = _agreement(row, label, says_yes=says_yes)
    conversation = conversation_of(turns or answer.messages, [answer])
    return Example(place, conversation, *answer, principle, family_of(principle), target, says_yes)


def _agreement(row: Row, label: str, *, says_yes: bool) -> float:
    """The soft label: the share that says yes where the row has it, else 1 or 0."""
    value = row.get("agreement")
    if value is None:
        return float(says_yes)
    share = number_field(value, "agreement", "must be the share of annotators who say yes, or null")
    if not 0 <= share <= 1:
        raise Unfit("bad_value", "agreement", f"is {share:g}; it must lie between 0 and 1, or be null.")
    if (share < 0.5) if says_yes else (share > 0.5):
        word = "yes" if says_yes else "no"
        raise Unfit(
            "bad_value", "agreement", f"is {share:g} where {label!r} says {word}; it must be the share that says yes."
        )
    return share


def _chosen(row: Row, place: int) -> Comparison:
    prompt = turns_field(row, "prompt", "user")
    sides = [response_field(row, "chosen"), response_field(row, "rejected")]
    if not prompt:
        # both may hold the whole conversation: what they share, but for the last turns, is then the prompt
        shortest = min(map(len, sides)) - 1
        shared = next((n for n in range(shortest) if sides[0][n] != sides[1][n]), max(0, shortest))
        prompt = sides[0][:shared]
    count = len(prompt)
    rests = [side[count:] if len(side) > count and side[:count] == prompt else side for side in sides]
    better, worse = (answer_of(prompt, rest, name) for rest, name in zip(rests, ("chosen", "rejected"), strict=True))
    margin, principle = row.get("margin"), row.get("principle")
    if principle is not None and not isinstance(principle, str):
        raise Unfit("bad_type", "principle", f"is {shown(principle)}; it must be a text or null.")
    return Comparison(
        better_rows=(place,),
        worse_rows=(place,),
        conversation=conversation_of(prompt, [better, worse]),
        better=better,
        worse=worse,
        margin=0.0 if margin is None else number_field(margin, "margin", "must be a finite number, or null"),
        family=family_of(principle) if principle and principle.strip() else None,
    )


def _rated(row: Row, place: int) -> Comparison | None:
    prompt = turns_field(row, "context", "user")
    first, second = (answer_of(prompt, response_field(row, name), name) for name in ("response1", "response2"))
    rating = row.get("overall_preference")
    if not isinstance(rating, int | float) or isinstance(rating, bool) or not abs(rating) <= _STRONGEST:
        raise Unfit(
            "bad_value",
            "overall_preference",
            f"is {shown(rating)}; it must lie between -{_STRONGEST} (first response) and {_STRONGEST} (second).",
        )
    if rating == 0:
        return None
    better, worse = (second, first) if rating > 0 else (first, second)
    return Comparison((place,), (place,), conversation_of(prompt, [first, second]), better, worse, 0.0, None)
