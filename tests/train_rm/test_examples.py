import math
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.row_fields import Answer
from stages.core.rows import Problem
from stages.train_rm.examples import Comparison, Example, find_layouts, read_row
from tests.train_rm.rows import comparison, example, read, row

HI = (Message("user", "Hi"),)


def test_row_of_the_principles_table() -> None:
    assert read(row(principle="  Clarity of\nthe Text"), 7) == Example(
        place=7,
        conversation=example("Hi", "Other.", "tone", False).conversation,
        messages=HI,
        response="Hello.",
        principle="  Clarity of\nthe Text",
        family="clarity of the text",
        target=1.0,
        label=True,
    )


def test_all_layouts_give_the_same_example() -> None:
    chat = [{"role": "user", "content": "Hi"}]
    response = [{"role": "assistant", "content": "Hello."}]
    plain = read(row(label=False))
    assert plain == read(row(chat, response, label="No"))
    helpsteer3 = {"context": chat, "response": "Hello.", "principle": "clarity", "fulfilment": "No"}
    assert plain == read(helpsteer3)
    assert isinstance(plain, Example)
    assert (plain.target, plain.label) == (0.0, False)


@pytest.mark.parametrize(("label", "yes"), [(True, True), ("Yes", True), (" no ", False), (0, False), (1.0, True)])
def test_labels(label: Any, yes: bool) -> None:
    assert example("Hi", "Hello.", "clarity", label).label is yes


@pytest.mark.parametrize(("label", "agreement"), [(True, 2 / 3), (True, 0.5), (False, 0.5), (False, 0.25), (False, 0)])
def test_agreement_is_the_soft_label(label: bool, agreement: float) -> None:
    found = example("Hi", "Hello.", "clarity", label, agreement=agreement)
    assert (found.label, found.target) == (label, agreement)


def test_agreement_that_is_null_leaves_the_label() -> None:
    assert example("Hi", "Hello.", "clarity", True, agreement=None).target == 1.0


@pytest.mark.parametrize(
    ("changes", "reason", "field", "words"),
    [
        ({"label": None}, "missing_field", "label", "is missing; it must be true or false"),
        ({"label": math.nan}, "missing_field", "label", "is missing"),
        ({"label": "maybe"}, "bad_value", "label", "is 'maybe'; it must be true or false, or Yes or No."),
        ({"label": 0.7}, "bad_value", "label", "A share of annotators belongs into 'agreement'"),
        ({"label": []}, "bad_value", "label", "must be true or false"),
        ({"principle": " "}, "no_principle", "principle", "each row needs the text of a principle"),
        ({"principle": None}, "no_principle", "principle", "is empty"),
        ({"agreement": 1.5}, "bad_value", "agreement", "is 1.5; it must lie between 0 and 1"),
        ({"agreement": math.nan}, "bad_value", "agreement", "must be the share of annotators who say yes, or null"),
        ({"agreement": True}, "bad_value", "agreement", "must be the share"),
        ({"agreement": 0.2}, "bad_value", "agreement", "is 0.2 where 'label' says yes; it must be the share that"),
        ({"agreement": 0.45}, "bad_value", "agreement", "is 0.45 where 'label' says yes"),
        ({"label": 2}, "bad_value", "label", "is 2; it must be true or false"),
        ({"agreement": 1.0, "label": False}, "bad_value", "agreement", "is 1 where 'label' says no"),
        ({"completion": None}, "missing_field", "completion", "must be a text or a list of messages"),
        ({"completion": 7}, "bad_type", "completion", "must be a text or a list of messages"),
        ({"completion": [{"role": "user", "content": "x"}]}, "bad_value", "completion", "ends with a turn of 'user'"),
        ({"prompt": [{"role": "user", "content": None}]}, "bad_type", "prompt", "list of messages with role and"),
        ({"prompt": ["Hi"]}, "bad_type", "prompt", "must be a text or a list of messages"),
    ],
)
def test_bad_rows(changes: dict[str, Any], reason: str, field: str, words: str) -> None:
    found = read(row() | changes)
    assert isinstance(found, Problem)
    assert found[:2] == (reason, field)
    assert found.error.startswith(f"field '{field}' ")
    assert words in found.error


@pytest.mark.parametrize("completion", ["", [], [{"role": "assistant", "content": ""}]])
def test_empty_completion_is_a_response(completion: Any) -> None:
    assert example("Hi", completion, "clarity", False).answer == Answer(HI, "")


def test_turns_of_a_completion_before_its_last_belong_to_the_conversation() -> None:
    completion = [
        {"role": "assistant", "content": "", "tool_calls": None},
        {"role": "tool", "content": "4"},
        {"role": "assistant", "content": "Four."},
    ]
    found = example("2 + 2?", completion, "clarity", True)
    turns = (Message("user", "2 + 2?"), Message("assistant", ""), Message("tool", "4"))
    assert found.answer == Answer(turns, "Four.")
    assert found.conversation == example("2 + 2?", "5", "clarity", False).conversation


def test_conversations_are_told_apart_by_their_turns() -> None:
    system = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    names = [example(prompt, "Hello.", "clarity", True).conversation for prompt in ("Hi", "Hi ", system)]
    assert len(set(names)) == 3


