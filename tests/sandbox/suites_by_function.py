"""Suites that pytest and the sandbox are both given: what begins each, and the first half of the table."""

# ruff: noqa: E501 - suites as they are read

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
}
