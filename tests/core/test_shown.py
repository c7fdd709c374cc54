import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.shown import cell, chat_text, count, decimal, distinct, excerpt, percent, ranged, wilson


def test_figures_are_written_with_their_places() -> None:
    assert decimal(1234.5678, 2) == "1,234.57"
    assert decimal(2e20, 1) == "2.0e+20"
    assert (decimal(None), decimal(math.nan), decimal("3"), decimal(True)) == ("-",) * 4
    assert (count(1234567), count(None)) == ("1,234,567", "-")
    assert (percent(0.1234), percent(None), percent(math.inf)) == ("12.3 %", "-", "-")
    assert ranged(0.5, 0.25, 0.75, 2) == "0.50 [0.25, 0.75]"
    assert ranged(0.5, None, 0.75, 2) == "0.50"


def test_wilson_of_eight_in_ten() -> None:
    # (0.8 + 1.92 / 10 +- 1.96 sqrt(0.016 + 0.0096)) / 1.384, as in Brown, Cai and DasGupta, 2001
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_texts_are_cut() -> None:
    assert cell("a \n b\tc") == "a b c"
    assert cell("x" * 100, 10) == "x" * 9 + "…"
    assert excerpt("ab " * 10, 6) == "ab ab…"
    assert excerpt("short", 5) == "short"


@given(st.lists(st.text(alphabet="ab (2)", max_size=8), max_size=12))
def test_names_stay_distinct(names: list[str]) -> None:
    short = distinct(names, 4)
    assert len(set(short)) == len(names)
    assert all(one.startswith(cell(name, 4)) for one, name in zip(short, names, strict=True))


def test_the_text_of_a_chat() -> None:
    one = {"role": "user", "content": "hello"}
    assert chat_text([one]) == "hello"
    assert chat_text([one, {"role": "assistant", "content": None}]) == "user: hello\n\nassistant: "
    assert (chat_text(None), chat_text("plain"), chat_text([]), chat_text({"a": 1})) == ("", "plain", "", '{"a": 1}')
