"""The frames that cross between processes: four bytes of length, then JSON, one list a frame.

A frame's first element names its kind; what follows is checked by the reader. Everything here assumes a hostile
sender: lengths are capped before memory is taken, depth is capped by the parser, and each fault is a ProtocolError.
"""

import json
import os
import struct
from typing import Any, Final

MAX_FRAME: Final = 16 << 20
MAX_DEPTH: Final = 420
"""Of JSON: each level of a value is at most two levels of JSON, see codec.MAX_DEPTH."""

MAX_OBJECTS: Final = 1_050_000
"""Objects, and also lists, in one frame: one for each element of the largest value (codec.MAX_ELEMENTS), and a few."""
_MAX_COMMAS: Final = 4 * MAX_OBJECTS

_LENGTH: Final = struct.Struct("<I")
_PIECE: Final = 1 << 16


class ProtocolError(Exception):
    """The other side broke the rules of the channel: length, syntax, kind or turn."""


class ChannelClosed(Exception):
    """The other side ended, between two frames or in the middle of one."""


Value = Any
"""A foreign value: whoever handles it knows its type only at run time."""

Frame = list[Value]
"""JSON as read: the elements after the kind are of whatever type the sender chose."""


def pack(frame: Frame) -> bytes:
    """A frame as bytes. Raises ProtocolError where it is longer than a reader would accept."""
    body = _ENCODER.encode(frame).encode("ascii")
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"frame of {len(body)} bytes, more than {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Frame:
    """The frame that a body holds; raises ProtocolError for anything but a JSON list that starts with a text."""
    # Each takes twenty times its length in memory. What stands in texts is looked at only where it matters.
    if len(body) > MAX_OBJECTS and _is_crowded(body) and _is_crowded(_outside_texts(body)):
        raise ProtocolError("too many lists or objects")
    try:
        frame = _DECODER.decode(body.decode("ascii"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProtocolError(f"not JSON: {type(error).__name__}") from None
    if type(frame) is not list or not frame or type(frame[0]) is not str:
        raise ProtocolError("not a frame")
    return frame


class FrameBuffer:
    """Cuts a stream of bytes into frames; holds at most one frame more than was asked for."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._bytes += data

    def next(self) -> Frame | None:
        """The first whole frame, or None while there is none; raises ProtocolError."""
        if len(self._bytes) < _LENGTH.size:
            return None
        length = _LENGTH.unpack_from(self._bytes)[0]
        if length > MAX_FRAME:
            raise ProtocolError(f"frame of {length} bytes, more than {MAX_FRAME}")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return unpack(body)


def send(descriptor: int, frame: Frame) -> None:
    """Write a frame whole; raises ChannelClosed where nobody reads any more."""
    send_packed(descriptor, pack(frame))


def send_packed(descriptor: int, data: bytes) -> None:
    """Write what `pack` made."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        raise ChannelClosed from None


class Reader:
    """Frames from a descriptor, which nobody else may read: what has come is taken at once, and kept."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = FrameBuffer()

    def receive(self) -> Frame:
        """The next frame, waiting for it; raises ChannelClosed or ProtocolError."""
        while (frame := self._buffer.next()) is None:
            try:
                data = os.read(self._descriptor, _PIECE)
            except OSError:
                raise ChannelClosed from None
            if not data:
                raise ChannelClosed
            self._buffer.feed(data)
        return frame


def _is_crowded(body: bytes) -> bool:
    return max(body.count(b"["), body.count(b"{")) > MAX_OBJECTS or body.count(b",") > _MAX_COMMAS


def _outside_texts(body: bytes) -> bytes:
    """The brackets and commas of JSON that do not stand in texts, without a step of Python for each."""
    marks = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS)
    # Texts without marks go first, and neighbours become one text, so that few pieces are left.
    return b"".join(marks.replace(b'""', b"").split(b'"')[::2])


def _one_key(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    if len(pairs) != 1:
        raise ValueError("a tag has one key")
    return dict(pairs)


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is not plain JSON")


_OTHERS: Final = bytes(set(range(256)) - set(b'"[{,'))
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_one_key, parse_constant=_no_constant)
