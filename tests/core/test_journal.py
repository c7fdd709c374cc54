import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.errors import OutputError
from stages.core.journal import Entry, Journal, read_journal

GOOD = Entry(key="b", outcome="ok", finish_reason="stop", raw=("bad", "gööd\ud800"), tokens=((5, 1), (9, 2)))
FAILED = Entry(key="a", outcome="timeout", error="no answer within 2 s")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "part-00012.jsonl"


def write(path: Path, *entries: Entry) -> None:
    with Journal(path) as journal:
        for entry in entries:
            journal.add(entry)


def test_what_is_added_is_read_again(path: Path) -> None:
    write(path, GOOD, FAILED)
    again = Journal(path)
    assert again.answered("b") == GOOD
    assert again.answered("a") is None, "a failure is asked again"
    assert again.answered("c") is None
    assert read_journal(path) == {"b": GOOD, "a": FAILED}


def test_a_line_has_left_the_process_before_add_returns(path: Path) -> None:
    journal = Journal(path)
    journal.add(GOOD)
    assert read_journal(path) == {"b": GOOD}
    journal.close()


@pytest.mark.parametrize("cut", [1, 2, 20, 100])
def test_a_torn_last_line_is_cut_off_and_nothing_else(path: Path, cut: int) -> None:
    write(path, FAILED, GOOD)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert set(read_journal(path)) == {"a"}
    with Journal(path) as journal:
        assert journal.answered("b") is None
        journal.add(GOOD)
    assert path.read_bytes() == whole


def test_zeros_that_a_power_cut_leaves_at_the_end_are_cut_off(path: Path) -> None:
    write(path, GOOD)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 4096)
    assert Journal(path).answered("b") == GOOD
    assert path.read_bytes() == whole


@pytest.mark.parametrize("junk", [b'{"key": 1\n', b"\n", b"[]\n", b"7\n", bytes(40) + b"\n", b"\xff\n"])
def test_a_line_of_junk_is_removed(junk: bytes, path: Path) -> None:
    write(path, FAILED, GOOD)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(lines[0] + junk + lines[1])
    before = read_journal(path)
    Journal(path)
    assert read_journal(path) == before
    assert sorted(path.read_bytes().splitlines(keepends=True)) == sorted(lines)


def test_no_flipped_bit_gives_another_answer(path: Path) -> None:
    write(path, GOOD)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert read_journal(path) in ({}, {GOOD.key: GOOD}), (place, bit)


def test_a_line_of_an_older_version_has_no_checksum_and_counts(path: Path) -> None:
    write(path, GOOD)
    fields = json.loads(path.read_bytes())
    del fields["crc32"]
    path.write_text(json.dumps(fields) + "\n")
    assert read_journal(path) == {GOOD.key: GOOD}


def test_compaction_depends_on_neither_order_nor_history(path: Path) -> None:
    write(path, FAILED, GOOD)
    Journal(path).compact()
    once = path.read_bytes()
    path.unlink()
    write(path, GOOD)
    write(path, FAILED)
    write(path, FAILED)
    Journal(path).compact()
    assert path.read_bytes() == once
    assert [json.loads(line)["key"] for line in once.splitlines()] == ["a", "b"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_last_word_on_a_key_wins(path: Path) -> None:
    answered = Entry(key="a", outcome="ok", raw=("x",), tokens=((1, 1),))
    write(path, FAILED, answered)
    journal = Journal(path)
    journal.compact()
    assert read_journal(path) == {"a": answered}


def test_no_call_leaves_no_file(path: Path) -> None:
    with Journal(path) as journal:
        journal.compact()
    assert not path.exists()
    path.parent.mkdir()
    path.write_bytes(b'{"key": ')
    Journal(path).compact()
    assert not path.exists()


def test_a_journal_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"cannot be written"):
        Journal(tmp_path / "journal" / "part-00000.jsonl").add(GOOD)


FULL_DISK = """
import resource, sys
from pathlib import Path
from stages.core.errors import OutputError
from stages.core.journal import Entry, Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with Journal(Path("part.jsonl")) as journal:
        for number in range(100):
            journal.add(Entry(key=str(number), outcome="ok", raw=("x" * 50,), tokens=((1, 1),)))
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_an_output_error_and_loses_nothing_written(
    tmp_path: Path, root: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_python("-c", FULL_DISK, PYTHONPATH=str(root))
    assert done.stdout == "part.jsonl cannot be written: File too large. Check disk and permissions.\n", done.stderr
    journal = Journal(tmp_path / "part.jsonl")
    size = (tmp_path / "part.jsonl").stat().st_size
    assert 500 < size < 1000
    assert journal.answered("0") is not None
