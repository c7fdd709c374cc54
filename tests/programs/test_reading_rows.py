import re

import pytest

from stages.core.errors import DataError
from stages.programs.reading import check_columns
from tests.programs.test_reading import PROGRAM, reading


def test_several_solutions_with_their_truths() -> None:
    chat = [{"role": "user", "content": "?"}, {"role": "assistant", "content": f"<think>```\n1\n```</think>{PROGRAM}"}]
    row = {"completions": [PROGRAM, chat, "No idea."], "correct": [1, 0, None], "judge": [1, None, 2.5]}
    found = reading({**row, "tests": ["assert f(1) == 2"]}).solutions
    assert [solution.source for solution in found] == [PROGRAM, PROGRAM, None]
    assert [solution.truth for solution in found] == [True, False, None]
    assert [solution.judge for solution in found] == [1.0, None, 2.5]
    assert found[1].completion == chat
    both = reading({"completion": "See.", "solution": PROGRAM}).solutions[0]
    assert (both.source, both.completion) == (PROGRAM, [{"role": "assistant", "content": "See."}])


def test_our_own_label_is_no_truth_where_truth_is_a_column() -> None:
    assert reading({"solution": PROGRAM, "truth": None, "label": True}).solutions[0].truth is None
    assert reading({"solution": PROGRAM, "label": True}).solutions[0].truth is True


def test_the_key_of_a_task() -> None:
    assert reading({"solution": "a", "task_id": 3, "name": "n"}).task.key == "3"
    keys = [reading({"solution": s, "prompt": p}).task.key for s, p in (("a", "x"), ("b", "x"), ("a", "y"))]
    assert keys[0] == keys[1] != keys[2]
    assert re.fullmatch("[0-9a-f]{64}", keys[0])


def test_columns_without_solutions_or_tests_are_refused_with_a_remedy() -> None:
    check_columns(["id", "completion", "tests"], "a.jsonl")
    check_columns(["code", "test"], "a.jsonl")
    check_columns(["solution"], "a.jsonl", needs_tests=False)
    with pytest.raises(DataError, match=r"a.jsonl has no tests.*its columns: solution, asserts.*--map tests=asserts"):
        check_columns(["id", "solution", "asserts"], "a.jsonl")
    with pytest.raises(DataError, match=r"no solutions to verify.*--map solution=program"):
        check_columns(["program", "tests"], "a.jsonl")
    with pytest.raises(DataError, match="--map solution=code"):
        check_columns(["text", "code", "test_list"], "a.jsonl")
