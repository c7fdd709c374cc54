"""What a test can tell of an exception that the program raises."""

import configparser
import decimal
import json
import subprocess
from typing import Any

import pytest

from stages.sandbox import frames
from stages.sandbox.decode import decode
from stages.sandbox.jobs import Program, SplitTests, SuiteTests
from stages.sandbox.raised import SolutionError, rebuilt, written
from stages.sandbox.sandbox import Sandbox


class Missing(KeyError):
    """An own subclass."""


class Picky(ValueError):
    """One with a constructor and a text of its own."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)

    def __str__(self) -> str:
        return f"{self.args[0]} is not {self.args[1]}"


def crossed(error: BaseException) -> Any:
    """What arrives of it, over real JSON."""
    _, kind, text, lineage, given = frames.unpack(frames.pack(["e", *written(error)])[4:])
    return rebuilt(kind, text, lineage, None if given is None else decode(given))


def missing_file() -> OSError:
    with pytest.raises(FileNotFoundError) as caught, open("/nowhere/at/all"):
        pass
    return caught.value


def bad_json() -> ValueError:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("[1,")
    return caught.value


ERRORS = [
    *(KeyError("k"), ValueError("too small", 2), ZeroDivisionError(), OSError(2, "No such file"), missing_file()),
    *(
        UnicodeDecodeError("utf8", b"\xff", 0, 1, "bad"),
        SystemExit(3),
        SystemExit(),
        StopIteration([1]),
        StopIteration(),
    ),
    *(KeyboardInterrupt(), GeneratorExit(), AssertionError({1: (2,)}), SyntaxError("x", ("f", 1, 2, "t")), bad_json()),
    *(decimal.InvalidOperation("x"), subprocess.CalledProcessError(3, "cmd"), configparser.NoSectionError("s")),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_known_exceptions_arrive_as_what_they_are(error: BaseException) -> None:
    back = crossed(error)
    assert type(back) is type(error)
    assert (back.args, str(back)) == (error.args, str(error))


def test_attributes_of_the_usual_ones() -> None:
    found = crossed(missing_file())
    assert (type(found), found.errno, found.filename) == (FileNotFoundError, 2, "/nowhere/at/all")
    assert crossed(SystemExit(3)).code == 3
    assert crossed(StopIteration(7)).value == 7
    assert (crossed(bad_json()).pos, crossed(bad_json()).doc) == (3, "[1,")


def test_own_classes_arrive_under_their_nearest_known_base() -> None:
    error = crossed(Missing("k"))
    assert isinstance(error, KeyError)
    assert (type(error).__name__, error.args, str(error)) == ("Missing", ("k",), "'k'")
    picky = crossed(Picky(1, 2))
    assert (isinstance(picky, ValueError), picky.args, str(picky)) == (True, (1, 2), "1 is not 2")


def test_a_class_called_like_a_builtin_is_none() -> None:
    lookalike = type("ValueError", (Exception,), {"__module__": "builtins"})
    error = crossed(lookalike("fooled"))
    assert not isinstance(error, ValueError)
    assert (type(error).__name__, str(error)) == ("ValueError", "fooled")
    assert not isinstance(crossed(type("JSONDecodeError", (Exception,), {"__module__": "json.decoder"})()), ValueError)


def test_arguments_that_cannot_cross_leave_the_text() -> None:
    assert crossed(ValueError(object)).args == ("<class 'object'>",)
    assert crossed(ValueError("x" * 100_000)).args == ("x" * 4096,)
    assert crossed(KeyError([0] * 70_000)).args[0].startswith("[0, 0")


def test_groups_stand_for_themselves_only() -> None:
    error = crossed(ExceptionGroup("several", [ValueError()]))
    assert type(error) is SolutionError
    assert "ExceptionGroup: several" in str(error)
    assert type(crossed(StopAsyncIteration())) is SolutionError


@pytest.mark.parametrize(
    ("lineage", "given", "kind"),
    [
        ([], None, SolutionError),
        (["print", "no.such", "os.system", 7, None, "Exception"], [], Exception),
        (["json.decoder.JSONDecodeError"], [1, 2], json.JSONDecodeError),
        (["UnicodeDecodeError"], None, UnicodeDecodeError),
        (["UnicodeDecodeError"], [1, 2, 3, 4, 5], UnicodeDecodeError),
        (["SyntaxError"], ["x", 7], SyntaxError),
        (["OSError"], [2, "x"], OSError),
    ],
)
def test_whatever_is_told_becomes_an_exception(lineage: list[Any], given: list[Any] | None, kind: type) -> None:
    for name in (kind.__name__, "Own", "not a name", "\ud800", ""):
        assert isinstance(rebuilt(name, "text", lineage, given), kind)


def test_an_exception_that_lies_costs_its_own_attributes_only() -> None:
    class Meta(type):
        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise SystemExit

    class Liar(ValueError, metaclass=Meta):
        @property
        def args(self) -> Any:
            raise SystemExit

        def __str__(self) -> str:
            raise SystemExit

    assert written(Liar())[0] == "Liar"


def outcomes(sandbox: Sandbox, program: str, *cases: str) -> list[str]:
    verdict = sandbox.verify(Program(source=program, entry_point="f"), SplitTests(cases=cases))
    return [result.outcome.value for result in verdict.results]


RAISES = """
class Own(Exception): pass
class Less(LookupError): pass
class ValueError(Exception): pass
def f(n):
    raise [KeyError('k'), Own(), Less(n), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ValueError()][n]
