import ast
from collections import Counter
from pathlib import Path

import pytest

from stages.verify_code.mutants import Mutant, mutants
from stages.verify_code.mutation_operators import OPERATORS
from tests.naive.tree_difference import differences

ALL = 10_000


def function(body: str, arguments: str = "a, b") -> str:
    indented = body.replace("\n", "\n    ")
    return f"def f({arguments}):\n    {indented}\n"


def of(source: str, entry_point: str | None = "f", most: int = ALL, seed: int = 0) -> tuple[Mutant, ...]:
    return mutants(source, entry_point=entry_point, most=most, seed=seed)


def changes(source: str, operator: str, entry_point: str | None = "f") -> list[str]:
    return [mutant.change for mutant in of(source, entry_point) if mutant.operator == operator]


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        ("arithmetic", "return a + b", ["a + b -> a - b"]),
        ("arithmetic", "return a % -b", ["a % -b -> a // -b", "a % -b -> a * -b", "a % -b -> a % b"]),
        ("arithmetic", "a *= b\nreturn a", ["a *= b -> a += b", "a *= b -> a //= b"]),
        ("arithmetic", "return 'a' + b, a % [b], 'x' * a", []),
        ("comparison", "return a < b", ["a < b -> a <= b", "a < b -> a > b"]),
        ("comparison", "return a != b is c", ["a != b is c -> a == b is c", "a != b is c -> a != b is not c"]),
        ("comparison", "return a in b", ["a in b -> a not in b"]),
        ("boolean", "return a and b", ["a and b -> a or b"]),
        ("boolean", "return g(not b, True)", ["g(not b, True) -> g(b, True)", "g(not b, True) -> g(not b, False)"]),
        ("constant", "return a + 1", ["a + 1 -> a + 2", "a + 1 -> a + 0"]),
        ("constant", "return g(0.5), True", ["g(0.5) -> g(1.5)", "g(0.5) -> g(-0.5)"]),
        ("bounds", "return a[:b]", ["a[:b] -> a[1:b]", "a[:b] -> a[:]", "a[:b] -> a[:b + 1]"]),
        ("bounds", "return a[1:]", ["a[1:] -> a[:]", "a[1:] -> a[1:-1]"]),
        ("bounds", "return a[::-1]", ["a[::-1] -> a[:]"]),
        ("bounds", "return range(1, b)", ["range(1, b) -> range(1, b + 1)", "range(1, b) -> range(1, b - 1)"]),
        ("bounds", "return a[b - 1 :], range(b + 1)", ["a[b - 1:] -> a[:]", "a[b - 1:] -> a[b - 1:-1]"]),
        ("condition", "if a < b:\n    return a", ["if a < b: -> if not a < b:"]),
        ("condition", "if not a:\n    return b", []),
        ("boolean", "if not a:\n    return b", ["if not a: -> if a:"]),
        ("condition", "if a == b:\n    return a", []),
        ("condition", "return [x for x in a if x]", ["for x in a if x -> for x in a if not x"]),
        ("condition", "while g(a):\n    a += 1", ["while g(a): -> while not g(a):"]),
        ("statement", "c = a\ng(c)\na = c\nreturn a", ["g(c) -> pass", "a = c -> pass"]),
        ("statement", "for x in a:\n    break", ["break -> pass"]),
        ("statement", "if a:\n    raise E\nreturn b", ["if a: -> pass", "raise E -> pass"]),
        ("arguments", "return g(a, b)", ["g(a, b) -> g(b, a)"]),
        ("arguments", "return g(a, b, 3)", ["g(a, b, 3) -> g(b, a, 3)", "g(a, b, 3) -> g(a, 3, b)"]),
        ("arguments", "return max(a, b), map(a, b), g(*a, b), g(a, a), g(a, k=b)", []),
        ("return", "return a", ["return a -> return None"]),
        ("return", "return a < b", ["return a < b -> return not a < b"]),
        ("return", "return not a, a", ["return (not a, a) -> return None"]),
        ("return", "return a == b", []),
        ("string", "return g('ab'), ''", ["g('ab') -> g('a')", "(g('ab'), '') -> (g('ab'), ' ')"]),
    ],
)
def test_what_each_operator_changes(operator: str, body: str, expected: list[str]) -> None:
    assert changes(function(body), operator) == expected


def test_a_mutant_is_the_program_with_one_change() -> None:
    source = "def f(a):\n    # The sum.\n    return a + 1\n"
    first = of(source)[0]
    assert first == ("def f(a):\n    return None\n", "return", 3, "return a + 1 -> return None")
    names: dict[str, object] = {}
    exec(next(mutant.source for mutant in of(source) if mutant.operator == "arithmetic"), names)
    assert names["f"](5) == 4  # type: ignore[operator]


