"""Do suites pass in the sandbox where pytest itself passes them, for a right program and for a wrong one?

pytest runs all suites of the table twice, each time in one process of its own, and is the twin.
"""

# ruff: noqa: E501 - suites as they are read

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stages.sandbox.jobs import Program, SuiteTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Outcome, Status

PROGRAMS = {
    "right": "def add(a, b=0):\n    if a is None: raise TypeError('unsupported None')\n    return a + b\n",
    "wrong": "def add(a, b=0):\n    return 99\n",
}
BEGIN = "import pytest, unittest\nfrom solution import add\n"
SUITES = {
    "functions": """
def test_right(): assert add(1, 2) == 3
def test_wrong(): assert add(1, 2) == 4
def test_raises():
    with pytest.raises(TypeError, match="unsupp.*") as info: add(None)
    assert "None" in str(info.value) and info.type is TypeError and info.match("None") and info.typename == "TypeError"
def test_raises_call(): pytest.raises(TypeError, add, None)
def test_raises_either(): pytest.raises((ValueError, TypeError), add, None, b=2)
def test_raises_no_match():
    with pytest.raises(TypeError, match="nothing like it"): add(None)
def test_raises_another():
    with pytest.raises(KeyError): add(None)
def test_raises_checked():
    with pytest.raises(TypeError, check=lambda error: "supported" in str(error)): add(None)
def test_fail(): pytest.fail("always")
def test_fail_is_not_caught():
    try:
        add(1)
        pytest.fail("no exception")
    except Exception:
        pass
def test_skip(): pytest.skip("now")
def test_skip_by_unittest(): raise unittest.SkipTest("now")
def test_skip_is_not_caught():
    try: pytest.skip("now")
    except Exception: pass
def test_xfail(): pytest.xfail("now")
def test_import(): assert pytest.importorskip("math").sqrt(4) == add(1, 1)
def test_import_nothing(): pytest.importorskip("not_there")
def test_returns(): return True
def test_default(x=1): assert add(x) == 1
def helper(): assert False
test_lambda = lambda: add(1)
@unittest.skip("now")
def test_skipped_by_unittest(): assert add(1) == 1
no_test = 1
test_no_function = 2
""",
    "approx": """
nan, inf = float("nan"), float("inf")
def test_close(): assert add(0.1, 0.2) == pytest.approx(0.3)
def test_far(): assert add(0.1, 0.2) == pytest.approx(0.301)
def test_list(): assert [add(0.1, 0.2), 1] == pytest.approx([0.3, 1])
def test_dict(): assert {"a": add(0.1, 0.2)} == pytest.approx({"a": 0.3})
def test_reflected(): assert pytest.approx(0.3) == add(0.1, 0.2)
def test_inside(): assert {"a": [add(0.1, 0.2)]} == {"a": [pytest.approx(0.3)]}
@pytest.mark.parametrize("actual, expected, options", [
    ("1.0", 1.0, {}), (1.0, "1.0", {}), (True, 1, {}), (1, True, {}), (True, True, {}), (None, None, {}), (0, None, {}),
    ("a", "a", {}), ("a", "b", {}), ((1.0,), [1.0], {}), ([1.0], (1.0,), {}), (["a", 1.0], ["a", 1 + 1e-9], {}),
    ([1.0], [1.0, 2.0], {}), ({"a": 1}, {"b": 1}, {}), ({"a": None}, {"a": None}, {}), (1 + 1e-9j, 1, {}), (1j, 1, {}),
    (nan, nan, {}), (nan, nan, {"nan_ok": True}), ([nan], [nan], {"nan_ok": True}), (inf, inf, {}), (-inf, inf, {}),
    (1.0, inf, {}), (inf, 1.0, {}), (1e-13, 0, {}), (1e-11, 0, {}), (1.05, 1.0, {"abs": 0.1}), (1.05, 1.0, {"rel": 0.1}),
    (1.05, 1.0, {"rel": 0.01, "abs": 0.1}), (1.05, 1.0, {"rel": 0.01, "abs": 0.01}), (1 + 2e-6, 1.0, {"abs": 1e-9}),
    (1.1, 1.0, {"rel": -1}), (1.1, 1.0, {"abs": -1}), (1.1, 1.0, {"abs": nan}), ([1.0], 1.0, {}), (1.0, [1.0], {}),
    ([1, 2], range(1, 3), {}), (iter([1]), [1], {}), ("ab", ["a", "b"], {}), (b"a", b"a", {}), ({1}, {1}, {}),
    (10 ** 400, 1.0, {}), (10 ** 400, 10 ** 400 + 1, {}), (object(), 1, {}),
])
def test_table(actual, expected, options): assert actual == pytest.approx(expected, **options) and add(1) == 1
def test_decimals():
    from decimal import Decimal as D
    from fractions import Fraction as F
    assert D("1.00000001") == pytest.approx(D(1)) and D("1.1") != pytest.approx(D(1)) and F(1, 3) == pytest.approx(1 / 3)
    assert D(1) == pytest.approx(1.0) and 1.0 == pytest.approx(D(1)) and add(1) == 1
def test_unordered(): add(1); assert {1.0} == pytest.approx({1.0})
def test_truth(): assert pytest.approx(add(1))
def test_unequal(): assert add(1) != pytest.approx(2) and not add(1) != pytest.approx(1)
""",
    "arrays": """
import numpy as np
@pytest.mark.parametrize("actual, expected", [
    (np.array([1.0]), np.array([1 + 1e-9])), ([1.0], np.array([1.0])), (np.array([1.0]), [1.0]), (np.array([1, 2]), 1.0),
    (np.array([1.0, 1.0]), 1.0), (np.float64(1), 1.0), (1.0, np.float64(1)), (True, np.True_), (np.True_, True),
    (np.array([1.0]), np.array([[1.0]])), (np.array([[1.0]]), np.array([[1.0]])), (np.array([1.0]), [1.0, 2.0]),
    (np.array([1.1]), np.array([1.0])), (np.array(["1.0"]), np.array([1.0])),
])
def test_table(actual, expected): assert actual == pytest.approx(expected) and add(1) == 1
def test_nan(): assert np.array([np.nan]) == pytest.approx(np.array([np.nan]), nan_ok=add(1) == 1)
""",
    "parameters": """
@pytest.mark.parametrize("a, b, total", [(1, 2, 3), (4, 5, 9), (1, 1, 3)])
def test_sum(a, b, total): assert add(a, b) == total
@pytest.mark.parametrize("x", [1, pytest.param(2, id="two"), pytest.param(3, marks=pytest.mark.skip)], ids=str)
@pytest.mark.parametrize(("y", "z"), [(0, 0), [1, 1]])
def test_product(x, y, z): assert add(x, y) == x + z
@pytest.mark.parametrize(["x"], [(1,), (2,)])
def test_list_of_one(x): assert add(x) == x
@pytest.mark.parametrize("pair", [(1, 2), (3, 4)])
def test_single(pair): assert add(*pair) == sum(pair)
@pytest.mark.parametrize(argnames="x", argvalues=(n for n in range(2)))
def test_named(x): assert add(x) == x
@pytest.mark.parametrize("x", [])
def test_none(x): assert False
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.xfail)])
def test_expected(x): assert add(x) == 1
@pytest.mark.parametrize("x", [1, 2])
class TestAll:
    def test_one(self, x): assert add(x) == x
    @pytest.mark.parametrize("y", [3, 4])
    def test_two(self, x, y): assert add(x, y) == x + y
@pytest.fixture
def doubled(request): return 2 * request.param
@pytest.mark.parametrize("doubled, x", [(1, 2), (2, 4), (3, 3)], indirect=["doubled"])
def test_indirect(doubled, x): assert add(doubled) == x
""",
    "marks": """
import sys
pytestmark = pytest.mark.slow
@pytest.mark.own(1, key=2)
def test_own(): assert add(1) == 1
@pytest.mark.skip
def test_skip(): assert add(1) == 1
@pytest.mark.skip(reason="later")
def test_skip_why(): assert add(1) == 1
@pytest.mark.skip("later")
def test_skip_text(): assert add(1) == 1
@pytest.mark.skipif(True, reason="later")
def test_skip_if(): assert add(1) == 1
@pytest.mark.skipif("sys.version_info < (3, 0)", reason="old")
def test_skip_if_text(): assert add(1) == 1
@pytest.mark.skipif("sys.version_info > (3, 0) and add is not None", reason="new")
def test_skip_if_text_true(): assert add(1) == 1
@pytest.mark.skipif(sys.platform == "win32", reason="elsewhere")
@pytest.mark.timeout(5)
def test_not_skipped(): assert add(1) == 1
@pytest.mark.xfail
def test_fails(): assert add(1) == 2
@pytest.mark.xfail(strict=True)
def test_fails_strictly(): assert add(1) == 2
@pytest.mark.xfail(False, reason="no")
def test_no_xfail(): assert add(1) == 1
SLOW = pytest.mark.skipif(False, reason="no")
@SLOW
def test_kept(): assert add(1) == 1
@pytest.mark.skip
class TestSkipped:
    def test_inside(self): assert add(1) == 1
class TestMarked:
    pytestmark = [pytest.mark.slow, pytest.mark.skip]
    def test_inside(self): assert add(1) == 1
""",
    "fixtures": """
LOG = []
@pytest.fixture
def two():
    LOG.append("two")
    yield 2
    LOG.append("undone")
@pytest.fixture(name="four")
def make_four(two): return add(two, 2)
@pytest.fixture(autouse=True)
def always(): LOG.append("always")
@pytest.fixture(scope="module")
def once(): LOG.append("once"); return len(LOG)
@pytest.fixture(params=[1, 2, pytest.param(3, marks=pytest.mark.skip)], ids=["a", "b", "c"])
def each(request): return request.param
@pytest.fixture(params=[10, 20])
def tens(request): return request.param
@pytest.fixture
def broken(): raise ValueError("broken")
@pytest.fixture(scope="module")
def broken_once(): LOG.append("broken once"); raise ValueError("broken")
@pytest.fixture
def narrow(): LOG.append("narrow")
@pytest.fixture(scope="module")
def wide(): LOG.append("wide")
@pytest.fixture
def leaves(): pytest.skip("not here")
@pytest.fixture
def finishes(request):
    request.addfinalizer(lambda: LOG.append("finalizer"))
    return request.getfixturevalue("two")
@pytest.fixture
def breaks_late():
    yield
    raise ValueError("late")
def test_first(two): assert add(two) == 2 and LOG == ["always", "two"]
def test_undone(): assert "undone" in LOG and add(1) == 1
def test_nested(four, two): assert four == 4
def test_once(once): assert once == LOG.index("once") + 1 and add(1) == 1
def test_once_again(once): assert LOG.count("once") == 1 and add(1) == 1
def test_each(each): assert add(each) == each
def test_product(each, tens): assert add(each, tens) == tens + each
def test_broken(broken): pass
def test_broken_once(broken_once): pass
def test_broken_again(broken_once): pass
def test_broken_counted(): assert LOG.count("broken once") == 1 and add(1) == 1
def test_order(narrow, wide): assert LOG[-3:] == ["wide", "always", "narrow"] and add(1) == 1
def test_leaves(leaves): pass
def test_finishes(finishes): assert add(finishes) == 2
def test_finished(): assert "finalizer" in LOG and add(1) == 1
def test_breaks_late(breaks_late): assert add(1) == 1
@pytest.mark.usefixtures("two")
def test_uses(): assert LOG[-1] == "two" and add(1) == 1
def test_request(request): assert request.function is test_request and request.node.name == "test_request" and add(1) == 1
def test_folder(tmp_path, tmp_path_factory):
    (tmp_path / "x").write_text("1")
    assert (tmp_path / "x").read_text() == str(add(1)) and tmp_path_factory.mktemp("y").is_dir()
@pytest.fixture
def test_data(): return 1
def test_named_like_a_test(test_data): assert add(test_data) == 1
class TestOverride:
    @pytest.fixture
    def two(self, two): return two + 1
    @pytest.fixture(scope="class")
    def held(self): LOG.append("held"); yield 1; LOG.append("dropped")
    @pytest.fixture(autouse=True)
    def own(self): self.seen = "own"
    def test_three(self, two): assert add(two) == 3
    def test_held(self, held): assert self.seen == "own" and add(1) == 1
    def test_held_on(self, held): assert LOG.count("held") == 1 and "dropped" not in LOG and add(1) == 1
def test_dropped(): assert "dropped" in LOG and add(1) == 1
""",
    "around": """
LOG = []
def setup_module(module): LOG.append("module"); assert module.LOG is LOG
def teardown_module(): LOG.append("never seen")
def setup_function(function): LOG.append(function.__name__)
def teardown_function(): LOG.append("after")
def test_a(): assert LOG == ["module", "test_a"] and add(1) == 1
def test_b(): assert LOG[-2:] == ["after", "test_b"] and add(1) == 1
class TestIt:
    @classmethod
    def setup_class(cls): cls.one = 1; LOG.append("class")
    @classmethod
    def teardown_class(cls): LOG.append("class done")
    def setup_method(self, method): self.two = 2; LOG.append(method.__name__)
    def teardown_method(self): LOG.append("method done")
    def test_c(self): assert add(self.one, self.two) == 3 and LOG[-2:] == ["class", "test_c"]
    def test_d(self): assert add(1) == 1 and LOG.count("class") == 1
def test_e(): assert "class done" in LOG and LOG.count("method done") == 2 and add(1) == 1
class TestBroken:
    def setup_class(cls): raise ValueError("broken")
    def test_f(self): pass
    def test_g(self): pass
class TestLeft:
    def setup_method(self): pytest.skip("left")
    def test_h(self): pass
class TestLate:
    @classmethod
    def teardown_class(cls): raise ValueError("late")
    def test_i(self): assert add(1) == 1
""",
    "classes": """
class Base:
    def test_base(self): assert add(1, self.n) == 1 + self.n
    def test_both(self): assert False
class TestDerived(Base):
    n = 2
    def test_both(self): assert add(1) == 1
    @staticmethod
    def test_static(): assert add(1) == 1
    @classmethod
    def test_class(cls): assert add(1) == 1
    def helper(self): assert False
    class TestInner:
        def test_deep(self): assert add(1) == 1
class TestMade:
    def __init__(self): pass
    def test_never(self): assert False
class TestNot:
    __test__ = False
    def test_never(self): assert False
class TestState:
    value = 0
    def test_one(self): self.value += 1; assert add(self.value) == 1
    def test_two(self): self.value += 1; assert add(self.value) == 1
class Other:
    def test_never(self): assert False
""",
    "cases": """
from unittest import TestCase
LOG = []
def setUpModule(): LOG.append("module")
class Sums(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.one = 1; LOG.append("class"); cls.addClassCleanup(LOG.append, "class cleaned")
    @classmethod
    def tearDownClass(cls): LOG.append("class done")
    def setUp(self): self.two = 2; self.addCleanup(LOG.append, "cleanup")
    def tearDown(self): LOG.append("down")
    def test_right(self): self.assertEqual(add(self.one, self.two), 3); self.assertEqual(LOG[0], "module")
    def test_wrong(self): self.assertEqual(add(1), 2)
    def test_close(self): self.assertAlmostEqual(add(0.1, 0.2), 0.3)
    def test_raises(self):
        with self.assertRaises(TypeError): add(None)
    def test_raises_text(self): self.assertRaisesRegex(TypeError, "None", add, None)
    def test_skips(self): self.skipTest("now")
    def test_skips_by_pytest(self): pytest.skip("now")
    def test_fails_by_pytest(self): pytest.fail("now")
    @unittest.skip("later")
    def test_skipped(self): self.assertEqual(add(1), 1)
    @unittest.skipIf(True, "later")
    def test_skipped_if(self): self.assertEqual(add(1), 1)
    @unittest.skipUnless(True, "never")
    def test_not_skipped(self): self.assertEqual(add(1), 1)
    @unittest.expectedFailure
    def test_expected(self): self.assertEqual(add(1), 2)
    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n): self.assertEqual(add(n), n)
    def test_once(self): self.assertEqual((LOG.count("class"), add(1)), (1, 1))
class After(TestCase):
    def test_done(self): self.assertEqual((LOG.count("class done"), LOG.count("class cleaned"), add(1)), (1, 1, 1))
class Broken(TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("broken")
    def test_a(self): pass
class Left(TestCase):
    def setUp(self): raise unittest.SkipTest("left")
    def test_a(self): pass
@unittest.skip("all")
class Skipped(TestCase):
    def test_a(self): pass
class Run(TestCase):
    def runTest(self): self.assertEqual(add(1), 1)
class Mixin:
    def test_mixed(self): self.assertEqual(add(1), 1)
class Mixed(Mixin, TestCase):
    @pytest.fixture(autouse=True)
    def own(self): self.seen = True
    def test_fixture(self): self.assertTrue(self.seen and add(1) == 1)
class Awaited(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.one = 1
    async def test_awaited(self): self.assertEqual(add(self.one), 1)
    async def test_awaited_wrong(self): self.assertEqual(add(self.one), 2)
    def test_plain(self): self.assertEqual(add(self.one), 1)
class Late(TestCase):
    def tearDown(self): raise ValueError("late")
    def test_a(self): pass
""",
    "more": """
pytestmark = [pytest.mark.usefixtures("noted"), pytest.mark.parametrize("shared", [1, 2])]
LOG = []
@pytest.fixture
def noted(): LOG.append("noted")
@pytest.fixture(scope="class")
def marked(request): request.cls.mark = 1; yield; LOG.append("class over")
@pytest.fixture(autouse=True, params=[3, 4])
def every(request): return request.param
@pytest.fixture(params=[5, pytest.param(6, id="six", marks=pytest.mark.xfail)])
def fives(request): return request.param
def test_shared(shared, every): assert LOG and add(shared, every) == shared + every
def test_asked(shared, request): assert add(request.getfixturevalue("every"), shared) in (4, 5, 6)
@pytest.mark.skipif(False, reason="no")
@pytest.mark.skipif(True, reason="yes")
def test_either(shared): assert False
def test_fives(shared, fives): assert add(fives) == 5
@pytest.mark.usefixtures("marked")
class TestMarked:
    def test_mark(self, shared): assert self.mark == 1 and add(1) == 1
def test_over(shared): assert "class over" in LOG and add(1) == 1
@pytest.mark.parametrize("x, y", [pytest.param(1, 2, id="a"), (3, 4)], ids=lambda value: str(value))
def test_ids(x, y, shared): assert add(x, y) == x + y
""",
    "more_cases": """
LOG = []
@pytest.fixture
def noted(): LOG.append("noted")
class Base(unittest.TestCase):
    n = 1
    def test_n(self): self.assertEqual(add(self.n), self.n)
class Derived(Base):
    n = 2
@pytest.mark.usefixtures("noted")
class Uses(unittest.TestCase):
    def test_uses(self): self.assertEqual((LOG, add(1)), (["noted"], 1))
@pytest.mark.skip
class Marked(unittest.TestCase):
    def test_a(self): pass
@unittest.skipUnless(False, "no")
class Unless(unittest.TestCase):
    def test_a(self): pass
class Partly(unittest.TestCase):
    def test_part_fails(self):
        for n in range(3):
            with self.subTest(n=n): self.assertLess(add(n), 2)
    def test_part_skips(self):
        with self.subTest(): self.skipTest("part")
        self.assertEqual(add(1), 1)
    def test_fails(self): self.fail("always")
    def test_cleanup_breaks(self): self.addCleanup(lambda: 1 / 0); self.assertEqual(add(1), 1)
    @pytest.mark.skip
    def test_marked(self): pass
    @pytest.mark.xfail
    def test_marked_to_fail(self): self.assertEqual(add(1), 2)
class Breaks(unittest.TestCase):
    def setUp(self): self.fail("set up")
    def test_a(self): pass
class Ordered(unittest.TestCase):
    def test_b(self): LOG.append("b"); self.assertEqual((LOG[-2], add(1)), ("a", 1))
    def test_a(self): LOG.append("a"); self.assertEqual(add(1), 1)
class Methods(unittest.TestCase):
    def setup_method(self, method): self.seen = method.__name__
    def test_seen(self): self.assertEqual((self.seen, add(1)), ("test_seen", 1))
class TearsDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise ValueError("late")
    def test_a(self): self.assertEqual(add(1), 1)
class Empty(unittest.TestCase):
    pass
""",
    "left_module": "def setUpModule(): raise unittest.SkipTest('all')\nclass A(unittest.TestCase):\n    def test_a(self): pass\n",
    "broken_module": "def setup_module(): raise ValueError\ndef test_a(): pass\ndef test_b(): pass\n",
    "marked_module": "pytestmark = [pytest.mark.skipif('add(1) == 1', reason='odd')]\ndef test_a(): pass\n",
    "annotations": """
from dataclasses import dataclass
@dataclass
class Point:
    x: "int"
def test_point(): assert add(Point(1).x) == 1
""",
}


