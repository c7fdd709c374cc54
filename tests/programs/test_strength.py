from dataclasses import replace

import numpy as np
import pytest

from stages.programs.strength import (
    correlation,
    distinct,
    estimated_validity,
    kill_rate,
    measure,
    mutation_score,
    separation,
    suite_rates,
    weighted_rate,
)
from tests.naive import strength as naive
from tests.programs.drawn import bools, drawn, mutants, rows_at_random

NAN = float("nan")


def test_correlation_with_the_rate_over_the_other_tests() -> None:
    """By hand, test 0: passes 1 1 0 0, rates of the rest 1 1/2 1/2 0, deviations 1/2 0 0 -1/2: r = 1/2 / sqrt(1/2)."""
    found = correlation(drawn("111", "101", "001", "000"))
    assert found[0] == pytest.approx(0.5**0.5)
    # Test 1 passes 1 0 0 0 against 1 1 1/2 0, deviations 3/8 3/8 -1/8 -5/8.
    assert found[1] == pytest.approx(0.375 / (0.75 * 0.6875) ** 0.5)


def test_a_test_that_contradicts_the_others_correlates_negatively() -> None:
    found = correlation(drawn("110", "110", "001"))
    assert found == pytest.approx([NAN, NAN, -1], nan_ok=True)


def test_correlation_is_unknown_where_nothing_varies() -> None:
    assert np.isnan(correlation(drawn("10", "10"))).all()
    assert np.isnan(correlation(drawn("1010"))).all()
    assert np.isnan(correlation(drawn("1", "0"))).all()
    # The rate over the other tests is 1/5 each time; the mean of three is off by a rounding error.
    assert np.isnan(correlation(drawn("110000", "001000", "000100"))[0])


def test_flaky_and_missing_cells_are_left_out_of_the_measures() -> None:
    with_odd = correlation(drawn("111", "101", "001", "000", "???", "---"))
    assert with_odd == pytest.approx(correlation(drawn("111", "101", "001", "000")))
    assert separation(drawn("1?", "0-", "-1")).tolist() == [1, 0]
    # Nothing but test 0 is known of the last: there is no rate over the others to go with it.
    assert correlation(drawn("111", "101", "001", "000", "1?-"))[0] == pytest.approx(0.5**0.5)


def test_separation_counts_pairs_told_apart() -> None:
    """Three different vectors, two solutions of the first: 2 + 2 + 1 pairs; test 0 tells 4 of them, test 1 three."""
    assert separation(drawn("11", "11", "01", "00")).tolist() == [4 / 5, 3 / 5]
    assert np.isnan(separation(drawn("10", "10"))).all()


def test_validity_is_what_agreeing_solutions_say() -> None:
    """Scores 2 sqrt(2) twice, and 1: tests 0 and 1 have 4 sqrt(2) of 4 sqrt(2) + 1."""
    large = 4 * 2**0.5
    assert estimated_validity(drawn("110", "110", "001")) == pytest.approx(
        [large / (large + 1)] * 2 + [1 / (large + 1)]
    )
    assert estimated_validity(drawn("00", "--")).tolist() == [0, 0]


def test_kills_of_equivalent_mutants_do_not_count() -> None:
    some = mutants("110", "010", "000", "001", equivalent="0001")
    assert kill_rate(some) == pytest.approx([1 / 3, 2 / 3, 0])
    unknown = replace(some, known=some.killed | np.array([True, False, False]))
    assert kill_rate(unknown)[:2] == pytest.approx([1 / 3, 1])
    assert np.isnan(kill_rate(unknown)[2])
    assert mutation_score(some, np.array([True, True, True])) == pytest.approx(2 / 3)
    assert mutation_score(some, np.array([True, False, True])) == pytest.approx(1 / 3)
    assert np.isnan(mutation_score(mutants("1", equivalent="1"), np.array([True])))
    assert np.isnan(kill_rate(mutants("1", equivalent="1"))).all()


def test_with_reference_and_mutants_everything_is_measured() -> None:
    """Worth 2/3, 2/3, 1/3 and an invalid test; the first two are alike and share the weight of one: 1/3, 1/3, 1/3."""
    matrix = drawn("1110", "1101", "0000")
    some = mutants("1100", "1100", "0011")
    cases, suite = measure(matrix, reference=bools("1110")[0], mutants=some)
    assert cases.validity.tolist() == [1, 1, 1, 0]
    assert (cases.estimated, cases.uniform) == (False, False)
    assert cases.kill_rate == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])
    assert cases.alike.tolist() == [2, 2, 1, 1]
    assert cases.weight == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert suite == (1.0, 1.0, 4, 3, 3)


def test_tests_alike_for_all_solutions_may_differ_for_mutants() -> None:
    matrix = drawn("11", "00")
    assert distinct(matrix).tolist() == [0, 0]
    assert distinct(matrix, mutants("10")).tolist() == [0, 1]
    assert distinct(matrix, mutants("10", equivalent="1")).tolist() == [0, 0]