def test_only_the_code_of_functions_is_changed() -> None:
    source = '''
from math import floor
import functools
LIMIT: int = 3
OTHER = 4

@functools.lru_cache(maxsize=8)
def f(a: "int" = 1, *, b: list[int, 2] = ()) -> "text":
    """Docstring with 7."""
    c: dict[str, 9] = g(a)
    "a text that does nothing"
    return f"{c:.5f}"

def g(a):
    return a if a else LIMIT

def unused(a):
    return a + OTHER

if __name__ == "__main__":
    print(f(6))
'''
    assert {mutant.change for mutant in of(source)} == {
        "LIMIT: int = 3 -> LIMIT: int = 4",
        "LIMIT: int = 3 -> LIMIT: int = 2",
        "a: 'int'=1, *, b: list[int, 2]=() -> a: 'int'=2, *, b: list[int, 2]=()",
        "a: 'int'=1, *, b: list[int, 2]=() -> a: 'int'=0, *, b: list[int, 2]=()",
        "return f'{c:.5f}' -> return None",
        "return a if a else LIMIT -> return None",
        "a if a else LIMIT -> a if not a else LIMIT",
    }


def test_a_definition_that_is_hidden_by_a_later_one_is_left_alone() -> None:
    source = "def f(a):\n    return a + 1\n\ndef f(a):\n    return a\n"
    assert [(mutant.line, mutant.change) for mutant in of(source)] == [(5, "return a -> return None")]
    assert of("def g(a):\n    return a\n") == ()


def test_of_a_script_all_is_changed_but_its_guard() -> None:
    source = "import sys\nx = int(input())\nx += 1\nif __name__ == '__main__':\n    print(x, sys.argv)\n"
    assert [(mutant.operator, mutant.line) for mutant in of(source, None)] == [
        ("statement", 2),
        ("arithmetic", 3),
        ("statement", 3),
        ("constant", 3),
        ("constant", 3),
        ("statement", 5),
        ("arguments", 5),
    ]


def test_tables_that_are_filled_below_their_definition_belong_to_the_function() -> None:
    source = "T = [0] * 3\nT[1] = 7\ndef f(a):\n    return T[a]\n"
    assert "T[1] = 7 -> T[1] = 8" in changes(source, "constant")


def programs(root: Path) -> list[str]:
    names = ("compare", "stub", "pytest_stand_in")
    return [(root / "stages" / "sandbox" / f"{name}.py").read_text(encoding="utf-8") for name in names]


def test_mutants_of_real_code_differ_in_one_place_and_compile(root: Path) -> None:
    operators: Counter[str] = Counter()
    for source in programs(root):
        found = of(source, None, most=40)
        original = ast.parse(ast.unparse(ast.parse(source)))
        trees = [ast.parse(mutant.source) for mutant in found]
        assert [differences(original, tree) for tree in trees] == [1] * len(found)
        assert len({ast.dump(tree) for tree in trees}) == len(found)
        for mutant in found:
            compile(mutant.source, "mutant", "exec")
            before, _, after = mutant.change.partition(" -> ")
            assert before
            assert after
            assert "\n" not in mutant.change
            assert 1 <= mutant.line <= len(source.splitlines())
        operators.update(mutant.operator for mutant in found)
    assert set(operators) == set(OPERATORS)


def test_a_sample_is_seeded_in_order_and_part_of_all() -> None:
    source = function("\n".join(f"a = g(a + {number}, b)" for number in range(12)))
    every = of(source)
    sample = of(source, most=25)
    assert len(sample) == 25 < len(every)
    assert sample == of(source, most=25)
    assert sample != of(source, most=25, seed=1)
    places = [every.index(mutant) for mutant in sample]
    assert places == sorted(places)
    assert {mutant.source for mutant in every} == {mutant.source for mutant in of(source, seed=1)}


def test_a_sample_is_spread_over_operators_and_lines() -> None:
    lines = "\n".join(f"x{number} = a + b + {number}" for number in range(20))
    source = function(f"{lines}\nif a < b:\n    return a")
    sample = of(source, most=12)
    assert set(Counter(mutant.operator for mutant in sample)) == {
        "arithmetic",
        "constant",
        "comparison",
        "condition",
        "statement",
        "return",
    }
    both = [mutant.line for mutant in sample if mutant.operator == "arithmetic"]
    assert len(set(both)) == len(both)


def test_what_python_cannot_write_is_left_out() -> None:
    found = of(function("return f\"{g('ab', a)}\" + g('it\\'s')"))
    assert {mutant.operator for mutant in found} >= {"return", "string", "arguments"}
    with pytest.raises(SyntaxError):
        of("def f(:")
