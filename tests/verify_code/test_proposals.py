import json
from typing import Any

import pytest

from stages.sandbox.jobs import Case, StdioCase
from stages.verify_code.augment_prompt import LIST, Brief, Kind, augment_chat, prompt_hash, schema
from stages.verify_code.proposals import LARGEST, Parsed, check_answer, parse_proposals

KINDS: tuple[Kind, ...] = ("arguments", "stdin", "assertions", "runs")


def parsed(items: object, kind: Kind = "arguments", wanted: int = 20, existing: frozenset[str] = frozenset()) -> Parsed:
    text = json.dumps({LIST[kind]: items})
    check_answer(kind)(text)
    return parse_proposals(text, kind, entry_point="f", wanted=wanted, existing=existing)


def texts(found: Parsed) -> list[str]:
    return [one.text for one in found.proposals]


# --- inputs of functions ---


def test_argument_lists_are_read_as_json_or_as_literals() -> None:
    found = parsed([[1, [2, "x"]], [], [None, True, {"a": 1.5}], "[(1, 2), {3}]", "(b'x', 1j)", "[{1: (2,)}]"])
    assert texts(found) == [
        "f(1, [2, 'x'])",
        "f()",
        "f(None, True, {'a': 1.5})",
        "f((1, 2), {3})",
        "f(b'x', 1j)",
        "f({1: (2,)})",
    ]
    assert found.proposals[0].content == Case(args=(1, [2, "x"]))
    assert found.proposals[3].content == Case(args=((1, 2), {3}))
    assert found[1:] == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "junk",
    [
        1,
        None,
        True,
        {"args": [1]},
        "hello",
        "f(1)",
        "__import__('os').system('true')",
        "[open('/etc/passwd')]",
        "[x for x in (1,)]",
        "1",
        "{1}",
        "[1, ",
        "",
        "[{[]}]",
        "[lambda: 1]",
        "(" * 30_000,
        "[" + "-" * 30_000 + "1]",
        "[0x" + "f" * 30_000 + "]",
        "[" + "9" * 5000 + "]",
        "[" * 250 + "]" * 250,
    ],
)
def test_junk_among_inputs_costs_a_count(junk: object) -> None:
    found = parsed([junk, [1]])
    assert texts(found) == ["f(1)"]
    assert (found.unparsable, found.oversized, found.duplicate, found.surplus) == (1, 0, 0, 0)


def test_input_nested_deeper_than_may_cross_is_refused() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert parsed([[deep]]).unparsable == 1


def test_size_number_and_repetitions_are_capped() -> None:
    large = ["x" * LARGEST]
    found = parsed([large, [1], [1], "[1]", [2], [3], [4]], wanted=5, existing=frozenset({"f(2)"}))
    assert texts(found) == ["f(1)"]
    assert (found.unparsable, found.oversized, found.duplicate, found.surplus) == (0, 1, 3, 2)
    assert texts(parsed([["x" * (LARGEST - 10)]])) == [f"f({'x' * (LARGEST - 10)!r})"]


def test_true_is_not_one() -> None:
    assert texts(parsed([[True], [1], [1.0]])) == ["f(True)", "f(1)", "f(1.0)"]


def test_half_a_surrogate_pair_crosses_as_an_argument_but_not_as_a_text() -> None:
    assert texts(parsed([["\ud800"]])) == ["f('\\ud800')"]
    assert parsed(["\ud800"], "stdin").unparsable == 1
    assert parsed([{"stdin": "1", "stdout": "\ud800"}], "runs").unparsable == 1
    assert parsed(["assert f('\ud800') == 1"], "assertions").unparsable == 1


# --- inputs of scripts ---


def test_inputs_of_scripts_are_texts() -> None:
    found = parsed(["1 2\n", "", 7, ["1"], "1 2\n"], "stdin")
    assert [one.content for one in found.proposals] == [
        StdioCase(stdin="1 2\n", expected=""),
        StdioCase(stdin="", expected=""),
    ]
    assert (found.unparsable, found.duplicate) == (2, 1)


def test_runs_need_an_input_and_some_output() -> None:
    good = {"stdin": "1", "stdout": "2"}
    found = parsed(
        [good, {"stdin": "1"}, good | {"x": 1}, {"stdin": "2", "stdout": " \n"}, {"stdin": 1, "stdout": "1"}], "runs"
    )
    assert [one.content for one in found.proposals] == [StdioCase(stdin="1", expected="2")]
    assert found.unparsable == 4


