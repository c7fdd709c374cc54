"""What programs leave in their folder is seen and removed, however it is nested and locked."""

import os
import time
from pathlib import Path

import pytest

from stages.sandbox import folder
from stages.sandbox.jobs import Case, DataTests
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import open_sandbox
from stages.sandbox.verdict import Status
from tests.sandbox.conftest import add, skip_unless_possible


def nest(path: Path, levels: int, name: str = "d") -> None:
    """Folders in each other, each with a file beside the next."""
    here = os.open(path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


@pytest.mark.parametrize(("levels", "name"), [(0, "d"), (1, "d"), (31, "d"), (32, "d"), (33, "d"), (300, "x" * 255)])
def test_nests_are_removed(tmp_path: Path, levels: int, name: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    nest(tmp_path, levels, name)
    folder.empty(str(tmp_path))
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_odd_entries_and_locked_folders_are_removed(tmp_path: Path) -> None:
    for name in ("a", "-rf", "new\nline", os.fsdecode(b"\xff\xfe")):
        (tmp_path / name / "in" / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "file").touch()
        (tmp_path / name / "in" / "link").symlink_to("/")
        os.mkfifo(tmp_path / name / "in" / "pipe")
        (tmp_path / name / "in").chmod(0)
        (tmp_path / name).chmod(0o400)
    folder.empty(str(tmp_path))
    assert os.listdir(tmp_path) == []


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "emptied").mkdir()
    (tmp_path / "emptied" / "link").symlink_to(tmp_path / "kept")
    folder.empty(str(tmp_path / "emptied"))
    assert (tmp_path / "kept" / "file").exists()


@pytest.mark.parametrize(
    ("levels", "name", "larger"), [(3, "d", False), (60, "d", False), (70, "d", True), (40, "x" * 200, True)]
)
def test_deep_nests_are_too_large(tmp_path: Path, levels: int, name: str, larger: bool) -> None:
    nest(tmp_path, levels, name)
    assert folder.larger_than(str(tmp_path), 1 << 20, 1000) is larger
    folder.empty(str(tmp_path))


def test_bytes_and_entries_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    assert not folder.larger_than(str(tmp_path), 200_000, 1)
    assert folder.larger_than(str(tmp_path), 90_000, 1)
    assert folder.larger_than(str(tmp_path), 200_000, 0)
    assert not folder.larger_than(str(tmp_path / "gone"), 0, 0)


@pytest.mark.slow
def test_a_program_that_nests_folders_does_not_hold_up_the_next() -> None:
    skip_unless_possible("standard")
    body = "for _ in range(100_000):\n        os.mkdir('d'); os.chdir('d')\n    return a + b"
    tests = DataTests(cases=(Case(args=(1, 2), expected=3),))
    with open_sandbox("standard", Limits(), factor=1.0) as sandbox:
        start = time.monotonic()
        verdict = sandbox.verify(add(body, "import os"), tests)
        assert verdict.status is Status.OUTPUT_LIMIT
        assert sandbox.verify(add(), tests).all_passed
        assert time.monotonic() - start < 10