@pytest.mark.parametrize("prompt", [None, "", []])
def test_response_without_a_prompt_is_a_conversation_of_its_own(prompt: Any) -> None:
    first, same, other = (example(prompt, text, "clarity", True) for text in ("a", "a", "b"))
    assert first.messages == ()
    assert first.conversation == same.conversation != other.conversation


def test_prompt_may_stand_in_the_completion() -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    assert example(None, chat, "clarity", True) == example("Hi", "Hello.", "clarity", True)


def chat_of(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def test_preferences_with_and_without_a_prompt_are_the_same() -> None:
    explicit = comparison(3, prompt=chat_of("Hi", "Yes?", "Bye"), chosen="Good bye.", rejected="What?")
    assert explicit == Comparison(
        better_rows=(3,),
        worse_rows=(3,),
        conversation=explicit.conversation,
        better=Answer((*HI, Message("assistant", "Yes?"), Message("user", "Bye")), "Good bye."),
        worse=Answer((*HI, Message("assistant", "Yes?"), Message("user", "Bye")), "What?"),
        margin=0.0,
        family=None,
    )
    whole = {"chosen": chat_of("Hi", "Yes?", "Bye", "Good bye."), "rejected": chat_of("Hi", "Yes?", "Bye", "What?")}
    assert comparison(3, **whole) == explicit
    assert comparison(3, prompt=chat_of("Hi", "Yes?", "Bye"), **whole) == explicit
    assert explicit.conversation == example(chat_of("Hi", "Yes?", "Bye"), "x", "clarity", True).conversation


def test_equal_responses_leave_the_last_turn_in_place() -> None:
    same = chat_of("Hi", "Hello.")
    assert comparison(chosen=same, rejected=same).better == Answer(HI, "Hello.")


def test_conversation_without_a_response_is_no_preference() -> None:
    found = read({"prompt": chat_of("Hi"), "chosen": chat_of("Hi"), "rejected": chat_of("Hi", "Hello.")})
    assert isinstance(found, Problem)
    assert found[:2] == ("bad_value", "chosen")


def test_preferences_of_plain_texts_without_a_prompt() -> None:
    found = comparison(chosen="Human: Hi Assistant: Hello.", rejected="")
    assert found.better == Answer((), "Human: Hi Assistant: Hello.")
    assert found.worse == Answer((), "")


def test_margin_and_principle_of_a_preference() -> None:
    found = comparison(prompt="Hi", chosen="a", rejected="b", margin=2, principle="Tone ")
    assert (found.margin, found.family) == (2.0, "tone")
    for changes, field in (
        ({"margin": math.inf}, "margin"),
        ({"margin": "big"}, "margin"),
        ({"principle": 3}, "principle"),
    ):
        bad = read({"prompt": "Hi", "chosen": "a", "rejected": "b", **changes})
        assert isinstance(bad, Problem)
        assert bad.field == field


@pytest.mark.parametrize(("rating", "better"), [(-3, "one"), (-1, "one"), (2, "two"), (3.0, "two")])
def test_ratings_of_helpsteer3(rating: float, better: str) -> None:
    found = comparison(context="Hi", response1="one", response2="two", overall_preference=rating)
    assert found.better == Answer(HI, better)
    assert found.conversation == example("Hi", "x", "clarity", True).conversation


def test_even_rating_teaches_nothing_and_other_ratings_are_errors() -> None:
    value = {"context": "Hi", "response1": "one", "response2": "two", "overall_preference": 0}
    assert read(value) is None
    for rating in (4, math.nan, None, "2", True):
        found = read(value | {"overall_preference": rating})
        assert isinstance(found, Problem)
        assert found.field == "overall_preference"


def test_layouts_are_found_by_columns() -> None:
    assert find_layouts(row(), "x", pairs=False) == ("principles",)
    assert find_layouts([*row(), "chosen", "rejected"], "x", pairs=True) == ("principles", "preferences")
    with pytest.raises(
        DataError, match=r"x\.csv has the columns question, answer; train-rm needs .*--map .* extract-principles"
    ):
        find_layouts(["question", "answer"], "x.csv", pairs=False)
    with pytest.raises(DataError, match="chosen, rejected"):
        find_layouts([], "x.csv", pairs=True)
    with pytest.raises(DataError, match=r"x holds preferences, .*--objective bradley-terry"):
        find_layouts(["prompt", "chosen", "rejected"], "x", pairs=False)


def test_rows_of_several_layouts_are_told_apart() -> None:
    layouts = ("principles", "helpsteer3-principle", "preferences", "helpsteer3-preference")
    nulls = dict.fromkeys(("chosen", "rejected", "response1", "response2", "overall_preference"))
    assert isinstance(read_row(row() | nulls, 0, layouts), Example)
    preference = {"prompt": "Hi", "chosen": "a", "rejected": "b", "principle": None, "label": None, "completion": None}
    assert isinstance(read_row(preference, 0, layouts), Comparison)
    lost = read_row({"prompt": "Hi", "completion": "x", "principle": "y"}, 0, layouts)
    assert isinstance(lost, Problem)
    assert lost.field == "label"
