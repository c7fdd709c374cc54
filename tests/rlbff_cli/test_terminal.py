import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlbff_cli.terminal import folded, say_error, say_note
from tests.rlbff_cli.conftest import DRIVER
from tests.rlbff_cli.folders import make_folder


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def screen_on_stderr(monkeypatch: pytest.MonkeyPatch) -> Screen:
    stream = Screen()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "41")
    monkeypatch.setenv("NO_COLOR", "1")
    return stream


def test_a_message_stays_one_line_where_there_is_no_terminal() -> None:
    assert folded("word " * 100, io.StringIO()) == "word " * 100


def test_a_terminal_gets_lines_that_end_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "41")
    text = f"kept    {'abcd ' * 12}/a/{'long-' * 10}path end"
    # Lines of 40 at most: 8 + 6 * 5 = 38 columns with the sixth word, 8 + 6 * 5 again below.
    assert folded(text, Screen(), 8).splitlines() == [
        "kept    abcd abcd abcd abcd abcd abcd",
        "        abcd abcd abcd abcd abcd abcd",
        f"        /a/{'long-' * 10}path",
        "        end",
    ]


def test_without_a_size_a_terminal_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert [len(line) for line in folded("x" * 39 + " " + "y" * 39 + " z", Screen()).splitlines()] == [79, 3]


def test_errors_and_notes_are_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_on_stderr(monkeypatch)
    say_error("one two three four five six seven eight nine")
    say_note("one two three four five six seven eight nine")
    assert screen.getvalue().splitlines() == [
        "error: one two three four five six seven",
        "  eight nine",
        "note: one two three four five six seven",
        "  eight nine",
    ]


def test_the_first_word_of_an_error_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_on_stderr(monkeypatch)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    say_error("no")
    assert screen.getvalue() == "\x1b[1;31merror:\x1b[0m no\n"


def test_status_is_folded_to_the_terminal(tmp_path: Path, environ: dict[str, str]) -> None:
    make_folder(tmp_path / "half", planned=5)
    ours, theirs = os.openpty()
    subprocess.run(
        [sys.executable, str(DRIVER), "status", "half"],
        cwd=tmp_path,
        env=environ | {"TERM": "dumb", "COLUMNS": "41"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert lines[:4] == [
        "half: principles by extract-principles,",
        "  not finished",
        "  parts     2 of 5; missing: 2-4",
        "  rows      20 of 50 (40.0%), 30 left",
    ]
    assert max(map(len, lines)) <= 40
    assert "            principles" in lines
