import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.rewards.calibration import fit_platt, sigmoid
from stages.train_rm.figures import Draws, Figure
from stages.train_rm.measures import CALIBRATION, TEST, Measures, Scored, measure, measure_pairs
from tests.naive import calibration as naive

DRAWS = Draws(40, 0)


def scored(
    scores: list[float],
    labels: list[bool],
    families: list[str] | None = None,
    conversations: list[str] | None = None,
    targets: list[float] | None = None,
) -> Scored:
    count = len(scores)
    return Scored(
        np.array(scores, dtype=np.float64),
        np.array(labels, dtype=bool),
        np.array(labels if targets is None else targets, dtype=np.float64),
        families or ["tone"] * count,
        conversations or [str(n) for n in range(count)],
    )


def drawn(count: int, seed: int, temperature: float = 1.0, bias: float = 0.0) -> Scored:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, count)
    labels = rng.random(count) < sigmoid(scores / temperature + bias)
    families = [("tone", "clarity", "length")[n % 3] for n in range(count)]
    return scored(scores.tolist(), labels.tolist(), families, [str(n // 2) for n in range(count)])


def measured(calibration: Scored, test: Scored, **options: Any) -> Measures:
    chosen = {"majority": np.zeros(len(test.labels)), "ablations": {}, "groups": {}, "smallest": 10**6, "draws": DRAWS}
    return measure(calibration, test, **chosen | options)


def table(figures: Any) -> dict[tuple[str, str, str], Figure]:
    found = {one[:3]: one for one in figures}
    assert len(found) == len(figures)
    return found


ROWS = st.lists(
    st.tuples(st.floats(-8, 8), st.booleans(), st.sampled_from([0.0, 1 / 3, 0.5, 2 / 3, 1.0])), min_size=1, max_size=25
)


@settings(max_examples=50)
@given(ROWS)
def test_figures_equal_their_slow_twins(rows: list[tuple[float, bool, float]]) -> None:
    scores, labels, targets = (list(column) for column in zip(*rows, strict=True))
    found = table(measured(drawn(60, 0), scored(scores, labels, targets=targets), draws=Draws(2, 0)).figures)
    p = [1 / (1 + math.exp(-score)) for score in scores]
    entropies = [-q * math.log(one) - (1 - q) * math.log(1 - one) for one, q in zip(p, targets, strict=True)]
    losses = [-math.log(one if label else 1 - one) for one, label in zip(p, labels, strict=True)]
    both = any(labels) and not all(labels)
    hits = [
        [(score > 0) == label for score, label in zip(scores, labels, strict=True) if label == kind] for kind in (0, 1)
    ]
    wanted = {
        "loss": sum(entropies) / len(rows),
        "nll": sum(losses) / len(rows),
        "accuracy": sum(map(sum, hits)) / len(rows),
        "balanced_accuracy": sum(sum(part) / len(part) for part in hits) / 2 if both else None,
        "auroc": naive.auroc(scores, labels) if both else None,
        "brier": sum((one - label) ** 2 for one, label in zip(p, labels, strict=True)) / len(rows),
        "ece": naive.ece([float(one) for one in sigmoid(np.array(scores))], labels),
    }
    for metric, value in wanted.items():
        own = found[TEST, "all", f"{metric}.raw"]
        assert own.value == (None if value is None else pytest.approx(value, abs=1e-9))
        assert own.n == len(rows)


def test_figures_by_hand() -> None:
    three = math.log(3)
    test = scored([three, three, -three], [True, False, False], targets=[0.75, 0.25, 0.0])
    found = table(measured(drawn(60, 0), test).figures)
    values = {
        metric: found[TEST, "all", f"{metric}.raw"].value for metric in ("accuracy", "auroc", "nll", "brier", "loss")
    }
    low, high = -math.log(0.75), -math.log(0.25)
    assert values == {
        "accuracy": pytest.approx(2 / 3),
        "auroc": pytest.approx((0.5 + 1) / 2),
        "nll": pytest.approx((low + high + low) / 3),
        "brier": pytest.approx((1 / 16 + 9 / 16 + 1 / 16) / 3),
        "loss": pytest.approx(((0.75 * low + 0.25 * high) + (0.25 * low + 0.75 * high) + low) / 3),
    }


def test_calibration_is_fitted_on_its_split_alone_and_helps_on_the_other() -> None:
    calibration, test = drawn(400, 1, 3.0, -0.5), drawn(600, 2, 3.0, -0.5)
    found = measured(calibration, test)
    assert found.platt == fit_platt(calibration.scores, calibration.labels, smooth=True)
    assert found.platt == measured(calibration, drawn(50, 3)).platt
    assert found.warnings == ()
    lines = table(found.figures)
    for split in (CALIBRATION, TEST):
        raw, calibrated = (
            {m: lines[split, "all", f"{m}.{how}"].value for m in ("nll", "ece", "auroc")}
            for how in ("raw", "calibrated")
        )
        assert calibrated["nll"] < raw["nll"]
        assert calibrated["ece"] < raw["ece"]
        assert calibrated["auroc"] == raw["auroc"]


def test_families_and_groups_have_figures_from_their_smallest_size_on() -> None:
    test = drawn(32, 0)
    groups = {"short": np.arange(11), "long": np.arange(10)}
    lines = table(measured(drawn(31, 1), test, smallest=11, groups=groups).figures)
    sizes = {(split, group): line.n for (split, group, metric), line in lines.items() if metric == "accuracy.raw"}
    # 32 rows are 11, 11 and 10 of the families, 31 are 11, 10 and 10
    assert sizes == {
        (CALIBRATION, "all"): 31,
        (CALIBRATION, "tone"): 11,
        (TEST, "all"): 32,
        (TEST, "short"): 11,
        (TEST, "tone"): 11,
        (TEST, "clarity"): 11,
    }
    own = test.scores[::3] > 0
    assert lines[TEST, "tone", "accuracy.raw"].value == pytest.approx((own == test.labels[::3]).mean())


def test_rivals_are_measured_on_the_same_rows_and_draws() -> None:
    test = drawn(300, 4)
    blind = np.random.default_rng(0).normal(0, 1, 300)
    found = measured(drawn(200, 5), test, majority=np.full(300, 0.1), ablations={"same": test.scores, "blind": blind})
    lines = table(found.figures)
    own = lines[TEST, "all", "accuracy.calibrated"]
    assert own.value is not None
    assert lines[TEST, "all", "accuracy.majority"].value == pytest.approx(test.labels.mean())
    assert lines[TEST, "all", "accuracy.minus_majority"].value == pytest.approx(own.value - test.labels.mean())
    assert lines[TEST, "all", "accuracy.same"][3:6] == own[3:6]
    # paired: a model is equal to itself in every draw
    assert all(lines[TEST, "all", f"{metric}.minus_same"][3:6] == (0, 0, 0) for metric in ("accuracy", "auroc", "nll"))
    fall = lines[TEST, "all", "accuracy.minus_blind"]
    assert fall.low is not None
    assert fall.low > 0
    platt = found.platt
    assert platt is not None
    accuracy = ((platt.log_odds(blind) > 0) == test.labels).mean()
    assert lines[TEST, "all", "accuracy.blind"].value == pytest.approx(accuracy)


def test_intervals_draw_conversations_and_repeat_with_their_seed() -> None:
    rows = [True, False] * 20
    apart = scored([1.0] * 40, rows)
    together = scored([1.0] * 40, rows, conversations=[str(n // 2) for n in range(40)])
    ends = []
    for test in (apart, together):
        line = table(measured(drawn(60, 0), test).figures)[TEST, "all", "accuracy.raw"]
        ends.append((line.low, line.high))
    # each conversation has one yes and one no, so that every draw is one half
    assert ends[1] == (0.5, 0.5)
    assert ends[0][0] < 0.45
    assert measured(drawn(60, 0), apart).figures == measured(drawn(60, 0), apart).figures


def test_one_label_and_one_principle_are_said() -> None:
    calibration = scored([1.0, -1, 2], [True] * 3)
    test = scored([1.0, 2, 3], [False] * 3, conversations=["a"] * 3)
    found = measured(calibration, test)
    assert found.platt is None
    lines = table(found.figures)
    assert lines[TEST, "all", "auroc.raw"][3:] == (None, None, None, 3)
    assert lines[TEST, "all", "accuracy.raw"][3:] == (0, None, None, 3)
    assert not any(metric.endswith(".calibrated") for _, _, metric in lines)
    assert len(found.warnings) == 6
    text = " ".join(found.warnings)
    assert "All 3 labels of the calibration split are yes: AUROC is undefined" in text
    assert "All 3 labels of the test split are no" in text
    assert "All 3 rows of the test split judge one principle, 'tone'" in text
    assert "The test split is a single conversation" in text
    assert "No temperature and bias could be fitted" in text


def test_splits_that_say_too_much_or_nothing_are_said() -> None:
    perfect = scored([1.0, -1, 2, -3], [True, False, True, False], ["tone", "clarity"] * 2)
    assert "told apart without a mistake" in " ".join(measured(perfect, drawn(50, 0)).warnings)
    nothing = scored([], [])
    found = measured(drawn(50, 0), nothing)
    assert "The test split has no usable row" in " ".join(found.warnings)
    assert table(found.figures)[TEST, "all", "nll.raw"][3:] == (None, None, None, 0)
    assert "The calibration split has no usable row" in " ".join(measured(nothing, drawn(50, 0)).warnings)


def test_pairs_by_hand() -> None:
    differences = np.array([2.0, 0.0, -1.0, 3.0])
    margins = np.array([0.0, 0.0, 0.0, 1.0])
    lines = table(
        measure_pairs("x", differences, margins, list("aabc"), ["t", None, "t", "u"], smallest=2, draws=DRAWS)
    )
    losses = [math.log1p(math.exp(-2)), math.log(2), math.log1p(math.e), math.log1p(math.exp(-2))]
    assert [lines["x", "all", m].value for m in ("accuracy", "ties", "mean_margin", "loss")] == [
        0.5,
        0.25,
        1.0,
        pytest.approx(sum(losses) / 4),
    ]
    assert lines["x", "t", "accuracy"].value == 0.5
    assert lines["x", "t", "accuracy"].n == 2
    assert ("x", "u", "accuracy") not in lines
    low, high = lines["x", "all", "accuracy"][4:6]
    assert low < 0.5 < high
