import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stages.train_policy.report import EXCERPT, write_report
from tests.train_policy.report_rows import metric_rows, rollout_row

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=\"alert('1')\"> & \x1b[31m \ud800 \u202eevil"


class Markup(HTMLParser):
    """Every element with its attributes, and the words; raises where one is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def written(tmp_path: Path, metrics: list[dict[str, Any]], rollouts: list[dict[str, Any]], title: str = "A run") -> str:
    path = tmp_path / "report" / "run.html"
    write_report(path, title=title, metrics=metrics, rollouts=rollouts)
    assert [file.name for file in path.parent.iterdir()] == ["run.html"]
    return path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = written(tmp_path, metric_rows(30), [rollout_row(0, 1, number, number / 2) for number in range(3)])
    found = Markup(text)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "image", "use"}
    named = [value for _, attributes in found.elements for value in attributes.values() if value]
    assert not [value for value in named if re.search(r"https?:|//|javascript:|url\(", value)]
    assert not re.search(r"@import|url\(", text)
    for tag, attributes in found.elements:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
    for svg in re.findall("<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    assert [word for word in found.words if word in ("Curves", "Completions")] == ["Curves", "Completions"]
    titles = re.findall("<figure><h3>(.*?)</h3>", text)
    assert titles == [
        "Reward",
        "Entropy",
        "Outside the clip range",
        "Length",
        "Cut at the limit",
        "KL",
        "Where the gradient comes from",
        "What moves entropy",
    ]


def test_every_class_of_the_style_is_used_by_the_sheet(tmp_path: Path) -> None:
    text = written(tmp_path, metric_rows(3), [rollout_row(0, 1, number, number / 2) for number in range(2)])
    sheet = text[text.index("<style>") : text.index("</style>")]
    for _, attributes in Markup(text).elements:
        for name in (attributes.get("class") or "").split():
            assert f".{name}" in sheet, name


def test_equal_rows_give_equal_pages(tmp_path: Path) -> None:
    rows = metric_rows(5)
    rollouts = [rollout_row(0, 1, number, number / 2) for number in range(3)]
    assert written(tmp_path / "a", rows, rollouts) == written(tmp_path / "b", rows[::-1], rollouts[::-1])


def test_nothing_of_a_completion_is_markup(tmp_path: Path) -> None:
    rows = [rollout_row(0, 1, number, number / 2, HOSTILE) for number in range(2)]
    for row in rows:
        row["prompt"] = [{"role": HOSTILE, "content": HOSTILE}]
        row["prompt_id"] = HOSTILE
        row["parts"] = [{"name": HOSTILE, "value": 1.0}]
        row["dropped_by"], row["advantage"] = HOSTILE, None
    hostile = {"step": 0, "group": "all", "metric": f"reward.{HOSTILE}", "value": 0.5, "n": 1}
    text = written(tmp_path, [*metric_rows(2), hostile], rows, HOSTILE)
    found = Markup(text)
    assert not {tag for tag, _ in found.elements} & {"script", "img"}
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\u202a-\u202e]", text)
    assert text.count("alert(1)") >= 8
    for svg in re.findall("<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)


def test_the_best_and_the_worst_of_the_groups_that_differ_most(tmp_path: Path) -> None:
    spread = {1: (0.0, 0.5, 1.0), 2: (0.4, 0.5), 3: (0.2, 0.9), 4: (1.0,)}
    rollouts = [
        rollout_row(generation, group, number, reward, f"<{generation}.{group}.{number}>")
        for generation in (0, 3, 7)
        for group, rewards in spread.items()
        for number, reward in enumerate(rewards)
    ]
    rollouts.append(rollout_row(7, 5, 0, None, "<unscored>"))
    rollouts.append(rollout_row(7, 5, 1, 1.0, "<alone>"))
    words = "".join(Markup(written(tmp_path, [], rollouts)).words)
    shown = re.findall(r"<(\d\.\d\.\d|unscored|alone)>", words)
    assert shown == ["0.1.2", "0.1.0", "0.3.1", "0.3.0", "7.1.2", "7.1.0", "7.3.1", "7.3.0"]
    assert "Rewards of the group: 1, 0.5, 0" in words
    assert "best: reward 1, math: 1, advantage -1.3, 12 tokens" in words
    assert "worst: reward 0, math: 0, advantage 0.7, 12 tokens, cut at the limit" in words


def test_a_long_completion_is_shown_from_both_ends(tmp_path: Path) -> None:
    text = "a" * EXCERPT + "middle" + "z" * EXCERPT
    rollouts = [rollout_row(0, 1, 0, 1.0, text), rollout_row(0, 1, 1, 0.0, "")]
    words = Markup(written(tmp_path, [], rollouts)).words
    assert "a" * (EXCERPT // 2) + "\n…\n" + "z" * (EXCERPT // 2) in words
    assert "(nothing)" in words


def test_a_run_of_nothing_has_a_page(tmp_path: Path) -> None:
    assert Markup(written(tmp_path, [], [])).words.count("A run") == 2


@pytest.mark.parametrize("generations", [1, 2])
def test_a_short_run_has_a_page(generations: int, tmp_path: Path) -> None:
    text = written(tmp_path, metric_rows(generations, updates=1), [])
    assert text.count("<figure>") == 8
    assert "nan" not in text.lower().replace("dominan", "")


def test_doubts_come_first(tmp_path: Path) -> None:
    rows = metric_rows(30)
    for row in rows:
        if row["metric"] == "truncated":
            row["value"] = 0.5
    text = written(tmp_path, rows, [])
    assert text.index("What may be wrong") < text.index("were cut at the limit") < text.index("<h2>Curves")
    assert "What may be wrong" not in written(tmp_path, metric_rows(30), [])


def test_the_numbers_of_a_drawing_are_there_in_a_table(tmp_path: Path) -> None:
    text = written(tmp_path, metric_rows(30), [])
    tables = re.findall(r"<details>.*?</details>", text, re.DOTALL)
    words = Markup(tables[1]).words
    # twelve of 30 generations of four updates, the first and the last among them
    assert words[:3] == ["As a table", "step", "entropy"]
    assert len(words) == 3 + 2 * 12
    assert (words[3:5], words[-2:]) == (["4", "2"], ["120", "0.8"])


def test_figures_of_updates_are_drawn_as_means_of_generations(tmp_path: Path) -> None:
    text = written(tmp_path, metric_rows(2), [])
    # 0, 0.7, 1.4 and 2.1 % of the tokens in the updates of either generation
    assert "left, bad tokens 0.006 to 0.006; right, good tokens 0.0105 to 0.0105" in text


def test_figures_that_know_of_no_generations_are_drawn_update_by_update(tmp_path: Path) -> None:
    rows = [
        {"step": step, "group": "all", "metric": metric, "value": 0.5 / step, "n": 4}
        for step in (1, 2, 3)
        for metric in ("entropy", "reward", "clip_low", "clip_high", "dual", "learning_rate")
    ]
    write_report(tmp_path / "page.html", title="by TRL", metrics=rows, rollouts=[])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Entropy" in page
    assert page.count("<svg") >= 2
