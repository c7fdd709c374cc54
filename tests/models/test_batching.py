from hypothesis import given
from hypothesis import strategies as st

from stages.models.batching import padded_batches, shares

SIZES = st.lists(st.integers(0, 30), max_size=20)


def same(size: int) -> int:
    return size


def test_a_share_ends_where_it_reaches_the_limit() -> None:
    assert list(shares([3, 3, 4, 1, 9, 12, 1], same, 10)) == [[3, 3, 4], [1, 9], [12], [1]]


def test_a_batch_counts_its_padding() -> None:
    # 3 x 3 = 9 fits, 4 x 4 = 16 does not; a row longer than the limit stands alone
    assert list(padded_batches([1, 3, 3, 4, 5, 12], same, 10)) == [[1, 3, 3], [4, 5], [12]]


@given(SIZES, st.integers(1, 40))
def test_nothing_is_lost_or_moved(sizes: list[int], limit: int) -> None:
    for dealt in (list(shares(sizes, same, limit)), list(padded_batches(sorted(sizes), same, limit))):
        assert all(dealt)
    assert [size for share in shares(sizes, same, limit) for size in share] == sizes
    batches = list(padded_batches(sorted(sizes), same, limit))
    assert [size for batch in batches for size in batch] == sorted(sizes)
    assert all(len(batch) == 1 or len(batch) * max(batch) <= limit for batch in batches)
