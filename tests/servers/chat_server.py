"""An OpenAI-compatible server for tests and benchmarks: standard library only, deterministic, with injected faults.

Start it with `start_server(...)` from Python or `python tests/servers/chat_server.py --port 0` from a shell; it
prints its URL. Transport faults (429, 500, hang, truncated) are drawn from the request and how often it was seen, so
that a retry may succeed; faults of content (length, schema, fabricated) are drawn from the request alone, so that a
run that was killed and resumed is told the same. What the answers say is in `answers.py`.
"""

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.servers.answers import answer_text, broken_schema, embedding, with_fabricated_quote
from tests.servers.judging import judge_tokens, logprobs_of, text_of

TRANSPORT = ("429", "500", "hang", "truncated")
CONTENT = ("length", "schema", "fabricated")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the server behaves; `mix` shares the total rate `faults` out among the kinds by weight."""

    port: int = 0
    latency: float = 0.0
    seed: int = 0
    models: str = "test-model"
    key: str = ""
    faults: float = 0.3
    mix: str = "429:6,500:6,hang:3,truncated:3,length:4,schema:4,fabricated:4"
    max_in_row: int = 3
    retry_after: str = "0.1"
    hang_seconds: float = 60.0
    refuse: str = ""
    answer: str = ""
    no_usage: bool = False
    no_logprobs: bool = False


class HttpRequest(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpResponse(NamedTuple):
    status: int
    payload: object
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


@dataclass
class State:
    """What the server has seen so far."""

    settings: Settings
    counts: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0


class RunningServer(NamedTuple):
    """A server in a process of its own; `url` ends in /v1."""

    url: str
    process: "subprocess.Popen[str]"

    def stats(self) -> dict[str, int]:
        """Counters: requests by path, faults by kind, connections, most_in_flight, distinct chat requests."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats", timeout=10) as reply:
            result: dict[str, int] = json.load(reply)
        return result


@contextmanager
def start_server(**settings: Any) -> Iterator[RunningServer]:
    """Run the server with these Settings in another process for the length of the block."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(Settings(**settings)).items()]
    command = [sys.executable, str(Path(__file__).resolve()), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield RunningServer(process.stdout.readline().strip(), process)
        finally:
            process.kill()


def main() -> None:
    """Read the flags, serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in fields(Settings):
        kind = _truth if option.type in (bool, "bool") else type(option.default)
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=kind, default=option.default)
    asyncio.run(_serve(Settings(**vars(parser.parse_args()))))


async def _serve(settings: Settings) -> None:
    state = State(settings)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.counts["connections"] += 1
        try:
            while (request := await _read(reader)) is not None:
                response = await _respond(state, request)
                await _write(writer, response)
                if response.cut:
                    break
        except ConnectionError:
            state.counts["dropped by the client"] += 1
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", settings.port, limit=2**26, backlog=4096)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{port}/v1", flush=True)  # noqa: T201
    await server.serve_forever()


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = first.split(" ", 2)
    return HttpRequest(method, path, headers, body)


