"""A record with a seal: it comes back as it was, or not at all."""

import json
from pathlib import Path

import pytest

from stages.core.sealed import read_sealed, write_sealed

RECORD = {"rows": 12, "share": 0.25, "names": ["a", "b"], "by": {"1": None}}


def write(root: Path) -> Path:
    table = root / "arms" / "part-00000.parquet"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"abc")
    path = root / "report" / "decided.json"
    write_sealed(path, RECORD, root / "tmp", [table])
    return path


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read_sealed(write(tmp_path)) == RECORD


@pytest.mark.parametrize(
    ("old", "new"), [("12", "13"), ("0.25", "0.35"), ('"a"', '"e"'), ("seal", "soal"), ("sha256", "sha265"), ("}", "")]
)
def test_a_changed_record_is_none(old: str, new: str, tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    assert read_sealed(path) is None


def test_without_the_record_or_with_another_or_no_file_there_is_none(tmp_path: Path) -> None:
    path = write(tmp_path)
    table = tmp_path / "arms" / "part-00000.parquet"
    table.write_bytes(b"abd")
    assert read_sealed(path) is None
    table.unlink()
    assert read_sealed(path) is None
    assert read_sealed(tmp_path / "report" / "other.json") is None


def test_a_record_of_an_older_version_counts(tmp_path: Path) -> None:
    path = tmp_path / "decided.json"
    path.write_text(json.dumps(RECORD))
    assert read_sealed(path) == RECORD
    path.write_text("[1]")
    assert read_sealed(path) is None
