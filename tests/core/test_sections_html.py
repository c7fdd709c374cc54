import re
from collections.abc import Iterator

import numpy as np
import pytest

from stages.core.chart_frame import DARK_FROM, MOST_SERIES, SHADES
from stages.core.charts import bars, heat, histogram, lines, waterfall
from stages.core.sections import Block, Drawing, Grid, Pair, Passage, Section
from stages.core.sections_html import MARKS, Part, block_markup, section_markup, whole_page
from tests.core.pages import faults_of, text_of

HOSTILE = "</td></script><script>alert(1)</script>\"'& \x00\x1b[31m \u202eabc\u2066 \ud800 <svg onload=x> --> ]]>"


def part_of(*blocks: Block, style: str = "") -> Part:
    return Part(title="one", sections=[Section(title="S", blocks=blocks)], style=style)


def test_a_page_has_contents_that_lead_to_its_parts() -> None:
    first = Part(title="Overview", sections=[Section(title="All", blocks=[])], facts={"folders": "2"})
    second = Part(title="rm", about="train-rm", sections=[Section(title="A", blocks=[]), Section(title="B", blocks=[])])
    page = whole_page("Title", [first, second])
    assert faults_of(page) == []
    assert re.findall('<a href="(#[^"]*)">', page) == ["#p1", "#p1-1", "#p2", "#p2-1", "#p2-2"]
    assert "<dt>folders</dt><dd>2</dd>" in page
    assert '<h2>rm <span class="soft">train-rm</span>' in page
    assert page.count('href="#top"') == 1


def test_styles_of_parts_stand_once() -> None:
    page = whole_page("t", [part_of(style=".x { fill: red; }"), part_of(style=".x { fill: red; }")])
    assert page.count(".x { fill: red; }") == 1


def test_what_is_foreign_stays_text() -> None:
    grid = Grid(title=HOSTILE, head=[HOSTILE], rows=[[HOSTILE]], note=HOSTILE)
    folded = Grid(title=HOSTILE, head=[HOSTILE], rows=[[HOSTILE]], folded=True)
    passage = Passage(title=HOSTILE, pieces=[(HOSTILE, ""), (HOSTILE, "yes")], about=HOSTILE)
    pair = Pair(title=HOSTILE, above=HOSTILE, left=passage, right=passage)
    one = {HOSTILE: 1.0}
    many = {HOSTILE: [(0.0, 1.0), (1.0, 2.0)], "b": [(0.0, 1.0)]}
    drawn = [
        lines(HOSTILE, many, x=HOSTILE, y=HOSTILE, bands={HOSTILE: [(0.0, 0.0, 1.0)]}),
        bars(HOSTILE, one, unit=HOSTILE),
        histogram(HOSTILE, {HOSTILE: [1], "b": [2]}, [0, 1], x=HOSTILE),
        heat(HOSTILE, [HOSTILE], [HOSTILE], np.ones((1, 1)), low=0, high=1),
        waterfall(HOSTILE, [(HOSTILE, 1)]),
    ]
    drawings = [Drawing(title=HOSTILE, markup=one, said=HOSTILE, note=HOSTILE, numbers=grid) for one in drawn]
    section = Section(title=HOSTILE, blocks=[grid, folded, passage, pair, *drawings], note=HOSTILE, doubts=[HOSTILE])
    page = whole_page(HOSTILE, [Part(title=HOSTILE, about=HOSTILE, facts={HOSTILE: HOSTILE}, sections=[section])])
    assert faults_of(page) == []
    assert "<script>alert(1)</script>" in text_of(page)
    assert page.encode()


def test_the_checks_themselves_can_fail() -> None:
    page = whole_page("t", [part_of(Passage(title="a", pieces=[("x", "")]))])
    assert faults_of(page) == []
    for bad in ("<p>", "</p>", "<script></script>", '<a href="https://x.y">z</a>', '<a href="#no">z</a>', "\u202e"):
        assert faults_of(page.replace("x</blockquote>", f"x{bad}</blockquote>")) != []
    assert faults_of(page.replace('id="p1"', 'id="top"')) != []
    assert faults_of(page.replace("</style>", "a { background: url(x) }</style>")) != []
    assert faults_of(page.replace("</main>", "<svg></svg></main>")) != []


