import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import DataError
from stages.train_rm.split import Split, split

NAMES = [f"conversation {n}" for n in range(400)]


def parts_by_name(names: list[str], found: Split) -> dict[str, str]:
    return {names[place]: part for part, places in found._asdict().items() for place in places}


@given(st.lists(st.sampled_from(NAMES[:12]), max_size=40), st.sampled_from([0.05, 0.2, 0.5, 0.9]), st.integers(0, 9))
def test_parts_share_no_conversation_and_lose_no_row(names: list[str], share: float, seed: int) -> None:
    if len(set(names)) < 3:
        with pytest.raises(DataError, match=r"takes three\. Give more, or --held-out 0"):
            split(names, share, seed)
        return
    found = split(names, share, seed)
    assert sorted(place for part in found for place in part) == list(range(len(names)))
    parts = [{names[place] for place in part} for part in found]
    assert all(parts)
    assert sum(map(len, parts)) == len(set(names))
    assert all(list(part) == sorted(part) for part in found)


def test_shares_are_those_asked_for() -> None:
    found = split([str(n) for n in range(10_000)], 0.2, 0)
    # binomial: mean 1,000, standard deviation 30
    assert 900 < len(found.calibration) < 1100
    assert 900 < len(found.test) < 1100


def test_order_and_other_rows_decide_nothing() -> None:
    whole = parts_by_name(NAMES, split(NAMES, 0.2, 3))
    shuffled = random.Random(0).sample(NAMES, len(NAMES))
    assert parts_by_name(shuffled, split(shuffled, 0.2, 3)) == whole
    half = NAMES[::2]
    assert parts_by_name(half, split(half, 0.2, 3)) == {name: whole[name] for name in half}
    assert parts_by_name(NAMES, split(NAMES, 0.2, 4)) != whole


def test_larger_share_holds_out_what_a_smaller_one_did() -> None:
    small, large = (set(split(NAMES, share, 0).train) for share in (0.1, 0.3))
    assert large < small


def test_nothing_is_held_out_where_nothing_is_asked_for() -> None:
    assert split(["a", "a"], 0, 0) == Split((0, 1), (), ())
    assert split([], 0, 0) == Split((), (), ())
