from typing import Any

import numpy as np
import pytest

from stages.eval.fields import Unfit
from stages.eval.rubric import Graded, chats, measure, read, with_replies


def one(**row: Any) -> Graded:
    return read({"id": "1", "prompt": "p", "completion": "abc"} | row, "x")


def test_figures_by_hand() -> None:
    items = [one(prompt=str(n), grade=grade, category=name) for n, (grade, name) in enumerate(((4, "x"), (9, "y")))]
    measured = measure(items)
    values = measured.compute(np.arange(2)).tolist()
    found = {(name.group, name.metric): value for name, value in zip(measured.names, values, strict=True)}
    assert (found["all", "grade"], found["x", "grade"], found["y", "grade"]) == (6.5, 4, 9)
    assert (found["all", "rescaled"], found["x", "rescaled"], found["all", "mean_chars"]) == (3, -2, 3)


def test_the_grade_is_the_judges() -> None:
    item = one(checklist=["short?", "polite?"], reference="abc")
    ((_, shown),) = chats(item)
    assert "- short?\n- polite?" in shown.content
    graded = with_replies(item, ["[[8]]"])
    assert (graded.grade, graded.criteria) == (8, None)


def test_a_rubric_is_a_checklist_and_turns_are_a_conversation() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Bye"},
    ]
    ((_, shown),) = chats(one(prompt=turns, rubric="Is it polite?"))
    assert "user: Hi\n\nassistant: Yes?\n\nuser: Bye" in shown.content
    assert "Is it polite?" in shown.content


def test_responses_to_one_prompt_are_drawn_together() -> None:
    items = [one(prompt=prompt, grade=5) for prompt in ("a", "b", "a")]
    assert measure(items).clusters.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"grade": 0}, "grade"),
        ({"grade": 11}, "grade"),
        ({"checklist": 3}, "checklist"),
        ({"completion": None}, "completion"),
    ],
)
def test_rows_that_do_not_fit(row: dict[str, Any], field: str) -> None:
    with pytest.raises(Unfit) as caught:
        one(**row)
    assert caught.value.problem.field == field