def test_columns_of_numbers_are_aligned_right() -> None:
    grid = Grid(
        title="", head=("name", "n", "mixed"), rows=[("1 a", "-3", "4 of 5"), ("b", "2.5", "x"), ("c", "", "y")]
    )
    assert block_markup(grid) == (
        '<div class="whole"><div class="scroll"><table class="words"><thead><tr><th scope="col">name</th>'
        '<th scope="col" class="number">n</th><th scope="col">mixed</th></tr></thead><tbody>'
        '<tr><td>1 a</td><td class="number">-3</td><td>4 of 5</td></tr>'
        '<tr><td>b</td><td class="number">2.5</td><td>x</td></tr>'
        "<tr><td>c</td><td></td><td>y</td></tr></tbody></table></div></div>"
    )


def test_tables_without_names_of_columns_have_no_head() -> None:
    markup = block_markup(Grid(title="", head=("", ""), rows=[("a", "5")]))
    assert "<tbody><tr><td>a</td><td>5</td></tr></tbody>" in markup
    assert "<thead>" not in markup


def test_a_row_of_another_length_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        block_markup(Grid(title="", head=("a", "b"), rows=[("1",)]))


def test_folded_tables_stand_behind_a_click() -> None:
    assert "<details><summary>T</summary>" in block_markup(Grid(title="T", head=("a",), rows=[("1",)], folded=True))
    drawing = Drawing(title="D", markup="<svg/>", said="", numbers=Grid(title="", head=("a",), rows=[("1",)]))
    assert "<svg/><details><summary>As a table</summary>" in block_markup(drawing)


def test_marks_are_told_above_the_texts_that_have_them() -> None:
    passage = Passage(title="P", pieces=[("a ", ""), ("b", "no"), ("<c>", "note")])
    section = Section(title="S", blocks=[passage], doubts=["d"], note="n")
    markup = section_markup(section, "p1-1")
    assert 'a <mark class="no">b</mark><mark class="note">&lt;c&gt;</mark>' in markup
    assert (
        f'<p class="keys"><mark class="no">{MARKS["no"]}</mark><mark class="note">{MARKS["note"]}</mark></p>' in markup
    )
    assert markup.index("doubts") < markup.index("keys") < markup.index("blockquote")
    plain = Section(title="S", blocks=[Passage(title="", pieces=[("a", "")])])
    assert "keys" not in section_markup(plain, "x")


def test_marks_of_pairs_count_too_and_an_empty_text_says_so() -> None:
    left, right = Passage(title="l", pieces=[("a", "yes")]), Passage(title="r", pieces=[])
    markup = section_markup(Section(title="S", blocks=[Pair(title="t", above="", left=left, right=right)]), "x")
    assert f'<p class="keys"><mark class="yes">{MARKS["yes"]}</mark></p>' in markup
    turned = section_markup(Section(title="S", blocks=[Pair(title="t", above="", left=right, right=left)]), "x")
    assert f'<p class="keys"><mark class="yes">{MARKS["yes"]}</mark></p>' in turned
    assert "(nothing)</blockquote>" in markup


def test_marks_differ_by_more_than_colour() -> None:
    page = whole_page("t", [])
    kinds = re.findall(r"mark\.(yes|no|note) \{[^}]*text-decoration: underline (\w+)", page)
    assert dict(kinds) == {"yes": "solid", "no": "wavy", "note": "dotted"}


def colours(page: str) -> Iterator[dict[str, str]]:
    """The variables of the style in light, then in dark."""
    dark = re.findall(r"@media screen and \(prefers-color-scheme: dark\) \{ :root \{([^}]*)\}", page)
    for rule in dark:
        page = page.replace(rule, "")
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", page))
    yield light
    yield light | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", "".join(dark)))


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1, from 1 to 21."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


TEXTS = [
    *((text, ground) for text in ("ink", "soft", "link") for ground in ("paper", "panel")),
    *(("ink", ground) for ground in ("alarm", "yes", "no", "note")),
    *(("ink", f"h{shade}") for shade in range(DARK_FROM)),
    *(("paper", f"h{shade}") for shade in range(DARK_FROM, SHADES)),
]
LINES = [*(f"l{series}" for series in range(MOST_SERIES)), "path", "yes-line", "no-line", "note-line", "alarm-line"]


def test_contrast_by_hand() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_text_can_be_read_in_light_and_dark() -> None:
    for theme in colours(whole_page("t", [])):
        low = {(text, ground): contrast(theme[text], theme[ground]) for text, ground in TEXTS}
        assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def test_lines_can_be_seen_in_light_and_dark() -> None:
    light, dark = colours(whole_page("t", []))
    assert light != dark
    for theme in (light, dark):
        assert {line: theme[line] for line in LINES if contrast(theme[line], theme["paper"]) < 3} == {}
