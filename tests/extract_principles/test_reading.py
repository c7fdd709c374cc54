import pytest

from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.extract_principles.reading import detect_layout, read_responses

USER = {"role": "user", "content": "q"}


def chat(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def test_plain_text_becomes_one_message_and_one_text_one_annotator() -> None:
    row = {"id": "a", "prompt": "q", "completion": "c", "feedback": "Clear.", "domain": "code"}
    (response,) = read_responses(row, "feedback")
    assert response.prompt == chat("user", "q")
    assert response.completion == chat("assistant", "c")
    assert response.feedback == ("Clear.",)
    assert (response.domain, response.language) == ("code", None)


def test_an_annotator_without_words_keeps_his_place() -> None:
    (response,) = read_responses({"id": "a", "feedback": ["Clear.", " ", None, "Short."]}, "feedback")
    assert response.feedback == ("Clear.", "", "", "Short.")


def test_helpsteer3_feedback_holds_two_responses() -> None:
    row = {
        "id": "a",
        "context": [USER],
        "response1": "one",
        "response2": "two",
        "feedback1": ["x", "y"],
        "feedback2": ["z"],
        "domain": "stem",
        "language": "english",
    }
    first, second = read_responses(row, "helpsteer3-feedback")
    assert (first.id, first.completion, first.feedback) == ("a-1", chat("assistant", "one"), ("x", "y"))
    assert (second.id, second.completion, second.feedback) == ("a-2", chat("assistant", "two"), ("z",))
    assert first.prompt == second.prompt == [USER]


def test_helpsteer3_preference_holds_one_feedback_a_response_and_annotator() -> None:
    row = {
        "id": "a",
        "context": [USER],
        "response1": "one",
        "response2": "two",
        "individual_preference": [
            {"score": 1, "reasoning": "r", "feedback1": "x", "feedback2": "z"},
            {"score": 2, "reasoning": "r", "feedback1": "y", "feedback2": None},
        ],
    }
    first, second = read_responses(row, "helpsteer3-preference")
    assert (first.feedback, second.feedback) == (("x", "y"), ("z", ""))


def test_helpsteer3_principle_brings_its_label() -> None:
    row = {"id": "a", "context": [USER], "response": "r", "principle": "clarity", "fulfilment": "No"}
    (response,) = read_responses(row, "helpsteer3-principle")
    assert response.given == ("clarity", False)
    assert response.feedback == ()


@pytest.mark.parametrize(
    ("layout", "row", "reason", "field"),
    [
        ("feedback", {"feedback": 7}, "bad_type", "feedback"),
        ("feedback", {"feedback": ["a", 7]}, "bad_type", "feedback"),
        ("feedback", {"feedback": ["", "  "]}, "no_feedback", "feedback"),
        ("feedback", {"feedback": None}, "no_feedback", "feedback"),
        ("feedback", {"critique": "x"}, "missing_field", "feedback"),
        ("feedback", {"feedback": "a", "prompt": 7}, "bad_type", "prompt"),
        ("feedback", {"feedback": "a", "prompt": [{"role": "user"}]}, "bad_type", "prompt"),
        ("feedback", {"feedback": "a", "domain": 7}, "bad_type", "domain"),
        ("helpsteer3-feedback", {"feedback1": [], "feedback2": None}, "no_feedback", "feedback1"),
        ("helpsteer3-preference", {"individual_preference": "x"}, "bad_type", "individual_preference"),
        ("helpsteer3-principle", {"principle": " ", "fulfilment": "Yes"}, "bad_type", "principle"),
        ("helpsteer3-principle", {"principle": "a", "fulfilment": "yes"}, "bad_value", "fulfilment"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(layout: str, row: dict[str, object], reason: str, field: str) -> None:
    problem = read_responses({"id": "a", **row}, layout)
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.field) == (reason, field)


@pytest.mark.parametrize(
    ("columns", "layout"),
    [
        (("id", "feedback"), "feedback"),
        (("context", "response1", "response2", "feedback1", "feedback2"), "helpsteer3-feedback"),
        (("context", "response1", "response2", "individual_preference", "overall"), "helpsteer3-preference"),
        (("context", "response", "principle", "fulfilment"), "helpsteer3-principle"),
    ],
)
def test_the_layout_is_told_by_the_columns(columns: tuple[str, ...], layout: str) -> None:
    assert detect_layout(columns, "x.jsonl") == layout


def test_without_a_feedback_column_the_message_suggests_one() -> None:
    with pytest.raises(DataError, match=r"x\.jsonl has no column 'feedback'.*--map feedback=critique"):
        detect_layout(("prompt", "critique"), "x.jsonl")
    with pytest.raises(DataError, match="--map feedback=Feedback"):
        detect_layout(("prompt", "Feedback"), "x.jsonl")
    with pytest.raises(DataError, match=r"--map feedback=comments,prompt=question,completion=answer\.$"):
        detect_layout(("question", "answer", "comments"), "x.jsonl")
