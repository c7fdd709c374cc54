import re
from xml.etree import ElementTree

import pytest

from stages.train_policy.curves import MOST_BARS, MOST_POINTS, bars, class_legend, kind, line_legend, lines
from stages.train_policy.telemetry import CLASSES


def drawing(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def points(line: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]


def boxes(path: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """x, y, width and height of each."""
    found = re.findall(r"M([-\d.]+) ([-\d.]+)h([-\d.]+)v([-\d.]+)h-", path.attrib["d"])
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h in found]


def test_lines_lie_where_their_values_are() -> None:
    root = drawing(lines("Reward", {"a": [(0, 0.0), (5, 1.0), (10, 2.0)], "<b>": [(10, 1.0)]}))
    (line,) = root.iter("polyline")
    # 46 to 416 wide, 160 down to 10 high
    assert points(line) == [(46, 160), (231, 85), (416, 10)]
    assert line.attrib["class"] == "run l0"
    (dot,) = root.iter("circle")
    assert (dot.attrib["cx"], dot.attrib["cy"], dot.attrib["class"]) == ("416", "85", "run l1")
    assert root.attrib["aria-label"] == "Reward, steps 0 to 10: a 0 to 2; <b> 1 to 1."
    assert [text.text for text in root.iter("text")] == ["0", "2", "step 0", "10"]


def test_negative_values_have_a_line_at_zero() -> None:
    root = drawing(lines("Reward", {"a": [(1, -1.0), (2, 3.0)]}))
    assert [text.text for text in root.iter("text")][:3] == ["-1", "0", "3"]
    assert [line.attrib["y1"] for line in root.iter("line")] == ["160", "122.5", "10"]
    assert points(next(root.iter("polyline"))) == [(46, 160), (416, 10)]


@pytest.mark.parametrize(
    ("value", "told"), [(0.00015, "1.5e-04"), (0.0105, "0.0105"), (2.5, "2.5"), (999.4, "999"), (12345.6, "12,346")]
)
def test_values_fit_beside_the_drawing(value: float, told: str) -> None:
    root = drawing(lines("x", {"a": [(1, value)]}))
    assert [text.text for text in root.iter("text")][:2] == ["0", told]


def test_figures_that_are_zero_throughout_lie_on_the_floor() -> None:
    (line,) = drawing(lines("Clipped", {"a": [(1, 0.0), (2, 0.0)]})).iter("polyline")
    assert points(line) == [(46, 160), (416, 160)]


def test_a_long_series_is_thinned_and_keeps_its_ends() -> None:
    series = [(k, float(k % 2)) for k in range(2001)]
    (line,) = drawing(lines("x", {"a": series})).iter("polyline")
    found = points(line)
    assert len(found) == MOST_POINTS
    assert (found[0], found[-1]) == ((46, 160), (416, 160))
    # eight or nine neighbours are averaged, to 4/9 at least and to 5/9, the top, at most
    assert all(10 <= y <= 40 for _, y in found[1:-1])
    assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_bars_of_shares_fill_the_height() -> None:
    root = drawing(bars("Gradient", {"PA-HP-in": [(1, 0.25), (2, 1.0)], "NA-LP-out": [(1, 0.75), (2, 0.0)]}))
    first, second = root.iter("path")
    assert boxes(first) == [(46, 122.5, 185, 37.5), (231, 10, 185, 150)]
    assert boxes(second) == [(46, 10, 185, 112.5)]
    assert (first.attrib["class"], second.attrib["class"]) == ("seg pa-hp", "seg na-lp out")
    assert [text.text for text in root.iter("text")][:2] == ["0 %", "100 %"]
    assert "PA-HP-in 62 %, NA-LP-out 38 %" in root.attrib["aria-label"]


def test_bars_that_lower_hang_below_zero() -> None:
    root = drawing(bars("Entropy", {"PA-HP-in": [(1, -3.0)], "NA-HP-in": [(1, 1.0)], "NA-LP-in": [(1, -4.0)]}))
    # zero at 85, one share is 75 high
    found = [boxes(path) for path in root.iter("path")]
    assert found == [[(46, 85, 370, 28.1)], [(46, 75.6, 370, 9.4)], [(46, 113.1, 370, 37.5)]]
    assert "PA-HP-in -38 %, NA-HP-in 12 %, NA-LP-in -50 %" in root.attrib["aria-label"]


def test_a_third_class_stands_on_the_other_two() -> None:
    names = ("PA-HP-in", "PA-LP-in", "NA-HP-in", "NA-LP-in")
    root = drawing(bars("x", {name: [(1, 1.0)] for name in names}))
    assert [boxes(path)[0][1] for path in root.iter("path")] == [122.5, 85, 47.5, 10]


def test_many_steps_are_drawn_as_few_bars() -> None:
    steps = range(1000)
    root = drawing(bars("x", {"PA-HP-in": [(k, 0.5) for k in steps], "NA-HP-in": [(k, 0.5) for k in steps]}))
    for path in root.iter("path"):
        assert len(boxes(path)) == MOST_BARS
        assert all(h == pytest.approx(75) for *_, h in boxes(path))


def test_steps_without_any_gradient_are_empty() -> None:
    root = drawing(bars("x", {"PA-HP-in": [(1, 0.0), (2, 0.0)]}))
    assert list(root.iter("path")) == []
    assert root.attrib["aria-label"].endswith("in all: none.")


def test_every_class_looks_different() -> None:
    assert len({kind(name) for name in CLASSES}) == len(CLASSES)


def test_legends_name_what_is_drawn() -> None:
    legend = drawing(line_legend(["a", "<b>"]))
    assert [span[0].tail for span in legend] == ["a", "<b>"]
    assert [span[0][0].attrib["class"] for span in legend] == ["run l0", "run l1"]
    legend = drawing(class_legend(CLASSES))
    assert [span[0].tail for span in legend] == list(CLASSES)
    assert [span[0][0].attrib["class"] for span in legend] == [f"seg {kind(name)}" for name in CLASSES]


def test_zero_is_marked_where_the_bars_begin_and_the_drawing_ends_below_the_steps() -> None:
    root = drawing(bars("Entropy", {"PA-HP-in": [(1, -3.0)], "NA-HP-in": [(1, 1.0)]}))
    zero = [line.attrib["y1"] for line in root.iter("line") if line.attrib["class"] == "zero"]
    assert zero == ["85"]
    assert root.attrib["viewBox"] == "0 0 420 180"
    assert [line.attrib["class"] for line in drawing(bars("x", {"PA-HP-in": [(1, 1.0)]})).iter("line")] == ["axis"] * 2
    assert drawing(lines("x", {"a": [(1, 1.0)]})).attrib["viewBox"] == "0 0 420 180"


def test_classes_that_lower_hang_below_each_other_and_others_stand_on_each_other() -> None:
    names = ("PA-HP-in", "PA-LP-in", "NA-HP-in", "NA-LP-in")
    root = drawing(bars("x", {name: [(1, value)] for name, value in zip(names, (1.0, -1.0, 1.0, -1.0), strict=True)}))
    # zero at 85, a quarter is 18.75 high
    assert [boxes(path)[0][1] for path in root.iter("path")] == [66.2, 85, 47.5, 103.8]
