"""Parquet shards: named, listed, and written so that a file is there whole or not at all.

Which shards there should be is the business of `manifest.py`; what is in them, of the stages.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import OutputError

HIDDEN: Final = ".rlbff"
"""Folder inside an output folder that holds everything of ours besides the shards."""

Kind = Literal["rows", "dropped", "rejected"]

_GROUP_BYTES: Final = 64 * 2**20


ROWS_BESIDE: Final = "metrics"
"""Subfolder for the shards of a folder whose own files are something else: those of a model."""


def part_path(root: Path, part: int, kind: Kind = "rows", rows_in: str = "") -> Path:
    """Where part number `part` of a folder lies; `rows_in` is the subfolder of its shards, if they have one."""
    folder = root / rows_in if kind == "rows" else root / HIDDEN / kind
    return folder / f"part-{part:05d}.parquet"


def list_parts(root: Path, kind: Kind = "rows") -> list[Path]:
    """The shards of a folder in order, those in its subfolder if it has none itself; empty if there is none."""
    if kind != "rows":
        return sorted((root / HIDDEN / kind).glob("part-*.parquet"))
    return sorted(root.glob("part-*.parquet")) or sorted((root / ROWS_BESIDE).glob("part-*.parquet"))


def write_part(path: Path, table: pa.Table, metadata: Mapping[str, object], temporary: Path) -> None:
    """Write one shard: zstd level 3, row groups of at most 64 MB, the features key for `datasets`, `metadata` as ours.

    Pages carry checksums, since zstd as Parquet uses it has none: most flipped bytes would be read as other values.
    The file is written under `temporary` (same file system), synced, and renamed.
    """
    assert table.num_rows > 0, "a shard without rows is not written"
    keys = {"rlbff": json.dumps(metadata, sort_keys=True)}
    described = features(table.schema)
    if described is not None:
        keys["huggingface"] = json.dumps({"info": {"features": described}})
    table = table.replace_schema_metadata(keys)
    rows = max(1, table.num_rows * _GROUP_BYTES // max(table.nbytes, _GROUP_BYTES))
    with replacing(path, temporary) as scratch:
        pq.write_table(
            table,
            local(scratch),
            compression="zstd",
            compression_level=3,
            row_group_size=rows,
            write_page_checksum=True,
        )


def write_text(path: Path, text: str, temporary: Path) -> None:
    """Write a small text file whole or not at all."""
    with replacing(path, temporary) as scratch:
        # A path among the options need not be UTF-8.
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace")


def dump_json(value: object) -> str:
    """JSON as we store it: sorted keys, two spaces, a line end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_shard(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole shard, or some columns of it; a damaged one raises OSError or pyarrow's ArrowInvalid."""
    return pq.read_table(local(path), columns=columns, page_checksum_verification=True)


def open_shard(path: Path) -> pq.ParquetFile:
    """A shard to be read in batches, which raises as `read_shard` does."""
    return pq.ParquetFile(local(path), page_checksum_verification=True)


def local(path: Path) -> str:
    """The path as pyarrow must be given it: it takes the `frac:` of a relative `frac:0.8/` for the scheme of a URL."""
    return os.path.abspath(path)


@contextmanager
def replacing(path: Path, temporary: Path) -> Iterator[Path]:
    """Yield a scratch path under `temporary`, which becomes `path` if the block succeeds and goes if it does not."""
    # At random, since process numbers repeat on machines that share a file system.
    scratch = temporary / f"{path.parent.name}-{path.name}.{secrets.token_hex(8)}"
    try:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        sync(scratch)
        os.replace(scratch, path)
        sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # that of the write is told
            scratch.unlink()


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error for a path that the operating system will not let us write."""
    return OutputError(f"{path} cannot be written: {error.strerror or error}. Choose another --out or make room.")


def sync(path: Path) -> None:
    """Wait until a file or the entries of a folder are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def features(schema: pa.Schema) -> dict[str, Any] | None:
    """The schema in the words of Hugging Face `datasets`, in the form that its versions 2 to 5 read.

    None if a column that passes through has a type without a plain name there; `datasets` then finds out by itself.
    """
    described = {field.name: _feature(field.type) for field in schema}
    return None if None in described.values() else described


def _feature(type_: pa.DataType) -> Any:  # noqa: ANN401 - a dict, a list of one, or None
    if pa.types.is_struct(type_):
        inner = {field.name: _feature(field.type) for field in type_}
        return None if None in inner.values() else inner
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        item = _feature(type_.value_type)
        return None if item is None else [item]
    name = _DTYPES.get(str(type_), str(type_))
    return (
        {"dtype": name, "_type": "Value"}
        if re.fullmatch(r"(large_)?(string|binary)|bool|u?int\d+|float\d+", name)
        else None
    )


_DTYPES: Final = {"float": "float32", "double": "float64", "halffloat": "float16"}


def to_table(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of exactly this schema; columns that a row lacks are null."""
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)
