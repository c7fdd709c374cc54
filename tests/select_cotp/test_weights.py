import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import DataError
from stages.select_cotp.weights import importance
from tests.naive import weights as naive


def test_the_document_is_the_question_and_the_corpus_the_core_sets_questions() -> None:
    # question q: 4 patterns in two rows, a 3 times; r: a once, c once. Q = 2, df(a) = 2, df(b) = df(c) = 1
    first, second, third = importance(
        [["a", "b", "a"], ["a"], ["c", "a"]], ["q", "q", "r"], idf="smooth", weights="tfidf"
    )
    common, rare = 1.0, math.log(3 / 2) + 1
    np.testing.assert_allclose(first, [3 / 4 * common, 1 / 4 * rare, 3 / 4 * common], rtol=1e-6)
    np.testing.assert_allclose(second, [3 / 4 * common], rtol=1e-6)
    np.testing.assert_allclose(third, [1 / 2 * rare, 1 / 2 * common], rtol=1e-6)
    assert first.dtype == np.float32


def test_plain_idf_gives_nothing_to_what_every_question_has() -> None:
    first, second = importance([["a", "b"], ["a", "c", "c"]], ["q", "r"], idf="plain", weights="tfidf")
    np.testing.assert_allclose(first, [0, math.log(2) / 2], rtol=1e-6)
    np.testing.assert_allclose(second, [0, *[2 / 3 * math.log(2)] * 2], rtol=1e-6)


def test_without_weights_all_count_the_same() -> None:
    weights = importance([["a", "b"], ["c"]], ["q", "q"], idf="plain", weights="none")
    assert [row.tolist() for row in weights] == [[1, 1], [1]]


def test_a_row_of_zero_weights_is_named_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"Row 2 of the core set, question 'r': all .* --idf smooth or --weights none"):
        importance([["a", "b"], ["a"]], ["q", "r"], idf="plain", weights="tfidf")
    with pytest.raises(DataError, match="Row 1"):
        importance([["a", "b"]], ["q"], idf="plain", weights="tfidf")


def test_an_empty_core_set_has_no_weights() -> None:
    assert importance([], [], idf="smooth", weights="tfidf") == []


rows = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde分析"), min_size=1, max_size=6), st.sampled_from("qrst")), max_size=8
)


@given(rows, st.sampled_from(["smooth", "plain"]))
def test_equal_to_counting_lists(rows: list[tuple[list[str], str]], idf: str) -> None:
    chains, questions = [chain for chain, _ in rows], [question for _, question in rows]
    expected = naive.importance(chains, questions, idf)
    if not all(any(row) for row in expected):
        with pytest.raises(DataError):
            importance(chains, questions, idf=idf, weights="tfidf")  # type: ignore[arg-type]
        return
    for ours, theirs in zip(importance(chains, questions, idf=idf, weights="tfidf"), expected, strict=True):  # type: ignore[arg-type]
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        assert idf == "plain" or (ours > 0).all()
