"""Another policy's responses to the input's prompts, found by the prompt, for grades that are compared in pairs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stages.core.errors import DataError
from stages.core.slices import ReadOptions
from stages.core.whole import all_rows
from stages.eval.benchmarks import Benchmark
from stages.eval.fields import Unfit
from stages.eval.sources import planned_rows

Find = Callable[[Any], Any]
"""From an item to the other policy's item with the same prompt; raises Unfit where there is none."""


def open_counterparts(name: str, benchmark: Benchmark, reading: ReadOptions) -> tuple[Find, tuple[str, ...]]:
    """How the items of `name`, a file in the benchmark's layout, are found, and the hashes of its files.

    Raises:
        InputMissing: there is no such file. DataError: a row is not in the layout, or a prompt has several responses.
    """
    known: dict[bytes, Any] = {}
    with planned_rows(name, reading) as planned:
        for row in all_rows(planned, replace(reading, limit=None)):
            problem = row.problem
            try:
                item = None if row.value is None else benchmark.read(row.value, row.file)
            except Unfit as error:
                item, problem = None, error.problem
            if item is None:
                assert problem is not None
                raise DataError(f"{row.file}:{row.row}: {problem.error}")
            if known.setdefault(item.prompt, item) is not item:
                raise DataError(
                    f"{row.file}:{row.row}: a second response to one prompt; --against takes one response to each."
                )
        hashes = tuple(info.sha256 for info in planned.inputs)

    def find(item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        other = known.get(item.prompt)
        if other is None:
            raise Unfit("no_counterpart", "prompt", f"{name} has no response to this prompt.")
        return other._replace(category=item.category)  # a group is made of the input's categories

    return find, hashes
