"""What runs in a worker process of rewards: it opens a scorer, then answers item after item until its input ends.

Frames on both pipes are a length of four bytes and that many bytes: pickled (number, item) in, JSON out. What a scorer
prints goes to stderr. How the process is watched and ended is in worker.py.
"""

import ctypes
import importlib
import io
import json
import math
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Final

from stages.core.errors import RlbffError
from stages.rewards.item import RewardItem, RewardResult

Answer = float | RewardResult | None
Scorer = Callable[[RewardItem], Answer]

HEADER: Final = 4
"""Bytes of a frame's length."""

_PR_SET_PDEATHSIG: Final = 1
_LONGEST: Final = 300


def main() -> None:
    """Serve the items of the process that started this one. The only argument is its set-up, as JSON."""
    setup = json.loads(sys.argv[1])
    _end_with_parent(setup["parent"])
    requests, answers = os.dup(0), os.dup(1)
    _give_away_standard_streams()
    if setup["memory"] is not None:
        resource.setrlimit(resource.RLIMIT_AS, (setup["memory"], setup["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, function = setup["target"].partition(":")
    try:
        opener = getattr(importlib.import_module(module), function)
        if setup["folder"] is not None:
            sys.path.insert(0, setup["folder"])
        scorer = opener(setup["arguments"])
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of other people's code
        _send(answers, {"failed": str(error) if isinstance(error, RlbffError) else one_line(error)})
        return
    _send(answers, {"ready": True})
    while (frame := _receive(requests)) is not None:
        number, item = pickle.loads(frame)
        answer = answered(scorer, item)
        _send(answers, answer | {"number": number})
    os.killpg(0, signal.SIGKILL)


def answered(scorer: Scorer, item: RewardItem) -> dict[str, object]:
    """What the scorer says of an item, as an answer's fields; an exception is one too, and never a value."""
    try:
        return _fields(scorer(item))
    except MemoryError as error:
        return {"status": "error", "detail": one_line(error), "last": True}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of other people's code
        return {"status": "error", "detail": one_line(error)}


def one_line(error: BaseException) -> str:
    """An exception as one line: its type, and the first line of its message, cut where it is long."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:_LONGEST]}" if lines else type(error).__name__


def _fields(found: object) -> dict[str, object]:
    if found is None:
        return {"status": "skipped", "detail": "no opinion on such a row"}
    result = found if isinstance(found, RewardResult) else RewardResult(_number(found), "ok")
    if result.value is None:
        return {"status": result.status, "detail": result.detail}
    value = _number(result.value)
    if not math.isfinite(value):
        return {"status": "error", "detail": f"gave {value}, not a finite number"}
    return {"value": value, "status": result.status, "detail": result.detail, "parts": _numbers(result.parts)}


def _number(found: object) -> float:
    """Raises TypeError for what is no single number; float() alone would take the text "1"."""
    if not hasattr(found, "__float__"):
        shown = repr(found)
        raise TypeError(f"gave {shown if len(shown) <= 60 else shown[:57] + '...'}, not a number")
    return float(found)


def _numbers(parts: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in parts.items() if math.isfinite(value)}


def _end_with_parent(parent: int) -> None:
    """Ask the kernel (Linux) to kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _give_away_standard_streams() -> None:
    """Reading gives nothing, and printing goes to stderr, so that no scorer can reach the frames."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    # text that is no valid Unicode, as a tiny policy writes it, must not fail where a scorer prints it
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _send(answers: int, fields: Mapping[str, object]) -> None:
    data = json.dumps(fields).encode()
    data = len(data).to_bytes(HEADER, "big") + data
    while data:
        data = data[os.write(answers, data) :]


def _receive(requests: int) -> bytes | None:
    """The next frame; None where the other side has gone."""
    header = _exactly(requests, HEADER)
    return None if header is None else _exactly(requests, int.from_bytes(header, "big"))


def _exactly(requests: int, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        piece = os.read(requests, size - len(data))
        if not piece:
            return None
        data += piece
    return bytes(data)