def test_without_mutants_the_weight_comes_from_discrimination() -> None:
    matrix = drawn("110", "110", "100")
    cases, suite = measure(matrix, reference=bools("110")[0])
    # Test 0 treats all alike and is worth 1/2; test 1 against (1 + 0) / 2: no spread in the rest, so 1/2 as well.
    assert np.isnan(cases.correlation).all()
    assert cases.weight == pytest.approx([0.5, 0.5, 0])
    assert suite.strength == 0
    assert np.isnan(suite.mutation_score)


def test_mutants_that_are_all_equivalent_measure_nothing() -> None:
    matrix = drawn("110", "100", "000")
    without = measure(matrix, reference=bools("111")[0])
    found = measure(matrix, reference=bools("111")[0], mutants=mutants("111", equivalent="1"))
    assert found[0].weight == pytest.approx(without[0].weight)
    assert found[1].strength == without[1].strength


def test_worthless_tests_weigh_the_same() -> None:
    cases, _ = measure(drawn("00", "00"))
    assert (cases.estimated, cases.uniform) == (True, True)
    assert cases.weight.tolist() == [0.5, 0.5]


def test_tests_that_the_reference_fails_never_weigh_anything() -> None:
    matrix = drawn("11", "01")
    none = measure(matrix, reference=bools("00")[0])[0].weight
    assert none.tolist() == [0, 0]
    assert np.isnan(weighted_rate(matrix, none)).all()
    killing_nothing = measure(matrix, reference=bools("10")[0], mutants=mutants("00"))[0]
    assert (killing_nothing.weight.tolist(), killing_nothing.uniform) == ([1, 0], True)


def test_strength_without_mutants_is_how_well_valid_tests_go_with_the_others() -> None:
    """Correlations as above: sqrt(1/2), and twice 0.375 / sqrt(0.75 * 0.6875); the last test is not valid."""
    found = measure(drawn("111", "101", "001", "000"), reference=bools("110")[0])[1]
    assert found.strength == pytest.approx((0.5**0.5 + 0.375 / (0.75 * 0.6875) ** 0.5) / 3)
    assert measure(drawn("110", "110", "001"), reference=bools("111")[0])[1].strength == 0


def test_strength_is_unknown_where_nothing_tells() -> None:
    assert np.isnan(measure(drawn("", ""))[1].strength)
    assert np.isnan(measure(drawn("110"))[1].strength)
    assert np.isnan(measure(drawn("110", "---", "???"))[1].strength)
    assert measure(drawn("110", "100", "000"))[1].strength > 0


def test_weighted_rates_leave_flaky_tests_out_and_count_what_was_not_run() -> None:
    matrix = drawn("110", "1?0", "?01", "---", "???")
    rates = weighted_rate(matrix, np.array([0.5, 0.25, 0.25]))
    assert rates[:4] == pytest.approx([0.75, 2 / 3, 0.5, 0])
    assert np.isnan(rates[4])
    assert np.isnan(weighted_rate(drawn("", ""), np.empty(0))).all()
    assert np.isnan(weighted_rate(drawn("?1"), np.array([1.0, 0.0]))).all()


def test_rates_of_a_suite() -> None:
    matrix = drawn("11", "1?", "01", "10", "00", "??")
    truth = bools("111000")[0]
    assert tuple(suite_rates(matrix, truth)) == pytest.approx((2 / 3, 1, 3, 3))
    assert tuple(suite_rates(matrix, truth, threshold=0.5)) == pytest.approx((1, 2 / 3, 3, 3))
    nothing_wrong = suite_rates(matrix, bools("111111")[0])
    assert np.isnan(nothing_wrong.true_negative)
    assert nothing_wrong.num_wrong == 0


@pytest.mark.parametrize("seed", range(60))
def test_like_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_solutions, num_tests = map(int, rng.integers(1, 10, size=2))
    rows = rows_at_random(rng, num_solutions, num_tests, odd="?-" if seed % 2 else "")
    kills = rows_at_random(rng, int(rng.integers(0, 6)), num_tests, odd="")
    some = mutants(*kills) if kills else None
    cases, suite = measure(drawn(*rows), mutants=some)
    assert cases.validity == pytest.approx(naive.validity(rows))
    assert cases.correlation == pytest.approx(naive.related(rows), nan_ok=True)
    assert cases.separation == pytest.approx(naive.separation(rows), nan_ok=True)
    assert cases.alike.tolist() == naive.alike(rows, kills)
    worth = (1 + np.nan_to_num(naive.related(rows))) / 2
    if some is not None:
        worth = np.array([sum(row[t] == "1" for row in kills) / len(kills) for t in range(num_tests)])
    assert cases.weight == pytest.approx(naive.weights(cases.validity.tolist(), worth.tolist(), cases.alike.tolist()))
    if some is not None:
        valid = [t for t in range(num_tests) if cases.validity[t] >= 0.5]
        killed = [what for what in naive.covers(rows, kills, valid) if what[0] == "kill"]
        assert suite.strength == suite.mutation_score == pytest.approx(len(killed) / len(kills))
