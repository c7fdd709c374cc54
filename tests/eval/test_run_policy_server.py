"""`rlbff eval avg-at-k --policy URL`: what a policy behind a server wrote is taken as it is, checked and kept."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.eval.run import run
from tests.eval.test_run_judge import values_of
from tests.eval.test_run_model import write
from tests.eval.test_run_policy import config, options, problems
from tests.extract_principles.commands import COMMAND, contents, environment, manifest_of, rlbff, rows_of
from tests.servers.chat_server import start_server
from tests.servers.scripted import Call, Said, completion, scripted
from tests.tiny_models import save_tiny_answering_lm, save_tiny_causal_lm

ADD = "def add(a, b):\n    return a + b"
SUBTRACT = "def add(a, b):\n    return a - b"


def seven_or_eight(call: Call) -> Said:
    if call.body["seed"] % 2:
        return completion("It is 8, no", "length")
    return completion(r"Clearly \boxed{7}")


def test_each_sample_is_one_call_and_counts_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7", "7", "7"))
    with scripted(seven_or_eight) as server:
        asked = config(tmp_path, options(server.url, samples=8))
        run(asked)
        run(asked)
    assert len(server.calls) == len({call.body["seed"] for call in server.calls}) == 24
    assert {(call.body["temperature"], call.body["top_p"], call.body["max_tokens"]) for call in server.calls} == {
        (0.6, 0.95, 6)
    }
    stored = rows_of(tmp_path / "out" / ".rlbff" / "completions")
    cut = sum(call.body["seed"] % 2 for call in server.calls)
    assert 0 < cut < len(stored) == 24
    for row in stored:
        ended = row["finish"] == "stop"
        assert row["completion"][0]["content"] == (r"Clearly \boxed{7}" if ended else "It is 8, no")
        assert row["correct"] == ended
    told = manifest_of(tmp_path / "out")["facts"]["models"]["scores"]
    assert (told["name"], told["prompt_tokens"], told["completions"], told["cut_off"]) == ("m", 240, 24, cut)
    assert told["finish"] == {"length": cut, "stop": 24 - cut}
    assert values_of(tmp_path / "out")["avg@8"] == pytest.approx(1 - cut / 24)


@pytest.mark.parametrize(
    ("said", "finish", "correct"),
    [
        (completion("<think>8?</think>It is 7."), "stop", True),
        (completion("It is 7.", reasoning_content="8?"), "stop", True),
        # a server that takes all of an answer for reasoning
        (completion(None, "stop", reasoning_content="It is 7."), "stop", True),
        # cut off before there was an answer
        (completion(None, "length", reasoning_content="It is 7, or"), "length", False),
        (completion("7\ud83d"), "stop", True),
        (completion("7", "eos_token"), "eos_token", True),
    ],
)
def test_reasoning_odd_ends_and_half_characters(said: Said, finish: str, correct: bool, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    with scripted(lambda call: said) as server:
        run(config(tmp_path, options(server.url, samples=1)))
    (row,) = rows_of(tmp_path / "out" / ".rlbff" / "completions")
    assert (row["finish"], row["correct"]) == (finish, correct)
    assert "8?" not in row["completion"][0]["content"] or said.payload["choices"][0]["message"]["content"]  # type: ignore[index]
    assert manifest_of(tmp_path / "out")["facts"]["models"]["scores"]["finish"] == {finish: 1}


def test_what_the_server_declined_rejects_its_problem(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7", "8"))

    def answer(call: Call) -> Said:
        first = "Question 0" in call.body["messages"][0]["content"]
        return completion("7", "content_filter" if first else "stop")

    with scripted(answer) as server:
        call = ("eval", "avg-at-k", "rows.jsonl", "--policy", server.url, "--reward", "math:", "--samples", 2)
        done = rlbff(*call, "--draws", 5, "-o", "out", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert manifest_of(tmp_path / "out")["rejected_by"] == {"refused": 1}


def test_a_server_with_faults_is_asked_for_nothing_twice(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems(*"7" * 12))
    figures = {}
    for name, faults in (("calm", 0.0), ("rough", 0.5)):
        with start_server(answer="7", faults=faults, mix="429:3,500:3,truncated:2", retry_after="0.01") as server:
            run(config(tmp_path, options(server.url, samples=4), name))
            assert server.stats()["distinct"] == 48
            assert name == "calm" or any(key.startswith("fault") for key in server.stats())
        figures[name] = values_of(tmp_path / name)
    assert figures["calm"] == figures["rough"]
    assert figures["calm"]["avg@4"] == 1


def program(call: Call) -> Said:
    fenced = f"Here:\n```python\n{SUBTRACT if call.body['seed'] % 2 else ADD}\n```"
    return completion(fenced)


def test_programs_of_a_policy_are_run_against_their_tests(tmp_path: Path) -> None:
    row = {"id": "p0", "prompt": "Write add(a, b).", "tests": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}
    write(tmp_path / "rows.jsonl", [row])
    with scripted(program) as server:
        run(config(tmp_path, options(server.url, samples=6, reward=("code:",))))
    stored = rows_of(tmp_path / "out" / ".rlbff" / "completions")
    # a program that passes one of two tests is worth a half, and not right
    assert {(row["reward"], row["correct"], "a - b" in row["completion"][0]["content"]) for row in stored} == {
        (1.0, True, False),
        (0.5, False, True),
    }
    assert values_of(tmp_path / "out")["avg@6"] == sum(row["correct"] for row in stored) / 6
    folder = save_tiny_answering_lm(tmp_path / "adds", ADD)
    run(config(tmp_path, options(folder, reward=("code:",)), "local"))
    assert values_of(tmp_path / "local")["avg@3"] == 1


def test_demands_on_a_policy_are_checked(tmp_path: Path) -> None:
    rows = [{"id": "a", "prompt": "p", "checks": ["words<=2"]}, {"id": "b", "prompt": "p", "checks": ["words>=2"]}]
    write(tmp_path / "rows.jsonl", rows)
    with scripted(lambda call: completion("two words" if call.body["seed"] % 2 else "one")) as server:
        run(config(tmp_path, options(server.url, samples=8, reward=("check:",))))
    stored = rows_of(tmp_path / "out" / ".rlbff" / "completions")
    assert len(stored) == 16
    for row in stored:
        assert row["correct"] == (row["problem_id"] == "a" or row["completion"][0]["content"] == "two words")
    folder = save_tiny_answering_lm(tmp_path / "one", "one")
    run(config(tmp_path, options(folder, reward=("check:",)), "local"))
    assert values_of(tmp_path / "local")["avg@3"] == 0.5


def killed_once(call: tuple[object, ...], cwd: Path, ready: Callable[[], bool]) -> None:
    """Start a run, kill it with SIGKILL as soon as it is `ready`, and run it again to its end."""
    command = [*COMMAND, *map(str, call)]
    process = subprocess.Popen(command, cwd=cwd, env=environment(), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not ready():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    again = rlbff(*call, cwd=cwd)
    assert again.returncode == 0, again.stderr


def same_bytes(ours: Path, theirs: Path) -> None:
    first, second = contents(ours), contents(theirs)
    assert set(first) == set(second)
    # the options hold the folder's name
    assert [name for name in first if first[name] != second[name]] == [".rlbff/config.yaml"]


def call_of(policy: object, out: str, *more: object) -> tuple[object, ...]:
    asked = ("eval", "avg-at-k", "rows.jsonl", "--policy", policy, "--reward", "math:", "--draws", 5, "-o", out)
    return (*asked, "--device", "cpu", *more)


def test_a_run_killed_while_a_server_samples_ends_with_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems(*"7" * 40))
    killed = threading.Event()

    def answer(call: Call) -> Said:
        if call.number >= 200 and not killed.is_set():
            killed.wait(60)  # those under way when the process is killed; of the second batch of 128
        return seven_or_eight(call)

    with scripted(answer) as server:
        call = call_of(server.url, "killed", "--concurrency", 8)

        def ready() -> bool:
            if len(server.calls) >= 208:
                killed.set()
            return killed.is_set()

        killed_once(call, tmp_path, ready)
        # only what was under way is asked again
        assert 320 <= len(server.calls) <= 320 + 16
        whole = rlbff(*call_of(server.url, "whole", "--concurrency", 8), cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    same_bytes(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.campaign
def test_a_run_killed_while_a_model_samples_ends_with_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems(*"7" * 64))
    folder = save_tiny_causal_lm(tmp_path / "random")
    more = ("--samples", 8, "--max-new-tokens", 64)
    journal = tmp_path / "killed" / ".rlbff" / "journal" / "completions.jsonl"
    killed_once(call_of(folder, "killed", *more), tmp_path, lambda: journal.exists() and journal.stat().st_size > 0)
    whole = rlbff(*call_of(folder, "whole", *more), cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    same_bytes(tmp_path / "killed", tmp_path / "whole")
