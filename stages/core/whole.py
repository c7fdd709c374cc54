"""A whole input as one part, for stages that add up all rows or learn from all of them: eval and train-rm."""

from collections.abc import Iterator
from dataclasses import replace

from stages.core.manifest import fingerprint
from stages.core.rows import SourceRow
from stages.core.slices import ReadOptions, Slice, read
from stages.core.sources import Plan


def as_one_part(plan: Plan) -> Plan:
    """The plan with one slice that stands for all rows; it cannot be read itself, see `all_rows`."""
    first = plan.slices[0]
    whole = Slice(
        name=first.name,
        path="",
        format="",
        first=first.first,
        rows=plan.rows,
        offset=0,
        length=0,
        sha256=fingerprint([list(info) for info in plan.inputs]),
        repeats={},
    )
    return replace(plan, slices=(whole,))


def all_rows(plan: Plan, options: ReadOptions) -> Iterator[SourceRow]:
    """The rows of all parts of a plan, in order."""
    for part in plan.slices:
        yield from read(part, options)
