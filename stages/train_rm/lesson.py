"""What both objectives hand to a run: what is trained on, what is held out, and what became of the other rows.

The two have the same functions: entailing.py and comparing.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from stages.core.rows import Problem, SourceRow
from stages.rewards.calibration import Platt
from stages.train_rm.batch import MicroBatch
from stages.train_rm.figures import Figure
from stages.train_rm.pairs import Arm

SMALLEST: Final = 20
"""Fewest held-out rows for which a principle or a stratum has figures of its own."""

NOT_FINITE: Final = "not_finite"
"""The reason of a Problem that says something of the model, not of the row."""

TRIED: Final = 32
"""Rows or pairs trained on whose scores must be finite."""

NO_TEST: Final = "Nothing is held out, so that the model is neither measured nor calibrated."

DRAWS: Final = 1000
"""Resamples behind an interval."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Pieces to be dealt into steps, and the rows that are in none; `parts` are examples or comparisons.

    `problems` and `dropped` are by the row's place. `notes` are counts that a person should see.
    """

    pieces: tuple[MicroBatch, ...]
    parts: Any
    problems: Mapping[int, Problem]
    dropped: Mapping[int, str]
    arm: Arm
    notes: Mapping[str, int]


class Examined(NamedTuple):
    """What the held-out rows say of the trained model.

    `problems`: held-out rows that could not be scored, by place. `headline` are the figures that stand in the model's
    card; `summary` lines for a person; `warnings` sentences on what may be wrong.
    """

    figures: Sequence[Figure]
    platt: Platt | None
    problems: Mapping[int, Problem]
    headline: Mapping[str, float | None]
    summary: Mapping[str, str]
    warnings: Sequence[str]


def messages_of(turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Turns as a chat column holds them."""
    return [{"role": role, "content": content} for role, content in turns]


def passed_on(source: SourceRow) -> dict[str, object]:
    """What a held-out row keeps of the input row: its id, domain and language."""
    assert source.value is not None
    kept = {name: source.value.get(name) for name in ("id", "domain", "language")}
    return {name: value if isinstance(value, str) else None for name, value in kept.items()}


def headline_of(figures: Sequence[Figure], benchmark: str, names: Sequence[str]) -> dict[str, float | None]:
    """The figures of these names over all rows of a benchmark, and how many rows there are."""
    found = {one.metric: one for one in figures if (one.benchmark, one.group) == (benchmark, "all")}
    values: dict[str, float | None] = {name: found[name].value for name in names if name in found}
    return {**values, "rows": float(max((one.n for one in found.values()), default=0))}
