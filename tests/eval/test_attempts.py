from typing import Any

import pytest

from stages.eval.attempts import Attempts, counts, read, uneven
from stages.eval.fields import Unfit


def one(**row: Any) -> Attempts:
    return read({"id": "1"} | row, "x")


def counted(*rows: dict[str, Any]) -> list[tuple[int, int]]:
    found = counts([one(**row) for row in rows])
    return list(zip(found.num.tolist(), found.right.tolist(), strict=True))


def test_samples_of_a_problem_belong_together_in_any_layout() -> None:
    assert counted(
        {"problem_id": "a", "correct": True},
        {"problem_id": "b", "correct": [1, 0, 1]},
        {"problem_id": "a", "correct": False},
        {"problem_id": "b", "n": 5, "c": 2},
        {"problem_id": "a", "passed": 3, "total": 3},
        {"problem_id": "a", "passed": 2, "total": 3},
        {"problem_id": "c", "passed": [True, False]},
    ) == [(4, 2), (8, 4), (2, 1)]


@pytest.mark.parametrize("name", ["problem_id", "question_id", "task_id", "prompt", "question"])
def test_any_of_the_names_tells_problems_apart(name: str) -> None:
    rows = [{name: "p", "correct": True}, {name: "q", "correct": False}, {name: "p", "correct": True}]
    assert counted(*rows) == [(2, 2), (1, 0)]


def test_a_number_and_a_conversation_name_problems_too() -> None:
    assert counted({"question_id": 3, "correct": True}, {"question_id": 3, "correct": True}) == [(2, 2)]
    chat = [{"role": "user", "content": "p"}]
    assert counted({"prompt": chat, "correct": True}, {"prompt": "p", "correct": False}) == [(2, 1)]


def test_rows_with_all_samples_and_no_name_are_problems_of_their_own() -> None:
    assert counted({"n": 10, "c": 2}, {"n": 10, "c": 2}) == [(10, 2), (10, 2)]
    assert counted({"correct": [0, 1]}, {"correct": [0, 1]}) == [(2, 1), (2, 1)]


def test_correct_comes_before_passed() -> None:
    assert counted({"problem_id": "a", "passed": 3, "total": 3, "correct": False}) == [(1, 0)]
    assert counted({"problem_id": "a", "passed": True}) == [(1, 1)]


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"correct": True}, "missing", "problem_id"),
        ({"problem_id": "a"}, "missing", "correct"),
        ({"problem_id": "a", "correct": None}, "missing", "correct"),
        ({"problem_id": "a", "correct": None, "passed": 1, "total": 1}, "missing", "correct"),
        ({"problem_id": "a", "correct": "yes"}, "bad_type", "correct"),
        ({"problem_id": "a", "correct": []}, "bad_value", "correct"),
        ({"problem_id": "a", "correct": [1, 2]}, "bad_value", "correct"),
        ({"problem_id": "a", "passed": [0.5]}, "bad_value", "passed"),
        ({"problem_id": "a", "passed": 0, "total": 0}, "no_tests", "total"),
        ({"problem_id": "a", "passed": 1}, "missing", "total"),
        ({"problem_id": "a", "passed": 1.5, "total": 2}, "bad_type", "passed"),
        ({"n": 0, "c": 0}, "bad_value", "c"),
        ({"n": 2, "c": 3}, "bad_value", "c"),
        ({"n": 2, "c": -1}, "bad_type", "c"),
        ({"n": True, "c": 1}, "bad_type", "n"),
    ],
)
def test_rows_that_do_not_fit(row: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(Unfit) as caught:
        one(**row)
    assert (caught.value.problem.reason, caught.value.problem.field) == (reason, field)


def test_uneven_problems_are_remarked_on() -> None:
    assert uneven([one(n=3, c=1), one(n=3, c=0)]) is None
    assert "from 2 to 3 samples" in (uneven([one(n=3, c=1), one(n=2, c=0)]) or "")
