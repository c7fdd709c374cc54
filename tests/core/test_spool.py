"""Odd CSV and JSON files."""

import codecs
import json
from pathlib import Path

import pytest

from stages.core.errors import DataError
from stages.core.inputs import find_files
from stages.core.spool import spool


def lines(tmp_path: Path, name: str, content: bytes) -> list[object]:
    (tmp_path / name).write_bytes(content)
    (file,) = find_files((str(tmp_path / name),))
    assert spool(file, tmp_path / "spool") == "jsonl"
    return [json.loads(line) for line in (tmp_path / "spool").read_bytes().splitlines()]


@pytest.mark.parametrize("text", ['[\n{"a": 1},\n{"a": 2}\n]', '{"a": 1}\n{"a": 2}\n', '\n\n[{"a": 1},{"a": 2}]'])
def test_a_byte_order_mark_before_json_is_no_fault(text: str, tmp_path: Path) -> None:
    assert lines(tmp_path, "rows.json", codecs.BOM_UTF8 + text.encode()) == [{"a": 1}, {"a": 2}]
    assert lines(tmp_path, "rows.json", text.encode()) == [{"a": 1}, {"a": 2}]


def test_json_lines_with_a_long_first_line_are_known_as_lines(tmp_path: Path) -> None:
    row = {"text": "x" * 2**21}
    assert lines(tmp_path, "rows.json", b"\n".join([json.dumps(row).encode()] * 2)) == [row, row]


@pytest.mark.parametrize("content", [b"[" * 100_000, b'[{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]"])
def test_json_nested_too_deeply_is_data_error(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.json is nested too deeply"):
        lines(tmp_path, "rows.json", content)


def test_a_cell_is_a_list_only_if_it_holds_texts_or_objects(tmp_path: Path) -> None:
    cells = [
        '["a", "b"]',
        '[{"role": "user", "content": "x"}]',
        "[]",
        "[1]",
        "[1, 2]",
        "[sic]",
        "[" * 5000 + "]" * 5000,
    ]
    table = "cell\n" + "".join(f'"{cell.replace(chr(34), chr(34) * 2)}"\n' for cell in cells)
    read = [row["cell"] for row in lines(tmp_path, "rows.csv", table.encode())]  # type: ignore[index]
    assert read == [["a", "b"], [{"role": "user", "content": "x"}], [], *cells[3:]]
