from fractions import Fraction

import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.programs.keep import Decision, parse_rule
from stages.programs.standings import Standings
from tests.naive import keep_rules as naive
from tests.programs.made import made

# two tasks: one of five tests, one of ten; the last program has none
STANDINGS = made(
    [4, 3, 0, 9, 10, 0],
    [5, 5, 5, 10, 10, 0],
    task=[0, 0, 0, 1, 1, 1],
    consensus=[1.0, 0.75, 0.0, 0.9, 1.0, 0.0],
    weighted_rate=[0.5, 0.9, 0.0, 0.8 - 1e-12, 1.0, np.nan],
)


def decide(text: str, standings: Standings = STANDINGS) -> Decision:
    return parse_rule(text, seed=0).decide(standings)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("all", "111111"),
        ("frac:1.0", "000010"),
        ("frac:0.8", "100110"),
        ("frac: .6", "110110"),
        ("frac:0", "111110"),
        ("wfrac:0.8", "010110"),
        ("rel:1", "100010"),
        ("rel:0.75", "110110"),
        ("rel:0.9", "100110"),
        ("rel:0", "110110"),
        ("consensus", "100010"),
        ("consensus:0.9", "100110"),
        ("consensus:0", "110110"),
    ],
)
def test_what_a_rule_keeps(text: str, kept: str) -> None:
    assert decide(text).kept.tolist() == [one == "1" for one in kept]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("all", ["all"] * 6),
        ("frac:0.8", ["0.8 >= 0.8", "0.6 < 0.8", "0 < 0.8", "0.9 >= 0.8", "1 >= 0.8", "no tests"]),
        ("wfrac:0.8", ["0.5 < 0.8", "0.9 >= 0.8", "0 < 0.8", "0.8 >= 0.8", "1 >= 0.8", "no tests"]),
        (
            "rel:0.8",
            [
                "4 of the best 4, 1 >= 0.8",
                "3 of the best 4, 0.75 < 0.8",
                "no test passed",
                "9 of the best 10, 0.9 >= 0.8",
                "10 of the best 10, 1 >= 0.8",
                "no tests",
            ],
        ),
        ("consensus", ["1 >= 1", "0.75 < 1", "no test passed", "0.9 < 1", "1 >= 1", "no tests"]),
    ],
)
def test_reasons_name_the_rule_the_value_and_the_threshold(text: str, reasons: list[str]) -> None:
    expected = reasons if text == "all" else [f"{text}: {reason}" for reason in reasons]
    assert decide(text).reasons == expected


def test_no_best_where_nothing_passes() -> None:
    nothing = made([0, 0], [3, 3], consensus=[0, 0])
    for text in ("rel:0", "consensus:0"):
        assert not decide(text, nothing).kept.any()


def test_no_programs() -> None:
    for text in ("all", "frac:1", "rel:1", "consensus", "tests>0"):
        decision = decide(text, made([], []))
        assert (len(decision.kept), decision.reasons) == (0, [])


def test_all_shares_of_all_counts() -> None:
    """Every threshold that is a share of the tests keeps the program that passes just so many."""
    for total in range(1, 101):
        for passed in range(total + 1):
            column = made([passed, total], [total, total])
            assert decide(f"frac:{passed / total!r}", column).kept[0]
            if passed:
                assert decide(f"rel:{passed / total!r}", column).kept[0]
                assert not decide(f"frac:{passed / total!r}", made([passed - 1], [total])).kept[0]


def test_rates_of_32_bits_reach_their_thresholds() -> None:
    stored = np.array([0.7, 0.9, 0.6999], dtype=np.float32).astype(np.float64)
    column = made([7, 9, 7], [10, 10, 10], weighted_rate=stored)
    assert decide("wfrac:0.7", column).kept.tolist() == [True, True, False]
    assert decide("weighted<=0.7", column).kept.tolist() == [True, False, True]
    scores = made([1, 1], [1, 1], judge=np.array([4.7, 4.6999], dtype=np.float32))
    assert decide("judge>=4.7", scores).kept.tolist() == [True, False]


def test_large_counts_are_compared_exactly() -> None:
    times = made([1, 1, 1], [1, 1, 1], further={"written": [1_700_000_000, 1_700_000_001, 1_700_000_002]})
    assert decide("written>=1700000001", times).kept.tolist() == [False, True, True]
    assert decide("written=1700000001", times).kept.tolist() == [False, True, False]


@pytest.mark.parametrize("seed", range(20))
def test_rules_equal_their_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for task in range(6):
        total = int(rng.integers(1, 12))
        shares = [Fraction(int(rng.integers(0, 11)), 10) for _ in range(5)]
        rows += [
            {"task": task, "passed": int(rng.integers(0, total + 1)), "total": total, "consensus": share}
            for share in shares
        ]
    rows[3] |= {"passed": 0, "total": 0, "consensus": Fraction(0)}
    table = made(
        [row["passed"] for row in rows],
        [row["total"] for row in rows],
        task=[row["task"] for row in rows],
        consensus=[float(row["consensus"]) for row in rows],
    )
    for rule in ("frac", "rel", "consensus"):
        for share in ("0", "0.1", "0.3", "0.5", "0.6", "0.7", "0.9", "1.0"):
            assert decide(f"{rule}:{share}", table).kept.tolist() == naive.kept(f"{rule}:{share}", rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fracc:0.8", "Did you mean frac? Rules are all, frac:0.8,"),
        ("frac0.8", "Did you mean frac?"),
        ("frac 0.8", "Did you mean frac?"),
        ("rel0.125", "Did you mean rel?"),
        ("consensu", "Did you mean consensus?"),
        ("calibrate:precision=0.9", "Did you mean calibrated?"),
        ("xyz", "'xyz' is no rule. Rules are all, "),
        ("all:1", "'all:1' is no rule."),
        ("", "'' is no rule."),
        ("rel", "names no share; write rel:0.8."),
        ("frac:80", "'80' is no share; give a number from 0 to 1"),
        ("wfrac:-0.1", "is no share"),
        ("rel:nan", "is no share"),
        ("consensus:half", "'half' is no share"),
        ("consensus:", "'' is no share"),
    ],
)
def test_misspelt_rules(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_rule(text, seed=0)
    assert said in str(error.value)
    assert str(error.value).startswith(f"--keep {text!r}")


def test_a_rule_is_named_as_it_was_written() -> None:
    for text in ("all", "frac:.80", "rel: 1", "consensus", "calibrated:precision=.9", "tests >= .5"):
        assert parse_rule(f" {text} ", seed=0).name == text


def test_columns_that_a_rule_reads() -> None:
    assert parse_rule("frac:0.8", seed=0).columns == frozenset()
    assert parse_rule("tests>=0.5 and length<200 and not novelty is null", seed=0).columns == {"length", "novelty"}
