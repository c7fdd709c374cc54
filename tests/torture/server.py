"""A chat and embedding server in a thread that fails in every documented way, for one client at a time or never.

A client is told apart by its bearer token, so that the URL, which is stored among a run's options, stays the same.
"""

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tests.servers.answers import answer_text, broken_schema, embedding


class Said(NamedTuple):
    """One answer. Bytes go out as they are; `sent` is the share of the body before the connection is closed."""

    status: int
    payload: object
    headers: Mapping[str, str] = MappingProxyType({})
    sent: float = 1.0
    kind: str = "application/json"


Make = Callable[[dict[str, Any]], Said]
"""From the body of a request to an answer."""


@dataclass
class Fault:
    """What goes wrong for one client: at requests to one of `paths`, from number `first` on, at most `most` times."""

    name: str
    paths: tuple[str, ...]
    first: int
    most: int
    seen: int = 0
    struck: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, path: str) -> bool:
        """Whether this request is struck; counts it."""
        with self.lock:
            if path not in self.paths:
                return False
            self.seen += 1
            hit = self.seen > self.first and self.struck < self.most
            self.struck += hit
            return hit


class Server(NamedTuple):
    """The running server and the faults of its clients, by bearer token."""

    url: str
    faults: dict[str, Fault]


def good(path: str, body: dict[str, Any]) -> Said:
    """The answer of a server that is well."""
    if path == "/models":
        return Said(200, {"data": [{"id": "test-model"}]})
    if path == "/embeddings":
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [{"index": place, "embedding": embedding(text)} for place, text in enumerate(texts)]
        return Said(200, {"object": "list", "data": data, "usage": {"prompt_tokens": 5}})
    return _chat(answer_text(body["messages"]))


def _chat(text: object, reason: str = "stop") -> Said:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    return Said(200, {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})


def _refused(status: int, **headers: str) -> Make:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda body: Said(status, {"error": {"message": f"the server says {status}"}}, names)


def _later(body: dict[str, Any]) -> Said:
    return Said(429, {"error": {"message": "slow down"}}, {"Retry-After": formatdate(time.time() + 1, usegmt=True)})


ANY: Final[Mapping[str, Make]] = {
    "429": _refused(429),
    "429 with Retry-After": _refused(429, Retry_After="0.2"),
    "429 with a date": _later,
    "429 with nonsense": _refused(429, Retry_After="soon"),
    "500": _refused(500),
    "502": _refused(502),
    "503": _refused(503, Retry_After="0.1"),
    "400": _refused(400),
    "401": _refused(401),
    "403": _refused(403),
    "404": _refused(404),
    "redirect": _refused(307, Location="http://127.0.0.1:1/elsewhere"),
    "hang": lambda body: Said(-2, b""),
    "reset": lambda body: Said(-1, b""),
    "closed": lambda body: Said(200, {}, sent=-1.0),
    "cut body": lambda body: Said(200, {"data": "x" * 5000, "choices": []}, sent=0.5),
    "cut JSON": lambda body: Said(200, b'{"choices": [{"message": {"content": "abc'),
    "empty body": lambda body: Said(200, b""),
    "a page": lambda body: Said(200, b"<html><body>Bad gateway</body></html>", kind="text/html"),
    "a list": lambda body: Said(200, [1, 2, 3]),
    "not UTF-8": lambda body: Said(200, b'{"choices": "\xff\xfe"}'),
    "deep": lambda body: Said(200, b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "huge": lambda body: Said(200, b'{"choices": [], "x": "' + b"y" * 30_000_000 + b'"}'),
}
"""Faults of either kind of request."""

CHAT: Final[Mapping[str, Make]] = {
    "no choices": lambda body: Said(200, {"choices": []}),
    "choices missing": lambda body: Said(200, {"id": "x"}),
    "no content": lambda body: _chat(None),
    "content a number": lambda body: _chat(7),
    "cut off": lambda body: _chat(answer_text(body["messages"])[:20], "length"),
    "filtered": lambda body: _chat("", "content_filter"),
    "other schema": lambda body: _chat(broken_schema(answer_text(body["messages"]))),
    "no JSON": lambda body: _chat("I cannot answer that."),
    "usage negative": lambda body: Said(200, {"choices": [{"message": 3}], "usage": {"prompt_tokens": -5}}),
}


def _vectors(change: Callable[[list[dict[str, Any]]], object]) -> Make:
    def make(body: dict[str, Any]) -> Said:
        said: Any = good("/embeddings", body).payload
        said["data"] = change(said["data"])
        # the json module writes NaN and Infinity, which no server should
        return Said(200, said)

    return make


def _with(data: list[dict[str, Any]], vector: Callable[[list[float]], object]) -> object:
    return [one | {"embedding": vector(one["embedding"])} for one in data]


EMBEDDINGS: Final[Mapping[str, Make]] = {
    "narrower": _vectors(lambda data: _with(data, lambda vector: vector[:-3])),
    "one narrower": _vectors(lambda data: [*data[:-1], data[-1] | {"embedding": data[-1]["embedding"][:5]}]),
    "no numbers": _vectors(lambda data: _with(data, lambda vector: [])),
    "NaN": _vectors(lambda data: _with(data, lambda vector: [float("nan"), *vector[1:]])),
    "Infinity": _vectors(lambda data: _with(data, lambda vector: [float("inf"), *vector[1:]])),
    "all zero": _vectors(lambda data: _with(data, lambda vector: [0.0] * len(vector))),
    "texts": _vectors(lambda data: _with(data, lambda vector: ["0.5"] * len(vector))),
    "one missing": _vectors(lambda data: data[:-1]),
    "one too many": _vectors(lambda data: [*data, data[-1] | {"index": len(data)}]),
    "one index twice": _vectors(lambda data: [one | {"index": 0} for one in data]),
    "index far off": _vectors(lambda data: [one | {"index": one["index"] + 1000} for one in data]),
    "no data": _vectors(lambda data: []),
}

ALL: Final = {**ANY, **CHAT, **EMBEDDINGS}


def draw_fault(draw: random.Random) -> Fault:
    """A fault of chat requests, of embedding requests or of the first contact; now and then, or from a point on."""
    where = draw.choice(["/chat/completions", "/chat/completions", "/embeddings", "/embeddings", "/models"])
    own = {"/chat/completions": CHAT, "/embeddings": EMBEDDINGS, "/models": {}}[where]
    names = sorted(own) if own and draw.random() < 0.5 else sorted(ANY)
    first = draw.choice([0, 0, 1, draw.randrange(20)]) if where != "/models" else 0
    return Fault(draw.choice(names), (where,), first, draw.choice([1, 2, 5, 10**9]))


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server for the length of the block."""
    faults: dict[str, Fault] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: dict[str, Any]) -> None:
            path = self.path.removeprefix("/v1")
            fault = faults.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            said = ALL[fault.name](body) if fault is not None and fault.strikes(path) else good(path, body)
            try:
                self._say(said)
            except OSError:
                self.close_connection = True

        def _say(self, said: Said) -> None:
            if said.status == -2:
                time.sleep(2.5)
            if said.status < 0 or said.sent < 0:
                self.close_connection = True
                if said.status == -1:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            data = said.payload if isinstance(said.payload, bytes) else json.dumps(said.payload).encode()
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            self.send_header("Content-Length", str(len(data)))
            for name, text in said.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(data[: int(len(data) * said.sent)])
            self.wfile.flush()
            if said.sent < 1:
                self.close_connection = True

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            pass

    listening = Listening(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{listening.server_port}/v1", faults)
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
