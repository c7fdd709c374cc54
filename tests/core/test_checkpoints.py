"""Which checkpoints count, after every way in which writing or deleting one can be cut short."""

from pathlib import Path

import pytest

from stages.core.checkpoints import (
    MARKER,
    checkpoint_path,
    complete_checkpoints,
    keep_last,
    mark_complete,
    remove_incomplete,
    step_of,
)
from stages.core.errors import OutputError


def write(folder: Path, step: int, *, complete: bool) -> Path:
    path = checkpoint_path(folder, step)
    (path / "shards").mkdir(parents=True)
    (path / "weights").write_text("w")
    (path / "shards" / "0").write_text("s")
    if complete:
        mark_complete(path)
    return path


def steps(folder: Path) -> list[int]:
    return [step_of(path) for path in complete_checkpoints(folder)]


def test_only_marked_ones_count_in_the_order_of_steps(tmp_path: Path) -> None:
    assert steps(tmp_path) == []
    for step, complete in ((100, True), (9, True), (20, False)):
        write(tmp_path, step, complete=complete)
    (tmp_path / "checkpoint-best").mkdir()
    assert steps(tmp_path) == [9, 100]


def test_incomplete_ones_go_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, 5, complete=True)
    write(tmp_path, 6, complete=False)
    (tmp_path / "checkpoint-mine").mkdir()
    remove_incomplete(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5", "checkpoint-mine"]
    assert (tmp_path / "checkpoint-5" / "shards" / "0").read_text() == "s"


def test_last_ones_are_kept(tmp_path: Path) -> None:
    for step in (2, 4, 10):
        write(tmp_path, step, complete=True)
    keep_last(tmp_path, 2)
    assert steps(tmp_path) == [4, 10]
    assert not checkpoint_path(tmp_path, 2).exists()
    keep_last(tmp_path, 2)
    assert steps(tmp_path) == [4, 10]


def test_marker_goes_first_when_one_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write(tmp_path, 1, complete=True)
    write(tmp_path, 2, complete=True)

    def cut_short(path: Path) -> None:
        assert path == old
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", cut_short)
    with pytest.raises(KeyboardInterrupt):
        keep_last(tmp_path, 1)
    assert steps(tmp_path) == [2]


def test_disk_that_takes_nothing_more_leaves_no_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 1, complete=False)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="checkpoint-1 cannot be written: No space left on device"):
        mark_complete(path)
    assert not (path / MARKER).exists()
