"""What a report shows of a policy: figures are those stored, damage is told, and nothing foreign is markup."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from stages.core.sections import Drawing, Grid, Pair, Section
from stages.core.sections_html import section_markup
from stages.core.shards import to_table, write_part
from stages.core.tables import METRICS, ROLLOUTS
from stages.train_policy.arrays import Metric
from stages.train_policy.metric_log import MetricLog
from stages.train_policy.sections import EXCERPT, sections
from stages.train_policy.show import doubts, summarise
from stages.train_policy.telemetry import CLASSES
from tests.conftest import ROOT
from tests.train_policy.report_rows import metric_rows, rollout_row

HOSTILE = '</svg><script>alert("1")</script>\x1b[31m\u202e'
TITLES = [
    "What the run came to",
    "What the policy learned",
    "How it was updated",
    "The budget of entropy",
    "Completions side by side",
]
Rows = list[dict[str, Any]]


def store(root: Path, metrics: Rows, rollouts: Rows = []) -> Path:  # noqa: B006 - is not changed
    """A folder as a finished run leaves it, its records aside."""
    if metrics:
        rows = [{"stage": "train-policy", "benchmark": "training", **row} for row in metrics]
        write_part(
            root / "metrics" / "part-00000.parquet", to_table(rows, METRICS.schema()), {}, root / ".rlbff" / "tmp"
        )
    for generation in {row["generation"] for row in rollouts}:
        own = [row for row in rollouts if row["generation"] == generation]
        path = root / "rollouts" / f"part-{generation:05d}.parquet"
        write_part(path, to_table(own, ROLLOUTS.schema()), {}, root / ".rlbff" / "tmp")
    return root


def groups(*generations: int) -> Rows:
    """Two groups a generation, of which the first differs more."""
    return [
        rollout_row(generation, group, number, reward, f"text {generation}.{group}.{number}")
        for generation in generations
        for group, rewards in ((1, (0.0, 0.5, 1.0)), (2, (0.25, 0.5)))
        for number, reward in enumerate(rewards)
    ]


def drawings(found: list[Section]) -> dict[str, Drawing]:
    return {block.title: block for section in found for block in section.blocks if isinstance(block, Drawing)}


def figures_of(rows: Rows) -> list[Metric]:
    return [Metric(row["step"], row["group"], row["metric"], row["value"], row["n"]) for row in rows]


def test_a_run_has_all_sections(tmp_path: Path) -> None:
    rows = metric_rows(30)
    found = sections(store(tmp_path, rows, groups(0, 29)))
    assert [section.title for section in found] == TITLES
    assert list(drawings(found)) == [
        *("Reward", "Entropy", "Length", "Cut at the limit", "Outside the clip range", "KL", "Norm of the gradient"),
        *("Where the gradient comes from", "What moves entropy"),
    ]
    for drawing in drawings(found).values():
        for svg in re.findall("<svg.*?</svg>", drawing.markup, re.DOTALL):
            ElementTree.fromstring(svg)
    assert list(found[0].doubts) == doubts(figures_of(rows))
    grid = found[0].blocks[0]
    assert isinstance(grid, Grid)
    assert dict(grid.rows) == summarise(figures_of(rows))


def test_figures_are_those_of_the_table_and_of_updates_their_means(tmp_path: Path) -> None:
    rows = metric_rows(3)
    found = drawings(sections(store(tmp_path, rows)))
    reward = found["Reward"].numbers
    assert reward is not None
    assert list(reward.head) == ["step", "reward", "check:length", "math:"]
    values = {(row["step"], row["metric"]): row["value"] for row in rows if row["group"] == "all"}
    names = ("reward", "reward.check:length", "reward.math:")
    assert [list(row) for row in reward.rows] == [
        [str(step), *(f"{values[step, name]:.4g}" for name in names)] for step in (0, 4, 8)
    ]
    ends = [f"{values[step, 'reward']:.4g}" for step in (0, 8)]
    assert ends[0] != ends[1]
    assert f"from step 0 to 8: reward {' to '.join(ends)}; " in found["Reward"].said
    clip = found["Outside the clip range"].numbers
    assert clip is not None
    # 0, 0.004, 0.008, 0.012 within a generation, at the step of its last update
    assert [list(row) for row in clip.rows] == [[step, "0.006", "0.0105"] for step in ("4", "8", "12")]
    assert "dual" not in "".join(clip.head)
    shares = found["Where the gradient comes from"].said
    assert [f"{name} {100 * (8 - place) / 36:.0f} %" in shares for place, name in enumerate(CLASSES)] == [True] * 8
    assert "from step 4 to 12: KL(old || new) 0.00015 to 0.00015." in found["KL"].said


def test_the_best_and_the_worst_of_the_first_and_the_last_generation(tmp_path: Path) -> None:
    found = sections(store(tmp_path, [], groups(0, 3, 7)))
    (section,) = found
    pairs = [block for block in section.blocks if isinstance(block, Pair)]
    sides = [(pair.left.pieces[0][0], pair.right.pieces[0][0]) for pair in pairs]
    assert sides == [
        ("text 0.1.2", "text 0.1.0"),
        ("text 0.2.1", "text 0.2.0"),
        ("text 7.1.2", "text 7.1.0"),
        ("text 7.2.1", "text 7.2.0"),
    ]
    assert pairs[0].title == "p1, generation 0, step 0"
    assert pairs[0].above == "What is 1 + 2?\n\nRewards of the group: 1, 0.5, 0"
    assert pairs[0].left.about == "reward 1, math: 1, advantage -1.3, 12 tokens"
    assert pairs[0].right.about == "reward 0, math: 0, advantage 0.7, 12 tokens, cut at the limit"


def test_a_run_that_is_still_training_shows_its_log(tmp_path: Path) -> None:
    log = MetricLog(tmp_path / ".rlbff" / "training" / "abc" / "metrics.jsonl", generations=0, steps=0)
    rows = figures_of(metric_rows(1))
    log.add("generation", 0, [row for row in rows if row.step == 0])
    for step in range(1, 5):
        log.add("update", step, [row for row in rows if row.step == step])
    log.close()
    # the log of an earlier configuration is not that of the run
    for name, when in (("aaa", 1), ("zzz", 2)):
        old = MetricLog(tmp_path / ".rlbff" / "training" / name / "metrics.jsonl", generations=0, steps=0)
        old.add("generation", 0, [row for row in rows if row.step == 0])
        old.close()
        os.utime(tmp_path / ".rlbff" / "training" / name / "metrics.jsonl", (when, when))
    found = sections(tmp_path)
    assert found[0].doubts[0] == "Training is not finished: these are the updates so far."
    assert "Reward" in drawings(found)
    assert "from step 4 to 4" in drawings(found)["Entropy"].said


@pytest.mark.parametrize("generations", [1, 2])
def test_a_single_step_and_figures_without_generations_are_drawn(generations: int, tmp_path: Path) -> None:
    found = drawings(sections(store(tmp_path / "one", metric_rows(generations, updates=1))))
    assert len(found) == 9
    bare = [
        {"step": step, "group": "all", "metric": name, "value": value, "n": 3}
        for step in range(1, generations + 1)
        for name, value in (("reward", 0.0), ("entropy", 2.0), ("kl", -0.5), ("loss", 0.1), ("beta1", step))
    ]
    found = drawings(sections(store(tmp_path / "trl", bare)))
    assert list(found) == ["Reward", "Entropy", "KL"] + ["Weight of the left side"] * (generations > 1)


def test_an_empty_and_a_damaged_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert sections(tmp_path / "empty") == []
    root = store(tmp_path / "cut", metric_rows(3), groups(0, 1))
    for path in (root / "metrics" / "part-00000.parquet", root / "rollouts" / "part-00001.parquet"):
        path.write_bytes(path.read_bytes()[:300])
    found = sections(root)
    assert [section.title for section in found] == [TITLES[0], TITLES[4]]
    assert len(found[0].doubts) == 2
    assert all("cannot be read" in doubt for doubt in found[0].doubts)
    foreign = pa.table({"id": ["a"], "generation": [0], "group": [1]})
    write_part(root / "rollouts" / "part-00001.parquet", foreign, {}, tmp_path / "scratch")
    assert len(sections(root)[0].doubts) == 1


def test_texts_are_only_text_and_the_size_is_bounded(tmp_path: Path) -> None:
    rollouts = groups(0, 999)
    for row in rollouts:
        row["prompt"] = [{"role": HOSTILE, "content": HOSTILE * 200}]
        row["completion"] = [{"role": "assistant", "content": HOSTILE * 2000}]
        row["prompt_id"] = HOSTILE * 50
        row["parts"] = [{"name": HOSTILE, "value": 1.0}]
    hostile = [
        {"step": step, "group": "all", "metric": f"reward.{HOSTILE}{part}", "value": 0.1 * step, "n": 1}
        for step in range(0, 4000, 4)
        for part in range(8)
    ]
    found = sections(store(tmp_path, [*metric_rows(1000), *hostile], rollouts))
    text = "".join(section_markup(section, "s") for section in found)
    assert "<script" not in text
    assert not re.search("[\x1b\u202e]", text)
    assert "alert" in text
    # a quotation mark of theirs takes six letters of ours
    assert len(text.encode()) < 130_000
    (pair, *_) = (block for block in found[-1].blocks if isinstance(block, Pair))
    assert len(pair.left.pieces[0][0]) <= EXCERPT + 4


def test_a_long_run_has_no_long_page(tmp_path: Path) -> None:
    rollouts = [row | {"completion": [{"role": "assistant", "content": "abc " * 9999}]} for row in groups(0, 999)]
    found = sections(store(tmp_path, metric_rows(1000), rollouts))
    assert sum(len(section_markup(section, "s")) for section in found) < 80_000


def test_no_model_package_is_imported(tmp_path: Path) -> None:
    store(tmp_path, metric_rows(2), groups(0))
    code = (
        f"import sys; from pathlib import Path; from stages.train_policy.sections import sections; "
        f"assert len(sections(Path({str(tmp_path)!r}))) == {len(TITLES)}; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
