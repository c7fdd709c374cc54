import json
import math
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import DataError
from stages.core.manifest import Done, write_done
from stages.core.options import RunOptions
from stages.core.shards import part_path, to_table, write_part
from stages.core.tables import PREFERENCES, SCORES
from stages.score.aggregate import sigmoid
from stages.score.distribution_blocks import Scores, distribution_blocks, reliability_blocks
from stages.score.sections import sections
from tests.extract_principles.commands import ROOT, rows_of
from tests.score.fakes import FakeModel, score, use, write
from tests.section_texts import HOSTILE, block, check_sections, doubts_of, pairs_of, rows_of_block

PRINCIPLES = ("polite tone", "clarity", "brevity")


def labelled(num: int = 60) -> list[dict[str, Any]]:
    """Four responses to a prompt; labels that have nothing to do with the scores."""
    return [
        {
            "id": f"r{n}",
            "prompt": f"question {n // 4}",
            "completion": f"answer {n % 4} of {n}",
            "principle": PRINCIPLES[n // 4 % 3],
            "label": n % 3 == 0,
        }
        for n in range(num)
    ]


@pytest.fixture
def scored(tmp_path: Path, fake: FakeModel) -> Path:
    path = write(tmp_path / "rows.jsonl", labelled())
    score(path, tmp_path / "scores", run=RunOptions(rows_per_shard=16))
    return tmp_path / "scores"


def naive_bins(pairs: list[tuple[float, bool]]) -> list[tuple[str, str, str]]:
    """(mean p, share of yes, responses) of ten bins of equal width."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for p, label in pairs:
        bins.setdefault(min(int(p * 10), 9), []).append((p, label))
    return [
        (f"{sum(p for p, _ in own) / len(own):.3f}", f"{100 * sum(y for _, y in own) / len(own):.1f} %", str(len(own)))
        for _, own in sorted(bins.items())
    ]


def test_scores_by_label_are_those_of_the_rows(scored: Path) -> None:
    rows = rows_of(scored)
    check_sections(sections(scored))
    shown = {row[0]: row for row in rows_of_block(sections(scored), "Distribution")}
    for name, label in (("label yes", True), ("label no", False)):
        own = [row["score"] for row in rows if row["label"] is label]
        assert shown[name][1:3] == [str(len(own)), f"{math.fsum(own) / len(own):,.3f}"]
    assert set(shown) == {"label yes", "label no"}


def test_figures_by_principle_are_those_of_the_rows(scored: Path) -> None:
    rows = rows_of(scored)
    for name, n, mean, yes, p in rows_of_block(sections(scored), "Where the scores"):
        own = [row for row in rows if row["principle"] == name]
        assert n == str(len(own))
        assert mean == f"{math.fsum(row['score'] for row in own) / len(own):.3f}"
        assert yes == f"{100 * sum(row['p_yes'] > 0.5 for row in own) / len(own):.1f} %"
        assert p == f"{math.fsum(row['p_yes'] for row in own) / len(own):.3f}"


def test_the_reliability_diagram_is_counted_from_the_rows(scored: Path) -> None:
    rows = rows_of(scored)
    shown = rows_of_block(sections(scored), "Reliability")
    calibrated = naive_bins([(row["p_yes"], row["label"]) for row in rows])
    raw = naive_bins([(sigmoid(row["score"]), row["label"]) for row in rows])
    assert [(row[1], row[2], row[4]) for row in shown if row[0] == "calibrated"] == calibrated
    assert [(row[1], row[2], row[4]) for row in shown if row[0] == "before calibration"] == raw
    for row in shown:
        low, high = (float(end.removesuffix(" %")) for end in row[3].split(" to "))
        assert low <= float(row[2].removesuffix(" %")) <= high


def scores_of(rows: list[tuple[float, float, bool]]) -> Scores:
    found = Scores()
    for value, p, label in rows:
        found.add({"score": value, "p_yes": p, "label": label}, renamed=False)
    return found


def test_the_bin_farthest_from_its_probability_may_lie_above_or_below_it() -> None:
    above = [(0.0, 0.15, True)] * 2 + [(3.0, 0.95, True), (3.0, 0.95, False)]
    assert "farthest from its probability has a mean p_yes of 15.0 %, and 100.0 % of it are yes" in (
        reliability_blocks(scores_of(above), raw=False)[0].said
    )
    below = [(0.0, 0.15, False), (3.0, 0.95, False)]
    assert "a mean p_yes of 95.0 %, and 0.0 % of it are yes" in reliability_blocks(scores_of(below), raw=False)[0].said


def test_heights_are_counts_unless_the_best_stand_beside_all(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, list[float]]] = []

    def histogram(said: str, counts: dict[str, list[float]], edges: list[float], *, x: str) -> str:
        drawn.append(counts)
        return ""

    monkeypatch.setattr("stages.score.distribution_blocks.histogram", histogram)
    scores = scores_of([(0.0, 0.5, True), (1.0, 0.5, True), (1.0, 0.5, False), (0.0, 0.5, True)])
    distribution_blocks(scores, None, [])
    distribution_blocks(scores, scores_of([(1.0, 0.5, True)]), [])
    sums = [{name: sum(own) for name, own in one.items()} for one in drawn]
    assert sums == [{"label yes": 3, "label no": 1}, {"all responses": 100, "best responses": 100}]


def test_the_best_and_the_worst_stand_side_by_side(scored: Path) -> None:
    groups: dict[str, list[tuple[float, str]]] = {}
    for row in rows_of(scored):
        groups.setdefault(row["prompt"][0]["content"], []).append((row["score"], row["completion"][0]["content"]))
    margins = sorted((max(own)[0] - min(own)[0] for own in groups.values()), reverse=True)
    pairs = pairs_of(sections(scored))
    wanted = (margins[0], margins[len(margins) // 2], margins[-1])
    assert [pair.title.split(",")[0] for pair in pairs] == [
        f"{rank} margin: {margin:.3f}" for rank, margin in zip(("Largest", "Middle", "Smallest"), wanted, strict=True)
    ]
    for pair in pairs:
        scores = {text: value for value, text in groups[pair.above]}
        best, worst = (scores[side.pieces[0][0]] for side in (pair.left, pair.right))
        assert (best, worst) == (max(scores.values()), min(scores.values()))
        assert pair.left.about.startswith(f"score {best:.3f}, p_yes ")


def test_a_prompt_with_one_response_has_no_best_and_worst(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"prompt": f"q{n}", "completion": f"a{m}", "principle": "b"} for n, m in ((0, 0), (1, 1), (1, 2), (1, 2))]
    score(write(tmp_path / "rows.jsonl", rows), tmp_path / "out")
    (pair,) = pairs_of(sections(tmp_path / "out"))
    assert pair.above == "q1"


def test_labels_about_another_principle_are_not_used(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", labelled())
    score(path, tmp_path / "out", principle=("clarity",))
    shown = sections(tmp_path / "out")
    rows = [row for row in rows_of(tmp_path / "out") if row["input_principle"] == "clarity"]
    told = [(row[1], row[2], row[4]) for row in rows_of_block(shown, "Reliability") if row[0] == "calibrated"]
    assert told == naive_bins([(row["p_yes"], row["label"]) for row in rows])
    score(path, tmp_path / "other", principle=("something else",))
    assert "Reliability" not in check_sections(sections(tmp_path / "other"))
    assert not any("label" in side.about for pair in pairs_of(sections(tmp_path / "other")) for side in (pair.left,))


def test_a_model_without_probabilities_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeModel(calibrated=False))
    path = write(tmp_path / "rows.jsonl", labelled())
    score(path, tmp_path / "out")
    assert "is not calibrated" in doubts_of(sections(tmp_path / "out"))
    assert "Reliability" not in check_sections(sections(tmp_path / "out"))


def test_the_best_of_n_stand_beside_all(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", labelled())
    score(path, tmp_path / "out", output="best-of-n", principle=("clarity", "brevity"), aggregate="mean")
    shown = {row[0]: row[1] for row in rows_of_block(sections(tmp_path / "out"), "Distribution")}
    assert shown == {"all responses": "60", "best responses": "15"}
    assert len(rows_of(tmp_path / "out")) == 15
    assert "clarity" in pairs_of(sections(tmp_path / "out"))[0].left.about
    check_sections(sections(tmp_path / "out"))


def test_pairs_are_shown_with_their_margins(tmp_path: Path, fake: FakeModel) -> None:
    lonely = {"id": "x", "prompt": "alone", "completion": "only", "principle": "clarity"}
    path = write(tmp_path / "rows.jsonl", [*labelled(), lonely])
    score(path, tmp_path / "out", output="pairs")
    rows = rows_of(tmp_path / "out")
    shown = sections(tmp_path / "out")
    check_sections(shown)
    (line,) = rows_of_block(shown, "By how much")
    assert line[:2] == [str(len(rows)), f"{sum(row['margin'] for row in rows) / len(rows):.3f}"]
    largest = max(rows, key=lambda row: row["margin"])
    first = pairs_of(shown)[0]
    assert first.left.pieces[0][0] == largest["chosen"][0]["content"]
    assert first.right.pieces[0][0] == largest["rejected"][0]["content"]
    assert first.left.about == f"score {largest['score_chosen']:.3f}"
    assert first.right.about == f"score {largest['score_rejected']:.3f}"
    counted = {row[0]: row[1] for row in rows_of_block(shown, "Counted")}
    assert counted["prompts that make no pair: single response"] == "1"


def test_many_ties_and_cut_responses_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeModel())
    monkeypatch.setattr("tests.score.fakes.formula", lambda *_: 1.0)
    rows = [{"prompt": "p", "completion": text, "principle": "a"} for text in ("cut", "b", "c")]
    score(write(tmp_path / "rows.jsonl", rows), tmp_path / "out")
    told = doubts_of(sections(tmp_path / "out"))
    assert "100.0 % of the pairs" in told
    assert "1 responses were judged on a part" in told
    assert rows_of_block(sections(tmp_path / "out"), "Counted")[-1][1] == "3 (100.0 %)"
    check_sections(sections(tmp_path / "out"))


def test_an_unfinished_folder_shows_its_finished_parts(scored: Path) -> None:
    whole = sections(scored)
    (scored / ".rlbff" / "manifest.json").unlink()
    for title in ("Distribution", "Where the scores", "Reliability", "Counted"):
        assert block(sections(scored), title) == block(whole, title)
    (scored / ".rlbff" / "done" / "part-00002.json").unlink()
    part_path(scored, 2).unlink()
    told = check_sections(sections(scored))
    assert "Of 3 of 4 parts." in told
    assert sum(int(row[1]) for row in rows_of_block(sections(scored), "Distribution")) == len(rows_of(scored)) == 44
    assert {row[0]: row[1] for row in rows_of_block(sections(scored), "Counted")}["responses"] == "44"


@pytest.mark.parametrize("name", ["part-00001.parquet", ".rlbff/stats/part-00001.json", ".rlbff/manifest.json"])
@pytest.mark.parametrize("text", ['{"scored": 3}', '["', "\0\0"])
def test_damage_is_survived(scored: Path, name: str, text: str) -> None:
    (scored / name).write_text(text)
    check_sections(sections(scored))
    if name.startswith("part"):
        assert "part-00001.parquet cannot be read" in doubts_of(sections(scored))


def test_sums_that_are_none_are_told(scored: Path) -> None:
    (scored / ".rlbff" / "manifest.json").unlink()
    path = scored / ".rlbff" / "stats" / "part-00000.json"
    path.write_text('{"scored": {"a": 3}}'.ljust(path.stat().st_size))
    assert "damaged (TypeError)" in doubts_of(sections(scored))


@pytest.mark.parametrize("output", ["scores", "best-of-n", "pairs"])
def test_every_file_may_be_missing(tmp_path: Path, fake: FakeModel, output: Any) -> None:
    score(write(tmp_path / "rows.jsonl", labelled()), tmp_path / "out", output=output)
    for path in sorted((tmp_path / "out").rglob("*"), key=lambda one: -len(one.parts)):
        if path.is_file():
            path.unlink()
            check_sections(sections(tmp_path / "out"))
    assert sections(tmp_path / "out") == []


def test_nothing_scored_is_nothing_shown(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"prompt": "p", "completion": "unscorable", "principle": "a"}]
    path = write(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError):
        score(path, tmp_path / "out")
    check_sections(sections(tmp_path / "out"))


NUMBERS = (0.0, -0.0, 1.5, -3e38, 3e38, math.nan, math.inf, 1e-40, None)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("output", ["scores", "best-of-n", "pairs"])
def test_any_row_is_shown(tmp_path: Path, seed: int, output: str) -> None:
    draw = random.Random(seed)

    def chat() -> Any:
        message = {"role": draw.choice(HOSTILE), "content": draw.choice(HOSTILE)}
        return draw.choice((None, [], [message], [message, {"role": None, "content": None}]))

    def numbers(*names: str) -> dict[str, Any]:
        return {name: draw.choice((*NUMBERS, draw.random())) for name in names}

    texts = ("id", "principle", "rm")
    size = draw.choice((1, 1, 2, 40))
    rows = [
        {name: draw.choice(HOSTILE) for name in texts}
        | {name: chat() for name in ("prompt", "completion", "chosen", "rejected")}
        | numbers("score", "p_yes", "margin", "score_chosen", "score_rejected")
        for _ in range(size)
    ]
    inner = tmp_path / ".rlbff" / "scores" if output != "scores" else tmp_path
    for folder, table in ((inner, SCORES), (tmp_path, PREFERENCES if output == "pairs" else SCORES)):
        write_part(part_path(folder, 0), to_table(rows, table.schema()), {}, tmp_path / "tmp")
        write_done(
            folder,
            Done(
                part=0,
                fingerprint="",
                rows={"in": 1, "kept": 1, "dropped": 0, "rejected": 0},
                written=size,
                counts={"responses": 3, "groups_<b>": 1},
            ),
        )
    plan = {"config": {"output": output, "rm_name": draw.choice(HOSTILE)}, "parts": 1}
    (tmp_path / ".rlbff" / "plan.json").write_text(json.dumps(plan))
    shutil.rmtree(tmp_path / "tmp", ignore_errors=True)
    check_sections(sections(tmp_path))


def test_no_torch_is_loaded() -> None:
    code = "import stages.score.sections, sys; print({'torch', 'jinja2', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
