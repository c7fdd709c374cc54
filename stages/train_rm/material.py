"""What the rows of a run teach, read once and held in memory, and which of it is trained on.

How a row is read is in examples.py, how conversations are split in split.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from stages.core.rows import Problem, SourceRow
from stages.train_rm.examples import Comparison, Example, read_row
from stages.train_rm.split import split

EQUAL: Final = "no_preference"
"""The rule that drops a row whose two responses are equally good."""

T = TypeVar("T", Example, Comparison)


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything readable, in the order of the rows; places number `sources`.

    `problems` and `dropped` are by place: what is wrong with a row, and the rule that dropped it.
    """

    sources: tuple[SourceRow, ...]
    examples: tuple[Example, ...]
    preferences: tuple[Comparison, ...]
    problems: dict[int, Problem]
    dropped: dict[int, str]

    def row_name(self, place: int) -> str:
        """How a person finds a row: its file, and its number there from 1."""
        source = self.sources[place]
        return f"{source.file.rsplit('/', 1)[-1]}:{source.row}"


class Parts(NamedTuple, Generic[T]):
    """Examples or comparisons, dealt by conversation."""

    train: tuple[T, ...]
    calibration: tuple[T, ...]
    test: tuple[T, ...]


def read_material(
    rows: Iterator[SourceRow], layouts: Sequence[str], advance: Callable[[int], None] = lambda rows: None
) -> Material:
    """Read all rows, each in the layout that it fits; `advance` is told of rows finished."""
    sources: list[SourceRow] = []
    examples: list[Example] = []
    preferences: list[Comparison] = []
    problems: dict[int, Problem] = {}
    dropped: dict[int, str] = {}
    for place, source in enumerate(rows):
        assert source.value is not None
        sources.append(source)
        match read_row(source.value, place, layouts):
            case Example() as example:
                examples.append(example)
            case Comparison() as preference:
                preferences.append(preference)
            case Problem() as problem:
                problems[place] = problem
            case None:
                dropped[place] = EQUAL
        advance(1)
    return Material(
        sources=tuple(sources),
        examples=tuple(examples),
        preferences=tuple(preferences),
        problems=problems,
        dropped=dropped,
    )


def deal(items: Sequence[T], share: float, seed: int) -> Parts[T]:
    """Deal items by their conversation: `share` of them held out, half for calibration, half for testing.

    Raises:
        DataError: something is to be held out, and there are fewer than three conversations.
    """
    places = split([item.conversation for item in items], share, seed)
    train, calibration, test = (tuple(items[place] for place in part) for part in places)
    return Parts(train, calibration, test)
