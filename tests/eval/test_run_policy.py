"""`rlbff eval avg-at-k --policy`: a policy is sampled, checked and measured, as a user calls it."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError, Interrupted
from stages.core.options import RunOptions
from stages.eval import policy_model
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.options import PolicyOptions
from stages.eval.policy_prompts import PolicyPrompt, read
from stages.eval.run import run
from stages.rewards.options import RewardOptions
from tests.eval.test_run import error_of
from tests.eval.test_run_judge import values_of
from tests.eval.test_run_model import write
from tests.extract_principles.commands import contents, manifest_of, rlbff, rows_of
from tests.tiny_models import save_tiny_answering_lm, save_tiny_causal_lm


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policies")
    save_tiny_answering_lm(folder / "seven", "7")
    save_tiny_causal_lm(folder / "random")
    return folder


def problems(*answers: str) -> list[dict[str, Any]]:
    return [
        {"id": f"p{n}", "question": f"Question {n}?", "answer": f"Because.\n#### {answer}"}
        for n, answer in enumerate(answers)
    ]


def options(model: Path | str, **changes: Any) -> PolicyOptions:
    return PolicyOptions(**({"policy": str(model), "reward": ("math:",), "samples": 3, "max_new_tokens": 6} | changes))


def config(cwd: Path, policy: PolicyOptions, out: str = "out", **changes: Any) -> EvalConfig:
    reward = RewardOptions(device="cpu", precision="fp32", timeout=5)
    asked = {"benchmark": "avg-at-k", "inputs": (str(cwd / "rows.jsonl"),), "out": cwd / out, "draws": 5}
    return EvalConfig(**(asked | {"policy": policy, "reward": reward} | changes))


def test_a_policy_that_always_says_seven(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7", "8", "7.0", "7"))
    report = run(config(tmp_path, options(models / "seven")))
    assert report.facts["headline"] == {
        "avg@3": 0.75,
        "pass@2": 0.75,
        "pass@3": 0.75,
        "maj@2": 0.75,
        "maj@3": pytest.approx(0.75),
        "no_answer": 0,
    }
    stored = rows_of(tmp_path / "out" / ".rlbff" / "completions")
    assert len(stored) == 12
    assert {row["completion"][0]["content"] for row in stored} == {"7"}
    assert [row["problem_id"] for row in stored if not row["correct"]] == ["p1"] * 3
    told = manifest_of(tmp_path / "out")["facts"]["models"]["scores"]
    assert (told["completions"], told["cut_off"]) == (12, 0)
    # the stored completions are rows of the benchmark, and of another policy to compare with
    again = rlbff("eval", "avg-at-k", "out/.rlbff/completions", "-o", "again", "--draws", 5, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert values_of(tmp_path / "again") == values_of(tmp_path / "out")
    against = str(tmp_path / "out" / ".rlbff" / "completions")
    paired = run(config(tmp_path, options(models / "seven"), "paired", against=against))
    assert paired.facts["headline"]["avg@3.difference"] == 0  # type: ignore[index]


def test_completions_that_are_cut_off_are_told(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    call = ("eval", "avg-at-k", "rows.jsonl", "--policy", models / "random", "--reward", "math:", "--samples", 4)
    done = rlbff(*call, "--max-new-tokens", 3, "--draws", 5, "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 completions were cut off at --max-new-tokens 3" in " ".join(done.stderr.split())
    texts = {row["completion"][0]["content"] for row in rows_of(tmp_path / "rows.metrics" / ".rlbff" / "completions")}
    assert len(texts) == 4  # every sample has a seed of its own


def test_an_interrupted_run_goes_on_and_ends_the_same(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "rows.jsonl", problems("7", "8", "9", "10", "11"))
    monkeypatch.setattr("stages.eval.sampled._BATCH", 6)
    whole = config(tmp_path, options(models / "random"), "whole")
    run(whole)
    drawn: list[int] = []
    original = policy_model.LocalPolicy.draw

    def draw(self: Any, wanted: Any, calls: Path, advance: Any) -> Any:
        if len(drawn) == 2:
            drawn.append(0)
            raise Interrupted("killed")
        drawn.append(len(wanted))
        return original(self, wanted, calls, advance)

    monkeypatch.setattr(policy_model.LocalPolicy, "draw", draw)
    stopped = config(tmp_path, options(models / "random"), "stopped")
    with pytest.raises(Interrupted):
        run(stopped)
    run(stopped)
    assert drawn == [6, 6, 0, 3]
    ours, theirs = contents(tmp_path / "stopped"), contents(tmp_path / "whole")
    for name in ("part-00000.parquet", ".rlbff/completions/part-00000.parquet", ".rlbff/journal/completions.jsonl"):
        assert ours[name] == theirs[name], name


def test_other_settings_are_another_result(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    call = ("eval", "avg-at-k", "rows.jsonl", "--policy", models / "seven", "--reward", "math:", "--draws", 5)
    small = ("--samples", 2, "--max-new-tokens", 4)
    assert rlbff(*call, *small, cwd=tmp_path).returncode == 0
    for more in (("--top-p", 0.5), ("--policy-temperature", 1), ("--samples", 3), ("--seed", 1)):
        assert rlbff(*call, *small, *more, cwd=tmp_path).returncode == 73, more


def test_what_was_drawn_under_another_precision_is_drawn_again(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    drawn: list[int] = []
    original = policy_model.LocalPolicy.draw

    def draw(self: Any, wanted: Any, calls: Path, advance: Any) -> Any:
        drawn.append(len(wanted))
        return original(self, wanted, calls, advance)

    monkeypatch.setattr(policy_model.LocalPolicy, "draw", draw)
    anew = RunOptions(overwrite=True)
    for precision in ("fp32", "bf16", "fp32"):
        reward = RewardOptions(device="cpu", precision=precision)
        run(config(tmp_path, options(models / "random"), reward=reward, run=anew))
    # --overwrite keeps the journal, in which the last run finds what the first one drew
    assert drawn == [3, 3]


def test_a_batch_of_which_a_part_was_stored_is_drawn_together_again(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    whole = config(tmp_path, options(models / "random"), run=RunOptions(overwrite=True))
    run(whole)
    before = contents(tmp_path / "out")
    journal = tmp_path / "out" / ".rlbff" / "journal" / "completions.jsonl"
    first, *others = journal.read_bytes().splitlines(keepends=True)
    assert len(others) == 2
    journal.write_bytes(first)
    (tmp_path / "out" / ".rlbff" / "manifest.json").unlink()
    for done in (tmp_path / "out" / ".rlbff" / "done").iterdir():
        done.unlink()
    run(whole)
    name = ".rlbff/completions/part-00000.parquet"
    assert contents(tmp_path / "out")[name] == before[name]


def test_temperature_and_seed_reach_the_sampler(models: Path, tmp_path: Path) -> None:
    wanted = [policy_model.Draw((Message("user", "Question?"),), seed) for seed in (1, 2, 3)]
    cpu = RewardOptions(device="cpu", precision="fp32")

    def texts(**changes: Any) -> set[str]:
        policy = policy_model.open_policy(options(models / "random", **changes), cpu, lambda text: None)
        found = policy.draw(wanted, tmp_path / "calls", lambda count: None)
        return {one.text for one in found if isinstance(one, policy_model.Completion)}

    assert len(texts(policy_temperature=1.0)) == 3
    assert len(texts(policy_temperature=0.0, samples=1)) == 1


def test_a_prompt_without_room_rejects_its_row(tmp_path: Path) -> None:
    folder = save_tiny_answering_lm(tmp_path / "short", "7", window=64)
    rows = problems("7", "7")
    write(tmp_path / "rows.jsonl", [rows[0], rows[1] | {"question": "words " * 100}])
    report = run(config(tmp_path, options(folder), run=RunOptions(max_failed=1)))
    assert report.rows["rejected"] == 1
    assert manifest_of(tmp_path / "out")["rejected_by"] == {"prompt_too_long": 1}


def prompt(**row: Any) -> PolicyPrompt:
    return read({"id": "1"} | row, "x")


def test_prompts_and_references() -> None:
    gsm8k = prompt(question="q", answer="3 + 4 = <<3+4=7>>7\n#### 7")
    assert (gsm8k.messages[0].content, gsm8k.reference) == ("q", "7")
    assert gsm8k.extra["answer"].endswith("7")  # type: ignore[attr-defined]
    assert prompt(problem="p", solution=r"so \boxed{3}", answer="3").reference == "3"
    chat = [{"role": "user", "content": "u"}]
    verl = prompt(prompt=chat, reward_model={"style": "rule", "ground_truth": "34"}, answer="5", data_source="aime")
    assert (verl.reference, verl.source, "prompt" in verl.extra) == ("34", "aime", False)
    assert prompt(prompt="p").reference is None


@pytest.mark.parametrize("row", [{}, {"prompt": ""}, {"prompt": [{"role": "assistant", "content": "x"}]}])
def test_what_is_no_prompt(row: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        prompt(**row)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": ()}, "--policy needs --reward"),
        ({"policy": None}, "name a policy"),
        ({"policy": None, "reward": (), "policy_model": "x"}, "--policy URL"),
        ({"policy": ""}, "--policy is empty"),
        ({"top_p": 0.0}, "--top-p is 0"),
        ({"policy_temperature": 0.0}, "all samples alike"),
        ({"samples": 0}, "--samples is 0"),
    ],
)
def test_options_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        options("m", **changes)


def test_options_that_do_not_fit_the_benchmark() -> None:
    with pytest.raises(ConfigError, match="--policy has no meaning for pass-at-k"):
        EvalConfig(benchmark="pass-at-k", inputs=("x",), policy=options("m"))
    with pytest.raises(ConfigError, match="--k names 5, but --samples is 3"):
        EvalConfig(benchmark="avg-at-k", inputs=("x",), policy=options("m"), k=("5",))


def test_a_reward_that_never_says_right_is_refused(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", problems("7"))
    (tmp_path / "mine.py").write_text("def score(**row):\n    return 0.5\n")
    call = ("eval", "avg-at-k", "rows.jsonl", "--policy", models / "seven", "--reward", "py:mine:score")
    done = rlbff(*call, "--draws", 5, cwd=tmp_path)
    assert done.returncode == 2
    assert error_of(done) == (
        "error: --reward py:mine:score says how good a completion is, not whether it is right; avg-at-k needs math:, "
        "code: or check:."
    )
