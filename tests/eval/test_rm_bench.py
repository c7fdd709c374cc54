import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.eval.answers import answer
from stages.eval.fields import Unfit
from stages.eval.measured import to_figures
from stages.eval.rm_bench import Prompt, domain_of, levels, measure, missing, preference_matrix, read
from tests.eval.rows import user

SCORES = st.lists(st.integers(0, 4), min_size=6, max_size=6)


def prompt(domain: str, *scores: float) -> Prompt:
    return Prompt(tuple(answer(user("p"), str(n)) for n in range(6)), domain, scores)


def test_matrix_and_levels_by_hand() -> None:
    chosen, rejected = np.array([[1.0, 2, 3]]), np.array([[1.0, 1, 5]])
    # row i: chosen_i > rejected_0, _1, _2; equal scores lose
    assert preference_matrix(chosen, rejected).tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 0]]
    level = levels(preference_matrix(chosen, rejected))
    # above the diagonal 0, 0, 0; on it 0, 1, 0; below it 1, 1, 1
    assert [float(value) for value in level] == pytest.approx([0, 1 / 3, 1, 4 / 9])


@given(st.lists(st.tuples(SCORES, st.sampled_from(["chat", "code", "safety"])), min_size=1, max_size=12))
def test_overall_is_the_mean_of_domains_and_of_levels(rows: list[tuple[list[int], str]]) -> None:
    figures = to_figures(measure([prompt(domain, *scores) for scores, domain in rows]), seed=0, draws=2)
    value = {(one.group, one.metric): one.value for one in figures}
    domains = sorted({domain for _, domain in rows})
    overall = value["all", "accuracy"]
    assert overall == pytest.approx(np.mean([value[domain, "accuracy"] for domain in domains]))
    assert overall == pytest.approx(np.mean([value["all", name] for name in ("easy", "normal", "hard")]))
    cells = [one.value for one in figures if ">" in one.metric]
    assert len(cells) == 9
    assert overall == pytest.approx(np.mean(cells))


def test_matrix_equals_loops() -> None:
    rng = np.random.default_rng(0)
    chosen, rejected = rng.integers(0, 5, (40, 3)).astype(float), rng.integers(0, 5, (40, 3)).astype(float)
    loops = [[sum(c[i] > r[j] for c, r in zip(chosen, rejected, strict=True)) / 40 for j in range(3)] for i in range(3)]
    assert preference_matrix(chosen, rejected) == pytest.approx(np.array(loops))


def test_the_domain_is_the_column_or_the_file_and_safety_is_one() -> None:
    assert domain_of("safety-response", "x.jsonl") == "safety"
    assert domain_of(None, "a/b/safety-refuse_filtered.jsonl.gz") == "safety"
    assert domain_of(None, "code_filtered.json") == "code"
    assert domain_of("math", "code_filtered.json") == "math"


def test_rows_with_and_without_scores() -> None:
    row = {"id": "1", "prompt": "p", "chosen": ["a", "bb", "ccc"], "rejected": ["", "e", "f"], "domain": "chat"}
    assert read(row, "x").scores is None
    assert [one.length for one in read(row, "x").answers] == [1, 2, 3, 0, 1, 1]
    scored = row | {"score_chosen": [1, 2, 3.5], "score_rejected": [[4], [5], [6]]}
    assert read(scored, "x").scores == (1, 2, 3.5, 4, 5, 6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"chosen": ["a", "b"]}, "bad_length"),
        ({"chosen": "abc"}, "bad_type"),
        ({"prompt": None}, "missing"),
        ({"score_chosen": [1, 2, 3]}, "missing"),
        ({"score_chosen": [1, 2, None], "score_rejected": [1, 2, 3]}, "bad_type"),
        ({"score_chosen": [1, 2, float("inf")], "score_rejected": [1, 2, 3]}, "bad_type"),
    ],
)
def test_unfit_rows_say_why(change: dict, reason: str) -> None:
    row = {"id": "1", "prompt": "p", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}
    with pytest.raises(Unfit) as caught:
        read(row | change, "x")
    assert caught.value.problem.reason == reason


def test_missing_domains_are_named() -> None:
    items = [prompt("code", *range(6))]
    assert "chat, math, safety" in (missing(items) or "")
    assert missing([prompt(domain, *range(6)) for domain in ("chat", "code", "math", "safety")]) is None
