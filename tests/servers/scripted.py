"""A server in a thread whose every answer the test writes: for the corners that a random fault does not reach."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.servers.judging import Token, logprobs_of, text_of


class Call(NamedTuple):
    """One request to /chat/completions; `number` counts them from 0."""

    number: int
    body: dict[str, Any]
    headers: dict[str, str]


class Said(NamedTuple):
    """One answer; bytes go out as they are, everything else as JSON."""

    status: int
    payload: object
    headers: Mapping[str, str] = MappingProxyType({})


class Scripted(NamedTuple):
    url: str
    calls: list[Call]


def completion(text: str | None, reason: str = "stop", **message: object) -> Said:
    """An ordinary chat completion of 10 prompt tokens and 5 answer tokens."""
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": reason}
    return Said(200, {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})


def judgement(tokens: list[Token], text: str | None = None, reason: str = "stop", **message: object) -> Said:
    """A completion of these tokens with their log-probabilities; `text` is what the server shows, if not all of it."""
    said = completion(text_of(tokens) if text is None else text, reason, **message)
    said.payload["choices"][0]["logprobs"] = logprobs_of(tokens)  # type: ignore[index]
    return said


@contextmanager
def scripted(answer: Callable[[Call], Said], models: Said | None = None) -> Iterator[Scripted]:
    """Serve /models (one model `m` unless told) and answer chat calls with `answer`."""
    calls: list[Call] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._say(models or Said(200, {"data": [{"id": "m"}]}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                call = Call(len(calls), body, dict(self.headers))
                calls.append(call)
            self._say(answer(call))

        def log_message(self, *_: object) -> None:
            pass

        def _say(self, said: Said) -> None:
            data = said.payload if isinstance(said.payload, bytes) else json.dumps(said.payload).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Scripted(f"http://127.0.0.1:{server.server_port}/v1", calls)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
