"""extract-principles with models in this process, and with a real server of another project that holds them."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.extract_principles.commands import (
    ROOT,
    assert_nothing_is_lost,
    environment,
    journal_of,
    rlbff,
    rows_of,
)
from tests.tiny_models import save_tiny_answering_lm, save_tiny_causal_lm, save_tiny_encoder

SAMPLE = ROOT / "sample_data" / "feedback.jsonl"
FOUR_ROWS = [json.loads(line) for line in SAMPLE.read_text().splitlines()[:4]]
FEEDBACKS = {text for row in FOUR_ROWS for text in row["feedback"]}

ANSWER = '{"principles": [{"principle": "clarity", "evidence": "is clear", "verdict": "yes"}]}'
OFFLINE = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three models: `random`, `answering` and `encoder`."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_causal_lm(folder / "random", window=8192)
    save_tiny_answering_lm(folder / "answering", ANSWER)
    save_tiny_encoder(folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def served(models: Path) -> Iterator[str]:
    """The URL of `transformers serve`, which loads the model that a request names."""
    (models / "home" / "hub").mkdir(parents=True)
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve"]
    command += ["--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    log = models / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=models, env=environment(HF_HOME=str(models / "home"), **OFFLINE), stdout=out, stderr=out
        )
    try:
        yield f"{_address(server, log)}/v1"
    finally:
        server.kill()
        server.wait()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        if (line := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())) is not None:
            return line[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def extract(folder: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    """Read four rows into folder/out, with at most 32 tokens an answer."""
    common = ["extract-principles", SAMPLE, "-o", "out", "--limit", 4, "--max-reply-tokens", 32, "--json"]
    return rlbff(*common, *options, cwd=folder, **OFFLINE)


def assert_all_is_garbage(done: "subprocess.CompletedProcess[str]", out: Path) -> None:
    """Every row is rejected for the model's answers, which are all in the journal, the one to the repair as well."""
    assert done.returncode == 65, done.stderr
    assert "Traceback" not in done.stderr
    manifest = assert_nothing_is_lost(out)
    assert manifest["rows"] == {"in": 4, "kept": 0, "dropped": 0, "rejected": 4}
    assert set(manifest["rejected_by"]) <= {"bad_answer", "cut_off"}
    assert {row["reason"] for row in rows_of(out, "rejected")} == set(manifest["rejected_by"])
    calls = journal_of(out)
    assert len(calls) == len(FEEDBACKS)
    for call in calls:
        assert call["outcome"] in ("bad_answer", "cut_off")
        assert len(call["raw"]) == len(call["tokens"]) == 2
        assert call["raw"][0]
        assert not call["estimated"]
        assert all(asked > 100 and 0 < answered <= 32 for asked, answered in call["tokens"])


def without_name(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "extractor"} for row in rows]


def test_a_local_model_that_talks_nonsense_gets_every_row_rejected(models: Path, tmp_path: Path) -> None:
    done = extract(tmp_path, "--llm", f"local:{models / 'random'}")
    assert_all_is_garbage(done, tmp_path / "out")


def test_a_local_models_answers_go_through_the_filters(models: Path, tmp_path: Path) -> None:
    local = f"local:{models / 'answering'}"
    done = extract(tmp_path, "--llm", local, "--consensus", "off", "--evidence-threshold", 90)
    assert done.returncode == 0, done.stderr
    manifest = assert_nothing_is_lost(tmp_path / "out")
    # "is clear" stands in the feedback of one of the four rows
    assert manifest["rows"] == {"in": 4, "kept": 1, "dropped": 3, "rejected": 0}
    assert manifest["dropped_by"] == {"evidence": 11}
    (row,) = rows_of(tmp_path / "out")
    (evidence,) = row["evidence"]
    assert (row["principle"], row["label"], evidence["quote"]) == ("clarity", True, "is clear")
    assert [call["raw"] for call in journal_of(tmp_path / "out")] == [[ANSWER]] * len(FEEDBACKS)


def test_a_local_encoder_decides_the_consensus_and_is_named_in_the_manifest(models: Path, tmp_path: Path) -> None:
    done = extract(tmp_path, "--embedder", f"local:{models / 'encoder'}")
    assert done.returncode == 0, done.stderr
    manifest = assert_nothing_is_lost(tmp_path / "out")
    assert manifest["config"]["embedder_name"].startswith("local:encoder@")
    assert manifest["rows"]["kept"] > 0
    again = extract(tmp_path, "--embedder", "ngram")
    assert again.returncode == 73
    assert "embedder_name: 'local:encoder@" in again.stderr
    assert "there, 'ngram@1' now" in again.stderr


@pytest.mark.slow
def test_a_served_model_gives_what_it_gives_in_this_process(served: str, models: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    local = extract(here, "--llm", f"local:{models / 'answering'}")
    remote = extract(there, "--llm", served, "--llm-model", "answering")
    assert (local.returncode, remote.returncode) == (0, 0), remote.stderr
    assert assert_nothing_is_lost(there / "out")["config"]["extractor"] == "answering"
    assert [call["raw"] for call in journal_of(there / "out")] == [[ANSWER]] * len(FEEDBACKS)
    assert rows_of(there / "out")
    assert without_name(rows_of(there / "out")) == without_name(rows_of(here / "out"))


@pytest.mark.slow
def test_a_served_model_that_talks_nonsense_gets_every_row_rejected(served: str, tmp_path: Path) -> None:
    done = extract(tmp_path, "--llm", served, "--llm-model", "random")
    assert_all_is_garbage(done, tmp_path / "out")


@pytest.mark.slow
def test_a_server_that_lists_no_model_needs_a_name(served: str, tmp_path: Path) -> None:
    done = extract(tmp_path, "--llm", served)
    assert done.returncode == 2
    assert "lists no model; name one with --llm-model" in done.stderr
