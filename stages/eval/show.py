"""What a person sees at the end of eval: the first figures as a table. All of them are in the folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stages.core.manifest import Done
from stages.core.progress import Progress
from stages.eval.measured import Figure

_MOST: Final = 60
_TINY: Final = 1e-4
"""A value below it, such as a p-value, is shown with two digits instead of as 0."""


def headline(figures: Sequence[Figure]) -> Mapping[str, float | None]:
    """The figures of the first group, by name: what a script asks for."""
    return {figure.metric: figure.value for figure in figures if figure.group == figures[0].group}


def show(benchmark: str, figures: Sequence[Figure], progress: Progress) -> None:
    """The table of figures with their intervals."""
    if not figures:
        return
    rows = [(one.group, one.metric, _number(one.value), _interval(one), one.n) for one in figures[:_MOST]]
    title = f"{benchmark}: figures with 95 % intervals"
    if len(figures) > _MOST:
        title += f" (the first {_MOST} of {len(figures):,})"
    progress.table(title, ("group", "metric", "value", "interval", "n"), rows)


def summary_of(done: Done, root: Path) -> dict[str, object]:
    """The closing lines: what came of the rows, and where the figures are."""
    fates = " + ".join(f"{done.rows[fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    return {"rows": f"{done.rows['in']:,} in = {fates}", "figures": f"{done.written:,} written to {root}"}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if 0 < abs(value) < _TINY:
        return f"{value:.2g}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "-"
    return f"[{figure.low:.4f}, {figure.high:.4f}]"
