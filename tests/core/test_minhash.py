import random

import numpy as np
import pytest

from stages.core.minhash import PERMUTATIONS, distances, shingles, signature, similarity
from tests.naive import minhash as naive


def form(*words: str) -> str:
    return "\n".join(words)


def test_shingles_are_runs_of_five_tokens() -> None:
    assert len(shingles(form(*"abcdefg"))) == 3
    assert len(shingles(form(*"abc"))) == 1
    assert len(set(shingles(form(*"aaaaaaa")).tolist())) == 1
    assert set(shingles(form(*"abcde")).tolist()) != set(shingles(form(*"abced")).tolist())


@pytest.mark.parametrize("length", [1, 4, 5, 6, 60, 9000])
def test_signature_equals_the_plain_one(length: int) -> None:
    draw = random.Random(length)
    text = form(*(draw.choice(["Name", "$1", "str 'é'", "Call"]) + str(draw.randrange(999)) for _ in range(length)))
    assert np.frombuffer(signature(text, seed=3), dtype="<u4").tolist() == naive.signature(text, 3)


def test_equal_sets_of_runs_have_equal_signatures() -> None:
    text = form(*"abcdefgh")
    assert len(signature(text)) == 4 * PERMUTATIONS
    assert signature(text) == signature(text)
    assert similarity(signature(text), signature(text)) == 1
    assert similarity(signature(text), signature(form(*"stuvwxyz"))) == 0
    assert signature(text, seed=1) != signature(text)


@pytest.mark.parametrize("shared", [20, 100, 180])
def test_estimate_is_the_jaccard_similarity_within_its_standard_error(shared: int) -> None:
    errors = []
    for trial in range(100):
        draw = random.Random(trial)
        words = [str(draw.randrange(10**6)) for _ in range(400)]
        first, second = form(*words[:200]), form(*words[:shared], *words[200 : 400 - shared])
        exact = naive.jaccard(first, second)
        deviation = (exact * (1 - exact) / PERMUTATIONS) ** 0.5
        estimate = similarity(signature(first, seed=trial), signature(second, seed=trial))
        errors.append((estimate - exact) / deviation)
    # of 100 standard normal values: mean within 3/10, mean square within 3 sqrt(2/100)
    assert abs(np.mean(errors)) < 0.3
    assert abs(np.mean(np.square(errors)) - 1) < 0.43


def test_distances_are_one_minus_similarity() -> None:
    forms = [form(*"abcdefgh"), form(*"abcdefxy"), form(*"mnopqrst")]
    signatures = [signature(one) for one in forms]
    table = distances(signatures)
    assert table.tolist() == [[1 - similarity(a, b) for b in signatures] for a in signatures]
    assert distances([]).shape == (0, 0)
