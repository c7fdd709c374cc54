"""A judge behind a real HTTP server in another process that injects faults, or that gives no log-probabilities."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import EndpointError
from stages.core.journal import read_journal
from stages.core.rows import Problem
from stages.rewards.generative import open_generative
from stages.rewards.judge_prompt import judge_messages
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions
from tests.servers.chat_server import start_server
from tests.servers.judging import odds_asked
from tests.tiny_models import save_tiny_causal_lm

PRINCIPLES = ("clarity", "brevity", "accuracy of information")


def queries(number: int) -> list[Query]:
    return [Query((Message("user", f"What is {n}?"),), f"It is {n}.", PRINCIPLES) for n in range(number)]


def judged(
    url: str, journal: Path, number: int, **options: Any
) -> tuple[list[list[Judgement | Problem]], dict[str, Any]]:
    chosen = RewardOptions(generative=True, timeout=1.0, **options)
    model = open_generative(url, chosen, seed=0, journal=journal, notice=lambda text: None)
    try:
        return model.judge(queries(number)), dict(model.facts())
    finally:
        model.close()


def expected(query: Query, principle: str) -> float:
    chat = [message._asdict() for message in judge_messages(*query[:2], principle)]
    return odds_asked(chat, 0)


def test_faults_in_three_calls_of_ten_cost_rows_and_spoil_no_score(tmp_path: Path) -> None:
    with start_server(faults=0.3, retry_after="0.05") as server:
        rows, facts = judged(server.url, tmp_path / "part.jsonl", 60)
        stats = server.stats()
    for kind in ("429", "500", "hang", "truncated", "length", "schema", "fabricated"):
        assert stats[f"fault {kind}"] > 0, stats
    lost = 0
    for query, row in zip(queries(60), rows, strict=True):
        for principle, found in zip(query.principles, row, strict=True):
            if isinstance(found, Judgement):
                assert found.score == pytest.approx(expected(query, principle))
            else:
                lost += 1
                assert found.reason in ("no_judgement", "cut_off")
    assert 0 < lost < 40
    assert (facts["votes"], facts["votes_without_judgement"]) == (180, lost)


CHILD = """
import sys
from pathlib import Path
from stages.core.chat import Message
from stages.rewards.generative import open_generative
from stages.rewards.model import Query
from stages.rewards.options import RewardOptions

url, journal, number, *principles = sys.argv[1:]
queries = [Query((Message("user", f"What is {n}?"),), f"It is {n}.", principles) for n in range(int(number))]
options = RewardOptions(generative=True, timeout=1.0, concurrency=4)
open_generative(url, options, seed=0, journal=Path(journal), notice=print).judge(queries)
"""


def test_kills_leave_the_journal_of_an_undisturbed_run(tmp_path: Path, root: Path) -> None:
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed" / "part.jsonl"
    with start_server(faults=0.2, mix="429:1,500:1,length:1,schema:1", retry_after="0.05", latency=0.05) as server:
        first, _ = judged(server.url, whole, 30)
        for lines in (15, 40):
            child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, killed, "30", *PRINCIPLES], cwd=root)
            deadline = time.monotonic() + 30
            while not killed.exists() or killed.read_bytes().count(b"\n") < lines:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        assert 25 <= len(read_journal(killed)) < 90
        asked = server.stats()["/chat/completions"]
        again, facts = judged(server.url, killed, 30)
        assert facts["from_journal"] >= 20
        assert server.stats()["/chat/completions"] - asked == facts["http_requests"]
    assert again == first
    assert killed.read_bytes() == whole.read_bytes()


def test_a_server_that_drops_the_wish_is_told_at_the_first_answer(tmp_path: Path) -> None:
    with (
        start_server(faults=0.0, no_logprobs=True) as server,
        pytest.raises(EndpointError, match="gives no log-probabilities"),
    ):
        judged(server.url, tmp_path / "part.jsonl", 50, concurrency=2)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL of `transformers serve` with a tiny model, which ignores the wish for log-probabilities."""
    save_tiny_causal_lm(tmp_path / "random", window=8192)
    (tmp_path / "home" / "hub").mkdir(parents=True)
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve"]
    command += ["--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    environ = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = tmp_path / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 120
        while (line := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())) is None:
            assert time.monotonic() < deadline, log.read_text()
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"{line[1]}/v1"
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
def test_a_real_server_without_log_probabilities_is_named_with_the_remedy(served: str, tmp_path: Path) -> None:
    options = RewardOptions(generative=True, rm_model="random", max_reply_tokens=8)
    model = open_generative(served, options, seed=0, journal=tmp_path / "part.jsonl", notice=lambda text: None)
    with pytest.raises(
        EndpointError, match=r"gives no log-probabilities with its answers, .*or a model in this process"
    ):
        model.judge(queries(1))
    model.close()
