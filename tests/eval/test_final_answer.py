import pytest

from stages.eval.final_answer import final_answer, normal_answer


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (r"First \boxed{1}, then \boxed{\frac{3}{4}}.", r"\frac{3}{4}"),
        (r"cut off: \boxed{7} and \boxed{8", "7"),
        (r"\fbox{x^{2}+1}", "x^{2}+1"),
        ("16 - 3 = 13\n#### 1,018\n", "1018"),
        ("#### $18.00", "18"),
        ("She makes 9 * 2 = $18 every day.", "18"),
        ("It is -0.5.", "-0.5"),
        ("It is 1,234.", "1234"),
        ("no answer at all", None),
        ("", None),
        (r"\boxed{}", None),
        (r"\boxed{B} out of 4", "b"),
    ],
)
def test_the_last_answer_counts(completion: str, answer: str | None) -> None:
    assert final_answer(completion) == answer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left( 3, 4 \right)", "(3,4)"),
        ("$1,000,000$", "1000000"),
        ("7.0", "7"),
        ("Paris.", "paris"),
    ],
)
def test_texts_that_are_the_same_answer(one: str, other: str) -> None:
    assert normal_answer(one) == normal_answer(other)


@pytest.mark.parametrize(("one", "other"), [("1,2", "12"), ("7.05", "7.5"), ("10", "1"), ("0.5", "1/2")])
def test_texts_that_are_not(one: str, other: str) -> None:
    assert normal_answer(one) != normal_answer(other)


def test_braces_of_sets_and_boxes_without_braces() -> None:
    assert final_answer(r"\boxed{\{1, 2\}}") == r"\{1,2\}"
    assert final_answer(r"\fbox 4, after 9 tries") == "4"


def test_of_several_marked_answers_the_last_counts_not_a_number_behind_it() -> None:
    assert final_answer("#### 4\n#### five\n") == "five"
    assert final_answer("#### x\nthat is after 3 steps") == "x"
