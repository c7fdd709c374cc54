"""Programs whose entry point is a class: its objects stay in the program, and are never taken for their base."""

import pytest

from stages.sandbox.jobs import Case, DataTests, InProcessTests, Program, SplitTests, SuiteTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Outcome

PLAIN = "class Stack:\n    def push(self, x): pass\n"
LIST = "class Stack(list):\n    def push(self, x): self.append(x)\n"
WHY = "Stack is a class, whose objects cannot leave the program; run such tests in mode inproc"


@pytest.mark.parametrize(
    "source", [PLAIN, LIST, "class Stack(int): pass\n", "class Up(dict): pass\nclass Stack(Up): pass"]
)
def test_objects_of_a_class_that_is_called_are_not_plain(standard: Sandbox, source: str) -> None:
    program = Program(source=source, entry_point="Stack")
    for tests in (
        DataTests(cases=(Case(expected=[]),)),
        SplitTests(cases=("assert Stack() == []",)),
        SplitTests(cases=("stack = Stack()\nstack.push(1)\nassert len(stack) == 1",)),
        SuiteTests(source="from solution import Stack\ndef test_a():\n    assert Stack() == []\n"),
    ):
        (result,) = standard.verify(program, tests).results
        assert (result.outcome, result.detail) == (Outcome.NOT_PLAIN, WHY), tests


def test_mode_inproc_judges_them(standard: Sandbox) -> None:
    tests = InProcessTests(tests=SplitTests(cases=("stack = Stack()\nstack.push(1)\nassert stack == [1]",)))
    assert standard.verify(Program(source=LIST, entry_point="Stack"), tests).all_passed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class Stack(list): pass\ndef f():\n    return Stack([1])\n", [1]),
        ("class f:\n    def __new__(cls):\n        return [1]\n", [1]),
        ("class One(int): pass\nclass f:\n    def __new__(cls):\n        return One(1)\n", 1),
        ("import collections\nf = collections.Counter\n", {}),
        ("f = list\n", []),
        ("import collections\nclass f(collections.namedtuple('P', 'x', defaults=[1])): pass\n", (1,)),
    ],
    ids=["function", "new", "new-subclass", "counter", "list", "namedtuple"],
)
def test_other_results_cross_as_ever(standard: Sandbox, source: str, expected: object) -> None:
    verdict = standard.verify(Program(source=source, entry_point="f"), DataTests(cases=(Case(expected=expected),)))
    assert verdict.all_passed, verdict
