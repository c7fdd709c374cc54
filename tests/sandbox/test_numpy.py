"""Programs and tests that use numpy: arrays cross with dtype and shape, and its zygotes start only when asked for."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.layers import Level
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Outcome
from tests.sandbox.conftest import add, skip_unless_possible

np = pytest.importorskip("numpy")

ROOMY = Limits(test_cpu=2, program_cpu=6, memory=512 << 20)


@pytest.fixture(scope="module", params=["standard", "strict"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    level: Level = request.param
    skip_unless_possible(level)
    with open_sandbox(level, ROOMY, factor=1.0) as opened:
        yield opened


def numeric(body: str) -> Program:
    return add(body, "import numpy as np")


def test_arrays_cross_in_both_directions_with_dtype_and_shape(box: Sandbox) -> None:
    echo = Program(source="import numpy\ndef f(a):\n    return [a.dtype.str, a.shape, a + a]\n", entry_point="f")
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in ("<i4", ">f8", "<c16", "|u1", "<f2")]
    arrays += [np.zeros((2, 0)), np.array(5.0), np.array([True, False])]
    for array in arrays:
        (answer,) = box.answers(echo, (Case(args=(array,)),))
        assert answer.outcome is Outcome.PASS, answer
        assert answer.value == [array.dtype.str, array.shape, (array + array).tolist()]


def test_in_split_mode_a_test_gets_real_arrays(box: Sandbox) -> None:
    cases = (
        "got = add(np.array([1, 2], dtype='i4'), 1)\nassert isinstance(got, np.ndarray) and got.dtype == np.int32",
        "assert add(np.ones((2, 2)), 1).shape == (2, 2)",
        "np.testing.assert_allclose(add(np.array([0.1]), 0.2), [0.3])",
        "a = np.zeros(3)\nadd(a, 1)\nassert a.tolist() == [9, 0, 0]",
        "assert add(np.float64(1), 2) == 3 and type(add(np.float64(1), 2)) is np.float64",
    )
    program = numeric("if getattr(a, 'shape', ()) == (3,): a[0] = 9\n    return a + b")
    verdict = box.verify(program, SplitTests(setup="import numpy as np", cases=cases))
    assert verdict.all_passed, verdict


def test_numpy_scalars_compare_as_numbers(box: Sandbox) -> None:
    cases = (Case(args=(1, 2), expected=3), Case(args=(1, 2), expected=np.int64(3)), Case(args=(1, 2), expected=4))
    verdict = box.verify(numeric("return np.float64(a) + b"), DataTests(cases=cases))
    assert [result.outcome.value for result in verdict.results] == ["pass", "pass", "fail"]
    strict = DataTests(cases=(Case(args=(1, 2), expected=3.0),), compare="strict")
    assert box.verify(numeric("return np.float64(a) + b"), strict).all_passed
    close = DataTests(cases=(Case(args=(1, 2), expected=np.array([3.0, 1.0])),), compare="approx")
    assert box.verify(numeric("return np.array([a + b, 1 + 1e-12])"), close).all_passed


def test_objects_and_records_are_not_plain(box: Sandbox) -> None:
    tests = DataTests(cases=(Case(args=(1, 2), expected=3),))
    for body in (
        "return np.array([print], dtype=object)",
        "return np.zeros(2, dtype=[('x', 'i4')])",
        "return np.matrix([[1]])",
    ):
        verdict = box.verify(numeric(body), tests)
        assert [result.outcome for result in verdict.results] == [Outcome.NOT_PLAIN], body


def test_an_object_that_pretends_to_be_of_numpy_is_not_trusted(box: Sandbox) -> None:
    liar = (
        "class Any(np.ndarray):\n    __module__ = 'numpy'\n    def __eq__(self, other): return True\n"
        "Any.__qualname__ = 'ndarray'"
    )
    program = add("return np.zeros(1).view(Any)", f"import numpy as np\n{liar}")
    verdict = box.verify(program, DataTests(cases=(Case(args=(1, 2), expected=3),)))
    assert verdict.passed == 0
    assert box.verify(program, SplitTests(cases=("assert add(1, 2) == 3",))).passed == 0


def test_random_numbers_are_the_same_for_every_program_and_zygote(box: Sandbox) -> None:
    program = numeric("return [np.random.rand(), __import__('random').random()]")
    first = box.answers(program, (Case(args=(1, 2)),))
    box._forget()
    assert first == box.answers(program, (Case(args=(1, 2)),))


def test_the_zygotes_with_numpy_start_on_demand_and_share_what_they_hold() -> None:
    skip_unless_possible("standard")
    tests = DataTests(cases=(Case(args=(1, 2), expected=3),))
    with open_sandbox("standard", ROOMY, factor=1.0) as box:
        assert box.verify(add(), tests).all_passed
        few = box.pids
        assert box.verify(numeric("return np.int64(a) + b"), tests).all_passed
        assert box.pids[:2] == few
        assert len(box.pids) == 4
        assert box.verify(numeric("return np.int64(a) + b"), tests).all_passed
        assert len(box.pids) == 4
        plain, loaded = (private(pid) for pid in (few[0], box.pids[2]))
        assert plain < 20
        assert plain < loaded < 60


def private(pid: int) -> float:
    """MiB of a process that are its own."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("RssAnon"))
    return int(kib) / 1024


class Point(NamedTuple):
    x: int


class Colour(Enum):
    RED = 1


def test_expected_values_are_compared_as_they_would_come_back(box: Sandbox) -> None:
    source = (
        "import numpy, enum, typing\nColour = enum.Enum('Colour', 'RED')\n"
        "Point = typing.NamedTuple('Point', [('x', int)])\n"
        "def f(what):\n    return {'c': Colour.RED, 'p': Point(1), 'i': iter([1, 2])}[what]\n"
    )
    cases = tuple(
        Case(args=(what,), expected=value) for what, value in (("c", Colour.RED), ("p", Point(1)), ("i", iter([1, 2])))
    )
    assert box.verify(Program(source=source, entry_point="f"), DataTests(cases=cases)).all_passed
