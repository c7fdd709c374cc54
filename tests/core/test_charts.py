"""Drawings lie where their numbers are: worked by hand from the frame, 46 to 408 wide and 182 up to 22 high."""

import re
from math import inf, nan
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.chart_frame import MOST_SERIES, STYLE, shortened, span_of, ticks_of, width_of
from stages.core.charts import MOST_POINTS, bars, heat, histogram, lines, waterfall

Element = ElementTree.Element


def drawing(markup: str) -> Element:
    return ElementTree.fromstring(f"<figure>{markup}</figure>")


def chart(markup: str) -> Element:
    """The drawing itself, without its legend."""
    return next(one for one in drawing(markup) if one.tag == "svg")


def points(line: Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]


def texts(root: Element) -> list[str]:
    return [text.text or "" for text in root.iter("text")]


def rects(root: Element, kind: str) -> list[tuple[float, float]]:
    """(x, width) of the boxes of a class."""
    found = [one for one in root.iter("rect") if one.attrib["class"] == kind]
    return [(float(one.attrib["x"]), float(one.attrib["width"])) for one in found]


def test_lines_lie_where_their_values_are() -> None:
    root = chart(lines("said <it>", {"a": [(0, 0.0), (5, 1.0), (10, 2.0)]}, x="step", y="reward"))
    (line,) = root.iter("polyline")
    assert points(line) == [(46, 182), (227, 102), (408, 22)]
    assert root.attrib["aria-label"] == "said <it>"
    assert texts(root) == ["reward", "0", "0.5", "1", "1.5", "2", "0", "2", "4", "6", "8", "10", "step"]


def test_one_series_has_no_legend_and_several_name_theirs() -> None:
    one: dict[str, list[tuple[float, float]]] = {"a": [(0, 1), (1, 2)]}
    assert [part.tag for part in drawing(lines("", one, x="", y=""))] == ["svg"]
    legend, _ = drawing(lines("", {**one, "<b>": [(0, 1.5)]}, x="", y=""))
    assert [span[0].tail for span in legend] == ["a", "<b>"]
    assert [span[0][0].attrib["class"] for span in legend] == ["run l0", "run l1"]


def test_series_beyond_the_last_style_are_counted() -> None:
    markup = lines("", {str(k): [(0, k), (1, k)] for k in range(MOST_SERIES + 3)}, x="", y="")
    assert "and 3 more like it" in markup
    assert len(list(chart(markup).iter("polyline"))) == MOST_SERIES + 3
    assert f"l{MOST_SERIES}" not in markup
    assert all(f".l{k} " in STYLE for k in range(MOST_SERIES))
    assert all(f".f{k} " in STYLE for k in range(MOST_SERIES))


def test_ranges_cut_what_lies_beyond() -> None:
    root = chart(lines("", {"a": [(-1, 0.5), (0.5, 9), (2, -9)]}, x="", y="", x_range=(0, 1), y_range=(0, 1)))
    assert points(next(root.iter("polyline"))) == [(46, 102), (227, 22), (408, 182)]


def test_the_diagonal_goes_as_far_as_both_axes() -> None:
    root = chart(lines("", {}, x="", y="", x_range=(0, 2), y_range=(0, 1), diagonal=True))
    (line,) = (one for one in root.iter("line") if one.attrib["class"] == "ideal")
    assert [line.attrib[name] for name in ("x1", "y1", "x2", "y2")] == ["46", "182", "227", "22"]


def test_bands_lie_around_their_series() -> None:
    markup = lines("", {"a": [(0, 1), (1, 1)]}, x="", y="", y_range=(0, 2), bands={"a": [(0, 0, 2), (1, 0.5, 1.5)]})
    (band,) = chart(markup).iter("polygon")
    assert points(band) == [(46, 22), (408, 62), (408, 142), (46, 182)]
    with pytest.raises(AssertionError):
        lines("", {}, x="", y="", bands={"a": []})


def test_dots_have_a_shape_of_each_series() -> None:
    markup = lines("", {"a": [(0, 0), (1, 1)], "b": [(0, 1), (1, 0)]}, x="", y="", dots=True)
    first, second = (one.attrib["d"] for one in chart(markup).iter("path"))
    assert first.startswith("M46 182m-3 0a3")
    assert second.startswith("M46 22m-3 -3h6")


def test_what_is_not_finite_is_left_out() -> None:
    root = chart(lines("", {"a": [(0, nan), (1, inf), (2, 3)], "b": []}, x="", y=""))
    assert list(root.iter("polyline")) == []
    assert len(list(root.iter("path"))) == 1
    assert "nan" not in ElementTree.tostring(root, "unicode")


