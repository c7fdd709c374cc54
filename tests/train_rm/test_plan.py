import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.train_rm.batch import MicroBatch, Pair, Step, Tree
from stages.train_rm.plan import first_fit, plan_steps


def piece(number: int, size: int, num_trees: int = 1) -> MicroBatch:
    """A piece of `size` tokens whose trees, targets and rows tell which one it is."""
    lengths = [size // num_trees] * (num_trees - 1) + [size - size // num_trees * (num_trees - 1)]
    trees = tuple(Tree((number,) * (length - 2), ((number,), (number + 1,))) for length in lengths)
    return MicroBatch(
        trees=trees,
        targets=(number / 1000, 1.0) * num_trees,
        pairs=tuple(Pair(2 * n, 2 * n + 1, float(number)) for n in range(num_trees)),
        rows=tuple(range(10 * number, 10 * number + 2 * num_trees)),
    )


def batches_of(steps: list[Step]) -> list[MicroBatch]:
    return [batch for step in steps for batch in step.micro_batches if batch.targets]


def numbers_in(batch: MicroBatch) -> list[int]:
    """The pieces of a micro-batch, each named once, checked against what belongs to them."""
    place, found = 0, []
    for tree in batch.trees:
        number = tree.suffixes[0][0]
        assert tree.prefix == (number,) * len(tree.prefix)
        assert batch.targets[place : place + 2] == (number / 1000, 1.0)
        assert Pair(place, place + 1, float(number)) in batch.pairs
        assert batch.rows[place] // 10 == number
        found += [] if found and found[-1] == number else [number]
        place += 2
    assert place == len(batch.targets) == len(batch.rows) == 2 * len(batch.pairs)
    return found


PLANS = st.tuples(
    st.lists(st.tuples(st.integers(6, 90), st.integers(1, 2)), min_size=1, max_size=40),
    st.sampled_from([0.3, 1, 1.5, 3]),
    st.integers(20, 300),
    st.integers(20, 120),
    st.integers(0, 5),
)


@given(PLANS, st.integers(1, 5))
def test_every_piece_once_an_epoch_within_the_budgets(
    plan: tuple[list[tuple[int, int]], float, int, int, int], processes: int
) -> None:
    shapes, epochs, step_tokens, micro_tokens, seed = plan
    pieces = [piece(number, *shape) for number, shape in enumerate(shapes)]
    options = {"epochs": epochs, "step_tokens": step_tokens, "micro_tokens": micro_tokens, "seed": seed}
    steps = plan_steps(pieces, processes=processes, **options)
    found = [number for batch in batches_of(steps) for number in numbers_in(batch)]
    whole = int(epochs) * len(pieces)
    for start in range(0, whole, len(pieces)):
        assert sorted(found[start : start + len(pieces)]) == list(range(len(pieces)))
    rest = found[whole:]
    assert len(rest) == len(set(rest)) == round((epochs - int(epochs)) * len(pieces))
    for batch in batches_of(steps):
        assert batch.num_tokens <= micro_tokens or len(numbers_in(batch)) == 1
    for step in steps:
        real = [batch for batch in step.micro_batches if batch.targets]
        assert len(real) <= math.ceil(step_tokens / micro_tokens)
        assert len({len(other.micro_batches) for other in steps}) == 1
        assert len(step.micro_batches) % processes == 0
        # what is too large for its share of the step stands alone
        share = math.ceil(step_tokens / math.ceil(step_tokens / micro_tokens))
        assert all(batch.num_tokens <= share or len(numbers_in(batch)) == 1 for batch in real)
    # only the last step may be short, and all that differs between numbers of processes is what fills up
    full = [sum(bool(batch.targets) for batch in step.micro_batches) for step in steps]
    assert len(set(full[:-1])) <= 1
    alone = plan_steps(pieces, processes=1, **options)
    assert [batches_of([step]) for step in steps] == [batches_of([step]) for step in alone]
    assert plan_steps(pieces, processes=processes, **options) == steps


def test_what_fills_up_carries_a_tree_and_nothing_to_learn() -> None:
    pieces = [piece(1, 30), piece(2, 12), piece(3, 30)]
    steps = plan_steps(pieces, epochs=1, step_tokens=60, micro_tokens=30, seed=0, processes=4)
    idle = [batch for step in steps for batch in step.micro_batches if not batch.targets]
    assert [len(step.micro_batches) for step in steps] == [4, 4]
    assert len(idle) == 5
    assert set(idle) == {MicroBatch(trees=pieces[1].trees)}
    assert [step.num_rows for step in steps] == [len(batches_of([step])) * 2 for step in steps]


def test_no_pieces_and_no_epochs_make_no_steps() -> None:
    options = {"step_tokens": 60, "micro_tokens": 30, "seed": 0, "processes": 1}
    assert plan_steps([], epochs=1, **options) == []
    assert plan_steps([piece(1, 30)], epochs=0, **options) == []


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    pieces = [piece(number, 20) for number in range(50)]
    options = {"step_tokens": 20, "micro_tokens": 20, "processes": 1}
    orders = []
    for seed in (0, 1):
        found = batches_of(plan_steps(pieces, epochs=2, seed=seed, **options))
        orders += [[numbers_in(batch)[0] for batch in part] for part in (found[:50], found[50:])]
    assert all(orders[m] != orders[n] for m in range(4) for n in range(m))


def mixed_lengths(count: int, seed: int) -> list[int]:
    """Conversations of 30 to 4,000 tokens, most of them short: log-normal, median 400."""
    draw = random.Random(seed)
    return [min(4000, max(30, int(math.exp(draw.gauss(6.0, 0.9))))) for _ in range(count)]


@pytest.mark.parametrize("micro_tokens", [4096, 8192])
def test_micro_batches_are_full(micro_tokens: int) -> None:
    pieces = [piece(number, size) for number, size in enumerate(mixed_lengths(3000, 0))]
    steps = plan_steps(pieces, epochs=1, step_tokens=65536, micro_tokens=micro_tokens, seed=0, processes=1)
    batches = batches_of(steps)
    assert sum(batch.num_tokens for batch in batches) / (micro_tokens * len(batches)) >= 0.97
    assert all(sum(batch.num_tokens for batch in step.micro_batches) <= 65536 for step in steps)


def test_length_does_not_decide_when_a_piece_comes() -> None:
    pieces = [piece(number, size) for number, size in enumerate(mixed_lengths(400, 1))]
    sizes, places = [], []
    for seed in range(20):
        batches = batches_of(plan_steps(pieces, epochs=1, step_tokens=16384, micro_tokens=8192, seed=seed, processes=1))
        for place, batch in enumerate(batches):
            for number in numbers_in(batch):
                sizes.append(math.log(pieces[number].num_tokens))
                places.append(place / len(batches))
    # 8,000 draws: the standard deviation of a correlation of nothing is 0.011
    assert abs(np.corrcoef(sizes, places)[0, 1]) < 0.035


@given(st.lists(st.integers(1, 40), max_size=25), st.integers(10, 50))
def test_first_fit_places_the_largest_first(sizes: list[int], capacity: int) -> None:
    groups = first_fit(range(len(sizes)), sizes, capacity)
    bins: list[list[int]] = []
    for number in sorted(range(len(sizes)), key=lambda number: (-sizes[number], number)):
        for group in bins:
            if sum(sizes[one] for one in group) + sizes[number] <= capacity:
                group.append(number)
                break
        else:
            bins.append([number])
    assert groups == bins
