"""Which prompt comes when: each once an epoch, whatever the pieces in which places are asked for."""

from stages.train_policy.drawing import draw, sampling_seed, shuffled


def test_each_prompt_is_drawn_once_an_epoch() -> None:
    for epoch in range(3):
        assert sorted(draw(7, 1, 7 * epoch, 7)) == list(range(7))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [tuple(draw(9, seed, 9 * epoch, 9)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9


def test_what_stands_at_a_place_does_not_depend_on_where_drawing_began() -> None:
    whole = draw(5, 3, 0, 23)
    assert [draw(5, 3, place, 1)[0] for place in range(23)] == whole
    assert draw(5, 3, 4, 9) == whole[4:13]


def test_sampling_seeds_are_63_bits_and_all_different() -> None:
    seeds = {sampling_seed(seed, place, number) for seed in range(4) for place in range(20) for number in range(8)}
    assert len(seeds) == 4 * 20 * 8
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_groups_are_dealt_in_an_order_of_each_generation() -> None:
    assert sorted(shuffled(6, 0, 0)) == list(range(6))
    assert shuffled(6, 0, 0) == shuffled(6, 0, 0)
    assert len({tuple(shuffled(6, seed, number)) for seed in range(3) for number in range(3)}) > 6
