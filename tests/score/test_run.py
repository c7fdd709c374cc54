"""The stage with a formula for a model: what is written, what decides it, and what is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError, DataError, InputMissing, OutputError, TooManyFailed
from stages.core.options import RunOptions
from stages.core.progress import Quiet
from stages.rewards.options import RewardOptions
from stages.score.config import ScoreConfig
from stages.score.run import run
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.score.fakes import FakeModel, formula, score, use, write

PRINCIPLE_ROWS = [
    {
        "id": f"r{n // 2}",
        "prompt": f"q{n // 4}",
        "completion": f"x{n // 2}",
        "principle": f"p{n % 2}",
        "label": n % 3 == 0,
    }
    for n in range(12)
]


class Heard(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {}

    def warn(self, text: str) -> None:
        self.lines.append(text)

    def summary(self, facts: Any) -> None:
        self.facts |= facts


def heard(path: Path, out: Path, **options: Any) -> Heard:
    progress = Heard()
    run(ScoreConfig(inputs=(str(path),), rm="fake", out=out, **options), progress=progress)
    return progress


def test_rows_of_principles_keep_their_labels_and_may_share_an_id(tmp_path: Path, fake: FakeModel) -> None:
    report = score(write(tmp_path / "rows.jsonl", PRINCIPLE_ROWS), tmp_path / "out")
    assert report.rows == {"in": 12, "kept": 12, "dropped": 0, "rejected": 0}
    found = rows_of(tmp_path / "out")
    assert [(row["id"], row["principle"], row["label"]) for row in found] == [
        (row["id"], row["principle"], row["label"]) for row in PRINCIPLE_ROWS
    ]
    for row in found:
        asked = [(turn["role"], turn["content"]) for turn in row["prompt"]]
        assert row["score"] == formula(asked, row["completion"][0]["content"], row["principle"])
        assert row["rm"] == "fake@1"
    assert list(found[0]) == ["id", "prompt", "completion", "principle", "score", "p_yes", "rm", "truncated", "label"]
    assert fake.closed


def test_columns_with_our_names_move_aside(tmp_path: Path, fake: FakeModel) -> None:
    row = {"completion": "x", "score": 7, "principle": "own", "input_score": 8, "rm": None, "sample": "s"}
    score(write(tmp_path / "rows.jsonl", [row]), tmp_path / "out", principle=("a",))
    (found,) = rows_of(tmp_path / "out")
    assert (found["input_score"], found["input_input_score"], found["input_principle"]) == (8, 7, "own")
    assert (found["principle"], found["input_rm"], found["sample"]) == ("a", None, "s")


def test_a_model_without_principles_keeps_those_of_the_rows_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeModel(reads_principles=False, calibrated=False))
    rows = write(tmp_path / "rows.jsonl", PRINCIPLE_ROWS)
    score(rows, tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert len(found) == 12
    assert [(row["principle"], row["input_principle"], row["p_yes"]) for row in found[:2]] == [
        (None, "p0", None),
        (None, "p1", None),
    ]
    (warning,) = heard(rows, tmp_path / "two", principle=("a", "b")).lines
    assert warning == "fake@1 reads no principles: every response gets one score, and --principle is ignored."
    assert len(rows_of(tmp_path / "two")) == 12
    with pytest.raises(ConfigError, match="--aggregate mean has no meaning for fake@1"):
        score(rows, tmp_path / "three", aggregate="mean")


def test_principles_by_domain(tmp_path: Path, fake: FakeModel) -> None:
    (tmp_path / "p.yaml").write_text("code: [a, b]\ndefault: c\n")
    rows = [{"completion": "x", "domain": "code"}, {"completion": "y", "domain": None}]
    score(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", principles_file=tmp_path / "p.yaml")
    found = [(row["principle"], row["domain"]) for row in rows_of(tmp_path / "out")]
    assert found == [("a", "code"), ("b", "code"), ("c", None)]


def test_weights_come_with_weighted_alone(tmp_path: Path, fake: FakeModel) -> None:
    rows = write(tmp_path / "rows.jsonl", [{"prompt": "q", "completion": "x"}])
    (tmp_path / "weights.yaml").write_text("a: 1\nb: 3\n")
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    score(rows, tmp_path / "out", principles_file=tmp_path / "weights.yaml", aggregate="weighted")
    (found,) = rows_of(tmp_path / "out")
    a, b = (formula([("user", "q")], "x", principle) for principle in "ab")
    assert found["score"] == pytest.approx(((a + 3 * b) / 4) / 2 + 0.5, rel=1e-6)
    assert found["principle"] is None
    assert [part["principle"] for part in found["parts"]] == ["a", "b"]
    with pytest.raises(ConfigError, match=r"weights.yaml has weights, which only --aggregate weighted"):
        score(rows, tmp_path / "two", principles_file=tmp_path / "weights.yaml", aggregate="mean")
    with pytest.raises(ConfigError, match=r"list.yaml has no weights"):
        score(rows, tmp_path / "two", principles_file=tmp_path / "list.yaml", aggregate="weighted")
    with pytest.raises(InputMissing, match=r"none.yaml does not exist"):
        score(rows, tmp_path / "two", principles_file=tmp_path / "none.yaml")
    (tmp_path / "latin.txt").write_bytes(b"clart\xe9\n")
    with pytest.raises(DataError, match="not UTF-8"):
        score(rows, tmp_path / "two", principles_file=tmp_path / "latin.txt")


def test_uncalibrated_combinations_are_warned_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeModel(calibrated=False))
    rows = write(tmp_path / "rows.jsonl", [{"completion": "x"}, {"completion": "y"}])
    options: dict[str, Any] = {"aggregate": "mean", "run": RunOptions(rows_per_shard=1)}
    (warning,) = heard(rows, tmp_path / "out", principle=("a", "b"), **options).lines
    assert warning.startswith("fake@1 is not calibrated, so that 2 scores combine raw log-odds")
    assert [row["p_yes"] for row in rows_of(tmp_path / "out")] == [None, None]
    assert heard(rows, tmp_path / "one", principle=("a",), **options).lines == []


def test_what_decides_a_byte_decides_the_folder(tmp_path: Path, fake: FakeModel) -> None:
    rows = write(tmp_path / "rows.jsonl", [{"completion": "x"}])
    principles = tmp_path / "p.txt"
    principles.write_text("a\n")
    score(rows, tmp_path / "out", principles_file=principles)
    before, asked = contents(tmp_path / "out"), len(fake.asked)
    other = tmp_path / "other.txt"
    other.write_text("a\n")
    score(rows, tmp_path / "out", principles_file=other, reward=RewardOptions(row_tokens=7, device="cpu"))
    after = contents(tmp_path / "out")
    assert {name for name in after if after[name] != before[name]} == {".rlbff/config.yaml"}
    assert len(fake.asked) == asked, "what is there is not scored again"
    other.write_text("a\n# and a remark\n")
    with pytest.raises(OutputError, match="principles"):
        score(rows, tmp_path / "out", principles_file=other)
    with pytest.raises(OutputError, match="max_length: 4096 there, 12 now"):
        score(rows, tmp_path / "out", principles_file=principles, reward=RewardOptions(max_length=12))
    fake.name = "fake@2"
    with pytest.raises(OutputError, match="rm_name: 'fake@1' there, 'fake@2' now"):
        score(rows, tmp_path / "out", principles_file=principles)


def test_a_finished_folder_does_not_open_the_model(tmp_path: Path, fake: FakeModel) -> None:
    rows = write(tmp_path / "rows.jsonl", PRINCIPLE_ROWS)
    score(rows, tmp_path / "out")
    fake.closed = False
    score(rows, tmp_path / "out")
    assert not fake.closed


def test_parts_and_order_change_no_score(tmp_path: Path, fake: FakeModel) -> None:
    def scores(name: str, rows: list[dict[str, Any]], size: int) -> dict[tuple[Any, ...], float]:
        score(write(tmp_path / f"{name}.jsonl", rows), tmp_path / name, run=RunOptions(rows_per_shard=size))
        return {(row["id"], row["principle"]): row["score"] for row in rows_of(tmp_path / name)}

    whole = scores("whole", PRINCIPLE_ROWS, 1000)
    assert scores("ones", PRINCIPLE_ROWS, 1) == whole
    assert scores("backwards", PRINCIPLE_ROWS[::-1], 5) == whole


def test_rejected_rows_are_counted_and_kept(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"completion": "x", "principle": "a"}, {"id": "lost", "completion": "x"}, {"completion": 3}]
    with pytest.raises(TooManyFailed, match="bad_type 1, no_principle 1"):
        score(write(tmp_path / "rows.jsonl", rows), tmp_path / "out")
    first, second = rows_of(tmp_path / "out", "rejected")
    assert (first["id"], first["reason"], first["field"]) == ("lost", "no_principle", "principle")
    assert first["error"].startswith("rows.jsonl:2: the row has no principle")
    assert "--principles-file" in first["error"]
    assert second["reason"] == "bad_type"
    assert manifest_of(tmp_path / "out")["rows"] == {"in": 3, "kept": 1, "dropped": 0, "rejected": 2}


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path, fake: FakeModel) -> None:
    rows = write(tmp_path / "rows.jsonl", [*PRINCIPLE_ROWS, {"completion": "x"}, {"completion": 3}])
    report = score(rows, tmp_path / "out", run=RunOptions(dry_run=True))
    assert report.facts["forecast"] == {
        "queries": 7,
        "judgements": 12,
        "rows_without_principle": 1,
        "rows_not_readable": 1,
    }
    assert report.facts["would_write"] == str(tmp_path / "out")
    assert (fake.asked, fake.closed) == ([], False)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
    pieces = score(rows, tmp_path / "out", run=RunOptions(dry_run=True, rows_per_shard=1), principle=("a", "b"))
    assert pieces.facts["forecast"]["queries"] == 13  # type: ignore[index]
    assert pieces.facts["forecast"]["judgements"] == 26  # type: ignore[index]


def test_the_summary_describes_principles_ties_and_the_model(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"prompt": "q", "completions": [f"x{n}" for n in range(12)], "principle": ["a", "b"]}]
    said = heard(write(tmp_path / "rows.jsonl", rows), tmp_path / "out").facts
    facts = manifest_of(tmp_path / "out")["facts"]
    assert [one["principle"] for one in facts["principles"]] == ["a", "b"]
    found = rows_of(tmp_path / "out")
    for one in facts["principles"]:
        scores = [row["score"] for row in found if row["principle"] == one["principle"]]
        assert one["n"] == len(scores) == 12
        assert one["mean_score"] == pytest.approx(sum(scores) / 12)
        assert one["yes_rate"] == sum(value > -1 for value in scores) / 12  # p_yes is sigmoid(score / 2 + 0.5)
    assert facts["compared_pairs"] == 2 * 66
    assert said["judged"] == "12 responses, 24 judgements"
    assert said["written"].startswith("24 scores to ")
    assert said["reward model"] == "fake@1"


def test_input_without_responses_is_refused_before_the_model_is_opened(tmp_path: Path, fake: FakeModel) -> None:
    with pytest.raises(DataError, match="--map completion=answer"):
        score(write(tmp_path / "rows.jsonl", [{"answer": "x"}]), tmp_path / "out")
    options = RunOptions(map=("compltion=answer",))
    with pytest.raises(ConfigError, match=r"--map compltion=.* Did you mean completion\?"):
        score(write(tmp_path / "rows.jsonl", [{"answer": "x"}]), tmp_path / "out", run=options)
    (tmp_path / "bad.jsonl").write_text("{oops\n")
    with pytest.raises(DataError, match="None of the 1 rows can be read"):
        score(tmp_path / "bad.jsonl", tmp_path / "out")
    assert not fake.closed


def test_the_answers_of_a_model_in_words_come_with_its_reasoning(tmp_path: Path, fake: FakeModel) -> None:
    rows = write(tmp_path / "rows.jsonl", [{"completion": "x", "principle": "a"}])
    score(rows, tmp_path / "out", reward=RewardOptions(generative=True))
    (found,) = rows_of(tmp_path / "out")
    assert found["reasoning"] == "because"
    assert "reasoning" not in rows_of(_scored(rows, tmp_path / "plain"))[0]


def _scored(rows: Path, out: Path) -> Path:
    score(rows, out)
    return out


def test_the_folder_says_what_it_is(tmp_path: Path, fake: FakeModel) -> None:
    score(write(tmp_path / "rows.jsonl", PRINCIPLE_ROWS), tmp_path / "out")
    plan = json.loads((tmp_path / "out" / ".rlbff" / "plan.json").read_text())
    assert (plan["stage"], plan["table"]) == ("score", "scores")
    assert plan["config"]["rm_name"] == "fake@1"
    assert "rm" not in plan["config"]