"""


def test_tests_catch_what_they_would_catch_at_home(sandbox: Sandbox) -> None:
    cases = (
        "try: f(0)\nexcept KeyError as e: assert e.args == ('k',)",
        "try: f(1)\nexcept Exception as e: assert type(e).__name__ == 'Own' and str(e) == ''",
        "try: f(2)\nexcept LookupError as e: assert e.args == (2,)",
        "try: f(3)\nexcept SystemExit as e: assert e.code == 3",
        "try: f(3)\nexcept Exception: pass",
        "f(4)",
        "f(5)",
        "try: f(6)\nexcept ValueError: pass",
        "try: f(0)\nexcept KeyError: pass",
    )
    expected = ["pass"] * 4 + ["error"] * 4 + ["pass"]
    assert outcomes(sandbox, RAISES, *cases) == expected


STOPS = "def f(n):\n    raise StopIteration(n)\n"
CAUGHT = [
    "try: f(1)\nexcept StopIteration as e: assert e.value == 1\nelse: assert False",
    "try: next(map(f, [1]))\nexcept StopIteration: pass\nelse: assert False",
]
UNSEEN = [
    "assert all(map(lambda n: f(n) == 1, [3]))",
    "assert all(map(f, [3]))",
    "for x in map(f, [3]): assert x == 1",
    "try:\n    assert list(map(f, [3])) == []\nexcept ZeroDivisionError: pass",
    "def one(n):\n    return f(n) == 1\nassert all(map(one, range(3)))",
    "assert next(map(f, [3]), None) is None",
    "assert all(f(n) == 1 for n in [3])",
    "for x in iter(lambda: f(1), 5): pass",
]


def test_a_loop_that_the_program_ends_is_no_pass(standard: Sandbox) -> None:
    assert outcomes(standard, STOPS, *CAUGHT, *UNSEEN) == ["pass"] * len(CAUGHT) + ["error"] * len(UNSEEN)


def test_suites_ask_for_exits(standard: Sandbox) -> None:
    source = (
        "import pytest, unittest\nfrom solution import f\nclass T(unittest.TestCase):\n"
        "    def test(self):\n        self.assertRaises(StopIteration, f, 1)\n"
        "    def test_context(self):\n        with self.assertRaises(StopIteration): f(1)\n"
        "def test_pytest():\n    with pytest.raises(StopIteration): f(1)\n"
        "def test_loop():\n    with pytest.raises(StopIteration): list(map(f, [1]))\n"
    )
    verdict = standard.verify(Program(source=STOPS, entry_point="f"), SuiteTests(source=source))
    assert [(result.test, result.outcome.value) for result in verdict.results] == [
        ("T.test", "pass"),
        ("T.test_context", "pass"),
        ("test_pytest", "pass"),
        ("test_loop", "fail"),
    ]
