import pytest

from stages.programs.answers import callable_as, program_in, stub, whole_program

PROMPT = 'from typing import List\n\ndef aid(x):\n    return x\n\ndef f(x: List[int]) -> int:\n    """Add."""\n'
BODY = "    return sum(x)\n"
STOP = ("\ndef ", "\nprint")
WHOLE = "def f(x):\n    return sum(x)\n"


def program(answer: str, prompt: str | None = PROMPT, entry_point: str | None = "f") -> str | None:
    return program_in(answer, entry_point, None if prompt is None else stub(prompt), STOP)


def test_a_continuation_is_put_behind_its_prompt_and_cut() -> None:
    assert program(f"{BODY}\ndef g(): pass\nprint(1)") == f"{PROMPT}{BODY}"
    assert program(f"\n{BODY}") == f"{PROMPT}\n{BODY}"
    assert program("    return (", PROMPT) == f"{PROMPT}    return ("


def test_a_whole_program_stays_what_it_is() -> None:
    assert program(f"{WHOLE}\ndef g(): pass\nprint(1)") == f"{WHOLE}\ndef g(): pass\nprint(1)"
    assert program(f"Sure!\n```python\n{WHOLE}```\nDone.") == WHOLE
    assert program(f"{WHOLE}", None) == WHOLE
    text = 'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n    return 1\n'
    assert program(text) == text


def test_a_block_indented_as_a_whole_is_moved_to_the_margin() -> None:
    assert program("```\n    def f(x):\n        return sum(x)\n```") == WHOLE


def test_a_body_may_have_a_variable_of_the_functions_name() -> None:
    body = "    f = x[0]\n    if f:\n        return f\n"
    assert program(body) == f"{PROMPT}{body}"
    assert program(f"```\n{body}```") == f"{PROMPT}{body}"


def test_a_block_may_hold_the_body_alone() -> None:
    assert program(f"```python\n{BODY}```") == f"{PROMPT}{BODY}"
    assert program(f"```python\n{BODY}```", PROMPT.rstrip()) == f"{PROMPT}{BODY}"


def test_what_the_program_needs_of_the_prompt_comes_before_it() -> None:
    before = "from typing import List\n\ndef aid(x):\n    return x\n\n\n"
    for code in ("def f(x: List[int]):\n    return x\n", "def f(x):\n    return aid(x)\n"):
        assert program(f"```\n{code}```") == before + code
    assert program("def f(x):\n    aid = abs\n    return aid(x)\n") == "def f(x):\n    aid = abs\n    return aid(x)\n"
    future = "from __future__ import annotations\ndef f(x: List[int]): pass\n"
    assert program(future) == future


def test_prose_is_no_program() -> None:
    for text in ("", "  \n", "I cannot help.", "Sorry", "Return the sum, for example."):
        assert program(text, None) is None
        assert program(text) is None
    assert program("Sorry", None, None) is None
    assert program("print(int(input()))", None, None) == "print(int(input()))"
    assert program("def f(x:\n  return", None) == "def f(x:\n  return"
    assert program("```\nnot code at all\n```", None) == "not code at all\n"


@pytest.mark.parametrize("answer", ["(" * 5000, "-" * 100_000 + "1", "x = 1\0", "x = '\ud800'"])
def test_hostile_answers_are_read_without_harm(answer: str) -> None:
    program(answer)
    program(f"```\n{answer}\n```", None)
    program(f"def f(x):\n    return {answer}\n")


def test_a_prompt_may_end_without_a_body_or_hold_its_code_in_a_fence() -> None:
    for text in ("R = 3\ndef f(x):\n", "R = 3\ndef f(x):", "Complete:\n```python\nR = 3\ndef f(x):\n```\n"):
        given = stub(text)
        assert given is not None
        assert program_in("    return R\n", "f", given, ()) == "R = 3\ndef f(x):\n    return R\n" or text[-1] == ":"
    assert stub("Write a function that adds.") is None
    assert stub("x = 1") is None


def test_programs_that_are_given_as_such() -> None:
    assert whole_program(WHOLE, "f") == WHOLE
    assert whole_program(f"```python\n{WHOLE}```", "f") == WHOLE
    assert whole_program("def f(:", "f") == "def f(:"
    assert whole_program(" \n", "f") is None


def test_a_method_of_the_class_solution_can_be_called() -> None:
    source = "class Solution:\n    def f(self, x):\n        return x + 1\n"
    names: dict[str, object] = {}
    exec(callable_as(source, "f"), names)
    assert names["f"](1) == names["f"](x=1) == 2  # type: ignore[operator]
    assert callable_as(source, "g") == source
    assert callable_as(source + WHOLE, "f") == source + WHOLE
