"""What counts as the final answer of a text, and the plain forms of answers."""

import numpy as np
import pytest

from stages.rewards.math_answer import (
    alternatives,
    choice,
    final_answer,
    folded,
    in_words,
    last_box,
    reference_answer,
    without_unit,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"First \boxed{1}, then \boxed{\frac{1}{2}}. So 7 it is.", r"\frac{1}{2}"),
        (r"\boxed{3} and a cut \boxed{\frac{1}{", "3"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\fbox 4 or 5", "4"),
        ("#### 1\n#### 2,000", "2,000"),
        (r"#### 1 \boxed{2}", "2"),
        ("9 - 3 = 6\nA: 18", "18"),
        ("The answer is 18 eggs. I checked 3 times", "18 eggs"),
        (r"The final answer is: $\frac{3}{4}$.", r"\frac{3}{4}"),
        ("**Answer:** 42", "42"),
        ("Answer:\n\n**Evelyn**", "Evelyn"),
        (r"the answer is \(x+1\), since 7", "x+1"),
        ("the answer is 4. No, the answer is 5.", "5"),
        ("it costs <<2*3=6>>6 dollars, or $1,200.50 in all", "1,200.50"),
        ("between 3 and -7.", "-7"),
        ("3/4 of them", "3/4"),
        ("10 − 4 = −6", "-6"),
        ("<think>the answer is 1</think> It is 2", "2"),
        ("the answer is 1</think> It is 2", "2"),
        ("<think>the answer is 1", None),
        ("I do not know.", None),
        ("", None),
        (r"\boxed{}", None),
    ],
)
def test_final_answers(text: str, answer: str | None) -> None:
    found = final_answer(text)
    assert (found.replace("−", "-") if found else found) == answer


def test_references_may_be_whole_solutions() -> None:
    assert reference_answer("2 + 2 = 4\n#### 4") == "4"
    assert reference_answer(r"so \boxed{p - q}.") == "p - q"
    assert reference_answer(" $x+1$. ") == "x+1"
    assert reference_answer("p - q") == "p - q"


def test_references_of_every_form() -> None:
    assert alternatives(18) == ["18"]
    assert alternatives(0.5) == ["0.5"]
    assert alternatives(["1", 2]) == ["1", "2"]
    assert alternatives(np.array([3, 4])) == ["3", "4"]
    assert alternatives('["33", "34"]') == ["33", "34"]
    assert alternatives("[1, 2]") == ["[1, 2]"]
    assert alternatives(None) == []
    for wrong in (True, {"a": 1}, b"1"):
        with pytest.raises(TypeError, match="the reference is"):
            alternatives(wrong)


def test_words_are_told_from_factors() -> None:
    for text in ("Evelyn", r"\text{Evelyn}", "no", "12 dollars", "north west"):
        assert in_words(text), text
    for text in (
        "p - q",
        "2xy",
        r"\frac{\pi}{2}",
        r"\sin x",
        "sin x",
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
        "(C)",
        "5 cm",
    ):
        assert not in_words(text), text


def test_plain_forms() -> None:
    assert folded(r"\text{The  Monday}.") == "monday"
    assert (choice("(c)"), choice(r"\text{B}"), choice("x+1"), choice("AB")) == ("C", "B", None, None)
    assert without_unit("$12 per day") == "12"
    assert without_unit(r"12 \text{ dollars}") == "12"
    assert without_unit("18 - x") == "18 - x"
    assert without_unit("3 sin x") == "3 sin x"
    assert without_unit("5!") == "5!"
    assert last_box("none") is None


def test_a_box_closes_where_its_own_brace_does() -> None:
    assert last_box(r"} \boxed{1} }") == "1"
    assert last_box(r"\boxed{1} then \boxed{2 { 3}") == "1"
    assert last_box(r"\boxed{a \boxed{b} c") == "b"
    assert last_box(r"\boxed{a \boxed{b} c}") == "b"
    assert last_box(r"\boxed{ \} }") == r" \} "


def test_many_boxes_that_are_never_closed_are_gone_through_once() -> None:
    # one scan of the rest for each of them would take minutes
    assert last_box("\\boxed{1}" + "\\boxed{" * 50_000) == "1"
    assert final_answer("\\boxed{" * 50_000) is None
