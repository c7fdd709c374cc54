"""How a stage tells a person what it does, without knowing whether there is a terminal.

A stage calls the methods of `Progress`; the command line passes an implementation that draws on stderr, a Python
caller gets `quiet`. Nothing here decides what a run does.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Progress(Protocol):
    """Receiver of everything a stage wants to say while it runs."""

    def start(self, what: str, total: int | None, done: int = 0, unit: str = "rows") -> None:
        """Open a step that counts up to `total` units (None: unknown), of which `done` were finished earlier."""

    def advance(self, rows: int = 1) -> None:
        """Report that `rows` more rows of the current step are finished."""

    def finish(self) -> None:
        """Close the current step."""

    def figures(self, values: Mapping[str, str]) -> None:
        """Show the figures of the latest step of a training run, by name, the most important first.

        A terminal keeps the last few as a live table above the bar of the current step; elsewhere there is a plain
        line now and then.
        """

    def notice(self, text: str) -> None:
        """Say something that the user should read, once."""

    def warn(self, text: str) -> None:
        """Say something that may be wrong with the result."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a small table, such as the waterfall at the end of a run."""

    def summary(self, facts: Mapping[str, object]) -> None:
        """Show the closing facts of a run."""


class Quiet:
    """A Progress that says nothing."""

    def start(self, what: str, total: int | None, done: int = 0, unit: str = "rows") -> None:
        """Ignore."""

    def advance(self, rows: int = 1) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""

    def figures(self, values: Mapping[str, str]) -> None:
        """Ignore."""

    def notice(self, text: str) -> None:
        """Ignore."""

    def warn(self, text: str) -> None:
        """Ignore."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Ignore."""

    def summary(self, facts: Mapping[str, object]) -> None:
        """Ignore."""


quiet: Progress = Quiet()
