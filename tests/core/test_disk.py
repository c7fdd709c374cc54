"""A disk that takes no more is told in one line, wherever it strikes: a run, a worker, a copy of the input."""

import errno
import resource
import subprocess
from pathlib import Path

import pytest

from stages.core.disk import told_of_disk
from tests.extract_principles.commands import COMMAND, ROOT, environment


def test_only_errors_of_a_disk_are_told_as_such() -> None:
    told = told_of_disk(OSError(errno.ENOSPC, "No space left on device", "out/.rlbff/log.jsonl"))
    assert str(told).startswith("The file out/.rlbff/log.jsonl cannot be written: No space left on device. Make room")
    assert "A file cannot be written: Read-only" in str(told_of_disk(OSError(errno.EROFS, "Read-only file system")))
    assert told_of_disk(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
    assert told_of_disk(OSError("without a number")) is None


def limited(folder: Path, name: str, workers: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that may write files of at most 600 bytes."""
    return subprocess.run(
        [*COMMAND, "extract-principles", name, "--rows-per-shard", "4", "--workers", workers, "-o", "out"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY)),
    )


@pytest.mark.parametrize(("name", "workers"), [("feedback.jsonl", "1"), ("feedback.jsonl", "2"), ("feedback.csv", "1")])
def test_a_limit_on_files_ends_a_run_in_one_line(name: str, workers: str, tmp_path: Path) -> None:
    lines = (ROOT / "sample_data" / name).read_bytes().splitlines(keepends=True)
    (tmp_path / name).write_bytes(b"".join(lines[:10]))
    ended = limited(tmp_path, name, workers)
    assert ended.returncode == 73, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "File too large" in ended.stderr.splitlines()[-1]
    assert "ake room" in ended.stderr.splitlines()[-1]
