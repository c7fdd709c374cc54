"""What counts as clear to a user, and what does not."""

import signal

import pytest

from tests.torture.judge import last_line, unclear
from tests.torture.launch import End

CLEAR = [
    End(0, "note: anything\n"),
    End(73, "reading\nerror: out is in use by another run; wait for it or choose another --out.\n"),
    End(75, "error: Stopped by SIGTERM. What is finished is stored; the same command goes on there.\n"),
    End(65, "error: x/part-00000.parquet is cut off or damaged (no magic bytes); write or fetch it again.\n\n"),
]
UNCLEAR = [
    (End(0, "", hung=True), "it hung"),
    (End(0, "", left=2), "2 processes lived on"),
    (End(73, 'Traceback (most recent call last):\n  File "x"\nerror: Choose another --out.\n'), "a traceback"),
    (End(1, "error: This is a bug in rlbff.\n"), "exit code 1"),
    (End(-9, "error: Killed: run /x again.\n"), "exit code -9"),
    (End(73, "reading input: 30 rows\n"), "the last line is no error"),
    (End(73, ""), "the last line is no error"),
    (End(73, "error: /x broke, run it again\n"), "no sentence"),
    (End(73, "error: [Errno 28] No space left on device: '/x'; choose another.\n"), "inner words"),
    (End(65, "error: Something is not as it was, so run it again.\n"), "it does not say what"),
    (End(65, "error: The folder /x is bad.\n"), "it does not say what to do"),
    (End(65, f"error: /x: {'very ' * 200} long, run it again.\n"), "a sentence of more than 700 characters"),
]


@pytest.mark.parametrize("end", CLEAR)
def test_one_line_with_what_and_remedy_is_clear(end: End) -> None:
    assert unclear(end) is None


@pytest.mark.parametrize(("end", "why"), UNCLEAR)
def test_everything_else_is_not(end: End, why: str) -> None:
    assert unclear(end) == why


def test_death_by_the_signal_that_was_sent_is_no_message_of_ours() -> None:
    assert unclear(End(-9, ""), signal.SIGKILL) is None
    assert unclear(End(-9, ""), signal.SIGTERM) == "exit code -9"
    assert unclear(End(-9, "Traceback (most recent call last):\n"), signal.SIGKILL) == "a traceback"


def test_the_last_line_is_the_last_that_says_something() -> None:
    assert last_line("a\nb\n \n") == "b"
    assert last_line("") == ""
