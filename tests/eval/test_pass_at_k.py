import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import ConfigError, DataError
from stages.core.options import RunOptions
from stages.eval.attempts import Attempts, read
from stages.eval.benchmarks import benchmark_of
from stages.eval.config import EvalConfig
from stages.eval.measured import to_figures
from stages.eval.pass_at_k import measure, pass_at_k, sizes
from stages.eval.run import run
from tests.naive import best_of_n as naive


def problems(*counts: tuple[int, int]) -> list[Attempts]:
    return [read({"n": n, "c": c}, "x") for n, c in counts]


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.integers(1, 9))
def test_the_product_equals_all_choices(correct: list[bool], k: int) -> None:
    k = min(k, len(correct))
    found = pass_at_k(np.array([len(correct)]), np.array([sum(correct)]), k)
    assert found.tolist() == pytest.approx([naive.pass_at_k(correct, k)])


def test_ends_are_exact_and_large_numbers_are_no_trouble() -> None:
    num, right = np.array([10_000] * 4), np.array([0, 1, 9_999, 10_000])
    assert pass_at_k(num, right, 5_000).tolist() == pytest.approx([0, 0.5, 1, 1], abs=1e-9)
    assert pass_at_k(num, right, 10_000)[[0, 1]].tolist() == [0, 1]
    assert pass_at_k(num, right, 1).tolist() == pytest.approx([0, 1e-4, 0.9999, 1])


def test_it_is_unbiased() -> None:
    # what ten samples say on average about the chance of one success in three independent tries
    rng, p = np.random.default_rng(0), 0.2
    right = rng.binomial(10, p, 20_000)
    found = pass_at_k(np.full(20_000, 10), right, 3)
    assert found.mean() == pytest.approx(1 - (1 - p) ** 3, abs=4 * float(found.std()) / 20_000**0.5)


def test_sizes_are_powers_of_two_and_ten_and_all() -> None:
    assert [sizes(n) for n in (1, 2, 3, 11)] == [[1], [1, 2], [1, 2, 3], [1, 2, 4, 8, 10, 11]]
    assert sizes(100) == [1, 2, 4, 8, 10, 16, 32, 64, 100]


def test_figures_by_hand() -> None:
    # pass@2 of one in four: 1 - (3 * 2) / (4 * 3) = 1/2; of none: 0; of two in three: 1
    figures = to_figures(measure(problems((4, 1), (4, 0), (3, 2)), (1, 2)), seed=0, draws=200)
    assert [(one.metric, one.n) for one in figures] == [("pass@1", 3), ("pass@2", 3)]
    assert [one.value for one in figures] == pytest.approx([(1 / 4 + 2 / 3) / 3, 1 / 2])
    assert all(one.low is not None and one.high is not None and one.low < one.high for one in figures)
    by_default = to_figures(measure(problems((4, 1), (3, 2))), seed=0, draws=2)
    assert [one.metric for one in by_default] == ["pass@1", "pass@2", "pass@3"]
    assert all(a.value <= b.value for a, b in pairwise(by_default) if a.value is not None and b.value is not None)


def test_no_k_is_larger_than_the_fewest_samples() -> None:
    with pytest.raises(DataError, match=r"--k names 4, but 1 of the 2 problems have fewer samples, the fewest 3"):
        measure(problems((4, 1), (3, 2)), (1, 4))


def config(**options: object) -> EvalConfig:
    return EvalConfig(**({"benchmark": "pass-at-k", "inputs": ("x",)} | options))  # type: ignore[arg-type]


def test_k_is_named_in_any_order_and_reaches_the_measure() -> None:
    asked = config(k=("10, 1", "5", "5"))
    assert asked.ks == (1, 5, 10)
    found = benchmark_of(asked).measure(problems((10, 3)), 20)
    assert [name.metric for name in found.names] == ["pass@1", "pass@5", "pass@10"]


def test_verdicts_are_right_by_their_tests_or_by_the_column_that_is_named(tmp_path: Path) -> None:
    verdict = {"problem_id": "a", "passed": 2, "total": 2, "truth": True, "kept": False}
    rows = [verdict, verdict | {"passed": 1}, verdict | {"truth": False}, verdict | {"passed": 0, "kept": True}]
    path = tmp_path / "verdicts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for column, value in ((None, 0.5), ("truth", 0.75), ("kept", 0.25)):
        options = RunOptions(map=(f"correct={column}",) if column else ())
        report = run(config(inputs=(str(path),), out=tmp_path / f"by {column}", k=("1",), draws=2, run=options))
        assert report.facts["headline"] == {"pass@1": value}


@pytest.mark.parametrize("k", ["0", "-1", "two", "1,,2", "1.5", "2000000", ""])
def test_what_is_no_number_of_samples(k: str) -> None:
    with pytest.raises(ConfigError, match="no number of samples"):
        config(k=(k,))


def test_k_and_scores_have_no_meaning_elsewhere() -> None:
    with pytest.raises(ConfigError, match="--k has no meaning for reasoning-potential"):
        config(benchmark="reasoning-potential", k=("1",))
    for benchmark in ("pass-at-k", "reasoning-potential", "verification"):
        with pytest.raises(ConfigError, match="no response is scored"):
            config(benchmark=benchmark, scores="length")
