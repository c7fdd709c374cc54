"""Folders are drawn a line each, 28 high, in lanes 14 wide of which the first is at 8: worked by hand."""

import re
from xml.etree import ElementTree

import pytest

from stages.core.folder_drawings import Fate, Shown, fates, graph
from stages.core.lineage import Edge, Input, Lineage

SOURCE = Input("data.jsonl", "0" * 64, 3)


def shown(*names: str, finished: bool = True) -> list[Shown]:
    return [Shown(name=name, about="score", anchor=f"p{k}", finished=finished) for k, name in enumerate(names)]


def drawn(lineage: Lineage, folders: list[Shown]) -> ElementTree.Element:
    *_, svg = ElementTree.fromstring(f"<figure>{graph('said', lineage, folders)}</figure>")
    return svg


def stations(svg: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in svg.iter("circle")]


def ways(svg: ElementTree.Element) -> list[tuple[str, str]]:
    return [(one.attrib["class"], one.attrib["d"]) for one in svg.iter("path")]


def test_a_chain_stands_in_one_lane() -> None:
    lineage = Lineage(order=[1, 0], edges=[Edge(1, 0, "x", True, False)], sources={SOURCE: [1]}, doubts=[])
    svg = drawn(lineage, shown("b", "a"))
    assert ways(svg) == [("way-source", "M8 14V42"), ("way-rows", "M8 42V70")]
    assert stations(svg) == [(8, 42), (8, 70)]
    assert [one.attrib["href"] for one in svg.iter("a")] == ["#p1", "#p0"]
    assert [text.text for text in svg.iter("text")] == ["data.jsonl", "input", "a", "score", "b", "score"]


def test_two_made_from_one_branch_off_and_lanes_are_used_again() -> None:
    edges = [Edge(0, 1, "--rm", False, False), Edge(0, 2, "x", True, True)]
    svg = drawn(Lineage(order=[0, 1, 2, 3], edges=edges, sources={}, doubts=[]), shown("a", "b", "c", "d"))
    assert stations(svg) == [(8, 14), (22, 42), (8, 70), (8, 98)]
    assert ways(svg) == [("way-uses", "M8 14V36q0 6 6 6H22"), ("way-stale", "M8 14V70")]


def test_an_unfinished_folder_looks_and_reads_different() -> None:
    svg = drawn(Lineage(order=[0], edges=[], sources={}, doubts=[]), shown("a", finished=False))
    assert [one.attrib["class"] for one in svg.iter("circle")] == ["unmade"]
    assert [text.text for text in svg.iter("text")] == ["a", "score, unfinished"]


def test_the_key_names_only_what_is_drawn() -> None:
    lineage = Lineage(order=[0, 1], edges=[Edge(0, 1, "rm", False, False)], sources={}, doubts=[])
    key, _ = ElementTree.fromstring(f"<figure>{graph('', lineage, shown('a', 'b'))}</figure>")
    assert [span[0].tail for span in key] == ["model, or another option"]


def test_fates_are_shares_of_what_was_read() -> None:
    markup = fates("said", {"a": Fate(2, 1, 1), "b": Fate(0, 0, 0)})
    *_, svg = ElementTree.fromstring(f"<figure>{markup}</figure>")
    boxes = [(one.attrib["class"], float(one.attrib["x"]), float(one.attrib["width"])) for one in svg.iter("rect")]
    left, wide = 10 + 6.9, 420 - 10 - 6.9 - 10 - 6 * 6.9
    assert boxes == [
        ("kept", pytest.approx(left, abs=0.06), pytest.approx(wide / 2, abs=0.06)),
        ("gone", pytest.approx(left + wide / 2, abs=0.06), pytest.approx(wide / 4, abs=0.06)),
        ("rejected", pytest.approx(left + wide * 3 / 4, abs=0.06), pytest.approx(wide / 4, abs=0.06)),
    ]
    assert [text.text for text in svg.iter("text")] == ["a", "2 of 4", "b", "0 of 0"]
    assert re.findall("<title>(.*?)</title>", markup) == ["a: 2 kept", "a: 1 dropped", "a: 1 rejected"]
