"""Readers of files, each as a function of bytes that raises only where the reader is wrong.

A reader may refuse with an error of ours. What it accepts must be what a second, independent reader finds in the same
bytes: nothing made up, nothing lost, nothing read as something else.
"""

import csv
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from rlbff_cli.settings import resolve
from stages.core.errors import ConfigError, DataError
from stages.core.journal import Journal, read_journal
from stages.core.manifest import folder_status, planned_options, recorded
from stages.core.rows import SourceRow
from stages.core.slices import ReadOptions, read
from stages.core.sources import plan
from stages.extract_principles.config import ExtractPrinciplesConfig
from stages.extract_principles.taxonomy_file import parse_taxonomy, to_yaml
from stages.score.principles_file import parse_principles
from tests.fuzz.folders import report

OPTIONS: Final = ReadOptions(rows_per_shard=3, max_row_bytes=4096, limit=None, mapping={}, unique_ids=False)


@contextmanager
def written(data: bytes, name: str) -> Iterator[Path]:
    """A folder with the one file `name` that holds `data`, in memory where the system has such a place."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        yield path


def rows_of(path: Path) -> list[SourceRow] | None:
    """All rows of a file as the stages see them; None where the file is refused. Two passes must agree."""
    try:
        planned = plan((str(path),), OPTIONS, path.parent / "spool")
        rows = [row for piece in planned.slices for row in read(piece, OPTIONS)]
    except DataError as error:
        check_sentence(str(error), path.name)
        return None
    assert len(rows) == planned.rows == sum(info.rows for info in planned.inputs)
    for row in rows:
        assert (row.value is None) != (row.problem is None)
        assert row.value is None or isinstance(row.value["id"], str)
        row.raw_bytes()
    return rows


def check_sentence(text: str, name: str) -> None:
    """A message is one line, finished, and names the file."""
    assert name in text, text
    assert text.endswith((".", ")", "!", "?")), text


def jsonl(data: bytes) -> None:
    """Lines: as many rows as lines with something in them; what is accepted is what `json` reads there."""
    with written(data, "rows.jsonl") as path:
        rows = rows_of(path)
    lines = [line for line in data.split(b"\n") if line and not (line + b"\n").isspace()]
    if rows is None:
        assert not lines
        return
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        if row.value is None:
            continue
        expected = json.loads(line.removeprefix(b"\xef\xbb\xbf"), parse_constant=lambda name: None)
        assert isinstance(expected, dict)
        own = {name: value for name, value in row.value.items() if name != "id"}
        assert_same(own, {name: value for name, value in expected.items() if name != "id"})


def assert_same(ours: object, theirs: object) -> None:
    """Equal, with numbers of the same kind; numbers that no double holds may be null."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, float) and theirs in (float("inf"), float("-inf")):
        assert ours is None
    else:
        assert type(ours) is type(theirs), (ours, theirs)
        assert ours == theirs


def json_array(data: bytes) -> None:
    """A JSON file: an array's objects, or lines."""
    with written(data, "rows.json") as path:
        rows = rows_of(path)
    try:
        value = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return
    if rows is not None and isinstance(value, list) and value:
        assert len(rows) == len(value)


def table(data: bytes) -> None:
    """CSV: as many rows as records below the header, each cell the text that `csv` reads."""
    with written(data, "rows.csv") as path:
        rows = rows_of(path)
    if rows is None:
        return
    text = data.decode("utf-8-sig")
    header, *records = [record for record in csv.reader(io.StringIO(text, newline=""), strict=True) if record]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        if row.value is None:
            continue
        assert len(record) == len(header)
        for name, cell in zip(header, record, strict=True):
            if name != "id" and not cell.startswith("["):
                assert row.value[name] == (cell or None)


def gzipped(data: bytes) -> None:
    """A gzip file: refused, or exactly what `gzip` unpacks."""
    with written(data, "rows.jsonl.gz") as path:
        rows = rows_of(path)
    if rows is not None:
        lines = [line for line in gzip.decompress(data).split(b"\n") if line and not (line + b"\n").isspace()]
        assert len(rows) == len(lines)


