"""Each way is tried once, the cheapest is taken, and the others are tried again ever more rarely."""

import pytest

from stages.select_cotp.choice import Choice, num_trials


def _taken(choice: Choice, costs: dict[str, float], chunks: int) -> list[str]:
    taken = []
    for _ in range(chunks):
        way = choice.next()
        choice.note(way, costs[way])
        taken.append(way)
    return taken


def test_the_cheapest_of_three_after_a_trial_of_each() -> None:
    choice = Choice(["patterns", "none", "keogh"], steady=["none"])
    assert _taken(choice, {"patterns": 2.0, "none": 3.0, "keogh": 1.0}, 8) == ["patterns", "none"] + ["keogh"] * 6
    assert choice.best == "keogh"


def test_a_way_that_grows_cheaper_is_found_at_the_ninth_and_the_thirty_third_chunk() -> None:
    choice = Choice(["patterns", "none"], steady=["none"])
    assert _taken(choice, {"patterns": 2.0, "none": 1.0}, 8) == ["patterns"] + ["none"] * 7
    assert _taken(choice, {"patterns": 1.5, "none": 1.0}, 24) == ["patterns"] + ["none"] * 23
    assert _taken(choice, {"patterns": 0.5, "none": 1.0}, 100) == ["patterns"] * 100


def test_one_dear_chunk_does_not_turn_the_choice_and_many_do() -> None:
    choice = Choice(["patterns", "none"], steady=["none"])
    _taken(choice, {"patterns": 1.0, "none": 1.25}, 4)
    assert _taken(choice, {"patterns": 50.0, "none": 1.25}, 3) == ["patterns"] * 3
    assert _taken(choice, {"patterns": 50.0, "none": 1.25}, 1) == ["none"]


def test_one_way_needs_no_trial() -> None:
    choice = Choice(["none"])
    assert choice.best == "none"
    assert _taken(choice, {"none": 1.0}, 50) == ["none"] * 50


@pytest.mark.parametrize("chunks", [1, 7, 8, 9, 32, 33, 129, 600])
def test_the_number_of_trials_is_what_a_choice_takes(chunks: int) -> None:
    costs = {"best": 0.0, "steady": 1.0, "other": 1.0}
    taken = _taken(Choice(["best", "steady", "other"], steady=["steady"]), costs, chunks)
    assert taken.count("steady") == (num_trials(chunks, steady=True) if chunks > 1 else 0)
    assert taken.count("other") == (num_trials(chunks, steady=False) if chunks > 2 else 0)
