"""select-cotp with patterns named by a language model, whose server breaks answers, and that is stopped midway."""

import json
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.core.errors import DataError, Interrupted
from stages.core.options import LlmOptions
from stages.select_cotp.annotate_prompt import prompt_hash
from stages.select_cotp.patterns import normalise_name
from stages.select_cotp.steps import split_steps
from tests.extract_principles.commands import COMMAND, environment, manifest_of, rlbff, rows_of
from tests.select_cotp.pools import cot, select, write
from tests.servers.answers import answer_text, broken_schema
from tests.servers.chat_server import RunningServer, start_server
from tests.servers.scripted import Call, Said, completion, scripted

CALLS = "/chat/completions"
TRANSPORT = "429:6,500:6,truncated:3"


def reasoned(prefix: str, num: int, seed: int) -> list[dict[str, Any]]:
    """Rows without patterns whose completions have three to seven steps."""
    draw = random.Random(seed)
    rows = []
    for number in range(num):
        lines = [
            f"In step {k} of {prefix}{number} we look at the number {draw.randrange(1000)} and write it down with care,"
            " as one does who has all the time in the world. It says nothing."
            for k in range(draw.randrange(3, 8))
        ]
        row = cot(f"{prefix}{number}", draw, completion="\n\n".join(lines))
        assert len(split_steps(row["completion"])) == len(lines)
        rows.append({name: row[name] for name in row if name != "patterns"})
    return rows


@pytest.fixture
def here(tmp_path: Path) -> Path:
    write(tmp_path / "pool.jsonl", reasoned("p", 40, 1))
    write(tmp_path / "core.jsonl", reasoned("c", 4, 2))
    return tmp_path


def asked(here: Path, out: str, url: str, *, llm: dict[str, Any] | None = None, **options: Any) -> Path:
    """Select with patterns of the server's model."""
    found = LlmOptions(llm=url, **{"timeout": 5.0, "max_retries": 6, **(llm or {})})
    select(here / "pool.jsonl", here / "core.jsonl", here / out, per_core=2, patterns="llm", llm=found, **options)
    return here / out


def core_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / ".rlbff" / "core" / "part-00000.parquet").to_pylist()
    return rows


def shards(folder: Path) -> dict[str, bytes]:
    names = sorted([*folder.glob("*.parquet"), *folder.glob(".rlbff/*/*.parquet")])
    return {str(path.relative_to(folder)): path.read_bytes() for path in names if "candidates" not in str(path)}


def calls_of(server: RunningServer) -> int:
    return server.stats().get(CALLS, 0)


def test_faults_of_the_server_change_no_byte_of_the_selection(here: Path) -> None:
    with start_server(faults=0.0) as server:
        quiet = asked(here, "quiet", server.url)
        assert calls_of(server) == 44
    with start_server(faults=0.4, mix=TRANSPORT, retry_after="0.01") as server:
        broken = asked(here, "broken", server.url)
        stats = server.stats()
    for kind in ("429", "500", "truncated"):
        assert stats[f"fault {kind}"] > 0, stats
    assert shards(broken) == shards(quiet)
    rows = rows_of(broken)
    assert len(rows) == 8
    assert {row["annotator"] for row in rows} == {"test-model"}
    texts = {row["id"]: row["completion"] for row in reasoned("p", 40, 1)}
    for row in rows:
        assert row["patterns"] == [normalise_name(name) for name in row["patterns"]]
        assert len(row["patterns"]) == len(row["pattern_spans"])
        steps = split_steps(texts[row["id"]])
        assert {span["start"] for span in row["pattern_spans"]} <= {step.start for step in steps}
        assert row["pattern_spans"][0]["start"] == 0
        assert row["pattern_spans"][-1]["end"] == len(texts[row["id"]].rstrip())
    assert len({tuple(row["patterns"]) for row in rows}) > 2
    # the core set is read by the same model
    assert {row["annotator"] for row in core_of(broken)} == {"test-model"}
    assert all(row["patterns"] and row["pattern_spans"] for row in core_of(broken))
    # and remembered apart from all parts of the pool, which other processes may have at hand
    assert heard(broken / ".rlbff", "part-99999.*") == 4
    assert json.loads((broken / ".rlbff" / "report" / "decided.json").read_text())["annotator"] == "test-model"


SPOILT: dict[int, tuple[str, Callable[[str], Said]]] = {
    1: ("cut_off", lambda text: completion(text[:5], "length")),
    2: ("bad_answer", lambda text: completion(broken_schema(text))),
    3: ("refused", lambda text: completion(None, refusal="I cannot.")),
    4: ("http_400", lambda text: Said(400, {"error": {"message": "context length exceeded"}})),
}


def test_answers_that_cannot_be_read_reject_their_rows_and_no_others(here: Path) -> None:
    def answer(call: Call) -> Said:
        text = answer_text(call.body["messages"])
        row = re.search(r"of p(\d+) we look", call.body["messages"][1]["content"])
        reason = SPOILT.get(int(row[1]) % 8) if row else None
        return completion(text) if reason is None else reason[1](text)

    with scripted(lambda call: completion(answer_text(call.body["messages"]))) as server:
        quiet = {row["id"]: row["patterns"] for row in chains(asked(here, "quiet", server.url))}
    with scripted(answer) as server:
        out = asked(here, "out", server.url, max_failed=0.9)
    rejected = {row["id"]: row for row in rows_of(out, "rejected")}
    assert {name: row["reason"] for name, row in rejected.items()} == {
        f"p{number}": SPOILT[number % 8][0] for number in range(40) if number % 8 in SPOILT
    }
    for row in rejected.values():
        assert row["field"] == "patterns"
        assert "m gave no patterns" in row["error"]
    found = {row["id"]: row["patterns"] for row in chains(out)}
    assert found == {name: chain for name, chain in quiet.items() if name not in rejected}
    counts = manifest_of(out)["rows"]
    assert (counts["kept"], counts["dropped"], counts["rejected"]) == (8, 12, 20)
    assert rejected.keys().isdisjoint({row["id"] for row in [*rows_of(out), *rows_of(out, "dropped")]})


