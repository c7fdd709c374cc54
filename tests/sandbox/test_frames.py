import json
import os
import random
import struct

import pytest

from stages.sandbox import frames
from stages.sandbox.codec import encode
from stages.sandbox.decode import decode
from stages.sandbox.frames import ChannelClosed, FrameBuffer, ProtocolError

SEED_FRAMES = [
    frames.pack(["loaded"]),
    frames.pack(["r", 1, encode({"a": [1, 2.5, (3, None)], 7: {1, 2}}), None]),
    frames.pack(["e", 2, "ValueError", "text"]),
    frames.pack(["r", 3, encode([10**30, b"xyz", 1j, frozenset({1})]), encode([[1], {2: 3}])]),
]


def test_frames_cross_a_pipe_in_pieces() -> None:
    data = b"".join(SEED_FRAMES)
    buffer, found = FrameBuffer(), []
    for byte in data:
        buffer.feed(bytes([byte]))
        if (frame := buffer.next()) is not None:
            found.append(frame)
    assert found == [frames.unpack(one[4:]) for one in SEED_FRAMES]


def test_a_half_frame_is_a_closed_channel_and_a_long_one_an_error() -> None:
    for data, error in ((b"\5\0\0\0[", ChannelClosed), (struct.pack("<I", frames.MAX_FRAME + 1), ProtocolError)):
        read, write = os.pipe()
        os.write(write, data)
        os.close(write)
        with pytest.raises(error):
            frames.Reader(read).receive()
        os.close(read)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"{}",
        b"[]",
        b"[1]",
        b'["a",NaN]',
        b'["a",{"f":"1","i":"2"}]',
        b'["a",{"f":"1","f":"2"}]',
        b"[" * 5000,
        b'["\xff"]',
    ],
)
def test_malformed_bodies_are_protocol_errors(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        frames.unpack(body)


def test_a_frame_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(ProtocolError):
        frames.pack(["v", "x" * (frames.MAX_FRAME + 1)])


def test_more_lists_than_a_value_has_are_refused_before_they_are_read() -> None:
    for item in (b"[]", b'{"t":[]}', b'{ "f":"1"}', b'[ "[", "\\\\",""]', b"1,1,1,1"):
        crowd = b'["r",1,[' + b",".join([item] * 1_100_000) + b"],null]"
        with pytest.raises(ProtocolError, match="too many"):
            frames.unpack(crowd)
    for text in ("[" * 3_000_000, '\\"{' * 2_000_000, "\\" * 2_000_000):
        frame = ["r", 1, text, [text[:9]], None]
        assert frames.unpack(frames.pack(frame)[4:]) == frame
    assert len(frames.unpack(frames.pack(["r", [[]] * 1_000_000])[4:])[1]) == 1_000_000


def test_mutated_frames_are_read_or_refused() -> None:
    fuzz(5_000, seed=1)


@pytest.mark.slow
def test_many_mutated_frames_are_read_or_refused() -> None:
    fuzz(100_000, seed=2)


def fuzz(count: int, seed: int) -> None:
    """Whatever the bytes are: a frame, more to come, or ProtocolError; and a value or ProtocolError."""
    rng = random.Random(seed)
    read = 0
    for _ in range(count):
        buffer = FrameBuffer()
        buffer.feed(mutated(rng.choice(SEED_FRAMES), rng))
        try:
            frame = buffer.next()
            for value in frame or ():
                decode(value)
        except ProtocolError:
            continue
        read += frame is not None
    assert read > count / 100


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        kind, place = rng.randrange(4), rng.randrange(4, len(changed)) if len(changed) > 5 else 4
        if kind == 0:
            changed[place : place + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            changed[place:place] = rng.choice([b"[", b"]", b"{", b'"', b"1e999", b'{"i":"', b"null", b"\\ud800", b","])
        elif kind == 2:
            del changed[place : place + rng.randrange(1, 8)]
        else:
            start = rng.randrange(4, len(changed)) if len(changed) > 5 else 4
            changed[place:place] = changed[start : start + rng.randrange(1, 20)]
    if rng.random() < 0.9:
        changed[:4] = struct.pack("<I", max(0, len(changed) - 4))
    return bytes(changed)


def test_json_of_a_frame_is_plain_ascii() -> None:
    body = frames.pack(["v", "é\ud800"])[4:]
    assert body.isascii()
    assert json.loads(body) == ["v", "é\ud800"]
