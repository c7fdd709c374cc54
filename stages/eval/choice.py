"""Choosing a principle for each domain on rows held out for that, and by how much the candidates differ there.

The rows that are measured afterwards play no part. The chosen one's own figure here is the best of several and
therefore optimistic; what it is worth, the rows measured afterwards say.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DataError
from stages.core.intervals import Rows
from stages.eval.benchmarks import Benchmark
from stages.eval.measured import WHOLE, Figure, Measured, Name, to_figures

SPREAD: Final = "spread"
"""The best candidate's figure minus the worst's."""


class Choice(NamedTuple):
    """The principle of each domain, and the figures behind the choice."""

    principles: Mapping[str, str]
    figures: list[Figure]


def choose(
    benchmark: Benchmark,
    candidates: Mapping[str, Sequence[str]],
    scored: Mapping[str, Sequence[Sequence[Any]]],
    *,
    smallest: int,
    seed: int,
    draws: int,
) -> Choice:
    """Choose for each domain the candidate with the best main figure; of equal ones the first.

    `scored[domain][c]` are the domain's items under candidate c. Figures are in the groups `dev: DOMAIN`.
    """
    chosen: dict[str, str] = {}
    figures: list[Figure] = []
    for domain, principles in candidates.items():
        if not scored[domain][0]:
            raise _nothing_to_go_by(domain)
        measured = _on_dev(benchmark, domain, principles, scored[domain], smallest)
        mine = to_figures(measured, seed=seed, draws=draws)
        values = [one.value for one in mine if one.metric != SPREAD]
        best = max((value for value in values if value is not None), default=None)
        if best is None:
            raise _nothing_to_go_by(domain)
        chosen[domain] = principles[values.index(best)]
        figures += mine
    return Choice(chosen, figures)


def _on_dev(
    benchmark: Benchmark, domain: str, principles: Sequence[str], scored: Sequence[Sequence[Any]], smallest: int
) -> Measured:
    """The main figure under each principle, and their spread, on the same units."""
    parts = [benchmark.measure(items, smallest) for items in scored]
    place = _main(benchmark, parts[0], domain)
    main = parts[0].names[place]

    def compute(rows: Rows) -> NDArray[np.float64]:
        values = np.array([part.compute(rows)[place] for part in parts])
        return np.append(values, values.max() - values.min())

    group = f"dev: {domain}"
    names = [Name(group, f"{main.metric}: {principle}", main.n) for principle in principles]
    first = parts[0]
    return Measured(
        # the best minus the worst grows with noise
        names=(*names, Name(group, SPREAD, main.n, centred=True)),
        compute=compute,
        clusters=first.clusters,
        strata=first.strata,
    )


def _main(benchmark: Benchmark, measured: Measured, domain: str) -> int:
    """The place of the figure that the benchmark is known by."""
    places = [
        place
        for place, name in enumerate(measured.names)
        if name.group == WHOLE and name.metric.startswith(benchmark.main)
    ]
    if not places or not len(measured.clusters):
        raise _nothing_to_go_by(domain)
    return places[-1]


def _nothing_to_go_by(domain: str) -> DataError:
    return DataError(f"The rows of --choose-on give no figure to choose a principle for {domain!r} by; add rows of it.")
