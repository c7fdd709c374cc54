import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract_principles.mention import Claim
from stages.extract_principles.parse import parse_claims

ITEM = {"principle": "clarity", "evidence": "it is clear", "verdict": "yes"}


def answer(*items: object) -> str:
    return json.dumps({"principles": list(items)})


def without(field: str) -> dict[str, str]:
    return {name: value for name, value in ITEM.items() if name != field}


def test_claims_in_order_and_an_empty_list() -> None:
    text = answer(ITEM, {"principle": " accuracy ", "evidence": "wrong - date", "verdict": "no"})
    assert parse_claims(text) == [Claim("clarity", "it is clear", "yes"), Claim("accuracy", "wrong - date", "no")]
    assert parse_claims('{"principles": []}') == []


def test_the_same_principle_twice_is_two_claims() -> None:
    assert len(parse_claims(answer(ITEM, ITEM))) == 2


@pytest.mark.parametrize("form", ["```json\n{}\n```", "```\n{}\n```", "<think>hm</think>\n{}", "\n {} \n"])
def test_fences_and_reasoning_are_taken_off(form: str) -> None:
    assert parse_claims(form.replace("{}", answer(ITEM))) == [Claim("clarity", "it is clear", "yes")]


@pytest.mark.parametrize(
    ("written", "verdict"), [("Yes", "yes"), ("NO", "no"), ("Partially", "partially"), (" yes ", "yes")]
)
def test_case_of_the_verdict_does_not_matter(written: str, verdict: str) -> None:
    assert parse_claims(answer(ITEM | {"verdict": written}))[0].verdict == verdict


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("Here it is: {}", "not JSON"),
        (answer(ITEM)[:-5], "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ('{"principles": {}}', "not an object"),
        ("{}", "not an object"),
        ('{"principles": [], "note": ""}', "not an object"),
        (answer("clarity"), "item 1 of principles is 'clarity', not an object"),
        (answer(ITEM, without("principle")), "item 2 has no principle"),
        (answer(without("evidence")), "item 1 has no evidence"),
        (answer(without("verdict")), "item 1 has no verdict"),
        (answer(ITEM | {"why": "x"}), "item 1 has the field 'why'; only principle, evidence, verdict"),
        (answer(ITEM | {"principle": 3}), "item 1: principle is 3, not a string"),
        (answer(ITEM | {"evidence": None}), "item 1: evidence is None, not a string"),
        (answer(ITEM | {"verdict": True}), "item 1: verdict is True, not a string"),
        (answer(ITEM | {"principle": " "}), "item 1: principle is empty"),
        (answer(ITEM, ITEM | {"principle": "x" * 401}), "item 2: principle has 401 characters"),
        ('{"principles": [], "principles": []}', "one object has the key 'principles' twice"),
        (answer(ITEM).replace("}]", ', "principle": "depth"}]'), "one object has the key 'principle' twice"),
        (answer(ITEM | {"evidence": ""}), "item 1: evidence is empty"),
        (answer(ITEM | {"verdict": "maybe"}), "item 1: verdict is 'maybe'; it must be yes, no or partially"),
        (answer(ITEM | {"principle": "a\ud800b"}), r"item 1: principle is 'a\\ud800b', which holds half a surrogate"),
        (answer(ITEM | {"verdict": "y" * 500}), r"item 1: verdict is 'y{59} \.\.\.; it"),
    ],
)
def test_anything_else_is_refused_with_item_and_field(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_claims(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ITEM, "principles", "x"]), inner),
    max_leaves=10,
)


@given(JSON)
def test_no_answer_raises_anything_but_value_error(value: object) -> None:
    for text in (json.dumps(value), json.dumps({"principles": [value]}), str(value)):
        try:
            claims = parse_claims(text)
        except ValueError:
            continue
        assert all(claim.principle and claim.evidence for claim in claims)
