"""Suites that pytest and the sandbox are both given: the second half of the table."""

# ruff: noqa: E501 - suites as they are read

MORE = {
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
