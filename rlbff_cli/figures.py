"""The figures of the latest steps of a run: the last few as a table that fits the terminal, or one as a line of a log.

When they are shown is decided in console.py.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

_KEPT: Final = 6
_GAP: Final = 2
_BESIDES: Final = 4
"""Lines of a terminal that are left to others: heading, bar, the line typed, the cursor's."""


class LatestFigures:
    """Figures by name, the last few times that there were any."""

    def __init__(self) -> None:
        self._rows: deque[dict[str, str]] = deque(maxlen=_KEPT)
        self._names: dict[str, None] = {}

    def add(self, values: Mapping[str, str]) -> None:
        """Remember the figures of a step; names keep the order in which they were first heard of."""
        self._rows.append(dict(values))
        self._names |= dict.fromkeys(values)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw a table that fits the terminal: without the last names where it is narrow, fewer rows where it is low.

        Nothing where there are no figures, or no room for one name.
        """
        rows = list(self._rows)[-max(1, console.height - _BESIDES) :]
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="underline")
        left = options.max_width - 1
        shown: list[str] = []
        for name in self._names:
            left -= max(map(cell_len, (name, *(row.get(name, "-") for row in rows)))) + _GAP
            if left < -_GAP:
                break
            shown.append(name)
            table.add_column(Text(name), justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(row.get(name, "-")) for name in shown))
        if shown:
            yield table

    def line(self) -> str:
        """Return the latest figures as one line."""
        return ", ".join(f"{name} {value}" for name, value in self._rows[-1].items())


class BarUnderFigures(Progress):
    """A step's bar with the table of the latest figures above it, which goes when the step ends."""

    above: LatestFigures | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """What is drawn, from top to bottom."""
        if self.above is not None:
            yield self.above
        yield from super().get_renderables()