def chains(folder: Path) -> list[dict[str, Any]]:
    found = sorted((folder / ".rlbff" / "chains").glob("part-*.parquet"))
    return [row for path in found for row in pq.read_table(path).to_pylist()]


def test_a_core_row_that_the_model_cannot_read_ends_the_run_with_its_name(here: Path) -> None:
    def answer(call: Call) -> Said:
        text = call.body["messages"][1]["content"]
        return completion("nothing" if "of c2 we look" in text else '{"patterns": [{"step": 1, "name": "plan"}]}')

    with scripted(answer) as server, pytest.raises(DataError, match=r"core\.jsonl:3.*m gave no patterns"):
        asked(here, "out", server.url)


def test_nothing_is_asked_again_of_a_finished_run_or_of_one_whose_output_is_gone(here: Path) -> None:
    with start_server(faults=0.0) as server:
        out = asked(here, "out", server.url)
        before, parts = calls_of(server), shards(out)
        asked(here, "out", server.url)
        for path in out.glob("part-*.parquet"):
            path.unlink()
        asked(here, "out", server.url)
        assert shards(out) == parts
        # other options of the selection leave the chains as they are
        asked(here, "out", server.url, arms=("none",), method="knn", overwrite=True)
        assert calls_of(server) == before
        with_more = [*reasoned("p", 40, 1), *reasoned("more", 5, 3)]
        write(here / "pool.jsonl", with_more)
        asked(here, "out", server.url, overwrite=True)
        assert calls_of(server) == before + 5


def test_equal_texts_are_asked_about_once(here: Path) -> None:
    rows = reasoned("p", 20, 1)
    write(here / "pool.jsonl", [*rows, *(row | {"id": f"again {row['id']}"} for row in rows)])
    with start_server(faults=0.0) as server:
        asked(here, "out", server.url)
        assert calls_of(server) == 24
    reasons = {row["id"]: row["dropped_by"] for row in rows_of(here / "out", "dropped")}
    assert sum(reason == "duplicate" for reason in reasons.values()) == 20


def test_a_budget_that_is_reached_stops_the_run_and_is_no_loss(here: Path) -> None:
    with start_server(faults=0.0) as server:
        asked(here, "whole", server.url)
        whole = calls_of(server)
        # about 1,500 tokens a call
        with pytest.raises(Interrupted):
            asked(here, "out", server.url, llm={"max_tokens": 20_000, "concurrency": 1})
        part = calls_of(server) - whole
        assert 0 < part < whole
        asked(here, "out", server.url)
        assert calls_of(server) == 2 * whole
    assert shards(here / "out") == shards(here / "whole")


def test_the_model_the_prompt_and_the_language_decide(here: Path) -> None:
    with start_server(faults=0.0) as server:
        out = asked(here, "out", server.url)
    facts = json.dumps(json.loads((out / ".rlbff" / "manifest.json").read_text()))
    for word in ("test-model", prompt_hash(), '"annotator_language": "en"'):
        assert word in facts


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_a_killed_run_asks_only_what_it_had_not_heard(here: Path) -> None:
    write(here / "pool.jsonl", reasoned("p", 300, 1))
    words = ("select-cotp", "pool.jsonl", "--core", "core.jsonl", "--patterns", "llm", "--concurrency", "4")
    with start_server(faults=0.0) as server:
        done = rlbff(*words, "--llm", server.url, "-o", "whole", cwd=here)
        assert done.returncode == 0, done.stderr
    with start_server(faults=0.2, mix=TRANSPORT, retry_after="0.01", latency=0.05) as server:
        journal = here / "out" / ".rlbff"
        killed = 0
        for lines in (40, 120, 270):
            command = [*COMMAND, *words, "--llm", server.url, "-o", "out"]
            started = subprocess.Popen(
                command, cwd=here, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while started.poll() is None and heard(journal) < lines:
                time.sleep(0.02)
            started.send_signal(signal.SIGKILL)
            killed += started.wait() == -signal.SIGKILL
        assert killed == 3
        known = heard(journal)
        before = server.stats()
        done = rlbff(*words, "--llm", server.url, "-o", "out", cwd=here)
        assert done.returncode == 0, done.stderr
        after = server.stats()
    # of the calls that are answered in the end, those that were heard before are not made again
    answered = sum(after.get(key, 0) - before.get(key, 0) for key in (CALLS,)) - sum(
        after.get(f"fault {kind}", 0) - before.get(f"fault {kind}", 0) for kind in ("429", "500", "truncated")
    )
    assert answered == 304 - known
    assert shards(here / "out") == shards(here / "whole")


def heard(folder: Path, names: str = "*.jsonl") -> int:
    """Calls in the journals, whole lines alone."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob(f"journal/{names}"))
