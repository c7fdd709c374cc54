import numpy as np
import pytest

from stages.eval.measured import Figure, Measured, Name, compare, grouped_means, join, to_figures


def by_name(figures: list[Figure]) -> dict[tuple[str, str], Figure]:
    return {(figure.group, figure.metric): figure for figure in figures}


def test_micro_and_macro_means_by_hand() -> None:
    values = {"accuracy": np.array([1.0, 1.0, 0.0, 0.0, 1.0])}
    labels = ["a", "a", "a", "a", "b"]
    micro = by_name(to_figures(grouped_means(values, labels), seed=0, draws=50))
    macro = by_name(to_figures(grouped_means(values, labels, macro=True), seed=0, draws=50))
    assert (micro["all", "accuracy"].value, micro["all", "accuracy"].n) == (0.6, 5)
    assert macro["all", "accuracy"].value == 0.75
    assert (micro["a", "accuracy"].value, micro["a", "accuracy"].n) == (0.5, 4)
    assert (macro["b", "accuracy"].low, macro["b", "accuracy"].high) == (1.0, 1.0)


def test_small_groups_have_no_figures() -> None:
    measured = grouped_means({"x": np.arange(5.0)}, ["a", "a", "a", "b", "b"], smallest=3)
    assert [name.group for name in measured.names] == ["all", "a"]


def test_comparison_is_paired() -> None:
    # the second model is right wherever the first is, and in ten more rows of a hundred
    first = np.arange(100) < 50
    second = np.arange(100) < 60
    models = [grouped_means({"accuracy": right.astype(float)}) for right in (first, second)]
    models = [Measured(**{**vars(model), "right": right}) for model, right in zip(models, (first, second), strict=True)]
    figures = by_name(compare(*models, seed=0, draws=2000))
    assert figures["all", "accuracy.against"].value == 0.6
    difference = figures["all", "accuracy.difference"]
    assert difference.value == pytest.approx(-0.1)
    # unpaired the standard error would be sqrt(.25/100 + .24/100) = .07; paired it is sqrt(.1 * .9 / 100) = .03
    assert difference.high is not None
    assert difference.high < -0.03
    assert (figures["all", "only_first_right"].value, figures["all", "only_against_right"].value) == (0, 10)
    assert figures["all", "mcnemar_p"].value == pytest.approx(2 / 2**10)
    assert figures["all", "mcnemar_p"].n == 10


def test_figures_that_one_of_the_two_lacks_are_left_out() -> None:
    first = join(grouped_means({"x": np.array([1.0, 3.0])}), grouped_means({"y": np.ones(2)}))
    second = join(grouped_means({"z": np.ones(2)}), grouped_means({"x": np.array([4.0, 6.0])}))
    figures = by_name(compare(first, second, seed=0, draws=10))
    assert set(figures) == {("all", "x.against"), ("all", "x.difference")}
    assert (figures["all", "x.against"].value, figures["all", "x.difference"].value) == (5, -3)


def test_different_units_cannot_be_compared() -> None:
    with pytest.raises(AssertionError, match="same units"):
        compare(grouped_means({"x": np.ones(2)}), grouped_means({"x": np.ones(3)}), seed=0, draws=2)


def test_undefined_values_are_none() -> None:
    units = np.arange(3)
    measured = Measured(
        names=(Name("all", "x", 3),), compute=lambda rows: np.array([np.nan]), clusters=units, strata=units * 0
    )
    assert to_figures(measured, seed=0, draws=10) == [Figure("all", "x", None, None, None, 3)]


def test_a_centred_interval_holds_its_figure_and_ends_at_zero() -> None:
    units = np.arange(40)

    def compute(rows: np.ndarray) -> np.ndarray:
        # the number of different rows that are missing: 0 on the data, about 40/e on every draw
        return np.array([40.0 - len(set(rows.tolist()))])

    def figure(centred: bool) -> Figure:
        names = (Name("all", "x", 40, centred),)
        measured = Measured(names=names, compute=compute, clusters=units, strata=units * 0)
        return to_figures(measured, seed=0, draws=200)[0]

    plain, centred = figure(False), figure(True)
    assert plain.low is not None
    assert plain.low > 5
    assert centred.low == 0
    assert centred.high is not None
    assert 1 < centred.high < 6


def test_join_keeps_the_order_and_refuses_other_units() -> None:
    joined = join(grouped_means({"x": np.array([1.0, 3.0])}), grouped_means({"y": np.array([5.0, 7.0])}))
    assert [name.metric for name in joined.names] == ["x", "y"]
    assert joined.compute(np.array([0, 1])).tolist() == [2.0, 6.0]
    with pytest.raises(AssertionError):
        join(grouped_means({"x": np.ones(2)}), grouped_means({"x": np.ones(3)}))
