"""score through the command line, with entailment models of a few thousand weights."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlbff_cli.main import main
from stages.rewards.card import read_card
from tests.extract_principles.commands import COMMAND, ROOT, contents, environment, manifest_of, rlbff, rows_of
from tests.score.fakes import write

GOLDEN = ROOT / "tests" / "golden" / "score.json"
OFFLINE = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
PRINCIPLES = ("clarity", "correctness of the answer", "brevity")
BY_EACH = [word for principle in PRINCIPLES for word in ("--principle", principle)]

ROWS = [
    {"id": "sum", "prompt": "What is 2 + 2?", "completions": ["4", "The answer is 5, of course.", "", "4"]},
    {
        "id": "chat",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi!"}],
        "completions": ["Hello.", [{"role": "assistant", "content": "Hm."}] * 1],
    },
    {"id": "same", "prompt": "What is 2 + 2?", "completions": ["four"]},
    {"id": "bare", "prompt": None, "completions": ["A response to nothing."]},
]


def call(*arguments: object) -> int:
    """The command line in this process, which has torch imported."""
    return main([str(word) for word in arguments])


def by_text(folder: Path) -> dict[tuple[str, str, str], float]:
    return {
        (json.dumps(row["prompt"]), row["completion"][-1]["content"], row["principle"]): row["score"]
        for row in rows_of(folder)
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of one's own, with the rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write(tmp_path / "rows.jsonl", ROWS)
    return tmp_path


def test_golden_rows(here: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("score", "rows.jsonl", "--rm", models / "rm", *BY_EACH, "--precision", "fp32") == 0
    assert capfd.readouterr().out == "rows.scores\n"
    found = {
        "columns": manifest_of(here / "rows.scores")["columns"],
        "rows": [
            [row["id"], row["sample"], row["principle"], round(row["score"], 3), round(row["p_yes"], 3)]
            for row in rows_of(here / "rows.scores")
        ],
    }
    if os.environ.get("UPDATE_GOLDEN"):
        lines = ",\n".join(f"  {json.dumps(row)}" for row in found["rows"])
        columns = json.dumps(found["columns"], indent=1)
        GOLDEN.write_text(f'{{"columns": {columns},\n"rows": [\n{lines}\n]}}\n')
    golden = json.loads(GOLDEN.read_text())
    assert found["columns"] == golden["columns"]
    assert [row[:3] for row in found["rows"]] == [row[:3] for row in golden["rows"]]
    for row, wanted in zip(found["rows"], golden["rows"], strict=True):
        assert row[3:] == pytest.approx(wanted[3:], abs=2e-3)


def test_scores_are_those_of_one_forward_pass_a_pair(here: Path, models: Path) -> None:
    assert call("score", "rows.jsonl", "--rm", models / "rm", *BY_EACH, "--precision", "fp32", "-o", "out") == 0
    tokenizer = AutoTokenizer.from_pretrained(models / "rm")
    model = AutoModelForCausalLM.from_pretrained(models / "rm").eval()
    card = read_card(models / "rm")
    assert card is not None
    assert card.template is not None
    assert card.calibration is not None
    for row in rows_of(here / "out"):
        messages = [(turn["role"], turn["content"]) for turn in row["prompt"] or []]
        text = card.template.render(tokenizer, _messages(messages), row["completion"][-1]["content"], row["principle"])
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = model(ids).logits[0, -1].double()
        expected = float(logits[card.template.answers.yes] - logits[card.template.answers.no])
        assert row["score"] == pytest.approx(expected, abs=1e-5)
        assert row["p_yes"] == pytest.approx(card.calibration.p_yes([expected])[0], abs=1e-5)


def _messages(turns: list[tuple[str, str]]) -> Any:
    from stages.core.chat import Message

    return [Message(*turn) for turn in turns]


def test_scores_depend_on_no_part_order_or_neighbour(here: Path, models: Path) -> None:
    rng = random.Random(0)
    flat = [
        {"prompt": row["prompt"], "completion": text, "principle": principle}
        for row in ROWS
        for text in row["completions"]
        for principle in PRINCIPLES
    ]
    write(here / "shuffled.jsonl", rng.sample(flat, len(flat)))
    fp32 = ("--rm", models / "rm", "--precision", "fp32")
    runs = {
        "whole": ("rows.jsonl", *BY_EACH, "--rows-per-shard", 1000),
        "ones": ("rows.jsonl", *BY_EACH, "--rows-per-shard", 1),
        "shuffled": ("shuffled.jsonl", "--rows-per-shard", 5, "--row-tokens", 64),
        "alone": ("rows.jsonl", "--principle", PRINCIPLES[0]),
    }
    found = {}
    for name, words in runs.items():
        assert call("score", *words, *fp32, "-o", name) == 0
        found[name] = by_text(here / name)
    assert found["ones"].keys() == found["whole"].keys()
    assert len(found["whole"]) == 7 * 3
    assert found["shuffled"].keys() == found["whole"].keys()
    for name in ("ones", "shuffled", "alone"):
        for key, value in found[name].items():
            assert value == pytest.approx(found["whole"][key], abs=1e-5), (name, key)


def test_a_scalar_model_scores_responses_and_eval_reads_them(here: Path, models: Path) -> None:
    rows = [
        {"prompt": f"q{n}", "completion": f"answer {n}", "principle": "clarity", "label": n % 2 == 0} for n in range(8)
    ]
    write(here / "labelled.jsonl", rows)
    assert call("score", "labelled.jsonl", "--rm", models / "scalar", "-o", "bt") == 0
    found = rows_of(here / "bt")
    assert {(row["principle"], row["input_principle"], row["p_yes"]) for row in found} == {(None, "clarity", None)}
    assert call("score", "labelled.jsonl", "--rm", models / "rm", "-o", "by-principle") == 0
    for folder, words in (("by-principle", ()), ("bt", ("--map", "principle=input_principle"))):
        assert call("eval", "calibration", folder, "--draws", 20, "-o", f"{folder}.metrics", *words) == 0
        figures = {(row["group"], row["metric"]): row for row in rows_of(here / f"{folder}.metrics")}
        assert figures["all", "auroc.raw"]["n"] == 8


def test_the_model_may_come_through_the_pipe(
    here: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{models / 'rm'}\n".encode())))
    assert call("score", "rows.jsonl", "--rm", "-", "--principle", "clarity", "-o", "out") == 0
    assert capfd.readouterr().out == "out\n"
    assert len(rows_of(here / "out")) == 8
    assert call("score", "-", "--rm", "-", "--principle", "clarity", "-o", "out") == 2
    assert "- stands for stdin in the inputs and --rm" in capfd.readouterr().err


def test_what_is_no_reward_model_is_refused_in_one_line(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words, code, sentence in (
        (("--rm", "nothing/here/at/all"), 66, "There is no folder 'nothing/here/at/all'"),
        (("--rm", "rows.jsonl"), 2, "rows.jsonl is a file"),
        ((), 2, "--rm is required"),
    ):
        assert call("score", "rows.jsonl", *words, "-o", "out", "--principle", "clarity") == code
        assert sentence in capfd.readouterr().err.splitlines()[-1]
        assert rows_of(here / "out") == []


@pytest.mark.campaign
def test_two_workers_write_the_same_bytes(here: Path, models: Path) -> None:
    words = ("score", "rows.jsonl", "--rm", models / "rm", *BY_EACH, "--rows-per-shard", 1)
    for workers in (1, 2):
        done = rlbff(*words, "--workers", workers, "-o", f"by-{workers}", cwd=here, **OFFLINE)
        assert done.returncode == 0, done.stderr
    one, two = contents(here / "by-1"), contents(here / "by-2")
    del one[".rlbff/config.yaml"], two[".rlbff/config.yaml"]
    assert one == two


@pytest.mark.campaign
def test_a_killed_run_goes_on_to_the_same_folder(here: Path, models: Path) -> None:
    many = [{"id": f"{n}", "prompt": f"q{n % 30}", "completion": f"answer {n} " * 20} for n in range(150)]
    write(here / "many.jsonl", many)
    words = ["score", "many.jsonl", "--rm", str(models / "rm"), *BY_EACH, "--rows-per-shard", "3", "--output", "pairs"]
    assert call(*words, "-o", "whole") == 0
    done = here / "out" / ".rlbff" / "scores" / ".rlbff" / "done"
    command = [*COMMAND, *words, "-o", "out"]
    for wanted in (1, 25):
        child = subprocess.Popen(command, cwd=here, env=environment(**OFFLINE), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 200
        while child.poll() is None and len(list(done.glob("*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    scored = len(list(done.glob("*.json")))
    assert 25 <= scored <= 50
    before = {path.name: path.stat().st_mtime_ns for path in done.glob("*.json")}
    assert call(*words, "-o", "out") == 0
    assert all((done / name).stat().st_mtime_ns == time for name, time in before.items()), "nothing is scored twice"
    one, two = contents(here / "whole"), contents(here / "out")
    del one[".rlbff/config.yaml"], two[".rlbff/config.yaml"]  # it names the folder
    assert one == two


TRAIN = """
import sys
import datasets
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer
settings = {"max_steps": 1, "per_device_train_batch_size": 2, "report_to": "none", "use_cpu": True, "bf16": False}
rows = {name: datasets.load_dataset(name, split="train", cache_dir="cache") for name in ("best", "pairs")}
for config, trainer, model, data in (
    (SFTConfig, SFTTrainer, "raw", "best"),
    (DPOConfig, DPOTrainer, "raw", "pairs"),
    (RewardConfig, RewardTrainer, "scalar", "pairs"),
):
    done = trainer(
        model=f"{sys.argv[1]}/{model}", args=config(output_dir="trained", **settings), train_dataset=rows[data]
    ).train()
    print(trainer.__name__, done.global_step)
"""


@pytest.mark.slow
def test_trl_trains_on_the_folders_unchanged(here: Path, models: Path) -> None:
    rows = [{"prompt": f"q{n}", "completions": [f"a{n}", f"b{n}"]} for n in range(4)]
    write(here / "samples.jsonl", rows)
    for output, name in (("best-of-n", "best"), ("pairs", "pairs")):
        words = ("score", "samples.jsonl", "--rm", models / "rm", "--principle", "clarity", "--output", output)
        assert call(*words, "-o", name) == 0
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, models],
        cwd=here,
        env=environment(**OFFLINE),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for trainer in ("SFTTrainer", "DPOTrainer", "RewardTrainer"):
        assert f"{trainer} 1" in done.stdout
