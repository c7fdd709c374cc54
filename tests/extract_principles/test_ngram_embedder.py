import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract_principles.embedding import Embedder
from stages.extract_principles.ngram_embedder import DIMENSION, NgramEmbedder

ROOT = Path(__file__).parents[2]


def cosine(left: str, right: str) -> float:
    vectors = NgramEmbedder().embed([left, right])
    return float(vectors[0] @ vectors[1])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("accuracy of information", "information accuracy"),
        ("code readability", "readability of the code"),
        ("Clarity", "clarity"),
        ("completeness", "completeness of the answer"),
        ("relevance", "relevance to the prompt"),
        ("instruction following", "following instructions"),
    ],
)
def test_other_spellings_of_one_principle_are_above_the_default_threshold(left: str, right: str) -> None:
    assert cosine(left, right) > 0.8


@pytest.mark.parametrize(
    ("left", "right", "below"),
    [
        ("accuracy", "clarity", 0.2),
        ("code correctness", "code readability", 0.65),
        ("completeness", "conciseness", 0.5),
        ("no repetition", "repetition", 0.75),
        ("C++", "C", 0.3),
    ],
)
def test_different_principles_are_below(left: str, right: str, below: float) -> None:
    assert cosine(left, right) < below


def test_a_light_word_weighs_a_fifth() -> None:
    # two words without a common n-gram: 1 / sqrt(1 + 0.2 ** 2)
    assert cosine("x", "x of") == pytest.approx(1 / math.sqrt(1.04), abs=1e-6)


def test_words_weigh_the_same_whatever_their_length() -> None:
    assert cosine("x", "x qqqqqqqqqqqqqqq") == pytest.approx(1 / math.sqrt(2), abs=1e-6)


def test_the_numbers_of_version_1_stay() -> None:
    vector = NgramEmbedder().embed(["x"])[0]
    # the three n-grams ^x, x$ and ^x$, each 1 / sqrt(3), at places and with signs given by their blake2b hashes
    places = np.flatnonzero(vector).tolist()
    assert dict(zip(places, np.sign(vector[places]).tolist(), strict=True)) == {143: -1.0, 803: -1.0, 949: -1.0}


def test_a_word_is_its_distinct_runs_of_two_to_four_signs_and_itself() -> None:
    # ^tutu$ has 5 runs of two, of which "tu" stands twice, 4 of three and 3 of four; none share a place
    vector = NgramEmbedder().embed(["tutu"])[0]
    np.testing.assert_allclose(np.abs(vector[np.flatnonzero(vector)]), np.full(12, 1 / math.sqrt(12)), rtol=1e-6)


def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "from stages.extract_principles.ngram_embedder import NgramEmbedder as E;"
        "import sys; sys.stdout.buffer.write(E().embed(['accuracy of information']).tobytes())"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": "7"}, capture_output=True)
    assert run.stdout == NgramEmbedder().embed(["accuracy of information"]).tobytes()


def test_signs_and_nothing() -> None:
    vectors = NgramEmbedder().embed(["!?", "", "!?"])
    assert float(vectors[0] @ vectors[2]) == pytest.approx(1)
    assert not vectors[1].any()
    assert NgramEmbedder().embed([]).shape == (0, DIMENSION)


def test_it_is_an_embedder_named_as_such() -> None:
    embedder: Embedder = NgramEmbedder()
    assert embedder.name == "ngram@1"


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=5))
def test_rows_are_unit_vectors_that_do_not_depend_on_their_neighbours(texts: list[str]) -> None:
    vectors = NgramEmbedder().embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    alone = np.concatenate([NgramEmbedder().embed([text]) for text in reversed(texts)])[::-1]
    np.testing.assert_array_equal(vectors, alone)
