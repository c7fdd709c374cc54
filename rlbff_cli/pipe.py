"""How commands chain: `-` reads paths from stdin, the finished folder is the one line on stdout."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, TextIO

from stages.core.errors import ConfigError, DataError, InputMissing, OutputError, RlbffError
from stages.core.report import Report

_LONGEST_PATH: Final = 4096
"""Bytes of the longest path that Linux takes."""


def expand_inputs(inputs: tuple[str, ...], stdin: TextIO) -> tuple[str, ...]:
    """Replace `-` by the paths on `stdin`, one a line; blocks until the command before the pipe has finished.

    Raises:
        ConfigError: there is no pipe to read, or two `-`. DataError: it is empty. InputMissing: it holds data.
    """
    if "-" not in inputs:
        return inputs
    if inputs.count("-") > 1:
        raise ConfigError("- is given twice; stdin can be read only once.")
    place = inputs.index("-")
    return (*inputs[:place], *_read_paths(stdin), *inputs[place + 1 :])


def expand_option(option: str, stdin: TextIO) -> str:
    """The path on `stdin` that `-` stands for as the value of `option`; blocks as `expand_inputs` does.

    Raises:
        ConfigError: there is no pipe to read, or several paths. DataError: it is empty. InputMissing: it holds data.
    """
    paths = _read_paths(stdin)
    if len(paths) > 1:
        raise ConfigError(f"{option} - takes one path, but stdin has {len(paths)}: {', '.join(paths[:2])}, ...")
    return paths[0]


def _read_paths(stdin: TextIO) -> tuple[str, ...]:
    if stdin.isatty():
        raise ConfigError("- reads paths from stdin, but stdin is the terminal. Pipe a command into this one.")
    paths = tuple(_paths(stdin.buffer))
    if not paths:
        raise DataError(
            "- found no path on stdin; the command before the pipe probably failed. "
            "`set -o pipefail` makes the shell report that command's exit code."
        )
    return paths


def _paths(stdin: BinaryIO) -> Iterator[str]:
    # Bytes, because a path need not be UTF-8; cut, because one line of data can be as long as the memory.
    while line := stdin.readline(_LONGEST_PATH + 2):
        path = line.rstrip(b"\r\n")
        if len(path) > _LONGEST_PATH or path.startswith((b"{", b"[")):
            raise InputMissing(
                "- reads paths, one a line, and this looks like data; write it to a file first: ... > feedback.jsonl"
            )
        if path:
            yield os.fsdecode(path)


@contextmanager
def stdout_reserved() -> Iterator[None]:
    """Send everything that is written to stdout meanwhile to stderr, even by libraries and child processes.

    Otherwise one stray print of a library would become a path for the next command.
    """
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def hand_on(report: Report, *, as_json: bool, named: Callable[[str], str] = lambda text: text) -> None:
    """Write the one line: the folder if it is finished, or the whole report as JSON.

    `named` puts URLs in place of their local copies.
    """
    if as_json:
        whole = {
            "folder": str(report.folder),
            "complete": report.complete,
            "rows": dict(report.rows),
            "facts": dict(report.facts),
        }
        write_line(named(json.dumps(whole, ensure_ascii=False)))
    elif report.complete:
        write_line(named(os.fspath(report.folder)))


def write_line(text: str) -> None:
    """Write one line to stdout; a reader that has gone is no error."""
    with reader_may_leave():
        sys.stdout.buffer.write(os.fsencode(text) + b"\n")
        sys.stdout.flush()


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Turn a closed pipe on stdout into silence; the block does nothing that can fail but write.

    Raises:
        OutputError: stdout cannot be written for another reason.
    """
    try:
        yield
    except RlbffError:
        raise
    except OSError as error:
        # Python flushes stdout once more at exit and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            raise OutputError(f"stdout cannot be written: {error.strerror}.") from error