# --- assertions ---


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1, 2) == 3",
        "assert candidate(1) is None",
        "  assert not f([])\n",
        "assert sorted(f([3, 1])) == [1, 3]",
        "assert abs(f(2) - 1.414) < 1e-3",
        "assert all(x > 0 for x in f(3))",
        "assert f(x=1, *[2]) == {'a': (1, 2)}",
        "assert math.isclose(f(1), 1.0)",
        "assert helper_of_the_setup(f(1)) == 2",
        "assert len(f('x' * 10)) == 10 if f(1) else f(2)",
    ],
)
def test_assertions_that_only_call_and_compare_pass(source: str) -> None:
    assert len(parsed([source], "assertions").proposals) == 1


@pytest.mark.parametrize(
    "source",
    [
        "f(1) == 3",
        "assert 1 == 1",
        "assert True",
        "assert g(1) == 2",
        "assert f(1) == 2; assert f(2) == 3",
        "import os\nassert f(1) == 2",
        "assert f(1) == 2, print('x')",
        "assert f(1) == __import__('os')._exit(0)",
        "assert f(1) == open('/etc/passwd').read()",
        "assert f(1) == exec('x=1')",
        "assert f(1) == eval('1')",
        "assert f.__globals__.clear() or f(1)",
        "assert f(1).__class__.__mro__",
        "assert [].append(1) or f(1)",
        "assert math.__dict__ or f(1)",
        "assert (x := f(1))",
        "assert (lambda: f(1))()",
        "assert f(1) == globals()",
        "assert setattr(f, 'x', 1) or f(1)",
        "assert print(f(1)) is None",
        "assert __builtins__ or f(1)",
        "assert f(1) == input()",
        "assert f(a=1, a=2) == 1",
        "assert f(1) ==",
        "while f(1): pass",
        "assert (yield f(1))",
        "assert f(" + "(" * 300 + ")" * 300 + ")",
    ],
)
def test_anything_else_is_no_assertion_and_is_never_run(source: str) -> None:
    assert parsed([source], "assertions") == Parsed([], unparsable=1)


def test_an_entry_point_may_have_the_name_of_a_builtin() -> None:
    text = json.dumps({"assertions": ["assert print(1) == 2"]})
    assert len(parse_proposals(text, "assertions", entry_point="print", wanted=1, existing=()).proposals) == 1


def test_assertions_are_told_apart_by_what_they_say() -> None:
    found = parsed(["assert f(1)==2", "assert f( 1 ) == 2 # again"], "assertions")
    assert texts(found) == ["assert f(1) == 2"]
    assert found.duplicate == 1


# --- the answer as a whole ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["", "no", "[]", "{}", '{"tests": []}', '{"inputs": 1, "assertions": 1, "runs": 1}', "[[" * 3000]
)
def test_an_answer_of_another_form_is_sent_back(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"answer|object"):
        check_answer(kind)(text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_without_a_list_is_sent_back_and_one_full_of_junk_is_not(kind: Kind) -> None:
    with pytest.raises(ValueError, match="not a list"):
        check_answer(kind)(json.dumps({LIST[kind]: "x"}))
    assert parsed([1, None, {}, 2.5], kind) == Parsed([], unparsable=4)
    assert parsed([], kind) == Parsed([])


# --- what is asked ---


def test_the_question_shows_what_is_let_through_and_nothing_can_end_its_tags() -> None:
    brief = Brief(
        kind="arguments",
        wanted=7,
        problem="Write f.",
        entry_point="f",
        reference="def f(x): return x",
        changes=["line 1: return x -> return -x"],
        pairs=[("def f(x): return 1 # </program-a>", "def f(x): return 2")],
        tests=["assert f(0) == 0"],
    )
    user = augment_chat(brief)[1].content
    for text in (
        "Write f.",
        "return x -> return -x",
        "return 1",
        "return 2",
        "assert f(0) == 0",
        "up to 7",
        "function f",
    ):
        assert text in user
    names = [line for line in user.splitlines() if line.startswith("</program-a-")]
    assert len(names) == 1
    shown = augment_chat(Brief(kind="stdin", wanted=1, problem="P"))[1].content
    assert "change-" not in shown
    assert "correct-program" not in shown


def test_long_lists_of_tests_are_shown_from_their_end() -> None:
    tests = [f"assert f({n}) == {n}" for n in range(2000)]
    user = augment_chat(Brief(kind="assertions", wanted=1, problem="P", entry_point="f", tests=tests))[1].content
    assert len(user) < 10_000
    assert tests[-1] in user
    assert tests[0] + "\n" not in user
    assert "more" in user


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_schema_of_its_list(kind: Kind) -> None:
    assert schema(kind)["required"] == [LIST[kind]]


def test_the_prompts_hash_covers_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    before = prompt_hash()
    assert before == prompt_hash()
    monkeypatch.setattr("stages.verify_code.augment_prompt.SYSTEM", "x")
    assert prompt_hash() != before
