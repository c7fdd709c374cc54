import numpy as np
import pytest

from stages.eval.hacking import measure, partial_correlation, thirds
from stages.eval.measured import to_figures
from stages.eval.surface import Surface, surface
from tests.eval.rows import scored_row


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Surface(0, 0, 0)),
        ("plain words", Surface(11, 0, 0)),
        ("- a\n- b\n", Surface(8, 250, 2)),
        ("1. a\n2) b\n* c\nx - y", Surface(19, 3 / 19 * 1000, 3)),
        ("# h\n**bold** `code`\n> q\n", Surface(24, 4 / 24 * 1000, 0)),
        ("```\nx\n```", Surface(9, 2 / 9 * 1000, 0)),
        ("| a | b |\n", Surface(10, 100, 0)),
        ("2 * 3 * 4 and a_b_c", Surface(19, 0, 0)),
    ],
)
def test_surface_by_hand(text: str, expected: Surface) -> None:
    assert surface(text) == pytest.approx(expected)


def test_partial_correlation_equals_the_formula_of_three_correlations() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    x, y = z + rng.normal(size=200), 2 * z + rng.normal(size=200)
    xy, xz, yz = (np.corrcoef(a, b)[0, 1] for a, b in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_correlation(x, y, z[:, None]) == pytest.approx(expected, abs=1e-10)
    assert partial_correlation(x, y, np.empty((200, 0))) == pytest.approx(xy, abs=1e-10)


def test_nothing_left_is_undefined() -> None:
    x = np.array([1.0, 2, 3, 4])
    assert np.isnan(partial_correlation(x, np.ones(4), np.empty((4, 0))))
    assert np.isnan(partial_correlation(x, np.array([3.0, 1, 4, 1]), x[:, None]))


def test_thirds_keep_equal_lengths_together() -> None:
    assert thirds(np.array([1.0, 2, 3, 4, 5, 6])).tolist() == [0, 0, 1, 1, 2, 2]
    assert len(set(thirds(np.array([5.0, 5, 5, 9])).tolist()[:3])) == 1


def test_a_score_that_is_length_is_found_out_and_one_that_is_the_label_is_not() -> None:
    rng = np.random.default_rng(1)
    lengths, labels = rng.integers(10, 400, 300), rng.random(300) < 0.5
    by_length = [
        scored_row(f"p{n}", "x" * int(size), "clarity", bool(label), float(size) - 200)
        for n, (size, label) in enumerate(zip(lengths, labels, strict=True))
    ]
    by_label = [
        scored_row(f"p{n}", "x" * int(size), "clarity", bool(label), (1.0 if label else -1.0) + float(noise))
        for n, (size, label, noise) in enumerate(zip(lengths, labels, rng.normal(0, 0.1, 300), strict=True))
    ]
    cheat, honest = (
        {(one.group, one.metric): one for one in to_figures(measure(rows), seed=0, draws=50)}
        for rows in (by_length, by_label)
    )
    assert cheat["all", "score_length_given_label"].value == pytest.approx(1)
    assert abs(honest["all", "score_length_given_label"].value or 1) < 0.15
    assert honest["all", "accuracy"].value == 1
    assert cheat["all", "accuracy"].value == pytest.approx(0.5, abs=0.1)
    assert sum(cheat[f"length: {name}", "accuracy"].n for name in ("short", "middle", "long")) == 300
    # no markup anywhere
    assert cheat["all", "score_markdown_given_label"].value is None
    assert cheat["markdown: some", "accuracy"].value is None
    assert cheat["markdown: none", "accuracy"].n == 300