def zstandard(data: bytes) -> None:
    """A zstd file is refused or read, and nothing else."""
    with written(data, "rows.jsonl.zst") as path:
        rows_of(path)


def parquet(data: bytes) -> None:
    """A Parquet file: refused, or the rows that pyarrow finds in it."""
    with written(data, "rows.parquet") as path:
        rows = rows_of(path)
        if rows is not None:
            assert len(rows) == pq.ParquetFile(path).metadata.num_rows


def arrow(data: bytes) -> None:
    """An Arrow stream is refused or read, and nothing else."""
    with written(data, "rows.arrow") as path:
        rows_of(path)


def options_file(data: bytes) -> None:
    """A YAML file of options: refused, naming the file, or a configuration."""
    with written(data, "run.yaml") as path, suppress(ConfigError):
        resolve(ExtractPrinciplesConfig, {"inputs": ["x"]}, file=path)


def taxonomy(data: bytes) -> None:
    """An edited taxonomy: refused with its line, or one that is the same after writing and reading."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_taxonomy(text, "taxonomy.yaml")
    except (ConfigError, DataError) as error:
        check_sentence(str(error), "taxonomy.yaml")
        return
    assert parse_taxonomy(to_yaml(found), "again.yaml") == found


def principles(data: bytes) -> None:
    """A file of principles, as YAML and as text."""
    text = data.decode("utf-8", "replace")
    for name in ("p.yaml", "p.txt"):
        try:
            found = parse_principles(text, name)
        except ConfigError as error:
            check_sentence(str(error), name)
        else:
            assert all(one.text.strip() for group in found.by_domain.values() for one in group)


def journal(data: bytes) -> None:
    """A journal: refused, naming the line, or what remains after it is opened and closed is read again the same."""
    with written(data, "part-00000.jsonl") as path:
        try:
            entries = read_journal(path)
        except DataError as error:
            check_sentence(str(error), "line")
            return
        with Journal(path) as opened:
            for key, entry in entries.items():
                assert opened.answered(key) in (entry, None)
        assert read_journal(path) == entries


def records(data: bytes) -> None:
    """What a folder says of itself, damaged: `status` refuses with a sentence or answers."""
    for name in ("plan.json", "done/part-00000.json", "log.jsonl"):
        with written(data, f"out/.rlbff/{name}") as path:
            root = path.parents[1] if name.count("/") == 0 else path.parents[2]
            if name != "plan.json":
                plan_record = {"stage": "score", "table": "scores", "parts": 1, "rows": 3, "config": {}}
                (root / ".rlbff" / "plan.json").write_text(json.dumps(plan_record))
            recorded(root, 0)
            planned_options(root)
            try:
                state = folder_status(root)
            except DataError as error:
                check_sentence(str(error), "damaged")
            else:
                assert 0 <= state.parts_done <= state.parts


FILES: Final[dict[str, Callable[[bytes], None]]] = {
    "jsonl": jsonl,
    "json": json_array,
    "csv": table,
    "gzip": gzipped,
    "zstd": zstandard,
    "parquet": parquet,
    "arrow": arrow,
    "options": options_file,
    "taxonomy": taxonomy,
    "principles": principles,
    "journal": journal,
    "records": records,
    "report": report,
}


def parquet_seed() -> bytes:
    """A small Parquet file with the types that our tables have."""
    sink = io.BytesIO()
    rows = [
        {"id": f"r{n}", "text": "a" * n, "n": n, "x": [0.5 * n], "m": [{"role": "user", "content": "hi"}]}
        for n in range(5)
    ]
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="zstd")
    return sink.getvalue()


def arrow_seed() -> bytes:
    """The same rows as an Arrow stream."""
    found = pq.read_table(io.BytesIO(parquet_seed()))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, found.schema) as out:
        out.write_table(found)
    return sink.getvalue()
