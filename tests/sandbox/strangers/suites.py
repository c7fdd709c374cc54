"""Suites that never look, or look with less than they ask for."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import SplitTests, SuiteTests
from stages.sandbox.verdict import Status
from tests.sandbox.strangers.base import ANY, honest, hostile

WRONG = "def add(a, b=0): return 99\n"
BEGIN = "import pytest, unittest\nfrom solution import add\n"
WANTS_TESTER = frozenset({Status.TESTER_ERROR})


def suite(body: str) -> SuiteTests:
    """A suite with the usual imports before it."""
    return SuiteTests(source=BEGIN + body)


for _name, _body in {
    "skip_decorated": "class T(unittest.TestCase):\n    @unittest.skip('later')\n    def test(self):\n        self.assertEqual(add(1), 1)\n",
    "skip_by_result": "class T(unittest.TestCase):\n    def test(self):\n        if add(1) != 1:\n            self.skipTest('odd')\n",
    "skip_class": "class T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        if add(1) != 1:\n            raise unittest.SkipTest('odd')\n    def test(self):\n        self.assertEqual(add(1), 1)\n",
    "skip_pytest_by_result": "def test():\n    if add(1) != 1:\n        pytest.skip('odd')\n",
    "skip_pytest_if": "@pytest.mark.skipif(add(1) != 1, reason='odd')\ndef test():\n    assert add(1) == 1\n",
    "async_pytest": "async def test():\n    assert add(1) == 1\n",
    "async_unittest": "class T(unittest.TestCase):\n    async def test(self):\n        self.assertEqual(add(1), 1)\n",
    "generator_pytest": "def test():\n    yield\n    assert add(1) == 1\n",
    "generator_unittest": "class T(unittest.TestCase):\n    def test(self):\n        yield self.assertEqual(add(1), 1)\n",
}.items():
    hostile(_name, "unlooked", suite(_body), WRONG, ANY | WANTS_TESTER)
hostile(
    "approx_text",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(1.0)\n"),
    "def add(a): return '1.0'\n",
)
hostile(
    "approx_overflow",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(1.0)\n"),
    "def add(a): return 10 ** 400\n",
)
hostile(
    "approx_infinity",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(float('inf'))\n"),
    "def add(a): return 1.0\n",
)
hostile(
    "approx_shapes",
    "unlooked",
    suite(
        "def test():\n    assert add(1) == pytest.approx([1.0, 2.0])\ndef test_dict():\n    assert add(2) == pytest.approx({'a': 1.0})\n"
    ),
    "def add(a): return [1.0] if a == 1 else {}\n",
)
hostile("no_suite_at_all", "unlooked", suite("def check():\n    assert add(1) == 1\n"), WRONG, ANY | WANTS_TESTER)
hostile(
    "solution_brings_tests",
    "unlooked",
    SuiteTests(source="from solution import *\ndef test_real():\n    assert add(1) == 1\n"),
    WRONG
    + "def test_free(): pass\ndef isinstance(*a): return True\n__all__ = ['add', 'test_free', 'isinstance', '__builtins__', 'AssertionError']\nAssertionError = KeyError\n",
    ANY,
)
hostile(
    "death_in_raises",
    "unlooked",
    suite(
        "def test():\n    with pytest.raises(BaseException):\n        add(1)\nclass T(unittest.TestCase):\n    def test(self):\n        try:\n            add(1)\n        except BaseException:\n            return\n        finally:\n            return\n"
    ),
    "import os\ndef add(a): os._exit(1)\n",
    ANY,
)
hostile(
    "result_unplain_in_raises",
    "unlooked",
    suite("def test():\n    with pytest.raises(Exception):\n        add(1)\n"),
    "def add(a): return object()\n",
    ANY,
)

ONE = "def add(a): return a\n"
for _name, _body in {
    "set_up_module": "def setUpModule():\n    global ONE\n    ONE = 1\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(add(1), ONE)\n",
    "setup_class": "class TestAdd:\n    @classmethod\n    def setup_class(cls):\n        cls.one = 1\n    def test(self):\n        assert add(1) == self.one\n",
    "fixture_for_all": "SEEN = []\n@pytest.fixture(autouse=True)\ndef note():\n    SEEN.append(1)\ndef test():\n    assert SEEN and add(1) == 1\n",
    "parametrized_class": "@pytest.mark.parametrize('x', [1, 2])\nclass TestAdd:\n    def test(self, x):\n        assert add(x) == x\n",
    "own_mark": "@pytest.mark.quick\ndef test():\n    assert add(1) == 1\n",
    "folder_fixture": "def test(tmp_path):\n    assert add(str(tmp_path)) == str(tmp_path)\n",
    "run_test": "class T(unittest.TestCase):\n    def runTest(self):\n        self.assertEqual(add(1), 1)\n",
    "setup_method_and_ids": "class TestAdd:\n    def setup_method(self):\n        self.one = 1\n    @pytest.mark.parametrize('x', [pytest.param(1, id='one')], ids=['x'])\n    def test(self, x):\n        assert add(x) == self.one == pytest.approx(1)\n",
    "sub_tests": "class Base:\n    def test(self):\n        for x in range(3):\n            with self.subTest(x=x):\n                self.assertEqual(add(x), x)\nclass T(Base, unittest.TestCase):\n    pass\nif __name__ == '__main__':\n    unittest.main()\n",
}.items():
    honest(_name, suite(_body), ONE)
honest(
    "awaited_by_suite",
    suite(
        "class T(unittest.IsolatedAsyncioTestCase):\n    async def test(self):\n        self.assertEqual(await add(1), 1)\n"
    ),
    "async def add(a): return a\n",
)
honest(
    "awaited_by_test",
    SplitTests(cases=("import asyncio\nassert asyncio.run(add(1)) == 1",)),
    "async def add(a): return a\n",
)
honest(
    "constant_of_the_module",
    SuiteTests(
        source="import unittest, solution\nfrom solution import LIMIT\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(solution.add(1), LIMIT)\n"
    ),
    "LIMIT = 1\ndef add(a): return LIMIT\n",
)
honest("suite_names_the_function", suite("def test():\n    assert add(1) == 1\n"), ONE, entry_point=None)
hostile("fixture_unknown", "unlooked", suite("def test(benchmark):\n    assert add(1) == 1\n"), ONE, WANTS_TESTER)
hostile(
    "helper_unknown",
    "unlooked",
    suite("def test():\n    with pytest.warns(UserWarning):\n        add(1)\n"),
    ONE,
    WANTS_TESTER,
)
