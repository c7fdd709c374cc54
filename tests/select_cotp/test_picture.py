import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from stages.select_cotp.alignment import Alignment, Curves, entropy_alignment, pattern_alignment
from stages.select_cotp.picture import EXCERPT, Arm, Pair, Side, page
from stages.select_cotp.picture_svg import MOST_NAMES, curves, histogram, ladder, level

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=\"alert('1')\"> & \x1b[31m \ud800 \u202eevil"


class Markup(HTMLParser):
    """Every element and its attributes; raises where one is closed that is not open."""

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
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def side(id_: str, text: str = "Let me see.", **further: Any) -> Side:
    return Side(id_, "q1", text, 12, **further)


def pair(names: Sequence[str] = ("plan", "check"), others: Sequence[str] = ("plan", "compute"), **change: Any) -> Pair:
    weights = np.linspace(0.5, 1, len(names))
    values = {
        "arm": "assign",
        "rank": 1,
        "core": side("core-1", correct=True, patterns=names),
        "pool": side("cot-7", correct=False, patterns=others),
        "parts": {"distance": 0.25, "pattern distance": 0.5, "entropy distance": None},
        "weights": weights,
        "alignment": pattern_alignment(names, weights, others),
        "entropy": entropy_alignment(np.array([0.1, 0.9, 0.2]), np.array([0.2, 0.8])),
    }
    return Pair(**{**values, **change})


ARMS = (
    Arm("assign", np.array([10, 20, 30]), 3, correct=2 / 3, distance=0.25),
    Arm("random", np.array([10, 90, 90]), 2, overlap=0.2),
    Arm("pool", np.array([10, 20, 30, 90, 90]), 4, correct=0.4),
)


def drawing(text: str) -> ElementTree.Element:
    """The SVG, read by a strict parser."""
    return ElementTree.fromstring(text)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    text = page("A selection", {"lambda": "0.8"}, ARMS, [pair(), pair()])
    found = Markup(text)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "image", "use"}
    named = [value for _, attributes in found.elements for value in attributes.values() if value]
    assert not [value for value in named if re.search(r"https?:|//|javascript:|url\(", value)]
    assert not re.search(r"@import|url\(", text)
    assert ("html", {"lang": "en"}) in found.elements
    policy = [a.get("content") for tag, a in found.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    targets = [attributes["href"] for tag, attributes in found.elements if tag == "a"]
    assert (ids, targets) == (["pair-1", "pair-2"], ["#pair-1", "#pair-2"])
    for tag, attributes in found.elements:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
    assert text.encode("utf-8")
    assert page("A selection", {"lambda": "0.8"}, ARMS, [pair(), pair()]) == text


def test_whatever_a_row_says_is_text() -> None:
    chain = (HOSTILE, "plan")
    bad = pair(chain, chain, arm=HOSTILE, parts={HOSTILE: 1.0})
    bad = bad._replace(
        core=Side(HOSTILE, HOSTILE, HOSTILE, 1, None, chain), pool=Side(HOSTILE, HOSTILE, HOSTILE, 1, None, chain)
    )
    arms = [ARMS[0]._replace(name=HOSTILE), ARMS[2]]
    text = page(HOSTILE, {HOSTILE: HOSTILE}, arms, [bad])
    found = Markup(text)
    plain = Markup(page("t", {"a": "b"}, ARMS, [pair()]))
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in plain.elements}
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\u202a-\u202e]", text)
    assert text.encode("utf-8")
    for svg in re.findall("<svg.*?</svg>", text):
        drawing(svg)


def test_arms_in_numbers() -> None:
    words = Markup(page("t", {}, ARMS, [])).words
    start = words.index("assign")
    assert words[start : start + 8] == ["assign", "3", "3", "60", "20", "66.7 %", "0.25", "–"]
    start = words.index("random")
    assert words[start : start + 8] == ["random", "3", "2", "190", "63", "–", "–", "20.0 %"]
    assert "Alignments" not in words
    assert page("t", {}, ARMS, []).count('class="outline"') == 2  # the pool is not behind itself


