import io
import os

import pytest

from rlbff_cli.pipe import expand_inputs, expand_option
from stages.core.errors import ConfigError, DataError, InputMissing


def stdin(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def test_without_a_dash_stdin_is_not_touched() -> None:
    stream = stdin(b"x\n")
    assert expand_inputs(("a", "b-"), stream) == ("a", "b-")
    assert stream.buffer.tell() == 0


def test_a_dash_becomes_the_lines_of_stdin() -> None:
    assert expand_inputs(("a", "-", "b"), stdin(b"one\n\n two \r\nthree")) == ("a", "one", " two ", "three", "b")


def test_a_path_need_not_be_utf8() -> None:
    (path,) = expand_inputs(("-",), stdin(b"caf\xe9\n"))
    assert os.fsencode(path) == b"caf\xe9"


def test_nothing_on_stdin_is_bad_data() -> None:
    with pytest.raises(DataError, match="set -o pipefail"):
        expand_inputs(("-",), stdin(b"\n\n"))


def test_stdin_can_be_read_once() -> None:
    with pytest.raises(ConfigError, match="given twice"):
        expand_inputs(("-", "-"), stdin(b"x\n"))


@pytest.mark.parametrize("data", [b'{"feedback": "good"}\n', b"[\n", b"path\n{}\n", b"x" * 4097, b"x" * 10_000 + b"\n"])
def test_data_where_paths_belong_is_told_apart(data: bytes) -> None:
    with pytest.raises(InputMissing) as caught:
        expand_inputs(("-",), stdin(data))
    assert str(caught.value) == (
        "- reads paths, one a line, and this looks like data; write it to a file first: ... > feedback.jsonl"
    )
    assert caught.value.exit_code == 66


def test_the_longest_path_is_a_path() -> None:
    assert expand_inputs(("-",), stdin(b"x" * 4096 + b"\r\n" + b"y")) == ("x" * 4096, "y")


def test_an_option_takes_the_one_path_on_stdin() -> None:
    assert expand_option("--rm", stdin(b"\nruns/my rm\r\n")) == "runs/my rm"


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"one\ntwo\n", ConfigError, "--rm - takes one path, but stdin has 2: one, two"),
        (b"", DataError, "set -o pipefail"),
        (b"{}\n", InputMissing, "looks like data"),
    ],
)
def test_an_option_takes_nothing_else_from_stdin(content: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        expand_option("--rm", stdin(content))
