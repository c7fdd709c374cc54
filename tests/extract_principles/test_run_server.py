"""extract-principles through a real HTTP server that injects faults, and through kills and signals."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.extract_principles.commands import (
    COMMAND,
    ROOT,
    assert_nothing_is_lost,
    contents,
    environment,
    manifest_of,
    rlbff,
    rows_of,
)
from tests.servers.chat_server import start_server

SAMPLE = ROOT / "sample_data" / "feedback.jsonl"


def test_faults_in_three_calls_of_ten_lose_nothing(tmp_path: Path) -> None:
    with start_server(faults=0.3, retry_after="0.05", hang_seconds=5.0) as server:
        done = rlbff(
            *("extract-principles", SAMPLE, "-o", "out", "--llm", server.url, "--timeout", 1, "--max-failed", 1),
            *("--rows-per-shard", 30, "--json"),
            cwd=tmp_path,
        )
        stats = server.stats()
    assert done.returncode == 0, done.stderr
    manifest = assert_nothing_is_lost(tmp_path / "out")
    for kind in ("429", "500", "hang", "truncated", "length", "schema", "fabricated"):
        assert stats[f"fault {kind}"] > 0, stats
    assert manifest["dropped_by"]["evidence"] > 0  # fabricated quotes
    assert manifest["rows"]["kept"] > 0
    assert set(manifest["rejected_by"]) <= {"bad_answer", "cut_off", "rate_limited", "http_500", "timeout"}
    assert rows_of(tmp_path / "out")[0]["extractor"] == "test-model"
    assert json.loads(done.stdout)["facts"]["usage"]["repairs"] > 0


def test_rows_that_a_server_failed_are_asked_again_when_told(tmp_path: Path) -> None:
    command = ["extract-principles", SAMPLE, "-o", "out", "--rows-per-shard", 10]
    with start_server(faults=0.2, mix="500:1") as server:
        failed = rlbff(*command, "--llm", server.url, "--timeout", 1, "--max-retries", 0, cwd=tmp_path)
    assert failed.returncode == 3, failed.stderr
    (line,) = [line for line in failed.stderr.splitlines() if "more than --max-failed" in line]
    assert "(where a server failed, the same command with --retry-rejected asks it again) or accept them" in line
    with start_server(faults=0) as server:
        again = rlbff(*command, "--llm", server.url, "--retry-rejected", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "--retry-rejected" not in again.stderr
    assert manifest_of(tmp_path / "out")["rows"]["rejected"] == 0


def test_faults_on_real_feedback_lose_nothing(tmp_path: Path, shared_data: Path) -> None:
    sources = {
        "shepherd": ["shepherd/human_data_for_model.jsonl.gz", "--map", "prompt=question,completion=answer"],
        "ilf": ["ilf/surge_annotations.jsonl", "--map", "feedback=Feedback,id=task_id"],
    }
    with start_server(faults=0.3, retry_after="0.05", hang_seconds=5.0) as server:
        for name, (file, *options) in sources.items():
            done = rlbff(
                *("extract-principles", shared_data / file, *options, "-o", name, "--llm", server.url),
                *("--timeout", 1, "--max-failed", 1),
                cwd=tmp_path,
            )
            assert done.returncode == 0, done.stderr
            assert assert_nothing_is_lost(tmp_path / name)["rows"]["in"] == {"shepherd": 659, "ilf": 98}[name]


def test_raw_replies_are_kept_and_a_rerun_asks_nothing(tmp_path: Path) -> None:
    with start_server(faults=0.0) as server:
        rlbff("extract-principles", SAMPLE, "-o", "out", "--llm", server.url, cwd=tmp_path)
        asked = server.stats()["/chat/completions"]
        journal = tmp_path / "out" / ".rlbff" / "journal" / "part-00000.jsonl"
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        feedbacks = sum(len(json.loads(line)["feedback"]) for line in SAMPLE.read_text().splitlines())
        assert 0 < len(lines) <= feedbacks
        assert all(json.loads(line["raw"][-1])["principles"] is not None for line in lines)
        rlbff("extract-principles", SAMPLE, "-o", "out", "--llm", server.url, "--no-resume", cwd=tmp_path)
        assert server.stats()["/chat/completions"] == asked > 0


def test_what_calls_cost_is_told_whatever_the_number_of_workers(tmp_path: Path) -> None:
    with start_server(faults=0.0) as server:
        call = ["extract-principles", SAMPLE, "--llm", server.url, "--rows-per-shard", 35, "--json"]
        priced = [*call, "--price-in", 1, "--price-out", 2]
        one, two = (rlbff(*priced, "-o", n, "--workers", n, cwd=tmp_path) for n in (1, 2))
    usages = [json.loads(done.stdout)["facts"]["usage"] for done in (one, two)]
    for name in ("prompt_tokens", "completion_tokens", "cost_usd"):
        assert usages[0][name] == usages[1][name] > 0


def test_another_model_is_another_configuration(tmp_path: Path) -> None:
    with start_server(faults=0.0, models="a,b") as server:
        several = rlbff("extract-principles", SAMPLE, "-o", "out", "--llm", server.url, cwd=tmp_path)
        assert several.returncode == 2
        assert "--llm-model" in several.stderr
        one = ["extract-principles", SAMPLE, "-o", "out", "--limit", 3, "--llm", server.url, "--llm-model"]
        assert rlbff(*one, "a", cwd=tmp_path).returncode == 0
        other = rlbff(*one, "b", cwd=tmp_path)
    assert other.returncode == 73
    assert "extractor: 'a' there, 'b' now" in other.stderr


def test_an_endpoint_that_is_not_there_is_69(tmp_path: Path) -> None:
    done = rlbff("extract-principles", SAMPLE, "--llm", "http://127.0.0.1:9/v1", cwd=tmp_path)
    assert done.returncode == 69
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "http://127.0.0.1:9/v1" in line


def test_a_key_is_never_stored(tmp_path: Path) -> None:
    with start_server(faults=0.0, key="sk-secret-1234") as server:
        refused = rlbff("extract-principles", SAMPLE, "--limit", 2, "--llm", server.url, cwd=tmp_path)
        assert refused.returncode == 69
        done = rlbff(
            *("extract-principles", SAMPLE, "-o", "out", "--limit", 2, "--llm", server.url),
            cwd=tmp_path,
            RLBFF_LLM_KEY="sk-secret-1234",
        )
    assert done.returncode == 0, done.stderr
    for data in contents(tmp_path / "out").values():
        assert b"sk-secret" not in data
    assert "sk-secret" not in done.stderr + refused.stderr


def test_a_spent_budget_ends_with_75_and_the_rest_is_done_later(tmp_path: Path) -> None:
    interrupted, whole = _two_places(tmp_path)
    with start_server(faults=0.0) as server:
        call = ["extract-principles", SAMPLE, "-o", "out", "--rows-per-shard", 10, "--llm", server.url]
        spent = rlbff(*call, "--max-tokens", 20_000, cwd=interrupted)
        assert spent.returncode == 75
        assert "--max-tokens" in spent.stderr
        assert not (interrupted / "out" / ".rlbff" / "manifest.json").exists()
        assert server.stats()["/chat/completions"] > 2
        assert rlbff(*call, cwd=interrupted).returncode == 0
        asked = server.stats()["distinct"]
        assert server.stats()["/chat/completions"] == asked
        assert rlbff(*call, cwd=whole).returncode == 0
    assert contents(interrupted / "out") == contents(whole / "out")


def _two_places(folder: Path) -> tuple[Path, Path]:
    """Two folders to run the same command in, so that nothing but interruptions differs."""
    places = folder / "interrupted", folder / "whole"
    for place in places:
        place.mkdir()
    return places


def test_embeddings_of_a_server_decide_the_consensus(tmp_path: Path) -> None:
    with start_server(faults=0.0) as server:
        done = rlbff("extract-principles", SAMPLE, "-o", "out", "--embedder", server.url, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert manifest_of(tmp_path / "out")["config"]["embedder_name"] == "url:test-model"
    assert_nothing_is_lost(tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        (signal.SIGTERM, 2),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.campaign),
        pytest.param(signal.SIGINT, 1, marks=pytest.mark.campaign),
        pytest.param(signal.SIGINT, 2, marks=pytest.mark.campaign),
    ],
)
def test_a_signal_ends_with_75_and_the_rest_is_done_later(kind: signal.Signals, workers: int, tmp_path: Path) -> None:
    many = _many(tmp_path / "many.jsonl", 6000)
    interrupted, whole = _two_places(tmp_path)
    call = ["extract-principles", str(many), "-o", "out", "--rows-per-shard", "300", "--workers", str(workers)]
    child = subprocess.Popen([*COMMAND, *call], cwd=interrupted, env=environment(), stderr=subprocess.PIPE, text=True)
    _wait_for(interrupted / "out" / ".rlbff" / "done", 2)
    child.send_signal(kind)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 75, stderr
    assert "Traceback" not in stderr
    assert not (interrupted / "out" / ".rlbff" / "manifest.json").exists()
    assert rlbff(*call, cwd=interrupted).returncode == 0
    assert rlbff(*call, cwd=whole).returncode == 0
    assert contents(interrupted / "out") == contents(whole / "out")


def _many(path: Path, rows: int) -> Path:
    sample = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    with path.open("w") as out:
        for n in range(rows):
            out.write(json.dumps({**sample[n % len(sample)], "id": f"r{n}"}) + "\n")
    return path


def _wait_for(folder: Path, files: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(folder.glob("*.json"))) < files:
        time.sleep(0.02)


@pytest.mark.campaign
@pytest.mark.parametrize("most", [3, 15])
def test_kills_at_random_moments_leave_the_same_folder(tmp_path: Path, most: int) -> None:
    """Half of the runs ask a server with faults of content, half use the rules with two workers."""
    many = _many(tmp_path / "many.jsonl", 4000)
    rng = random.Random(20)
    interrupted, whole = _two_places(tmp_path)
    rules = ["extract-principles", str(many), "--rows-per-shard", "100", "--workers", "2", "-o", "rules"]
    with start_server(latency=0.02, mix="length:1,schema:1,fabricated:1") as server:
        model = [
            *("extract-principles", str(SAMPLE), "--rows-per-shard", "5", "--max-failed", "1"),
            *("--llm", server.url, "--concurrency", "4", "-o", "model"),
        ]
        for name, call in (("rules", rules), ("model", model)):
            undisturbed = rlbff(*call, cwd=whole)
            assert undisturbed.returncode == 0, undisturbed.stderr
            kills = 0
            for _ in range(100):
                child = subprocess.Popen(
                    [*COMMAND, *call], cwd=interrupted, env=environment(), stderr=subprocess.DEVNULL
                )
                try:
                    child.wait(rng.uniform(0.4, 1.6))
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGKILL)
                    child.wait()
                    kills += 1
                if kills == most:
                    break
                if child.returncode == 0:
                    _take_back(interrupted / name, rng)
            assert kills == most
            assert rlbff(*call, cwd=interrupted).returncode == 0
            assert contents(interrupted / name) == contents(whole / name)


def _take_back(folder: Path, rng: random.Random) -> None:
    """Undo some finished parts of a run that was quicker than the killer, so that there is work left to interrupt."""
    done = sorted((folder / ".rlbff" / "done").glob("*.json"))
    for path in rng.sample(done, len(done) // 2):
        path.unlink()