def test_a_long_series_is_thinned_and_keeps_its_ends() -> None:
    (line,) = chart(lines("", {"a": [(k, k % 2) for k in range(2001)]}, x="", y="")).iter("polyline")
    found = points(line)
    assert len(found) == MOST_POINTS
    assert (found[0], found[-1]) == ((46, 182), (408, 182))
    assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_bars_begin_at_zero_and_negative_ones_look_different() -> None:
    # names 10 + 6.6, numbers 10 + 2 * 6.6: 380.2 units for 4
    root = chart(bars("", {"a": 3, "b": -1}))
    assert rects(root, "bar") == [pytest.approx((16.6 + 95.05, 3 * 95.05), abs=0.06)]
    assert rects(root, "below") == [pytest.approx((16.6, 95.05), abs=0.06)]
    assert texts(root) == ["a", "3", "b", "-1"]


def test_bars_may_begin_elsewhere_and_have_units_and_whiskers() -> None:
    root = chart(bars("", {"a": 75, "b": 50}, unit="%", zero=50, intervals={"a": (70, 90), "b": (nan, 1)}))
    wide = 420 - 16.6 - 10 - 4 * 6.6
    assert rects(root, "bar") == [pytest.approx((16.6, wide * 25 / 40), abs=0.06)]
    (whisker,) = root.iter("path")
    left, right = re.findall(r"M([\d.]+) 8v8m0-4H([\d.]+)", whisker.attrib["d"])[0]
    assert (float(left), float(right)) == pytest.approx((16.6 + wide / 2, 16.6 + wide), abs=0.06)
    assert texts(root) == ["a", "75 %", "b", "50 %"]
    below = chart(bars("", {"a": 75, "b": 25}, zero=50))
    assert (len(rects(below, "bar")), len(rects(below, "below"))) == (1, 1)


def test_bars_without_values() -> None:
    assert texts(chart(bars("", {"a": nan}))) == ["a", "\N{EN DASH}"]
    assert texts(chart(bars("", {}))) == []
    assert rects(chart(bars("", {"a": 0.0})), "bar") == []


def test_long_names_are_cut_and_kept_as_titles() -> None:
    name = "<b>" * 20
    label = next(chart(bars("", {name: 1.0})).iter("text"))
    assert label.text == "<b>" * 8 + "<\N{HORIZONTAL ELLIPSIS}"
    assert label[0].text == name


def test_histogram_steps_by_hand() -> None:
    root = chart(histogram("", {"kept": [1, 2], "<all>": [2, 4]}, [0, 10, 20], x="tokens"))
    filled, outline = root.iter("path")
    assert filled.attrib == {"class": "bar", "d": "M46 182V142H227V102H408V182"}
    assert outline.attrib == {"class": "run l0", "d": "M46 182V102H227V22H408V182"}
    assert texts(root)[-6:] == ["0", "5", "10", "15", "20", "tokens"]


def test_an_open_piece_is_as_wide_as_the_one_before() -> None:
    (filled,) = chart(histogram("", {"a": [1, 1]}, [0, 10, inf], x="")).iter("path")
    assert filled.attrib["d"] == "M46 182V22H227V22H408V182"
    with pytest.raises(AssertionError):
        histogram("", {"a": [1]}, [0, 1, 2], x="")


def test_an_empty_histogram_has_a_floor() -> None:
    (filled,) = chart(histogram("", {"a": [0, nan]}, [0, 1, 2], x="")).iter("path")
    assert filled.attrib["d"] == "M46 182V182H227V182H408V182"


def boxes(root: Element) -> dict[str, list[tuple[float, float, float, float]]]:
    """By shade: x, y, width, height of each box of a shaded table."""
    found = {}
    for path in root.iter("path"):
        own = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-", path.attrib["d"])
        found[path.attrib["class"]] = [(float(x), float(y), float(w), float(h)) for x, y, w, h in own]
    return found


def test_neighbours_of_one_shade_are_one_box() -> None:
    root = chart(heat("", [], [], np.array([[0.0, 0.0, 1.0], [nan, 0.5, 1.0]]), low=0, high=1))
    assert boxes(root) == {
        "h0": [(0, 2, 280, 30)],
        "h4": [(140, 32, 140, 30)],
        "h8": [(280, 2, 140, 30), (280, 32, 140, 30)],
    }
    assert texts(root) == ["0", "1"]


