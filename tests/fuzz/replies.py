"""Readers of what models, servers, hostile programs and people type, each as a function of bytes.

Each raises only where the reader is wrong: another exception than the one it promises, or a wrong accept.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pyarrow as pa

from rlbff_cli.where import parse_where
from stages.core.chat import ChatRequest, Message, bare_answer
from stages.core.errors import ConfigError
from stages.core.wire import read_answer
from stages.eval.verdict import read_verdict
from stages.extract_principles.parse import parse_claims
from stages.rewards.judgement import find_judgement
from stages.rewards.spec import parse_specs
from stages.sandbox.codec import encode
from stages.sandbox.decode import decode
from stages.sandbox.frames import FrameBuffer, ProtocolError, pack
from stages.select_cotp.annotate_prompt import parse_patterns
from stages.select_cotp.markers import annotate

_REQUEST: Final = ChatRequest(model="m", messages=(Message("user", "hello"),), max_reply_tokens=8)
_WITH_CHANCES: Final = replace(_REQUEST, top_logprobs=2)
_SAMPLE: Final = replace(_REQUEST, sampled=True)
_SCHEMA: Final = pa.schema([("id", pa.string()), ("n", pa.int64()), ("x", pa.float32()), ("ok", pa.bool_())])


def claims(data: bytes) -> None:
    """An extractor's answer: a ValueError, or claims that stand in the JSON, in order."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_claims(text)
    except ValueError:
        return
    raw = json.loads(bare_answer(text))["principles"]
    assert [(one["principle"].strip(), one["evidence"].strip(), one["verdict"].strip().lower()) for one in raw] == [
        (claim.principle, claim.evidence, claim.verdict) for claim in found
    ]


def completions(data: bytes) -> None:
    """A chat completion: a ValueError, or a text that stands in the reply."""
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(payload, dict):
        return
    for request in (_REQUEST, _WITH_CHANCES, _SAMPLE):
        try:
            answer = read_answer(payload, request)
        except ValueError:
            continue
        assert isinstance(answer.text, str)
        assert answer.prompt_tokens >= 0
        assert answer.completion_tokens >= 0
        assert all(chance <= 0 for one in answer.logprobs for chance in (one.logprob, *(other for _, other in one.top)))


def judgements(data: bytes) -> None:
    """A judge's words: an answer that stands there, or none. A judge of two: a verdict of the last line, or none."""
    text = data.decode("utf-8", "replace")
    found = find_judgement(text)
    assert found is None or (text.startswith(found.answer, found.at) and found.start <= found.at <= found.end)
    try:
        verdict = read_verdict(text)
    except ValueError:
        return
    assert verdict in "".join(text.split())


def patterns(data: bytes) -> None:
    """An annotator's answer, and the built-in markers on the same text."""
    text = data.decode("utf-8", "replace")
    spans = annotate(text)
    assert all(0 <= span.start <= span.end <= len(text) for span in spans)
    try:
        parse_patterns(text, 3)
    except ValueError:
        return


def frames(data: bytes) -> None:
    """The sandbox's channel: a ProtocolError, or frames whose values can be written again."""
    buffer = FrameBuffer()
    buffer.feed(data)
    try:
        while (frame := buffer.next()) is not None:
            assert isinstance(frame[0], str)
            pack(frame)
            for item in frame[1:]:
                decode(item)
                decode(item, live=True)
    except ProtocolError:
        return


def values(data: bytes) -> None:
    """A value in the sandbox's own coding: a ProtocolError, or one that keeps its meaning when it crosses again."""
    try:
        value = decode(json.loads(data))
    except (ProtocolError, ValueError, RecursionError):
        return
    if isinstance(value, str | int | bool | bytes | type(None)):
        assert decode(encode(value)) == value


def conditions(data: bytes) -> None:
    """`cat --where`: a ConfigError, or an expression that pyarrow can apply."""
    text = data.decode("utf-8", "replace")
    try:
        expression, columns = parse_where(text, _SCHEMA)
    except ConfigError:
        return
    assert columns <= set(_SCHEMA.names)
    rows = pa.Table.from_pylist([{"id": "a", "n": 1, "x": 0.5, "ok": True}, {}], schema=_SCHEMA)
    rows.filter(expression)


def rewards(data: bytes) -> None:
    """`--reward KIND:ARGUMENT@WEIGHT`: a ConfigError or specs with finite weights."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_specs([text])
    except ConfigError:
        return
    assert all(abs(spec.weight) < float("inf") for spec in found)


REPLIES: Final[dict[str, Callable[[bytes], None]]] = {
    "claims": claims,
    "completions": completions,
    "judgements": judgements,
    "patterns": patterns,
    "frames": frames,
    "values": values,
    "conditions": conditions,
    "rewards": rewards,
}
