"""Training a judge from rows to a stored policy: it improves, resumes to the same bits, and says what it refuses."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from stages.core.errors import ConfigError, DataError, Interrupted
from stages.core.options import RunOptions
from stages.core.progress import Progress, Quiet
from stages.rewards.source_options import JudgeOptions
from stages.train_policy.config import RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.opening import check_judge_options
from stages.train_policy.run import run
from tests.toy_judge import judged_rows, save_toy_judge
from tests.toy_policy import save_toy_policy

STOP = 8 + 40
"""Rows and completions after which a run is stopped: in its second generation."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_judge(tmp_path_factory.mktemp("base") / "judge")


def config(folder: Path, base: Path, rows: list[dict[str, Any]] | None = None, **changes: Any) -> TrainPolicyConfig:
    source = folder / "rows.jsonl"
    source.write_text("\n".join(map(json.dumps, judged_rows() if rows is None else rows)), encoding="utf-8")
    settings: dict[str, Any] = {
        "inputs": (str(source),),
        "model": str(base),
        "reward": ("genrm:self",),
        "out": folder / "out",
        "judge": JudgeOptions(principle_role="principle"),
        "rollouts": RolloutOptions(generations=2, prompts_per_generation=8, group_size=4, max_new_tokens=8),
        "training": TrainingOptions(prompts_per_update=4, learning_rate=2e-3, warmup=1, device="cpu"),
    }
    return TrainPolicyConfig(**settings | changes)


def rollouts(folder: Path) -> list[list[dict[str, Any]]]:
    return [pq.read_table(path).to_pylist() for path in sorted((folder / "out" / "rollouts").glob("part-*.parquet"))]


def share(rows: list[dict[str, Any]], part: str) -> float:
    values = [part_["value"] for row in rows for part_ in row["parts"] if part_["name"] == part]
    return sum(values) / len(values)


@pytest.mark.parametrize("spec", ["genrm:self", "genrm:self-sign"])
def test_a_judge_learns_to_be_right(base: Path, tmp_path: Path, spec: str) -> None:
    larger = RolloutOptions(generations=10, prompts_per_generation=8, group_size=8, max_new_tokens=8)
    run(config(tmp_path, base, reward=(spec,), rollouts=larger))
    first, *_, last = rollouts(tmp_path)
    assert share(first, "genrm.right") < 0.6
    assert share(last, "genrm.right") > 0.8
    assert sum(row["reward"] for row in last) > sum(row["reward"] for row in first)


def test_rollouts_and_metrics_tell_of_verdicts(base: Path, tmp_path: Path) -> None:
    run(config(tmp_path, base))
    rows = [row for part in rollouts(tmp_path) for row in part]
    assert {row["prompt_id"] for row in rows} == {f"f{n}{more}" for n in range(4) for more in ("", "/2")}
    for row in rows:
        parts = {part["name"]: part["value"] for part in row["parts"]}
        assert parts["genrm"] == row["reward"]
        verdict = row["completion"][0]["content"].rpartition("Final Judgement: ")[2] if parts["genrm.verdict"] else None
        if verdict is None:
            assert (row["reward"], row["status"]) == (-20.0, "no_answer")
            continue
        assert parts["genrm.yes"] == (verdict.strip() == "Yes")
        assert parts["genrm.right"] == (row["reward"] > 0)
        assert abs(row["reward"]) <= 20
        assert row["principle"] == "say x"
        assert [message["role"] for message in row["prompt"]] == ["user", "assistant", "principle"]
        assert row["prompt"][1]["content"] == ("x" if row["reward_model"]["ground_truth"] == "true" else "y")
    metrics = pq.read_table(next((tmp_path / "out").rglob("metrics/*.parquet"))).to_pylist()
    names = {row["metric"] for row in metrics}
    assert {"reward.genrm.verdict", "reward.genrm.right", "reward.genrm.yes", "length"} <= names


def test_a_run_that_was_stopped_ends_with_the_same_bits(base: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    run(config(tmp_path / "whole", base))

    class Stopping(Quiet):
        """Sends a signal in the middle of the second generation."""

        seen = 0

        def advance(self, rows: int = 1) -> None:
            before, self.seen = self.seen, self.seen + rows
            if before < STOP <= self.seen:
                os.kill(os.getpid(), signal.SIGTERM)

    stopping: Progress = Stopping()
    with pytest.raises(Interrupted):
        run(config(tmp_path / "parts", base), progress=stopping)
    run(config(tmp_path / "parts", base))
    assert rollouts(tmp_path / "parts") == rollouts(tmp_path / "whole")
    first, second = (load_file(tmp_path / name / "out" / "model.safetensors") for name in ("whole", "parts"))
    assert all(first[name].equal(second[name]) for name in first)


def test_rows_without_a_principle_stop_the_run_and_are_named(base: Path, tmp_path: Path) -> None:
    rows = judged_rows()
    rows[3]["principle"] = None
    with pytest.raises(
        DataError, match="1 of 8 prompts name no principle for the reward model to judge by, the first f1;"
    ):
        run(config(tmp_path, base, rows))


def test_a_row_without_a_label_is_rejected(base: Path, tmp_path: Path) -> None:
    rows = judged_rows(9)
    rows[8]["label"] = None
    report = run(config(tmp_path, base, rows, run=RunOptions(max_failed=0.5)))
    assert report.rows["rejected"] == 1


def test_a_base_that_spells_its_verdict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one token each"):
        run(config(tmp_path, save_toy_policy(tmp_path / "spelling")))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"engine": "trl"}, "--engine trl"),
        ({"engine": "verl"}, "--engine verl"),
        ({"rollouts": RolloutOptions(system="Be a judge.")}, "--system"),
        ({"reward": ("genrm:self", "math:")}, "--reward math:"),
        ({"reward": ("genrm:self", "rm:elsewhere")}, "--reward rm:elsewhere"),
    ],
)
def test_what_makes_no_sense_with_it_is_refused(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"{named} does not go with genrm:self"):
        run(config(tmp_path, tmp_path / "nowhere", **changes))


def test_checks_and_python_go_with_it(tmp_path: Path) -> None:
    check_judge_options(config(tmp_path, tmp_path, reward=("genrm:self", "check:words<=50@0.1", "py:my:score")))
