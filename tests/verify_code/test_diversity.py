import random

import numpy as np
import pytest

from stages.core.minhash import PERMUTATIONS, signature
from stages.verify_code.diversity import Diversity, clusters, farthest_first, measure
from tests.naive import diversity as naive


def at(*places: int) -> bytes:
    """A signature that agrees with another in as many of the functions as they have numbers in common."""
    return np.resize(np.array(places, dtype="<u4"), PERMUTATIONS).tobytes()


A, NEAR_A, B, BETWEEN = at(1, 1, 1, 1), at(1, 1, 1, 2), at(3, 3, 3, 3), at(1, 1, 3, 3)


def chosen(signatures: list[bytes], cluster: list[int], scores: list[float], n: int, seed: int = 0) -> list[int]:
    return farthest_first(signatures, np.array(cluster), np.array(scores, dtype=np.float64), n, seed=seed)


def test_clusters_are_numbered_in_order_of_appearance() -> None:
    assert clusters(["b", "a", None, "b", "c"]).tolist() == [0, 1, -1, 0, 2]
    assert clusters([]).tolist() == []


def test_the_best_is_first_then_the_farthest_from_all_chosen() -> None:
    # distances from A: 1/4, 1, 1/2; after B: 1/4 against 1/2
    assert chosen([A, NEAR_A, B, BETWEEN], [0, 1, 2, 3], [1, 0.9, 0.5, 0.5], 4) == [0, 2, 3, 1]
    assert chosen([A, NEAR_A, B, BETWEEN], [0, 1, 2, 3], [0.5, 0.5, 0.5, 0.9], 2) == [3, 1]


def test_of_equal_scores_the_first_begins() -> None:
    assert chosen([B, A], [0, 1], [0.5, 0.5], 1) == [0]
    assert chosen([B, A], [0, 1], [np.nan, 0.5], 1) == [1]


def test_equal_programs_stay_once_the_best_of_them() -> None:
    assert chosen([A, B, A, A], [0, 1, 0, 0], [0.2, 0.5, 0.9, 0.9], 4) == [2, 1]


def test_programs_of_one_signature_and_different_clusters_are_all_chosen() -> None:
    assert chosen([A, A, A], [0, 1, 2], [1, 0.5, 0.7], 3) == [0, 2, 1]


def test_of_equally_far_ones_the_better_wins_then_the_seed() -> None:
    assert chosen([A, B, at(4, 4, 4, 4)], [0, 1, 2], [1, 0.2, 0.3], 2) == [0, 2]
    drawn = {tuple(chosen([A, B, at(4, 4, 4, 4)], [0, 1, 2], [1, 0.2, 0.2], 2, seed)) for seed in range(20)}
    assert drawn == {(0, 1), (0, 2)}
    assert len({tuple(chosen([A, B, NEAR_A], [0, 1, 2], [1, 0, 0], 3, seed)) for seed in range(20)}) == 1


@pytest.mark.parametrize("trial", range(20))
def test_equals_the_plain_traversal(trial: int) -> None:
    draw = random.Random(trial)
    forms = ["\n".join(draw.choice("abcdefgh") for _ in range(30)) for _ in range(12)]
    forms += draw.choices(forms, k=6)
    signatures, cluster = [signature(one) for one in forms], clusters(forms)
    scores = [draw.random() for _ in forms]  # no two are equal, so that nothing is left to a draw
    for n in (1, 3, 30):
        assert chosen(signatures, cluster.tolist(), scores, n, trial) == naive.farthest_first(
            signatures, cluster.tolist(), scores, n
        )


def test_figures_by_hand() -> None:
    # pairs: A A 0, A B 1 twice
    assert measure([A, A, B], np.array([0, 0, 1])) == Diversity(3, 2, pytest.approx(2 / 3))
    assert measure([A], np.array([0])) == Diversity(1, 1, None)
    assert chosen([], [], [], 3) == []