def test_an_arm_without_rows_and_a_page_without_arms() -> None:
    empty = Arm("knn", np.array([], dtype=np.int64), 0)
    words = Markup(page("t", {}, [empty], [])).words
    start = words.index("knn")
    assert words[start : start + 5] == ["knn", "0", "0", "0", "–"]
    assert "Arms" not in Markup(page("t", {}, [], [])).words


def test_a_pair_in_words() -> None:
    words = Markup(page("t", {}, [], [pair()])).words
    text = " ".join(words)
    assert "cot-7 for core-1" in text
    assert "(assign, rank 1)" in text
    for name, value in (("distance", "0.25"), ("pattern distance", "0.5"), ("entropy distance", "–")):
        assert words[words.index(name) + 1] == value
    assert "question q1, 12 tokens, right" in text
    assert "question q1, 12 tokens, wrong" in text
    table = words[words.index("As a table") + 1 :][:9]
    assert table[:6] == ["core", "pool", "cost", "plan", "plan", "0"]
    unknown = " ".join(
        Markup(page("t", {}, [], [pair(rank=None, core=side("core-1", patterns=("plan", "check")))])).words
    )
    assert "12 tokens " in unknown
    assert "(assign)" in unknown


def test_completions_are_cut() -> None:
    bare = pair(alignment=None, core=side("c", "x" * EXCERPT), pool=side("p", "y" * (EXCERPT + 1)))
    words = Markup(page("t", {}, [], [bare])).words
    assert "x" * EXCERPT in words
    assert "y" * EXCERPT + "…" in words


def test_a_selection_without_one_of_the_chains() -> None:
    for change, lost, left in (
        ({"weights": None, "alignment": None}, "patterns of the core row", "Entropy along"),
        ({"entropy": None}, "Entropy along", "patterns of the core row"),
    ):
        text = page("t", {}, [], [pair(**change)])
        assert lost not in text
        assert left in text


def test_means_of_rows_have_no_text() -> None:
    empty = Side("mean of 12 core rows", "", "", 0)
    text = page("t", {}, [], [pair(core=empty, pool=empty._replace(id="mean of 9 rows"), parts={}, alignment=None)])
    assert "mean of 9 rows for mean of 12 core rows" in " ".join(Markup(text).words)
    assert "<blockquote" not in text.split("</style>")[1]
    assert "<dl" not in text.split("</style>")[1]
    assert "Entropy along" in text


def test_links_join_the_boxes_that_they_mean() -> None:
    core, pool = ("a", "b", "c"), ("a", "c")
    found = Alignment(np.array([0, 1, 2]), np.array([0, 1, 1]), np.array([0, 0.5, 0.0]))
    svg = drawing(ladder(core, pool, np.array([1.0, 2.0, 1.0]), found))
    links = list(svg.iter("line"))
    assert [link.get("class") for link in links] == ["link c0", "link c2", "link c0"]
    assert [link.findtext("title") for link in links] == ["a → a: cost 0", "b → c: cost 0.5", "c → c: cost 0"]
    # three rows of 26 under a head of 22; two boxes share the height of three
    assert [(link.get("y1"), link.get("y2")) for link in links] == [("35", "41.5"), ("61", "80.5"), ("87", "80.5")]
    boxes = [group.findtext("title") for group in svg.iter("g")]
    assert boxes == [*core, *pool]
    filled = [rect.get("width") for rect in svg.iter("rect") if rect.get("class") == "weight"]
    assert filled == ["78", "156", "78"]
    assert svg.get("aria-label") == "3 patterns of the core row beside 2 of the pool row; 2 of 3 links cost nothing."


@pytest.mark.parametrize(("cost", "shade"), [(0, 0), (1e-9, 1), (0.49, 1), (0.5, 2), (1.2, 3), (1.5, 4), (2, 4)])
def test_shades_are_quarters_of_the_largest_weight(cost: float, shade: int) -> None:
    assert level(cost, 2.0) == shade


