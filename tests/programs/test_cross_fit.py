import numpy as np
import pytest

from stages.programs.cross_fit import FOLDS, Problem, deal_folds, strength_bins, strength_edges
from stages.programs.standings import Floats, Ints
from tests.programs.made import labelled

TASK = np.repeat(np.arange(30), 4)


def test_folds_hold_whole_tasks_and_are_level_within_bins() -> None:
    bins = (TASK % 3 == 0).astype(np.int64)
    known = TASK < 25
    fold = deal_folds(TASK, known, bins, seed=1)
    assert np.array_equal(fold == -1, ~known)
    for task in range(25):
        assert len(set(fold[task == TASK])) == 1
    for rows in (known, known & (bins == 0), known & (bins == 1)):
        sizes = np.bincount(fold[rows], minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 4


def test_folds_follow_the_seed() -> None:
    known, bins = np.ones(120, dtype=np.bool_), np.zeros(120, dtype=np.int64)
    first, again, other = (deal_folds(TASK, known, bins, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_task_with_one_known_program_has_a_fold() -> None:
    known = np.arange(120) == 7
    assert (deal_folds(TASK, known, np.zeros(120, dtype=np.int64), seed=0) >= 0).tolist() == (TASK == 1).tolist()


def bins_of(strength: list[float], num_bins: int = 3, known: list[bool] | None = None) -> tuple[list[float], list[int]]:
    values, task = np.array(strength), np.arange(len(strength))
    rows = np.ones(len(strength), dtype=np.bool_) if known is None else np.array(known)
    edges = strength_edges(values[rows], task[rows], num_bins)
    return edges.tolist(), strength_bins(values, edges, rows).tolist()


def test_bins_are_tertiles_of_tasks() -> None:
    assert bins_of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])[1] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    repeated = np.repeat([0.1, 0.2, 0.3], [50, 1, 1])
    edges = strength_edges(repeated, np.repeat(np.arange(3), [50, 1, 1]), 3)
    assert strength_bins(repeated, edges, repeated > 0)[[0, 50, 51]].tolist() == [0, 1, 2]


def test_tasks_of_one_strength_are_in_one_bin() -> None:
    assert bins_of([1.0] * 6) == ([], [0] * 6)
    assert bins_of([0.0, 0.0, 0.0, 0.0, 0.5, 1.0])[1] == [0, 0, 0, 0, 1, 1]
    assert bins_of([0.0, 1.0, 1.0, 1.0])[1] == [0, 1, 1, 1]
    assert bins_of([0.3, 0.5], num_bins=1) == ([], [0, 0])


def test_tasks_of_unknown_strength() -> None:
    nan = float("nan")
    assert bins_of([nan, nan]) == ([], [0, 0])
    assert bins_of([nan, 0.1, 0.2], 2) == ([0.2], [2, 0, 1])
    assert bins_of([nan, 0.1, 0.2], 2, [False, True, True]) == ([0.2], [-1, 0, 1])
    assert bins_of([0.3, nan], 2, [False, True]) == ([], [0, 0])


def problem(num_tasks: int = 60) -> tuple[Problem, Floats, Ints]:
    standings = labelled(np.random.default_rng(0), num_tasks)
    known = standings.task < num_tasks - 10
    bins = np.zeros(len(known), dtype=np.int64)
    made = Problem(
        truth=standings.truth > 0,
        known=known,
        task=standings.task,
        bins=bins,
        fold=deal_folds(standings.task, known, bins, seed=0),
        num_bins=1,
        score_of=lambda _: standings.pass_rate,
        target=0.7,
        seed=0,
        draws=100,
    )
    return made, standings.pass_rate, standings.task


def test_tasks_with_labels_are_decided_by_the_other_folds() -> None:
    made, rate, _ = problem()
    limits = made.cross_fit(made.fit(made.known))
    assert np.array_equal(limits.score, rate)
    for fold in range(FOLDS):
        own = made.fold == fold
        expected = made.fit(made.known & ~own).searches[0].found
        assert expected is not None
        assert set(limits.threshold[own]) == {expected.value}
    whole = made.fit(made.known).searches[0].found
    assert whole is not None
    assert set(limits.threshold[~made.known]) == {whole.value}


@pytest.mark.parametrize("fold", range(FOLDS))
def test_no_task_learns_from_its_own_truth(fold: int) -> None:
    """The score of a model that sees whose truth it was given: never that of the fold itself."""
    made, rate, _ = problem()
    seen = []

    def score_of(train: np.ndarray) -> Floats:
        seen.append(train.copy())
        return rate

    watched = Problem(**{**vars(made), "score_of": score_of})
    own = watched.fold == fold
    watched.fit(watched.known & ~own)
    assert not any((train & own).any() for train in seen)
    # a model for the threshold's scores of each other fold, and one for what is decided
    assert [len(set(watched.fold[train])) for train in seen] == [FOLDS - 2] * (FOLDS - 1) + [FOLDS - 1]


def test_thresholds_are_chosen_on_scores_of_models_that_did_not_see_the_task() -> None:
    """A score that is the truth where it may look, and noise elsewhere, finds no threshold."""
    made, _, _ = problem()
    noise = np.random.default_rng(1).random(len(made.truth))
    cheating = Problem(**{**vars(made), "score_of": lambda train: np.where(train, made.truth, noise)})
    assert cheating.fit(made.known).searches[0].found is None
