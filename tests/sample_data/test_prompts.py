"""The prompts for policies: made again to the byte, questions that no review is about, and tasks that are as told."""

import json
from collections import Counter
from typing import Any

import yaml

from sample_data.make_prompts import DEMANDS, PRINCIPLES, prompts, tasks, text
from tests.conftest import ROOT

FOLDER = ROOT / "sample_data"


def rows_in(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def test_the_generator_makes_the_files_to_the_byte() -> None:
    assert text(prompts()).encode() == (FOLDER / "prompts.jsonl").read_bytes()
    assert text(tasks()).encode() == (FOLDER / "tasks.jsonl").read_bytes()


def test_every_principle_has_as_many_questions_and_no_question_names_it() -> None:
    rows = rows_in("prompts.jsonl")
    assert set(Counter(row["principle"] for row in rows).values()) == {len(rows) // len(PRINCIPLES)}
    assert not any(row["principle"] in row["prompt"] for row in rows)
    assert len({row["prompt"] for row in rows}) == len(rows) == 16


def test_the_questions_are_no_topics_of_the_reviews_whose_principles_they_take() -> None:
    phrases = yaml.safe_load((FOLDER / "phrases.yaml").read_text(encoding="utf-8"))
    asked = {row["prompt"] for row in rows_in("reviews.jsonl")}
    assert not asked & {row["prompt"] for row in rows_in("prompts.jsonl")}
    assert set(PRINCIPLES) <= phrases["qualities"].keys()


def test_each_task_is_solved_by_some_digits_and_not_by_others() -> None:
    right = {}
    for row in rows_in("tasks.jsonl"):
        right[row["id"]] = {digit for digit in range(10) if passes(row, digit) == [True, True]}
        assert all(passes(row, digit)[0] for digit in range(1, 10))
        assert passes(row, 0)[0] is False
    assert right.keys() == DEMANDS.keys()
    assert right["prime_number"] == {2, 3, 5, 7}
    assert all(2 < len(found) < 6 for found in right.values())
    # no digit solves all, so that a policy has to tell the tasks apart
    assert max(Counter(digit for found in right.values() for digit in found).values()) < len(right)


def passes(row: dict[str, Any], digit: int) -> list[bool]:
    scope: dict[str, Any] = {}
    exec(f"{row['prompt']} {digit}\n", scope)
    return [bool(eval(test.removeprefix("assert "), scope)) for test in row["tests"]]
