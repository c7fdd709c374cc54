"""The client against a server in another process that injects faults, is killed, or sees the client killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply
from stages.core.errors import EndpointError
from stages.core.journal import Journal, read_journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from tests.servers.chat_server import start_server

CALLS = 300


def requests(number: int = CALLS) -> list[ChatRequest]:
    return [
        ChatRequest(
            messages=(Message("user", f"<feedback-0>\n{n} is not correct.\n</feedback-0>"),), model="test-model"
        )
        for n in range(number)
    ]


def check(text: str) -> None:
    if not isinstance(json.loads(text), dict):
        raise ValueError("it is not an object")


def complete(url: str, path: Path, number: int = CALLS, concurrency: int = 64) -> list[Outcome]:
    options = LlmOptions(llm=url, concurrency=concurrency, timeout=1.0)
    with ChatClient(options) as client, Journal(path) as journal:
        return client.complete(requests(number), check, journal)


def test_every_call_ends_and_the_counts_add_up_under_thirty_percent_faults(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    with start_server(faults=0.3, retry_after="0.1") as server:
        outcomes = complete(server.url, path)
        stats = server.stats()
    for kind in ("429", "500", "hang", "truncated", "length", "schema", "fabricated"):
        assert stats[f"fault {kind}"] > 0, kind
    failures = [outcome for outcome in outcomes if isinstance(outcome, CallFailure)]
    replies = [outcome for outcome in outcomes if isinstance(outcome, Reply)]
    assert len(failures) + len(replies) == CALLS
    assert {failure.reason for failure in failures} <= {"bad_answer", "cut_off"}
    assert len(replies) > 0.9 * CALLS
    assert stats["most_in_flight"] > 32
    entries = read_journal(path)
    assert len(entries) == CALLS
    assert sum(entry.outcome == "ok" for entry in entries.values()) == len(replies)


def test_concurrency_is_bounded_and_connections_are_kept(tmp_path: Path) -> None:
    with start_server(faults=0.0, latency=0.02) as server:
        complete(server.url, tmp_path / "part.jsonl", 100, concurrency=8)
        stats = server.stats()
    assert stats["most_in_flight"] == 8
    assert stats["connections"] <= 8 + 1, "one more asks for the statistics"


def test_a_server_that_dies_ends_the_run_and_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    with start_server(faults=0.0, latency=0.1) as server:
        finished = 0

        def kill_soon(calls: int) -> None:
            nonlocal finished
            finished += calls
            if finished:
                server.process.kill()

        options = LlmOptions(llm=server.url, concurrency=32, timeout=5.0, max_retries=1)
        with (
            ChatClient(options) as client,
            Journal(path) as journal,
            pytest.raises(EndpointError, match="the connection failed"),
        ):
            client.complete(requests(5000), check, journal, kill_soon)
    answered = [entry for entry in read_journal(path).values() if entry.outcome == "ok"]
    assert 32 <= len(answered) < 1000


CHILD = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from stages.core.errors import Interrupted
from tests.core.test_llm_faults import complete
from stages.core.journal import Journal

def stop(number, frame):
    raise Interrupted("stopped by a signal")

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
try:
    complete(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), concurrency=8)
except Interrupted as error:
    sys.exit(error.exit_code)
Journal(Path(sys.argv[3])).compact()
"""


def child(root: Path, url: str, path: Path, number: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", CHILD, str(root), url, str(path), str(number)])


def wait_for_lines(path: Path, number: int) -> None:
    deadline = time.monotonic() + 20
    while not path.exists() or path.read_bytes().count(b"\n") < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once_with_the_journal_whole(tmp_path: Path, root: Path, which: signal.Signals) -> None:
    path = tmp_path / "part.jsonl"
    # the answers that are under way when the signal comes would take a minute
    with start_server(faults=0.5, mix="hang:1", max_in_row=1000) as server:
        process = child(root, server.url, path, 5000)
        wait_for_lines(path, 3)
        start = time.monotonic()
        process.send_signal(which)
        assert process.wait(timeout=10) == 75
        assert time.monotonic() - start < 1.0
    assert path.read_bytes().endswith(b"\n")
    assert all(entry.outcome == "ok" for entry in read_journal(path).values())


def test_six_kills_leave_the_journal_of_an_undisturbed_run(tmp_path: Path, root: Path) -> None:
    with start_server(faults=0.3, mix="429:1,500:1,length:1,schema:1", latency=0.01) as server:
        whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
        complete(server.url, whole, 120)
        Journal(whole).compact()
        for kill in range(1, 7):
            process = child(root, server.url, killed, 120)
            wait_for_lines(killed, 15 * kill)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert len(read_journal(killed)) < 120
        assert child(root, server.url, killed, 120).wait() == 0
    assert killed.read_bytes() == whole.read_bytes()
