"""Stored rollouts learned from again, at the command line: under the same loss they give the same weights."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.toy_policy import save_toy_policy, toy_rows
from tests.train_policy.killing import Server, server

SAMPLING = ["--group-size", "4", "--prompts-per-generation", "8", "--max-new-tokens", "4", "--sample-batch", "16"]
SAMPLING += ["--dynamic-sampling", "on"]
TRAINING = ["--prompts-per-update", "2", "--learning-rate", "1e-2", "--warmup", "2"]


@pytest.fixture(scope="module")
def runs() -> Iterator[Server]:
    with server() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, runs: Server) -> Path:
    """A folder with base, prompts, and the policy `two` of two generations."""
    folder = tmp_path_factory.mktemp("replay")
    save_toy_policy(folder / "base")
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in toy_rows(10)))
    (folder / "mine.py").write_text("def share(completion):\n    return len(completion) / 100\n")
    assert train(runs, folder, "two", "--generations", "2") == 0
    return folder


def train(runs: Server, folder: Path, out: str, *options: str) -> int:
    command = ["train-policy", "prompts.jsonl", "--model", "base", "--reward", "py:mine:share", "-o", out]
    return runs.run(folder, [*command, *SAMPLING, *TRAINING, *options])


def replay(runs: Server, folder: Path, out: str, rollouts: str, *options: str) -> tuple[int, str]:
    command = ["train-policy", rollouts, "--replay", "--model", "base", "-o", out, *TRAINING, *options]
    code = runs.run(folder, command)
    return code, (folder / "stderr").read_text()


def weights(folder: Path, out: str) -> bytes:
    return (folder / out / "model.safetensors").read_bytes()


@pytest.mark.parametrize("preset", ["ce-gppo", "grpo", "gspo", "as-released"])
def test_the_first_generation_under_a_loss_gives_what_training_with_it_would_have(
    runs: Server, folder: Path, preset: str
) -> None:
    options = ["--preset", preset, "--truncated", "keep"]
    assert train(runs, folder, f"fresh-{preset}", *options, "--generations", "1") == 0
    code, told = replay(runs, folder, f"again-{preset}", "two/rollouts", *options, "--generations", "1")
    assert code == 0, told
    assert weights(folder, f"again-{preset}") == weights(folder, f"fresh-{preset}")


def test_all_generations_under_the_same_loss_give_the_same_policy(runs: Server, folder: Path) -> None:
    assert replay(runs, folder, "all", "two/rollouts")[0] == 0
    assert weights(folder, "all") == weights(folder, "two")


@pytest.mark.parametrize("column", ["prompt_ids", "sampling_logprobs", "reward", "group"])
def test_rollouts_without_what_is_needed_are_refused(runs: Server, folder: Path, column: str) -> None:
    table = pq.read_table(folder / "two" / "rollouts" / "part-00000.parquet")
    pq.write_table(table.drop_columns([column]), folder / f"no-{column}.parquet")
    code, told = replay(runs, folder, f"refused-{column}", f"no-{column}.parquet")
    assert code == 65
    assert told.splitlines()[-1].startswith("error: All ")
    assert f"'{column}'" in told
    assert "Traceback" not in told


def test_tokens_that_the_base_does_not_have_are_refused(runs: Server, folder: Path) -> None:
    rows = pq.read_table(folder / "two" / "rollouts" / "part-00000.parquet")
    many = [{**row, "completion_ids": [9999] * len(row["completion_ids"])} for row in rows.to_pylist()]
    pq.write_table(type(rows).from_pylist(many, schema=rows.schema), folder / "other.parquet")
    code, told = replay(runs, folder, "other", "other.parquet")
    assert (code, "token 9999 is none of the model's" in told) == (65, True)


def test_rewards_are_not_asked_for_again(runs: Server, folder: Path) -> None:
    code, told = replay(runs, folder, "rewarded", "two/rollouts", "--reward", "py:mine:share")
    assert (code, "leave out --reward" in told) == (2, True)


def test_another_base_than_that_of_the_rollouts_is_told(runs: Server, folder: Path) -> None:
    save_toy_policy(folder / "other", seed=5)
    mark = "--model is not the base that these rollouts were sampled from"
    code, told = replay(runs, folder, "by-other", "two", "--model", "other", "--generations", "1")
    assert code == 0, told
    assert mark in told
    code, told = replay(runs, folder, "by-own", "two", "--generations", "1")
    assert code == 0, told
    assert mark not in told