async def _write(writer: asyncio.StreamWriter, response: HttpResponse) -> None:
    body = json.dumps(response.payload).encode()
    sent = body[: len(body) // 2] if response.cut else body
    lines = [f"HTTP/1.1 {response.status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
    await writer.drain()


async def _respond(state: State, request: HttpRequest) -> HttpResponse:
    settings = state.settings
    path = request.path.removeprefix("/v1")
    if path == "/stats":
        return HttpResponse(200, state.counts | {"distinct": len(state.seen), "most_in_flight": state.most_in_flight})
    state.counts[path] += 1
    if settings.key and request.headers.get("authorization") != f"Bearer {settings.key}":
        given = request.headers.get("authorization", "none")
        return HttpResponse(401, {"error": {"message": f"wrong key: {given}"}})
    if path == "/models":
        return HttpResponse(200, {"data": [{"id": name} for name in settings.models.split(",") if name]})
    if path not in ("/chat/completions", "/embeddings"):
        return HttpResponse(404, {"error": {"message": f"no such path {path}"}})
    state.in_flight += 1
    state.most_in_flight = max(state.most_in_flight, state.in_flight)
    try:
        return await _model_call(state, path, request.body)
    finally:
        state.in_flight -= 1


async def _model_call(state: State, path: str, raw: bytes) -> HttpResponse:
    settings, body = state.settings, json.loads(raw)
    if body["model"] not in settings.models.split(","):
        return HttpResponse(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
    refusal = _refusal(settings, body)
    if refusal is not None:
        state.counts["refused"] += 1
        return HttpResponse(400, {"error": {"message": refusal}})
    identity = hashlib.sha256(str(settings.seed).encode() + raw).hexdigest()
    attempt = state.seen[identity]
    state.seen[identity] += 1
    fault = _fault(settings, identity, attempt)
    if fault:
        state.counts[f"fault {fault}"] += 1
    if fault == "429":
        return HttpResponse(429, {"error": {"message": "slow down"}}, (("Retry-After", settings.retry_after),))
    if fault == "500":
        return HttpResponse(500, {"error": {"message": "internal error"}})
    await asyncio.sleep(settings.hang_seconds if fault == "hang" else settings.latency)
    payload = _embeddings(body) if path == "/embeddings" else _completion(settings, body, fault)
    return HttpResponse(200, payload, cut=fault == "truncated")


def _refusal(settings: Settings, body: dict[str, Any]) -> str | None:
    """The complaint about the first refused item of `refuse`: a response_format type or a field's name."""
    for item in filter(None, settings.refuse.split(",")):
        if item in body:
            return f"Unsupported parameter: '{item}'; use 'max_completion_tokens' instead."
        if body.get("response_format", {}).get("type") == item:
            return f"response_format type {item} is not supported."
    return None


def _fault(settings: Settings, identity: str, attempt: int) -> str:
    weights = {name: float(weight) for name, _, weight in (item.partition(":") for item in settings.mix.split(","))}
    assert set(weights) <= {*TRANSPORT, *CONTENT}, settings.mix
    scale = settings.faults / sum(weights.values())
    transport = _draw(f"{identity} {attempt}", weights, TRANSPORT, scale) if attempt < settings.max_in_row else ""
    return transport or _draw(identity, weights, CONTENT, scale)


def _draw(what: str, weights: dict[str, float], kinds: tuple[str, ...], scale: float) -> str:
    number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:7]) / 2**56
    for kind in kinds:
        number -= weights.get(kind, 0.0) * scale
        if number < 0:
            return kind
    return ""


def _completion(settings: Settings, body: dict[str, Any], fault: str) -> dict[str, object]:
    extra: dict[str, object] = {}
    if body.get("logprobs"):
        tokens = judge_tokens(body, fault)
        text = text_of(tokens)
        extra = {} if settings.no_logprobs else {"logprobs": logprobs_of(tokens)}
    else:
        text = _spoilt(settings.answer or answer_text(body["messages"]), fault)
    reason = "length" if fault == "length" else "stop"
    prompt_tokens = sum(len(message["content"]) for message in body["messages"]) // 4
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(text) // 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason} | extra
    return {"object": "chat.completion", "choices": [choice]} | ({} if settings.no_usage else {"usage": usage})


def _spoilt(text: str, fault: str) -> str:
    if fault == "schema":
        text = broken_schema(text)
    if fault == "fabricated":
        text = with_fabricated_quote(text)
    return text[: len(text) // 2] if fault == "length" else text


def _embeddings(body: dict[str, Any]) -> dict[str, object]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = [{"index": index, "embedding": embedding(text)} for index, text in enumerate(texts)]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": sum(map(len, texts)) // 4}}


def _truth(text: str) -> bool:
    return text == "True"


if __name__ == "__main__":
    main()
