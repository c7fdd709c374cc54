"""Inputs that each reader accepts or nearly accepts: where mutation begins."""

import gzip
import json
from typing import Final

import pyarrow as pa

from stages.sandbox.codec import encode
from stages.sandbox.frames import pack
from tests.fuzz.files import arrow_seed, parquet_seed
from tests.fuzz.folders import report_seeds

_ROWS: Final = [
    {"id": "a", "prompt": "Why?", "completion": "Because.", "feedback": ["clear", "too short"], "n": 12},
    {
        "prompt": [{"role": "user", "content": "Gr\u00fc\u00df dich"}],
        "x": 1e300,
        "big": 2**70,
        "no": None,
        "deep": {"a": [1.5]},
    },
    {"id": 7, "text": 'a "quoted" \\ text', "nan": float("nan")},
]
_LINES: Final = b"".join(json.dumps(row).encode() + b"\n" for row in _ROWS)
_CSV: Final = b'id,prompt,completion,feedback\n1,"a, b","two\nlines","[""x"", ""y""]"\n2,c,,d\n'
_CLAIMS: Final = (
    b'```json\n{"principles": [{"principle": "clarity", "evidence": "it is clear", "verdict": "Yes"}, '
    b'{"principle": "accuracy", "evidence": "wrong date", "verdict": "no"}]}\n```'
)
_COMPLETION: Final = (
    b'{"choices": [{"message": {"role": "assistant", "content": "yes", "reasoning": "hm", "refusal": null}, '
    b'"finish_reason": "stop", "logprobs": {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": '
    b'[{"token": "yes", "logprob": -0.1}, {"token": "no", "prob": 0.1}]}]}}], '
    b'"usage": {"prompt_tokens": 3, "completion_tokens": 1}}'
)
_TAXONOMY: Final = (
    b"clusters:\n  - name: clarity\n    members: [clear, clarity of answer]\n    cap: 10\n"
    b"  - name: tone\n    drop: true\n"
)
_JOURNAL: Final = (
    b'{"key":"k1","outcome":"ok","finish_reason":"stop","error":"","raw":["yes"],"tokens":[[3,1]],"estimated":false}\n'
    b'{"key":"k2","outcome":"timeout","finish_reason":"","error":"late","raw":[],"tokens":[],"estimated":true,'
    b'"logprobs":[["yes",-0.1,[["yes",-0.1]],true]]}\n'
)
_PLAN: Final = b'{"stage": "score", "table": "scores", "parts": 2, "rows": 5, "config": {"seed": 0}}'
_DONE: Final = (
    b'{"part": 0, "fingerprint": "ab", "rows": {"in": 3, "kept": 2, "dropped": 1, "rejected": 0}, "written": 2, '
    b'"dropped_by": {"artefact": 1}, "rejected_by": {}, "counts": {"raw": 4}, "files": {"part-00000.parquet": 10}}'
)
_LOG: Final = b'{"event": "start", "time": 1.5}\n{"event": "part", "time": 2.5, "part": 0, "rows": 3}\n'
_VALUES: Final = [{"a": [1, 2.5, (3, None)], 7: {1, 2}}, [10**30, b"xyz", 1j, frozenset({1})], "text", 1.5, (True,)]

SEEDS: Final[dict[str, list[bytes]]] = {
    "jsonl": [_LINES, b'{"id": "x"}\r\n\n[1]\n{"a": NaN}\n\xff\n', b"\xef\xbb\xbf" + _LINES],
    "json": [json.dumps(_ROWS[:2]).encode(), b'{"a": 1,\n "b": 2}', _LINES],
    "csv": [_CSV, b'\xef\xbb\xbfa,b\n"x,1\n', b"a,a\n1,2\n"],
    "gzip": [gzip.compress(_LINES, mtime=0)],
    "zstd": [pa.compress(_LINES, codec="zstd", asbytes=True)],
    "parquet": [parquet_seed()],
    "arrow": [arrow_seed()],
    "options": [
        b"consensus: on\nmax_failed: 1e-3\nartefact: [helpfulness]\nseed: 3\n",
        b"max-cost: .inf\n? [a]\n: 1\n",
    ],
    "taxonomy": [_TAXONOMY, b"version: 1\n" + _TAXONOMY],
    "principles": [
        b"- clarity\n- polite tone\n",
        b"default: {clarity: 1.5, tone: .inf}\ncode: [correct]\n",
        b"a\n# b\na\n",
    ],
    "journal": [_JOURNAL, _JOURNAL[:-20]],
    "records": [_PLAN, _DONE, _LOG],
    "report": report_seeds(),
    "claims": [_CLAIMS, b"<think>hm</think>\n" + _CLAIMS],
    "completions": [_COMPLETION],
    "judgements": [b"Reasons.\n</think>\nJudgement: Yes", b"so\n[[A>>B]]", b"**Final Judgement:** no"],
    "patterns": [
        b'{"steps": [{"step": 1, "pattern": "planning"}, {"step": 2, "pattern": "check"}]}',
        b"First, x.\n\nWait, no. So x = 2.",
    ],
    "frames": [pack(["r", 1, *map(encode, _VALUES)]), pack(["loaded"]) + pack(["e", 2, "ValueError", "text"])],
    "values": [json.dumps(encode(value)).encode() for value in _VALUES],
    "conditions": [
        b"id = 'a' and not (n >= 2 or x < 0.5)",
        b"n in (1, 2) and id like 'a%' or ok is null",
        b"len(id) > 1",
    ],
    "rewards": [b"check:words<=200@0.1", b"rm:folder@0.7", b"py:mod.sub:fn@-1", b'check:regex:"^a+$"@2', b"genrm:self"],
}
