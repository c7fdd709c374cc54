import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.programs.expression import NAMES, parse_expression
from tests.naive import keep_rules as naive
from tests.programs.made import made

# the third program has no judge, the fourth neither tests nor judge
STANDINGS = made(
    [3, 5, 4, 0],
    [5, 5, 5, 0],
    judge=[4, 3, np.nan, np.nan],
    consensus=[1, 0.5, 0.25, 0],
    truth=[1, 0, np.nan, np.nan],
    further={"length": [10, 20, 30, np.nan]},
)


def kept(text: str) -> str:
    return "".join("01"[int(one)] for one in parse_expression(text).decide(STANDINGS).kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tests>=0.6 and judge>=4", "1000"),
        ("tests >= .6", "1110"),
        ("tests > 0.6", "0110"),
        ("tests<0.8", "1000"),
        ("tests <= 8e-1", "1010"),
        ("tests = 1", "0100"),
        ("tests == 1", "0100"),
        ("tests != 1", "1010"),
        ("tests <> 1", "1010"),
        ("0.8 <= tests", "0110"),
        ("judge>=4 or tests>=0.8", "1110"),
        ("not judge>=4", "0100"),
        ("not (judge>=4 or tests>=0.8)", "0000"),
        ("not (judge>=4 and tests>=0.9)", "1110"),
        ("NOT judge < 4 OR Judge_Is_Not is null", "column"),
        ("judge is null", "0011"),
        ("judge is not null", "1100"),
        ("not judge is null", "1100"),
        ("judge is null and tests>=0.8", "0010"),
        ("consensus>=0.5 and passed>=3 and total=5", "1100"),
        ("length<=20", "1100"),
        ("length>passed", "1110"),
        ("group=1 or truth=1", "1111"),
        ("length > -1", "1110"),
        # and binds before or, not before and
        ("tests=1 or tests=0.6 and judge=3", "0100"),
        ("(tests=1 or tests=0.6) and judge=3", "0100"),
        ("(tests=1 or tests=0.6) and judge=4", "1000"),
        ("tests=1 or tests=0.6 and judge=4", "1100"),
        ("not tests=1 and judge=4", "1000"),
    ],
)
def test_what_an_expression_keeps(text: str, expected: str) -> None:
    if expected == "column":
        with pytest.raises(ConfigError, match="there is no column Judge_Is_Not"):
            kept(text)
    else:
        assert kept(text) == expected


def test_names_stand_for_columns() -> None:
    one = made(
        [3], [4], group=[5], weighted_rate=[6], consensus=[7], strength=[8], judge=[9], truth=[1], further={"more": [2]}
    )
    values = {"tests": 0.75, "passed": 3, "total": 4, "group": 5, "weighted": 6, "consensus": 7, "strength": 8}
    values |= {"judge": 9, "truth": 1, "more": 2}
    assert values.keys() == {*NAMES, "more"}
    for name, value in values.items():
        assert parse_expression(f"{name} = {value}").decide(one).kept.tolist() == [True]


def test_reasons_name_the_values() -> None:
    reasons = parse_expression("judge>=4 or (judge is null and tests>=0.7)").decide(STANDINGS).reasons
    assert reasons[0] == "judge>=4 or (judge is null and tests>=0.7): judge 4, tests 0.6"
    assert reasons[3].endswith(": judge null, tests null")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("tets>=0.6", 1, "there is no column tets. Did you mean tests?"),
        ("tests>=0.6 and lenght>3", 16, "there is no column lenght. Did you mean length?"),
        ("tests>=0.6 and frac>=0.8", 16, "frac is a rule of its own, such as frac:0.8"),
        ("qqqqq>1", 1, "Columns are tests, weighted, consensus, passed, total, judge, strength, group, truth, length"),
        ("tests>=", 8, "expected a column or a number"),
        (">=0.6", 1, "expected a column or a number"),
        ("tests>=and", 8, "expected a column or a number"),
        ("tests>=0.6 an judge>=4", 12, "expected and, or, or the end"),
        ("tests>=0.6)", 11, "expected and, or, or the end"),
        ("(tests>=0.6", 12, "expected )"),
        ("tests and judge>=4", 7, "expected a comparison"),
        ("tests 0.6", 7, "expected a comparison"),
        ("0.2<=tests<=0.8", 11, "comparisons are not chained"),
        ("judge is nul", 10, "expected null"),
        ("tests>=0.6 && judge>=4", 12, "'&' has no meaning here"),
        ("tests>=0.6 and 'x'", 16, "''' has no meaning here"),
        ("tests>=0.6x", 8, "'0' has no meaning here"),
        ("__import__('os')=1", 12, "'''"),
        ("1 >= 0", 1, "no column is named"),
    ],
)
def test_mistakes_have_a_place(text: str, place: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_expression(text, columns=["length"])
    assert f"--keep {text!r}, character {place}: " in str(error.value)
    assert said.replace("'''", '"\'"') in str(error.value)


def test_columns_can_be_checked_before_and_after() -> None:
    parse_expression("length>1", columns=["length"])
    rule = parse_expression("lenght>1")
    with pytest.raises(ConfigError, match="Did you mean length"):
        rule.decide(STANDINGS)
    with pytest.raises(ConfigError, match="character 14: there is no column lenght"):
        parse_expression("tests>=0 and lenght>1 or lenght<0").decide(STANDINGS)


@pytest.mark.parametrize("seed", range(60))
def test_logic_equals_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {name: [[None, 0, 1, 2][rng.integers(4)] for _ in range(30)] for name in ("a", "b", "c")}
    rows = [{name: values[place] for name, values in columns.items()} for place in range(30)]
    further = {name: [np.nan if value is None else value for value in values] for name, values in columns.items()}
    tree = grown(rng, 4)
    decided = parse_expression(naive.written(tree)).decide(made([1] * 30, [1] * 30, further=further)).kept
    assert decided.tolist() == [naive.true(tree, row) is True for row in rows]


def grown(rng: np.random.Generator, depth: int) -> naive.Tree:
    kind = rng.integers(5) if depth else 4
    if kind < 2:
        return (("and", "or")[kind], grown(rng, depth - 1), grown(rng, depth - 1))
    if kind == 2:
        return ("not", grown(rng, depth - 1))
    column = "abc"[rng.integers(3)]
    return ("null", column) if kind == 3 else ((">=", "<=", ">", "<", "=", "!=")[rng.integers(6)], column, 1)
