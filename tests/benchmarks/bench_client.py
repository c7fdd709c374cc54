"""How near the chat client comes to the ideal throughput of a 100 ms server in another process.

Ideal is concurrency / latency; the rest is what the client, the server and one machine's processors cost. Journal and
check are part of the measured call.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.core.chat import ChatRequest, Reply
from stages.core.journal import Journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from stages.extract_principles import prompt
from stages.extract_principles.parse import parse_claims
from tests.servers.chat_server import start_server

LATENCY = 0.1
ROUNDS = 20
REPEATS = 5
AIM = 0.85


def run() -> list[tuple[str, ...]]:
    """Rows (what, measured, ideal, share of ideal, aim) for 32 and 256 calls at once."""
    rows = []
    for concurrency in (32, 256):
        seconds = median(_seconds(concurrency) for _ in range(REPEATS))
        calls, ideal = concurrency * ROUNDS, concurrency / LATENCY
        share = calls / seconds / ideal
        aim = f">= {AIM:.0%}" if concurrency == 32 else "none"
        name = f"chat client, {concurrency} calls at once, 100 ms server"
        rows.append((name, f"{calls / seconds:.0f} calls/s", f"{ideal:.0f} calls/s", f"{share:.1%}", aim))
    return rows


def main() -> None:
    """Print the rows."""
    for row in run():
        print(" | ".join(row))


def _seconds(concurrency: int) -> float:
    """Seconds for ROUNDS full rounds of calls, connections being open."""
    with (
        start_server(faults=0.0, latency=LATENCY) as server,
        ChatClient(LlmOptions(llm=server.url, concurrency=concurrency)) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        _complete(client, Path(folder) / "warm-up.jsonl", -concurrency, 0)
        start = time.perf_counter()
        _complete(client, Path(folder) / "part.jsonl", 0, concurrency * ROUNDS)
        return time.perf_counter() - start


def _complete(client: ChatClient, path: Path, first: int, last: int) -> None:
    requests = [_request(client.model, number) for number in range(first, last)]
    with Journal(path) as journal:
        outcomes = client.complete(requests, parse_claims, journal)
    assert all(isinstance(outcome, Reply) for outcome in outcomes), json.dumps(client.facts())


def _request(model: str, number: int) -> ChatRequest:
    feedback = f"Answer {number} is clear and mostly complete. " + "It covers the question well. " * 20
    return prompt.request(feedback, model=model, temperature=0.0, max_reply_tokens=2048, seed=0)


if __name__ == "__main__":
    main()
