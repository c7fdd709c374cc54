"""Comparisons alone become assertions, and nothing else does."""

import ast

import pytest

from stages.programs.lone_comparisons import asserted


@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        ("f(1) == 2", "assert f(1) == 2"),
        ("2 == candidate(1)", "assert 2 == candidate(1)"),
        ("not f(1)", "assert not f(1)"),
        ("f(1) == 2 and f(2) == 3", "assert f(1) == 2 and f(2) == 3"),
        ("all(f(i) > i for i in [1])", "assert all((f(i) > i for i in [1]))"),
        ("math.isclose(f(1), 2)", "assert math.isclose(f(1), 2)"),
        ("Solution().f(1) == 2", "assert Solution().f(1) == 2"),
        ("r = f(1)\nr == 2", "r = f(1)\nassert r == 2"),
        ("def check(candidate):\n    candidate(1) == 2", "def check(candidate):\n    assert candidate(1) == 2"),
        ("f(1) == 2 or print('wrong')", None),
        ("f(1)", None),
        ("g(1) == 2", None),
        ("with raises(TypeError):\n    f(1) < 2", None),
        ("try:\n    f(1) < 2\nexcept TypeError:\n    pass", None),
        ("print(f(1) == 2)", None),
    ],
)
def test_lone_comparisons_are_assertions(code: str, becomes: str | None) -> None:
    tree = ast.parse(code)
    assert asserted(tree, "f") == (becomes is not None)
    assert ast.unparse(tree) == (becomes or ast.unparse(ast.parse(code)))
