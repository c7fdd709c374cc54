import io
import os

import pytest

from rlbff_cli.pipe import expand_inputs
from stages.core.errors import ConfigError, DataError


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
