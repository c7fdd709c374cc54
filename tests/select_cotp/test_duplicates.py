"""Duplicates: signatures estimate Jaccard similarity, and the search through bands misses no pair."""

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.minhash import PERMUTATIONS, similarity
from stages.select_cotp.arrays import I64, U64
from stages.select_cotp.duplicates import digest_of, find_duplicates, word_signature
from tests.naive import word_runs as naive


def hashes_of(texts: list[str]) -> U64:
    return np.array([digest_of(text) for text in texts], dtype=np.uint64)


def repeats_of(digests: U64, table: NDArray[np.uint32], threshold: float) -> I64:
    return find_duplicates(digests, [row.astype("<u4").tobytes() for row in table], threshold)


def test_equal_texts_repeat_the_first() -> None:
    texts = ["So  x = 3.", "other", "so x = 3.", "SO X\n= 3.", "so x = 4."]
    assert find_duplicates(hashes_of(texts), None, 0.9).tolist() == [-1, -1, 0, 0, -1]


def test_no_rows() -> None:
    empty = np.zeros(0, dtype=np.uint64)
    assert find_duplicates(empty, [], 0.9).tolist() == []
    assert find_duplicates(empty, None, 0.9).tolist() == []


def test_signature_of_one_run_by_hand() -> None:
    # Fewer than five words are one run, whatever stands between them.
    assert word_signature("let x be 3") == word_signature("let (x) be: 3!")
    assert word_signature("let x be 3") != word_signature("let x be 4")
    assert len(word_signature("let x be 3")) == 4 * PERMUTATIONS


def test_texts_without_words_are_not_alike() -> None:
    assert similarity(word_signature("..."), word_signature("???")) < 0.1
    assert similarity(word_signature(""), word_signature("???")) < 0.1
    assert word_signature("...") == word_signature("...")


def test_similarity_estimates_jaccard() -> None:
    draw = random.Random(3)
    errors = []
    for edits in (0, 1, 2, 5, 10, 20, 40):
        words = [f"w{draw.randrange(10_000)}" for _ in range(300)]
        changed = list(words)
        for place in draw.sample(range(300), edits):
            changed[place] = f"v{place}"
        one, other = " ".join(words), " ".join(changed)
        exact = naive.jaccard(one, other)
        errors.append(similarity(word_signature(one), word_signature(other)) - exact)
        assert abs(errors[-1]) <= 4 * (exact * (1 - exact) / PERMUTATIONS) ** 0.5
    assert errors[0] == 0
    assert abs(float(np.mean(errors))) < 0.04


def test_a_chain_of_likeness_keeps_every_second_row() -> None:
    # agreements: 0-1 and 1-2 in 120 of 128 places, 0-2 in 112; at 0.9 (115.2) row 2 resembles only the dropped row 1
    rows = np.zeros((4, PERMUTATIONS), dtype=np.uint32)
    rows[1:, :8] = 1
    rows[2:, 8:16] = 2
    rows[3:, 16:20] = 3
    distinct = np.arange(4, dtype=np.uint64)
    assert repeats_of(distinct, rows, 0.9).tolist() == [-1, 0, -1, 2]
    # at 0.8 (102.4) all three are like row 0
    assert repeats_of(distinct, rows, 0.8).tolist() == [-1, 0, 0, 0]


@pytest.mark.parametrize("threshold", [0.5, 0.75, 0.9, 0.999])
def test_pair_just_at_the_threshold_is_found_wherever_it_differs(threshold: float) -> None:
    most = PERMUTATIONS - int(np.ceil(threshold * PERMUTATIONS))
    for seed in range(100):
        draw = np.random.default_rng(seed)
        rows = np.tile(draw.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32), (3, 1))
        # as spread as can be, so that as many bands as can be differ
        spread = (np.arange(most + 1) * PERMUTATIONS // (most + 1) + seed) % PERMUTATIONS
        rows[1, spread[:most]] += 1
        rows[2, spread] += 2
        distinct = np.arange(2, dtype=np.uint64)
        assert repeats_of(distinct, rows[:2], threshold).tolist() == [-1, 0]
        assert repeats_of(distinct, rows[[0, 2]], threshold).tolist() == [-1, -1]


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.8, 0.9, 0.95, 0.999])
def test_equals_the_comparison_of_all_pairs(threshold: float) -> None:
    for seed in range(6):
        draw = np.random.default_rng(seed)
        bases = draw.integers(0, 2**32, (4, PERMUTATIONS), dtype=np.uint32)
        rows = bases[draw.integers(0, 4, 60)]
        changed = draw.random((60, PERMUTATIONS)) < draw.uniform(0, 0.4, (60, 1))
        rows = np.where(changed, draw.integers(0, 3, rows.shape, dtype=np.uint32), rows)
        hashes = draw.integers(0, 300, 60).astype(np.uint64)
        rows = rows[(hashes[:, None] == hashes).argmax(axis=1)]  # equal texts have equal signatures
        expected = naive.repeats(hashes.tolist(), rows.tolist(), threshold)
        assert repeats_of(hashes, rows, threshold).tolist() == expected
        assert -1 in expected[1:]
        assert max(expected) > 0


def test_real_near_duplicates_are_found() -> None:
    draw = random.Random(1)
    vocabulary = [f"w{number}" for number in range(500)]
    first = [draw.choices(vocabulary, k=400) for _ in range(20)]
    texts = [" ".join(words) for words in first]
    texts += ["  ".join([*words[:200], "instead", *words[201:]]) for words in first]
    signatures = [word_signature(text) for text in texts]
    assert find_duplicates(hashes_of(texts), signatures, 0.9).tolist() == [-1] * 20 + list(range(20))
    assert find_duplicates(hashes_of(texts), signatures, 1.0).tolist() == [-1] * 40
