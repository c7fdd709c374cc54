"""Which columns the result has: those of its table, further ones of this stage, and the input's that pass through."""

from typing import Final

import pyarrow as pa

from stages.core.columns import ColumnTypes
from stages.core.passing import PassThrough, passing
from stages.core.tables import PREFERENCES, SCORES, Table
from stages.score.config import ScoreConfig
from stages.score.reading import CONSUMED, SEVERAL

PARTS: Final = pa.list_(
    pa.struct([pa.field("principle", pa.string()), pa.field("score", pa.float32()), pa.field("p_yes", pa.float32())])
)
"""The scores that a combined one is made of."""

SOURCE_ROW: Final = "source_row"
"""Number of the input row within its part, in scores that are only a step towards another output."""

Columns = tuple[tuple[str, pa.DataType], ...]


def score_columns(config: ScoreConfig, layout: str) -> Columns:
    """Columns of a row of scores beyond those of the table."""
    columns: list[tuple[str, pa.DataType]] = [("truncated", pa.bool_())]
    if layout in SEVERAL:
        columns.append(("sample", pa.int32()))
    if config.aggregate != "none":
        columns.append(("parts", PARTS))
    elif config.model_options.generative:
        columns.append(("reasoning", pa.string()))
    if config.output != "scores":
        columns.append((SOURCE_ROW, pa.int64()))
    return tuple(columns)


def output_table(config: ScoreConfig) -> Table:
    """The table that is written."""
    return PREFERENCES if config.output == "pairs" else SCORES


def output_columns(config: ScoreConfig, layout: str) -> Columns:
    """Columns of a row of the output beyond those of the table, without those that pass through."""
    if config.output == "pairs":
        return (("rm", pa.string()),)
    columns = [column for column in score_columns(config, layout) if column[0] != SOURCE_ROW]
    return (*columns, ("n", pa.int32())) if config.output == "best-of-n" else tuple(columns)


def find_pass_through(
    config: ScoreConfig, layout: str, columns: ColumnTypes, *, own_principle: bool
) -> tuple[PassThrough, ...]:
    """The columns of the input that are copied; one with a name of ours is called `input_<name>`.

    `own_principle`: rows are scored by their column `principle`, which is then not copied a second time.
    """
    consumed = (*CONSUMED[layout], *(["principle"] if own_principle else []))
    ours = {column.name for table in (SCORES, output_table(config)) for column in table.columns}
    ours |= {name for name, _ in (*score_columns(config, layout), *output_columns(config, layout))}
    return passing(columns, consumed, ours)
