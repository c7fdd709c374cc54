"""Which columns the shards have: those of `verdicts`, with timings if asked for, and the input's that pass through.

The runs, under `.rlbff/runs/`, have further ones, which the decision about all programs is made of.
"""

from typing import Final

import pyarrow as pa

from stages.core.tables import TIMINGS, VERDICTS

SOURCE_ROW: Final = "source_row"
SUITE: Final = "suite_sha"
VECTOR: Final = "vector"
DIGEST: Final = "digest"
SIGNATURE: Final = "signature"
LENGTH: Final = "solution_length"

Columns = tuple[tuple[str, pa.DataType], ...]

COSTS: Final[Columns] = tuple((column.name, column.type) for column in TIMINGS.columns if column.name != "id")
"""What a verdict cost."""

ONLY_IN_RUNS: Final[Columns] = (
    (SOURCE_ROW, pa.int64()),  # number of the input row in its part
    (SUITE, pa.string()),  # sha256 of the problem's name and its tests: rows that agree in it are one task
    (VECTOR, pa.binary()),  # outcomes, a byte a test: programs.matrix.vector
    (DIGEST, pa.string()),  # of the program's normal form; null if it passes nothing
    (SIGNATURE, pa.binary()),  # MinHash of the normal form, likewise
    (LENGTH, pa.int64()),  # characters of the program
)


def run_columns() -> Columns:
    """Columns of the runs beyond those of verdicts."""
    return (*COSTS, *ONLY_IN_RUNS)


def output_columns(*, timings: bool) -> Columns:
    """Columns of the output beyond those of verdicts, without those that pass through."""
    return COSTS if timings else ()


def our_names() -> set[str]:
    """Every name that a column of the input may not have in the output."""
    return {column.name for column in VERDICTS.columns} | {name for name, _ in run_columns()}
