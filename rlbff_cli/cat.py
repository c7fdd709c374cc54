"""`rlbff cat`: the rows of folders as JSON lines, CSV or a table, batch by batch, so that memory stays bounded.

Which rows: where.py. How they look: rows_out.py.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from rlbff_cli.folder import look_at
from rlbff_cli.hints import did_you_mean
from rlbff_cli.pipe import reader_may_leave
from rlbff_cli.remote import viewed_folders
from rlbff_cli.rows_out import write_csv, write_jsonl
from rlbff_cli.rows_table import TABLE_ROWS, for_people, write_table
from rlbff_cli.terminal import say_note
from rlbff_cli.where import parse_where
from stages.core.errors import ConfigError, DataError
from stages.core.options import check_range

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS: Final = 1024
_ROWS: Final = r"(metrics/|\.rlbff/dropped/|\.rlbff/rejected/)?part-\d+\.parquet"


@dataclass(frozen=True, kw_only=True)
class CatOptions:
    """The options of `rlbff cat`."""

    inputs: Annotated[tuple[str, ...], "Output folders, finished or not, by path or URL, or - for paths on stdin."]
    where: Annotated[
        str | None,
        "Keep rows for which this holds: = != < <= > >=, and, or, not, in ('a', 'b'), is null, contains 'x', "
        "like 'x%', a.b for a field, len(a) for a length.",
    ] = None
    columns: Annotated[tuple[str, ...], "Columns to print, in this order: a,b or repeated."] = ()
    limit: Annotated[int | None, "Stop after N rows."] = None
    format: Annotated[
        Literal["jsonl", "csv", "table"] | None, "How to print; default: table on a terminal, else jsonl."
    ] = None
    layout: Annotated[
        Literal["helpsteer3"] | None, "Print principles in the layout of HelpSteer3's principle subset."
    ] = None
    dropped: Annotated[bool, "Print what filters took out instead of the rows."] = False
    rejects: Annotated[bool, "Print the input rows that could not be processed."] = False

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No folder: name the output folders to print, or - to read paths from stdin.")
        if self.dropped and self.rejects:
            raise ConfigError("--dropped and --rejects are two tables; print one at a time.")
        if self.layout is not None and (self.columns or self.dropped or self.rejects):
            raise ConfigError("--layout decides the columns; leave out --columns, --dropped and --rejects.")
        check_range("limit", self.limit, 1)


@dataclass(frozen=True)
class _Source:
    """The shards of one folder, the columns to print of it, and the filter with the columns that it reads."""

    paths: list[Path]
    columns: tuple[str, ...]
    condition: Any
    read: tuple[str, ...]


def cat(options: CatOptions) -> None:
    """Print the rows to stdout; a reader that leaves early ends it without a word.

    Raises:
        ConfigError: a column or the filter has no meaning. InputMissing: no such folder.
        DataError: a folder is not ours, a shard is damaged, or folders to print as one CSV have other columns.
    """
    with viewed_folders(options.inputs, _ROWS) as (folders, _):
        _cat(folders, options)


def _cat(folders: Sequence[str], options: CatOptions) -> None:
    sources = [source for name in folders if (source := _source(Path(name), options)) is not None]
    form = options.format or ("table" if sys.stdout.isatty() else "jsonl")
    if form != "jsonl":
        _need_same_columns(sources)
    limit = options.limit
    if form == "table" and limit is None:
        # One more than is shown, to know whether there are more.
        limit = TABLE_ROWS + 1
    if not sources:
        say_note(f"no {'dropped ' if options.dropped else 'rejected ' if options.rejects else ''}rows.")
    columns = sources[0].columns if sources else ()
    if form == "table" and not options.columns:
        columns = for_people(columns)
    batches = _limited((batch for source in sources for batch in _batches(source)), limit)
    if options.layout is not None:
        from stages.core.helpsteer3 import SCHEMA, to_helpsteer3

        columns, batches = tuple(SCHEMA.names), map(to_helpsteer3, batches)
    with reader_may_leave():
        if form == "jsonl":
            write_jsonl(batches, sys.stdout.buffer)
        elif form == "csv":
            write_csv(columns, batches, sys.stdout.buffer)
        else:
            write_table(columns, batches, options.limit or TABLE_ROWS)
        sys.stdout.flush()


def _source(root: Path, options: CatOptions) -> _Source | None:
    """Settle what is read of a folder before the first row is printed; None when it holds no such rows."""
    import pyarrow.parquet as pq

    from stages.core.shards import HIDDEN, list_parts, local

    # A table beside the shards, such as `.rlbff/tests`, has no records of its own.
    if root.absolute().parent.name != HIDDEN or not list_parts(root):
        look_at(root)
    paths = list_parts(root, "dropped" if options.dropped else "rejected" if options.rejects else "rows")
    if not paths:
        return None
    with _readable(paths[0]):
        schema = pq.read_schema(local(paths[0]))
    wanted = options.columns if options.layout is None else _needed(schema.names, root)
    columns = _chosen(wanted, schema.names, root) or tuple(schema.names)
    condition, used = parse_where(options.where, schema) if options.where is not None else (None, frozenset())
    return _Source(paths, columns, condition, tuple(name for name in schema.names if name in {*columns, *used}))


def _batches(source: _Source) -> "Iterator[pa.RecordBatch]":
    """Yield the filtered batches of a folder in order, with the columns to print."""
    import pyarrow as pa

    from stages.core.shards import open_shard

    for path in source.paths:
        with _readable(path), open_shard(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(source.read)):
                table = pa.Table.from_batches([batch])
                if source.condition is not None:
                    table = table.filter(source.condition)
                yield from table.select(list(source.columns)).to_batches()


def _limited(batches: "Iterator[pa.RecordBatch]", limit: int | None) -> "Iterator[pa.RecordBatch]":
    left = limit
    for batch in batches:
        if left is not None and batch.num_rows >= left:
            yield batch.slice(0, left)
            return
        left = None if left is None else left - batch.num_rows
        yield batch


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is damaged or cannot be read ({error}); run its stage again with --overwrite."
        ) from error


def _chosen(wanted: Sequence[str], present: Sequence[str], root: Path) -> tuple[str, ...]:
    names = [piece.strip() for text in wanted for piece in text.split(",") if piece.strip()]
    for name in names:
        if name not in present:
            hint = did_you_mean(name, present) or f" There are {', '.join(present)}."
            raise ConfigError(f"--columns: {root} has no column {name}.{hint}")
    return tuple(dict.fromkeys(names))


def _needed(present: Sequence[str], root: Path) -> tuple[str, ...]:
    from stages.core.helpsteer3 import NEEDS

    if not set(NEEDS) <= set(present):
        raise DataError(f"{root} holds no principles; --layout helpsteer3 prints those of extract-principles.")
    return NEEDS


def _need_same_columns(sources: Sequence[_Source]) -> None:
    for source in sources[1:]:
        if source.columns != sources[0].columns:
            raise DataError(
                f"{source.paths[0].parent} has other columns than {sources[0].paths[0].parent}; "
                "choose common ones with --columns, or print as jsonl."
            )
