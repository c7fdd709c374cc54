"""A scored principle row: a response, a principle, whether the response fulfils it, and what a reward model says.

The rows are those of the scores table with a `label` (score passes through what train-rm's input has). What is asked of
them is the business of principle_pairs.py, calibration_report.py and hacking.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer, answer, digest, prompt_text
from stages.eval.fields import Unfit, bool_field, messages_field, number_field, text_field
from stages.eval.measured import Measured
from stages.eval.surface import Surface, surface


class ScoredRow(NamedTuple):
    """One row. `conversation` is a number that equal prompts share; `p_yes` None where no calibrated one is stored."""

    answers: tuple[Answer, ...]
    conversation: int
    principle: str
    label: bool
    surface: Surface
    p_yes: float | None
    scores: tuple[float, ...] | None


def read(row: Row, file: str) -> ScoredRow:
    """A row with `prompt`, `completion`, `principle`, `label`, and `score` and `p_yes` where it has them."""
    prompt, completion = messages_field(row, "prompt"), text_field(row, "completion")
    principle = text_field(row, "principle")
    p_yes = number_field(row, "p_yes") if row.get("p_yes") is not None else None
    if p_yes is not None and not 0 <= p_yes <= 1:
        raise Unfit("bad_value", "p_yes", f"field 'p_yes' is {p_yes:g}; it must lie between 0 and 1.")
    return ScoredRow(
        answers=(answer(prompt, completion, principle),),
        conversation=int.from_bytes(digest(prompt_text(prompt))[:7], "big"),
        principle=normal_form(principle),
        label=bool_field(row, "label"),
        surface=surface(completion),
        p_yes=p_yes,
        scores=(number_field(row, "score"),) if row.get("score") is not None else None,
    )


def normal_form(principle: str) -> str:
    """What equal principles share: the text without case, white space made even."""
    return " ".join(principle.split()).casefold()


def with_scores(item: ScoredRow, scores: tuple[float, ...]) -> ScoredRow:
    """The row with another score; its stored probability belonged to the old one and goes."""
    return item._replace(scores=scores, p_yes=None)


def scores_of(items: Sequence[ScoredRow]) -> NDArray[np.float64]:
    """Scores (N,)."""
    return np.array([item.scores[0] if item.scores else np.nan for item in items], dtype=np.float64)


def labels_of(items: Sequence[ScoredRow]) -> NDArray[np.bool_]:
    """Labels (N,)."""
    return np.array([item.label for item in items], dtype=np.bool_)


def conversations_of(items: Sequence[ScoredRow]) -> Rows:
    """Number of the conversation (N,)."""
    return np.array([item.conversation for item in items], dtype=np.int64)


def families(items: Sequence[ScoredRow], smallest: int) -> Mapping[str, Rows]:
    """Row numbers of each principle that has at least `smallest` rows, in order of the principles."""
    names, codes = np.unique([item.principle for item in items], return_inverse=True)
    rows = {str(name): np.flatnonzero(codes == code) for code, name in enumerate(names)}
    return {name: place for name, place in rows.items() if len(place) >= smallest}


def by_conversation(measured: Measured, items: Sequence[ScoredRow]) -> Measured:
    """The same figures, with all rows of a conversation drawn together."""
    return replace(measured, clusters=conversations_of(items))
