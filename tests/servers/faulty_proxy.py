"""An HTTP proxy in front of another server that fails as stores do, by a seed: 503, 500, resets, cut answers, delays.

Every faulty answer is counted by its kind. `refuse` makes it answer 403.
"""

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

KINDS: Final = ("503", "500", "reset", "cut", "delay")

_XML: Final = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>%s</Message></Error>"
_DROPPED: Final = {"connection", "transfer-encoding", "keep-alive", "proxy-connection", "content-length"}


class FaultyProxy:
    """A server on a free port before `port`; a share `rate` of the answers is a fault. Use as a context manager.

    `latency` are seconds that every answer takes; `written` are the paths of PUT requests.
    """

    def __init__(self, port: int, *, rate: float, seed: int) -> None:
        self.rate = rate
        self.faults = Counter[str]()
        self.refused: tuple[str, str] | None = None
        self.latency = 0.0
        self.written: list[str] = []
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, port))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where to ask."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def allow(self) -> None:
        """Refuse nothing any more."""
        self.refused = None

    def refuse(self, method: str, needle: str) -> None:
        """Answer 403 from now on to requests of this method whose path holds `needle`."""
        self.refused = method, needle

    def draw(self, method: str, path: str) -> str | None:
        """The fault of the next answer, or None."""
        with self._lock:
            if method == "PUT":
                self.written.append(path.partition("?")[0])
            if self.refused is not None and self.refused[0] == method and self.refused[1] in path:
                return "403"
            kind = self._rng.choice(KINDS) if self._rng.random() < self.rate else None
            if kind is not None:
                self.faults[kind] += 1
            return kind

    def __enter__(self) -> "FaultyProxy":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: FaultyProxy, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self._read_body()
            kind = proxy.draw(self.command, self.path)
            if kind == "reset":
                return self._reset()
            if kind in ("403", "500", "503"):
                return self._error(int(kind))
            time.sleep(0.2 if kind == "delay" else proxy.latency)
            # A request whose answer is cut has been carried out all the same.
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                self._pass_on(answer, answer.read(), cut=kind == "cut")
            finally:
                upstream.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of http.server

        def _read_body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            del self.headers["Transfer-Encoding"]
            return body

        def _pass_on(self, answer: http.client.HTTPResponse, body: bytes, *, cut: bool) -> None:
            with suppress(ConnectionError):
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _DROPPED:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = cut

        def _error(self, status: int) -> None:
            code = {403: b"AccessDenied", 500: b"InternalError", 503: b"SlowDown"}[status]
            words = {403: b"Access Denied", 500: b"We met an error", 503: b"Please reduce your request rate."}[status]
            body = b"" if self.command == "HEAD" else _XML % (code, words)
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            return

    return Handler
