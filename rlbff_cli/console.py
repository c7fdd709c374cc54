"""Progress, notices, tables and the summary of a stage, all on stderr.

A terminal gets a bar; a log file or a CI job gets plain lines at growing intervals.
"""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rlbff_cli.figures import BarUnderFigures, LatestFigures
from rlbff_cli.spans import span
from rlbff_cli.terminal import draws, folded

_REDRAW_S: Final = 0.2
_FIRST_LINE_S: Final = 10.0
_LONGEST_WAIT_S: Final = 600.0
_LOG_WIDTH: Final = 200
_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*(e[-+]?\d+)?( ?%)?|-|")
_BEGINS_AS_NUMBER: Final = re.compile(r"[-+]?\d|-?$")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_RANKS: Final = {"error": 0, "warning": 1, "info": 2, "debug": 3}


class Console:
    """The Progress of stages.core.progress that people see."""

    def __init__(self, level: str = "info", stream: TextIO | None = None) -> None:
        stream = stream or sys.stderr
        self._stream = stream
        self._rank = _RANKS[level]
        # Without a terminal there is no width to fit: a folded table in a log cannot be searched.
        width = None if stream.isatty() or os.environ.get("COLUMNS") else _LOG_WIDTH
        self._rich = RichConsole(file=stream, highlight=False, width=width)
        self._step: _Bar | _Lines | None = None
        self._live = draws(stream)
        self._figures = LatestFigures()
        self._figures_due = _Due(0.0)

    def start(self, what: str, total: int | None, done: int = 0, unit: str = "rows") -> None:
        """Open a step; a step that is still open is closed."""
        self.finish()
        if self._rank >= _RANKS["info"]:
            if self._live:
                self._step = _Bar(self._rich, self._figures, what, total, done, unit)
            else:
                self._step = _Lines(self._rich, what, total, done, unit)

    def advance(self, rows: int = 1) -> None:
        """Count `rows` more."""
        if self._step:
            self._step.advance(rows)

    def finish(self) -> None:
        """Close the step as done; without an open step nothing happens."""
        if self._step:
            self._step.finish()
            self._step = None

    def figures(self, values: Mapping[str, str]) -> None:
        """Show the figures of the latest step: above the bar, if there is one, or as a line now and then."""
        self._figures.add(values)
        if isinstance(self._step, _Bar):
            self._step.redraw()
        elif not self._live and self._figures_due.now():
            self._say("info", Text(self._figures.line()))

    def abandon(self) -> None:
        """Close the step where it stands, after an error; without an open step nothing happens."""
        if self._step:
            self._step.close()
            self._step = None

    def notice(self, text: str) -> None:
        """Say something once."""
        self._message("info", "note:", "bold", text)

    def warn(self, text: str) -> None:
        """Say that something may be wrong."""
        self._message("warning", "warning:", "bold yellow", text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a table; columns of numbers and percentages are set flush right, with thousands separators."""
        cells = [[_shown(cell) for cell in row] for row in rows]
        by_column = [[name, *(row[index] for row in cells)] for index, name in enumerate(columns)]
        gap = _gap([max(map(cell_len, texts)) for texts in by_column], self._rich.width)
        table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="underline")
        for name, *texts in by_column:
            numeric = all(_NUMBER.fullmatch(text) for text in texts)
            table.add_column(
                Text(name),
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=all(_BEGINS_AS_NUMBER.match(text) for text in texts),
            )
        for row in cells:
            table.add_row(*map(Text, row))
        self._say("info", Text(f"\n{folded(title, self._stream)}", style="bold"))
        self._say("info", table)

    def summary(self, facts: Mapping[str, object]) -> None:
        """Show `name  value` lines; of a list of records each has a line of its own."""
        self._say("info", Text())
        width = max((len(name) for name in facts), default=0) + 2
        for name, value in facts.items():
            label = name.replace("_", " ")
            for line in _records(value):
                text = Text(folded(f"{label:<{width}}{line}", self._stream, width))
                text.stylize("bold", 0, len(label))
                self._say("info", text)
                label = ""

    def _message(self, level: str, word: str, style: str, sentence: str) -> None:
        text = Text(folded(f"{word} {sentence}", self._stream))
        text.stylize(style, 0, len(word))
        self._say(level, text)

    def _say(self, level: str, what: Text | Table) -> None:
        if self._rank >= _RANKS[level]:
            # Text is folded already, where it is to be folded at all.
            self._rich.print(what, soft_wrap=isinstance(what, Text))


class _Bar:
    """A step on a terminal."""

    def __init__(
        self, console: RichConsole, figures: LatestFigures, what: str, total: int | None, done: int, unit: str
    ) -> None:
        self._progress = BarUnderFigures(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[counted]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            # No refresh thread: stages fork worker processes, and a fork beside a thread can deadlock.
            auto_refresh=False,
            redirect_stdout=False,
        )
        self._progress.above = figures
        self._done, self._total, self._drawn = done, total, 0.0
        self._clock = _Clock(unit)
        self._task: TaskID = self._progress.add_task(what, total=total, counted="")
        self._progress.start()
        self._draw()

    def advance(self, rows: int) -> None:
        self._clock.count += rows
        self.redraw()

    def redraw(self) -> None:
        """Draw again, unless that was a moment ago."""
        if self._clock.elapsed() - self._drawn >= _REDRAW_S:
            self._drawn = self._clock.elapsed()
            self._draw()

    def finish(self) -> None:
        counted = _counted_at_end(self._done + self._clock.count, self._total, self._clock)
        self._progress.above = None
        self._progress.update(self._task, total=1, completed=1, counted=counted, refresh=True)
        self._progress.stop()

    def close(self) -> None:
        self._progress.above = None
        self._draw()
        self._progress.stop()

    def _draw(self) -> None:
        done = self._done + self._clock.count
        self._progress.update(
            self._task, completed=done, counted=_counted(done, self._total, self._clock), refresh=True
        )


class _Lines:
    """A step in a log: a line after 10 s, 20 s, 40 s ... and then every 10 minutes, and one at the end."""

    def __init__(self, console: RichConsole, what: str, total: int | None, done: int, unit: str) -> None:
        self._console, self._what, self._total, self._before = console, what, total, done
        self._clock = _Clock(unit)
        self._due = _Due(_FIRST_LINE_S)
        if done:
            self._print(f"{what}: {done:,} {unit} were finished earlier")

    def advance(self, rows: int) -> None:
        self._clock.count += rows
        if self._due.now():
            self._report()

    def finish(self) -> None:
        counted = _counted_at_end(self._before + self._clock.count, self._total, self._clock)
        self._print(f"{self._what}: {counted}")

    def close(self) -> None:
        self._report()

    def _report(self) -> None:
        done = self._before + self._clock.count
        parts = [_counted(done, self._total, self._clock)]
        if self._total is not None and done < self._total and self._clock.count:
            parts.append(f"{span((self._total - done) / self._clock.rate())} left")
        self._print(f"{self._what}: {', '.join(parts)}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class _Due:
    """When a log gets its next line: after `first` seconds, then 20 s later, 40 s ... and then every 10 minutes."""

    def __init__(self, first: float) -> None:
        self._wait = _FIRST_LINE_S
        self._next = time.monotonic() + first

    def now(self) -> bool:
        """Whether a line is due; if so, it counts as written."""
        if time.monotonic() < self._next:
            return False
        self._wait = min(2 * self._wait, _LONGEST_WAIT_S)
        self._next = time.monotonic() + self._wait
        return True


class _Clock:
    """What was counted since the step was opened, and how fast."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.count = 0
        self._start = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self._start

    def rate(self) -> float:
        return self.count / max(self.elapsed(), 1e-9)


def _gap(widths: Sequence[int], screen: int) -> int:
    """The widest space between columns with which a table fits the screen, 1 to 3."""
    return next((gap for gap in (3, 2) if sum(widths) + gap * (len(widths) - 1) <= screen), 1)


def _counted(done: int, total: int | None, clock: _Clock) -> str:
    counted = f"{done:,} {clock.unit}" if total is None else f"{done:,} of {total:,} {clock.unit}"
    # The rate of the first moment says nothing.
    return f"{counted}, {_rate(clock)}" if clock.elapsed() >= 1 and clock.count else counted


def _counted_at_end(done: int, total: int | None, clock: _Clock) -> str:
    """What was counted; without the total where it was not reached, by rejected rows or an input below --limit."""
    if total is None or done >= total:
        return _counted(done, total, clock)
    return f"done, {_counted(done, None, clock)}"


def _rate(clock: _Clock) -> str:
    rate = clock.rate()
    return f"{rate:,.0f} {clock.unit}/s" if rate >= 10 else f"{rate:.2g} {clock.unit}/s"


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(name).replace('_', ' ')} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_shown(item) for item in value)
    # Twelve digits tell two files apart; the whole hash is in the records.
    return str(value)[:12] if _SHA256.fullmatch(str(value)) else str(value)


def _records(value: object) -> list[str]:
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        return [_shown(item) for item in value]
    return [_shown(value)]
