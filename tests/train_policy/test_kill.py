"""Runs of the command line that are killed or told to stop at any moment end with the bytes of one that was not."""

import json
import random
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.toy_policy import save_toy_policy, toy_rows
from tests.train_policy.killing import Server, journal, server, stored

EVERYTHING = ["--kl", "0.05", "--entropy-band", "0.99,1.01", "--passes", "2", "--dynamic-sampling", "on"]
SETTINGS = {
    "plain": [],
    "kl": ["--kl", "0.1"],
    "band": ["--entropy-band", "0.99,1.01", "--entropy-bonus", "0.01"],
    "passes": ["--passes", "2", "--preset", "dapo"],
}
FEW_KINDS = (
    "sample ",
    "os.rename .rlbff/training/FINGERPRINT/pieces",
    "scored ",
    "stepped ",
    "half checkpoint",
    "os.rename model.safetensors",
    "os.rename .rlbff/done",
)


@pytest.fixture(scope="module")
def runs() -> Iterator[Server]:
    with server() as opened:
        yield opened


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a toy run, without the options that decide how long it is."""
    folder = tmp_path_factory.mktemp("inputs")
    save_toy_policy(folder / "base")
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in toy_rows(10)))
    (folder / "mine.py").write_text("def share(completion):\n    return len(completion) / 100\n")
    return [
        *("train-policy", str(folder / "prompts.jsonl"), "--model", str(folder / "base"), "-o", "out"),
        *("--reward", "py:mine:share", "--py-path", str(folder), "--group-size", "4", "--prompts-per-generation", "8"),
        *("--prompts-per-update", "2", "--max-new-tokens", "4", "--learning-rate", "1e-2", "--warmup", "2"),
        *("--sample-batch", "16"),
    ]


def begun(folder: Path) -> Path:
    folder.mkdir()
    return folder


def written(root: Path) -> dict[Path, int]:
    """When the files for users were written."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and ".rlbff" not in path.parts}


def shapes(moments: Sequence[str]) -> list[str]:
    """Moments without what differs between configurations."""
    return [re.sub(r"training/[0-9a-f]{16}", "training/FINGERPRINT", moment) for moment in moments]


def one_of_each_kind(moments: Sequence[str], seed: int) -> list[str]:
    drawn = random.Random(seed)
    fitting = [[m for m, shape in zip(moments, shapes(moments), strict=True) if shape.startswith(k)] for k in FEW_KINDS]
    return [drawn.choice(found) for found in fitting]


def killed_on_the_way(runs: Server, folder: Path, command: list[str], moments: list[str], **options: bool) -> int:
    """Run the command until it ends by itself, killed at each of the moments; how often that was."""
    for kills in range(len(moments) + 1):
        code = runs.run(folder, command, moments=moments, **options)
        if code != -signal.SIGKILL:
            assert code == 0, (folder / "stderr").read_text()
            return kills
    raise AssertionError("it was killed more often than there are moments")


def check_drawn_once(moments: Sequence[str]) -> None:
    """No piece of a generation was stored twice, and no generation sampled after its shard was in place."""
    pieces = [line for line in moments if line.startswith("os.rename") and "/pieces/" in line]
    assert len(pieces) == len(set(pieces))
    assert pieces
    stored_generations = set()
    for line in moments:
        if line.startswith("os.rename rollouts/part-"):
            stored_generations.add(int(line.removesuffix(".parquet")[-5:]))
        if line.startswith("sampled "):
            assert int(line.split()[1]) not in stored_generations


def test_killed_at_moments_of_every_kind_a_run_ends_with_the_same_bytes(
    runs: Server, inputs: list[str], tmp_path: Path
) -> None:
    command = [*inputs, *EVERYTHING, "--generations", "2", "--save-every", "3"]
    whole, killed = begun(tmp_path / "whole"), begun(tmp_path / "killed")
    assert runs.run(whole, command) == 0, (whole / "stderr").read_text()
    moments = one_of_each_kind(journal(whole), seed=1)
    assert killed_on_the_way(runs, killed, command, moments) == len(set(moments))
    assert stored(killed / "out") == stored(whole / "out")
    check_drawn_once(journal(killed))


def test_told_to_stop_a_run_says_how_to_go_on_and_ends_with_the_same_bytes(
    runs: Server, inputs: list[str], tmp_path: Path
) -> None:
    command = [*inputs, "--generations", "1", "--save-every", "100"]
    whole, stopped = begun(tmp_path / "whole"), begun(tmp_path / "stopped")
    assert runs.run(whole, command) == 0
    kinds = {"scored ": signal.SIGTERM, "stepped ": signal.SIGINT, "open .rlbff/tmp/model/config": signal.SIGTERM}
    for kind, sign in kinds.items():
        moment = next(moment for moment in journal(whole) if moment.startswith(kind))
        code = runs.run(stopped, command, moments=[moment], sign=sign)
        told = (stopped / "stderr").read_text()
        assert (code, moment) == (75, moment)
        assert "same command" in told.splitlines()[-1]
        assert "Traceback" not in told
    assert runs.run(stopped, command) == 0
    assert stored(stopped / "out") == stored(whole / "out")
    check_drawn_once([line for line in journal(stopped) if not line.startswith("hit")])

    times = written(stopped / "out")
    (stopped / "journal").unlink()
    assert runs.run(stopped, command) == 0, "a finished run is left alone"
    assert (stored(stopped / "out"), written(stopped / "out")) == (stored(whole / "out"), times)
    assert not [line for line in journal(stopped) if line.startswith(("sample", "scored", "stepped"))]


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("setting", SETTINGS)
def test_killed_at_every_step_of_forty_a_run_ends_with_the_same_bytes(
    runs: Server, inputs: list[str], tmp_path: Path, setting: str
) -> None:
    """At every step without options; at every fifth with them; and at other moments by chance."""
    passes = 2 if setting == "passes" else 1
    command = [*inputs, *SETTINGS[setting], "--generations", str(11 // passes), "--save-every", "3"]
    whole, killed = begun(tmp_path / "whole"), begun(tmp_path / "killed")
    assert runs.run(whole, command) == 0, (whole / "stderr").read_text()
    moments = list(dict.fromkeys(journal(whole)))
    steps = [moment for moment in moments if moment.startswith("stepped")]
    assert len(steps) >= (40 if setting == "plain" else 20)
    others = [moment for moment in moments if not moment.startswith(("stepped", "learned", "os.mkdir"))]
    chosen = (steps if setting == "plain" else steps[::5]) + random.Random(setting).sample(others, 12)
    assert killed_on_the_way(runs, killed, command, chosen) >= len(chosen) - 4
    assert stored(killed / "out") == stored(whole / "out")
    check_drawn_once(journal(killed))
