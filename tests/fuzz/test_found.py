"""What fuzzing found, each input once: readers that gave a traceback, a crash or a wrong word before."""

import io
import json
import struct

import pyarrow as pa
import pytest

from stages.core.chat import ChatRequest, Message
from stages.core.errors import DataError
from stages.core.typed import open_typed
from stages.core.wire import read_answer
from stages.eval.verdict import read_verdict
from stages.rewards.spec import parse_specs
from tests.fuzz.files import parquet_seed, records, table, written
from tests.fuzz.folders import report


def test_offsets_of_an_arrow_file_that_lead_out_of_it_are_damage_and_not_a_crash() -> None:
    sink = io.BytesIO()
    batch = pa.RecordBatch.from_pydict({"text": ["ab", "cd"]})
    with pa.ipc.new_stream(sink, batch.schema) as out:
        out.write_batch(batch)
    offsets = struct.pack("<3i", 0, 2, 4)
    assert sink.getvalue().count(offsets) == 1
    data = sink.getvalue().replace(offsets, struct.pack("<3i", 0, 2**30, 4))
    with written(data, "rows.arrow") as path, pytest.raises(DataError, match=r"rows\.arrow is .* damaged"):
        list(open_typed("rows.arrow", str(path), "arrow").records())


def test_a_column_name_that_is_not_utf8_is_damage() -> None:
    data = parquet_seed().replace(b"text", b"te\xedt")
    with written(data, "rows.parquet") as path, pytest.raises(DataError, match=r"rows\.parquet is .* damaged"):
        open_typed("rows.parquet", str(path), "parquet")


def test_a_file_of_a_type_that_arrow_does_not_read_is_damage() -> None:
    data = bytearray(parquet_seed())
    data[-8:-4] = struct.pack("<i", 2**31 - 1)
    with written(bytes(data), "rows.parquet") as path, pytest.raises(DataError, match=r"rows\.parquet is .* damaged"):
        open_typed("rows.parquet", str(path), "parquet")


def test_empty_lines_above_a_csv_header_are_no_header() -> None:
    table(b"\n\r\nid,prompt\n1,a\n")


@pytest.mark.parametrize("space", [" ", "\t", "\u2003", "\t\t\t"])
def test_any_white_space_in_a_verdict_is_taken_out(space: str) -> None:
    assert read_verdict(f"so\n[[A{space}>>{space}B]]") == "A>>B"


def test_a_weight_after_a_separator_is_a_weight() -> None:
    (spec,) = parse_specs(["rm:folder@\x1e7"])
    assert (spec.argument, spec.weight) == ("folder", 7.0)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"1",
        b'{"event": "part"}',
        b'{"event": "start", "time": "soon"}',
        b'{"event": "part", "time": 1, "rows": 1e999}',
        b'{"part": 0, "fingerprint": "", "rows": null, "written": 0}',
        b'{"stage": "s", "table": "t", "parts": 1e3, "rows": -1}',
        b'{"stage": "s", "table": "t", "parts": 1000000000000, "rows": 1}',
        json.dumps({"part": 0, "fingerprint": "", "rows": {"in": "3"}, "written": 0}).encode(),
    ],
)
def test_records_of_another_form_are_told_or_skipped(line: bytes) -> None:
    records(line)


def test_a_server_that_counts_below_zero_is_not_believed() -> None:
    payload: dict[str, object] = {
        "choices": [{"message": {"content": "four letters"}}],
        "usage": {"prompt_tokens": -3, "completion_tokens": 1},
    }
    answer = read_answer(payload, ChatRequest(model="m", messages=(Message("user", "hello"),)))
    assert (answer.prompt_tokens, answer.completion_tokens, answer.estimated) == (2, 3, True)


@pytest.mark.parametrize("chance", [{"logprob": 0.5}, {"prob": 2.0}, {"logprob": float("inf")}, {"prob": -1}, {}])
def test_a_probability_above_one_is_no_probability(chance: dict[str, float]) -> None:
    token = {"token": "yes", **chance}
    payload: dict[str, object] = {"choices": [{"message": {"content": "yes"}, "logprobs": {"content": [token]}}]}
    with pytest.raises(ValueError, match="no number"):
        read_answer(payload, ChatRequest(model="m", messages=(Message("user", "hello"),), top_logprobs=2))


_DONE = {"part": 0, "fingerprint": "f", "rows": {"in": 4, "kept": 2, "dropped": 1, "rejected": 1}, "written": 2}
_PLAN = {"stage": "score", "table": "scores", "parts": 1, "rows": 4, "config": {}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.json", b"[" * 100_000),
        ("plan.json", {**_PLAN, "inputs": [{"name": "a", "sha256": "x", "rows": float("inf")}]}),
        ("done/part-00000.json", b"[" * 100_000),
        ("done/part-00000.json", {**_DONE, "rows": {"in": 10**400, "kept": 10**400, "dropped": 0, "rejected": 0}}),
        ("done/part-00000.json", {**_DONE, "files": {"\0": 3}}),
        ("done/part-00000.json", {**_DONE, "files": {"\ud800": 3}}),
        ("done/part-00000.json", {**_DONE, "files": {"a" * 5000: 3}}),
        ("done/part-00000.json", {**_DONE, "sha256": [1]}),
        ("done/part-00000.json", {**_DONE, "sha256": {"part-00000.parquet": {}}}),
        ("config.yaml", b"a: " + b"[" * 5000),
        ("config.yaml", b"principle: &a [*a]\n"),
        ("config.yaml", b'rm: "a\\0b"\nout: "\\0"\n'),
        ("config.yaml", b'principle: ["\\ud800"]\n'),
    ],
)
def test_records_of_hostile_values_are_told_on_the_page(name: str, content: object) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    report(f"{name}\n".encode() + data)
