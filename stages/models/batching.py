"""How texts of many lengths are dealt into forward passes, and items into shares that are finished one by one."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def shares(items: Iterable[T], num_tokens: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Consecutive items, as many at a time as reach `limit` tokens; the last share may have fewer.

    Within a share items can be sorted, and after it a run can say how far it is.
    """
    share: list[T] = []
    used = 0
    for item in items:
        share.append(item)
        used += num_tokens(item)
        if used >= limit:
            yield share
            share, used = [], 0
    if share:
        yield share


def padded_batches(rows: Iterable[T], num_tokens: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Rows of ascending length in batches of at most `limit` tokens with their padding, at least one row each."""
    batch: list[T] = []
    for row in rows:
        if batch and (len(batch) + 1) * num_tokens(row) > limit:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
