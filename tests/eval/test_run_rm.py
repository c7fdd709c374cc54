"""`rlbff eval` with tiny reward models, as a user calls it."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.eval.config import EvalConfig
from stages.rewards.model import Judgement, Query
from stages.rewards.open import open_reward_model
from stages.rewards.options import RewardOptions
from tests.eval.rows import table_row
from tests.eval.test_run import error_of, rm_bench_rows
from tests.eval.test_run_model import figures_of, pairs, write
from tests.extract_principles.commands import manifest_of, rlbff, rows_of
from tests.servers.chat_server import start_server
from tests.tiny_rewards import save_entailment_rm, save_scalar_rm


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_entailment_rm(folder / "rm")
    save_scalar_rm(folder / "head")
    return folder


def scores_one_by_one(folder: Path, texts: list[tuple[str, str, str | None]]) -> list[dict[str, Any]]:
    """A table of scores, each response judged by itself."""
    options = RewardOptions(precision="fp32", device="cpu")
    model = open_reward_model(str(folder), options, seed=0, journal=Path("unused"), notice=lambda text: None)
    rows = []
    for prompt, completion, principle in texts:
        query = Query([Message("user", prompt)], completion, () if principle is None else [principle])
        ((judgement,),) = model.judge([query])
        assert isinstance(judgement, Judgement)
        rows.append({"prompt": prompt, "completion": completion, "score": judgement.score})
    return rows


@pytest.mark.slow
def test_figures_are_those_of_a_table_of_the_models_scores(models: Path, tmp_path: Path) -> None:
    rows = pairs(12)
    write(tmp_path / "rows.jsonl", rows)
    texts = [(row["question"], row[name]) for row in rows for name in ("response_A", "response_B")]
    for name, principle in (("rm", "clarity"), ("head", None)):
        write(tmp_path / f"{name}.jsonl", scores_one_by_one(models / name, [(*pair, principle) for pair in texts]))
    options = ("--draws", 20, "--precision", "fp32", "--device", "cpu", "--principle", "clarity")
    both = ("--scores", f"rm:{models / 'rm'}", "--against", f"rm:{models / 'head'}")
    run = rlbff("eval", "judgebench", "rows.jsonl", "-o", "run", *both, *options, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    tables = ("--scores", "rm.jsonl", "--against", "head.jsonl", "--draws", 20)
    read = rlbff("eval", "judgebench", "rows.jsonl", "-o", "read", *tables, cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    assert figures_of(tmp_path / "run") == figures_of(tmp_path / "read")
    assert "reads no principles; those that were given make no difference" in " ".join(run.stderr.split())
    facts = manifest_of(tmp_path / "run")["facts"]
    assert facts["models"]["scores"]["principles"] == {"default": ["clarity"]}
    assert facts["models"]["against"]["principles_from"] == "none: the model reads no principles"
    assert facts["models"]["scores"]["judgements"] == facts["models"]["scores"]["calibrated"] == 24


def test_sensitivity_of_a_model_that_knows_nothing(models: Path, tmp_path: Path) -> None:
    rows = [
        table_row(f"Question {n // 2}?", f"Answer {n}.", ("clarity", "correctness")[n % 2], n % 3 > 0)
        for n in range(24)
    ]
    write(tmp_path / "rows.jsonl", rows)
    rm = ("--scores", f"rm:{models / 'rm'}", "--device", "cpu")
    done = rlbff("eval", "sensitivity", "rows.jsonl", *rm, "--draws", 20, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = {(row["group"], row["metric"]): row for row in rows_of(tmp_path / "rows.metrics")}
    assert figures["all", "accuracy"]["n"] == 24
    assert figures["all", "yes_rate"]["value"] == pytest.approx(16 / 24)
    assert 0 < figures["all", "mass.median"]["value"] < 1
    assert figures["correctness principles", "mean_p.master_keys"]["n"] == 12
    assert all(row["n"] for row in figures.values() if row["metric"] != "sign_flips.negated")
    assert "Not as wanted of a model that reads principle and response" in " ".join(done.stderr.split())


def test_a_judge_behind_a_server_is_a_reward_model_too(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", pairs(8))
    with start_server(faults=0) as server:
        rm = ("--scores", f"rm:{server.url}", "--generative", "--principle", "clarity")
        for draws in (10, 11):
            options = ("--draws", draws, "--overwrite")
            done = rlbff("eval", "judgebench", "rows.jsonl", *rm, *options, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert server.stats()["/chat/completions"] == 16
    manifest = manifest_of(tmp_path / "rows.metrics")
    assert manifest["rows"] == {"in": 8, "kept": 8, "dropped": 0, "rejected": 0}
    assert manifest["facts"]["scores"] == ["test-model"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"benchmark": "sensitivity", "scores": "stored"}, "--scores is 'stored', but sensitivity asks a model"),
        ({"benchmark": "sensitivity", "against": "length"}, "--against is 'length', but sensitivity asks a model"),
        ({"scores": "stored", "principle": ("clarity",)}, "--principle has a meaning only where a model is run"),
        ({"scores": "length", "choose_on": "x"}, "--choose-on has a meaning only where a model is run"),
        ({"scores": "x", "principles_file": Path("p")}, "--principles-file has a meaning only where a model is run"),
        ({"scores": "x", "reward": RewardOptions(generative=True)}, "--generative has a meaning only where a model"),
        ({"benchmark": "hacking", "principle": ("x",)}, "no meaning for hacking: each row is judged on its own"),
        ({"benchmark": "alpaca"}, "no meaning for alpaca: no response is scored"),
        ({"scores": "rm:"}, "names no model"),
        ({"against": "rm:m"}, "as is --scores"),
        ({"principle": ("a", " ")}, "--principle is empty"),
        ({"principle": ("a", "a")}, "names a principle twice"),
        ({"principle": ("a",), "principles_file": Path("p")}, "exclude each other"),
    ],
)
def test_nonsense_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EvalConfig(**{"benchmark": "rm-bench", "inputs": ("x",), "scores": "rm:m"} | options)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--scores", "rm:m", "--principles-file", "p.yaml"], 2, "p.yaml must hold a list"),
        (["--scores", "rm:m", "--choose-on", "rows.jsonl"], 2, "needs several principles"),
        (["--scores", "rm:./nowhere"], 66, "nowhere"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rm_bench_rows(3))
    (tmp_path / "p.yaml").write_text("clarity\n")
    done = rlbff("eval", "rm-bench", "rows.jsonl", *arguments, "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in error_of(done)