def test_numbers_are_in_all_cells_or_in_none() -> None:
    values = np.array([[0.25, 0.875]])
    shown = chart(heat("", ["a"], ["x", "y"], values, low=0, high=1, values_shown=True))
    assert texts(shown)[:5] == ["x", "y", "a", "0.25", "0.875"]
    assert [one.attrib.get("class") for one in shown.iter("text")][3:5] == ["mid", "mid inverse"]
    # the first shade that is dark is the sixth of nine
    edge = chart(heat("", [], [], np.array([[0.5, 0.625]]), low=0, high=1, values_shown=True))
    assert [one.attrib.get("class") for one in edge.iter("text")][:2] == ["mid", "mid inverse"]
    many = np.tile(values, 20)
    assert "0.875" not in texts(chart(heat("", [], [], many, low=0, high=1, values_shown=True)))


def test_a_path_goes_through_the_middle_of_cells() -> None:
    root = chart(heat("", [], [], np.zeros((2, 2)), low=0, high=1, path=[(0, 0), (1, 1)]))
    assert [points(line) for line in root.iter("polyline")] == [[(105, 17), (315, 47)]] * 2


@pytest.mark.parametrize("shape", [(65, 3), (3, 65), (200, 300), (64, 64)])
def test_big_tables_are_pooled_by_means(shape: tuple[int, int]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    root = chart(heat("", [], [], values, low=0, high=float(values.max())))
    cells = [box for own in boxes(root).values() for box in own]
    rows = {y for _, y, _, _ in cells}
    assert len(rows) == min(shape[0], 64)
    area = sum(w * h for _, _, w, h in cells)
    most = max(y + h for _, y, _, h in cells)
    assert area == pytest.approx(420 * (most - 2), rel=0.03)
    assert len(ElementTree.tostring(root)) < 120_000


def test_pooling_leaves_out_what_is_not_there() -> None:
    values = np.full((1, 128), nan)
    values[0, :64:2] = 1.0
    # 64 of 128 columns in pairs: the first half is 1, of the second nothing is known
    assert boxes(chart(heat("", [], [], values, low=0, high=1))) == {"h8": [(0, 2, 210, 18)]}


def test_counts_that_shrink() -> None:
    root = chart(waterfall("", [("in", 1000), ("kept", 250)]))
    # 10 + 4 * 6.6 at the left, 10 + 10 * 6.6 at the right of what is told as "250 (-750)"
    wide = 420 - 36.4 - 76
    assert rects(root, "bar") == [pytest.approx((36.4, wide), abs=0.06), pytest.approx((36.4, wide / 4), abs=0.06)]
    assert rects(root, "gone") == [pytest.approx((36.4 + wide / 4, wide * 3 / 4), abs=0.06)]
    assert texts(root) == ["in", "1,000", "kept", "250 (\N{MINUS SIGN}750)"]
    assert texts(chart(waterfall("", []))) == []


@pytest.mark.parametrize(
    ("values", "span"),
    [
        ([0.2, 1.0], (0, 1)),
        ([0.55, 1.0], (0, 1)),
        ([0.65, 1.0], (0.65, 1)),
        ([-1.0, -0.55], (-1, 0)),
        ([-3.0, -1.0], (-3, 0)),
        ([-1.0, 2.0], (-1, 2)),
        ([5.0], (4.5, 5.5)),
        ([0.0], (0, 1)),
    ],
)
def test_axes_begin_at_zero_where_it_is_near(values: list[float], span: tuple[float, float]) -> None:
    assert span_of(values) == span


def test_ticks_are_round() -> None:
    assert ticks_of(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks_of(0, 1234) == [0, 250, 500, 750, 1000]
    assert ticks_of(-0.3, 0.1) == [-0.3, -0.2, -0.1, 0, 0.1]


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_are_few_and_inside(low: float, wide: float) -> None:
    high = low + wide
    if high - low > abs(low) * 1e-9:
        found = ticks_of(low, high)
        assert 1 <= len(found) <= 6
        assert all(low - wide * 1e-5 <= tick <= high + wide * 1e-5 for tick in found)


def test_wide_letters_count_twice() -> None:
    assert width_of("a验") == 3
    assert shortened("abcd", 4) == "abcd"
    assert shortened("abcde", 4) == "abc\N{HORIZONTAL ELLIPSIS}"
    assert shortened("验证验", 5) == "验证\N{HORIZONTAL ELLIPSIS}"