@pytest.fixture(scope="module", params=PROGRAMS)
def pytests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Counter[str]]]:
    """A program's name, and which tests of each suite it passes under pytest; a parametrised test counts each time."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "solution.py").write_text(PROGRAMS[request.param])
    for name, source in SUITES.items():
        (folder / f"test_{name}.py").write_text(BEGIN + source)
    # A test that returns something says nothing, and is no pass here.
    strict = ["-W", "error::pytest.PytestReturnNotNoneWarning"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *strict,
        "-q",
        "-c",
        "/dev/null",
        f"--rootdir={folder}",
        "-p",
        "no:cacheprovider",
    ]
    subprocess.run([*command, "--junitxml=out.xml", "."], cwd=folder, capture_output=True, check=False, timeout=120)
    return request.param, _passed(folder / "out.xml")


def _passed(report: Path) -> dict[str, Counter[str]]:
    passed: dict[str, Counter[str]] = {name: Counter() for name in SUITES}
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        key = f"{case.get('classname')}.{case.get('name')}"
        seen[key] += 1
        bad[key] += any(part.tag in ("failure", "error", "skipped") for part in case)
    assert seen
    for key in seen:
        _, _, rest = key.partition("test_")
        suite, _, test = rest.partition(".")
        passed[suite][re.sub(r"\[.*", "", test)] += 0 if bad[key] else seen[key]
    return passed


@pytest.mark.parametrize("name", SUITES)
def test_the_same_tests_pass(standard: Sandbox, pytests: tuple[str, dict[str, Counter[str]]], name: str) -> None:
    if name == "arrays":
        pytest.importorskip("numpy")
    program, passed = pytests
    verdict = standard.verify(
        Program(source=PROGRAMS[program], entry_point="add"), SuiteTests(source=BEGIN + SUITES[name])
    )
    assert verdict.status in (Status.DONE, Status.TESTER_ERROR, Status.LOAD_ERROR), verdict
    here = Counter(re.sub(r"\[.*", "", result.test) for result in verdict.results if result.outcome is Outcome.PASS)
    assert here == +passed[name]
    assert {re.sub(r"\[.*", "", result.test) for result in verdict.results if result.test} <= set(passed[name])
