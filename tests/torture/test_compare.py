"""Harm that is planted in a copy of a finished folder is found and counted; nothing else is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.journal import Entry, Journal
from stages.core.manifest import Done, write_done
from stages.core.shards import write_part
from tests.torture.compare import difference


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A folder with three rows, a dropped one, a record, options, a log and a lock."""
    root = tmp_path / "clean"
    write_part(root / "part-00000.parquet", pa.table({"id": ["a", "b", "c"], "x": [1, 2, 3]}), {}, root / "tmp")
    write_part(root / ".rlbff" / "dropped" / "part-00000.parquet", pa.table({"id": ["d"]}), {}, root / "tmp")
    (root / "tmp").rmdir()
    write_done(root, Done(part=0, fingerprint="f", rows={}, written=3, files={"part-00000.parquet": 1}))
    (root / ".rlbff" / "tmp").rmdir()
    (root / ".rlbff" / "config.yaml").write_text("seed: 0\nworkers: 1\n")
    (root / ".rlbff" / "log.jsonl").write_text("{}\n")
    (root / ".rlbff" / "lock").touch()
    return root


def rows(root: Path, table: dict[str, list[object]]) -> None:
    pq.write_table(pa.table(table), root / "part-00000.parquet")


HARMS: list[tuple[Callable[[Path], object], tuple[int, int, tuple[str, ...]]]] = [
    (lambda root: rows(root, {"id": ["a", "c"], "x": [1, 3]}), (1, 0, ("part-00000.parquet",))),
    (lambda root: rows(root, {"id": ["a", "b", "c"], "x": [1, 5, 3]}), (0, 1, ("part-00000.parquet",))),
    (lambda root: rows(root, {"id": ["a", "b", "c", "c"], "x": [1, 2, 3, 3]}), (0, 1, ("part-00000.parquet",))),
    (lambda root: rows(root, {"id": ["a", "b", "c"], "x": [1, 2, 3]}), (0, 0, ("part-00000.parquet",))),
    (lambda root: (root / "part-00000.parquet").unlink(), (3, 0, ("part-00000.parquet",))),
    (lambda root: (root / "part-00000.parquet").write_bytes(b"PAR1"), (3, 0, ("part-00000.parquet",))),
    (
        lambda root: (root / ".rlbff" / "dropped" / "part-00000.parquet").unlink(),
        (1, 0, (".rlbff/dropped/part-00000.parquet",)),
    ),
    (
        lambda root: shutil.copy(root / "part-00000.parquet", root / "part-00001.parquet"),
        (0, 3, ("part-00001.parquet",)),
    ),
    (lambda root: (root / ".rlbff" / "done" / "part-00000.json").unlink(), (0, 0, (".rlbff/done/part-00000.json",))),
    (lambda root: (root / ".rlbff" / "config.yaml").write_text("seed: 1\n"), (0, 0, (".rlbff/config.yaml",))),
]


@pytest.mark.parametrize(("harm", "found"), HARMS)
def test_harm_is_counted(
    harm: Callable[[Path], object], found: tuple[int, int, tuple[str, ...]], clean: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(clean, copy)
    assert not difference(clean, copy)
    harm(copy)
    told = difference(clean, copy)
    assert (told.lost, told.wrong, told.files) == found
    assert told


def test_logs_locks_and_how_a_resume_was_called_are_no_harm(clean: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(clean, copy)
    (copy / ".rlbff" / "log.jsonl").write_text("other\n")
    (copy / ".rlbff" / "lock").unlink()
    (copy / ".rlbff" / "config.yaml").write_text("seed: 0\nworkers: 2\nretry_rejected: true\n")
    assert not difference(clean, copy)


def test_a_journal_may_hold_more_answers_but_no_others(clean: Path, tmp_path: Path) -> None:
    def answered(root: Path, **texts: str) -> None:
        with Journal(root / ".rlbff" / "journal" / "part-00000.jsonl") as journal:
            for key, text in texts.items():
                journal.add(Entry(key=key, outcome="ok", raw=("spoilt", text), tokens=((1, 1), (1, 1))))

    copy = tmp_path / "copy"
    answered(clean, a="yes")
    shutil.copytree(clean, copy)
    answered(copy, b="no")
    assert not difference(clean, copy)
    assert difference(copy, clean).files == (".rlbff/journal/part-00000.jsonl",)
    answered(copy, a="no")
    assert difference(clean, copy).files == (".rlbff/journal/part-00000.jsonl",)


def test_harm_to_a_first_pass_may_stay_but_only_where_it_was_done(clean: Path, tmp_path: Path) -> None:
    name = ".rlbff/runs/part-00000.parquet"
    for root in (clean, tmp_path / "copy"):
        if root != clean:
            shutil.copytree(clean, root)
        (root / ".rlbff" / "runs").mkdir(exist_ok=True)
        (root / name).write_bytes(root.name.encode())
    assert difference(clean, tmp_path / "copy").files == (name,)
    assert not difference(clean, tmp_path / "copy", {name})
    (tmp_path / "copy" / "part-00000.parquet").unlink()
    assert difference(clean, tmp_path / "copy", {name, "part-00000.parquet"}).lost == 3