def test_long_chains_are_cut_and_long_names_shortened() -> None:
    core = tuple(f"name {place}" for place in range(MOST_NAMES + 5))
    text = page("t", {}, [], [pair(core, core)])
    assert f"the first {MOST_NAMES} of each chain" in text
    svg = drawing(re.findall("<svg role.*?</svg>", text)[0])
    assert len(list(svg.iter("line"))) == MOST_NAMES
    assert len(list(svg.iter("g"))) == 2 * MOST_NAMES
    assert text.count("<tr>") == MOST_NAMES + 1
    names = ("recalling a theorem of geometry", "验证答案是否满足所有条件并回溯", "twenty-one letters xx")
    svg = drawing(ladder(names, names[:1], np.ones(3), pattern_alignment(names, np.ones(3), names[:1])))
    shown = [group.findtext("text") for group in svg.iter("g")]
    assert shown[:3] == ["recalling a theorem…", "验证答案是否满足所有…"[:11], "twenty-one letters xx"]
    assert [group.findtext("title") for group in svg.iter("g")][:3] == list(names)


def points(svg: ElementTree.Element, place: int) -> list[tuple[float, float]]:
    line = list(svg.iter("polyline"))[place].get("points") or ""
    return [(float(x), float(y)) for x, y in (one.split(",") for one in line.split())]


def test_curves_have_one_scale_and_links_lie_on_them() -> None:
    drawn = entropy_alignment(np.array([0.0, 2.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0, 0.5]))
    svg = drawing(curves(drawn))
    core, pool = points(svg, 0), points(svg, 1)
    assert (len(core), len(pool)) == (3, 5)
    assert (core[0][0], core[-1][0]) == (pool[0][0], pool[-1][0]) == (34, 420)
    # 110 high for 2 nats
    assert (core[0][1] - core[1][1], pool[0][1] - pool[2][1]) == (110, 55)
    ends = {(link.get("x1"), link.get("y1")) for link in svg.iter("line") if link.get("class") == "warp"}
    assert {(float(x or 0), float(y or 0)) for x, y in ends} == set(core)
    flat = drawing(curves(entropy_alignment(np.zeros(4), np.zeros(1))))
    assert {y for _, y in points(flat, 0)} == {128}


def test_long_curves_are_thinned_and_keep_their_links() -> None:
    long = np.sin(np.arange(2000) / 50) + 1
    svg = drawing(curves(entropy_alignment(long, long)))
    assert len(points(svg, 0)) == 512
    links = [link for link in svg.iter("line") if link.get("class") == "warp"]
    assert len(links) == 64
    assert all(link.get("x1") == link.get("x2") for link in links)


def test_bars_by_hand() -> None:
    svg = drawing(histogram("assign", np.array([1, 2, 3, 9]), np.array([0.0, 5, 10]), np.array([9, 9])))
    bars = list(svg.iter("rect"))
    # the pool's 100 % is the top at 90; three quarters and one quarter of it
    assert [float(rect.get("height") or 0) for rect in bars] == [67.5, 22.5]
    assert [rect.findtext("title") for rect in bars] == ["0 to 5 tokens: 75.0 %", "5 to 10 tokens: 25.0 %"]
    assert [y for _, y in points(svg, 0)] == [108, 108, 18, 18]
    assert svg.get("aria-label") == "Lengths in assign: 4 rows, median 2 tokens."
    alone = drawing(histogram("pool", np.array([1, 2, 3, 9]), np.array([0.0, 5, 10]), None))
    assert [float(rect.get("height") or 0) for rect in alone.iter("rect")] == [90, 30]
    assert not list(alone.iter("polyline"))


def test_twelve_pairs_of_long_chains_stay_below_a_megabyte() -> None:
    rng = np.random.default_rng(0)
    many = []
    for _ in range(12):
        core, pool = (tuple(f"pattern {n}" for n in rng.integers(0, 40, 400)) for _ in range(2))
        lines: Curves = entropy_alignment(rng.random(3000), rng.random(2500))
        texts = {"core": side("c", "é" * 9999, patterns=core), "pool": side("p", "<" * 9999, patterns=pool)}
        many.append(pair(core, pool, entropy=lines, **texts))
    assert len(page("t", {}, ARMS, many).encode()) < 1e6
