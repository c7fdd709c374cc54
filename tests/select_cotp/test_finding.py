"""Candidates part by part: the same lists as one search over everything, and little that is stored."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.rows import SourceRow
from stages.core.shards import read_shard
from stages.select_cotp.arrays import Block, Candidates, Codes, Series, taken_codes, taken_series, tie_of
from stages.select_cotp.finding import finding, read_found
from tests.naive import search as naive
from tests.naive import selection_of_cots
from tests.select_cotp.laid import Laid, cut, laid
from tests.select_cotp.pools import cots

CORE = cots("c", 5, 2)
SIZE = 7
BINS = 8


def rows_for_each_part() -> list[dict[str, Any]]:
    """A pool whose parts have names of their own."""
    return [
        row | {"patterns": [f"{name} {n // SIZE}" for name in row["patterns"]]} if n % 3 else row
        for n, row in enumerate(cots("p", 40, 1))
    ]


POOL = rows_for_each_part()


@pytest.fixture
def ground(tmp_path: Path) -> Laid:
    return laid(tmp_path, cut(POOL, SIZE), CORE, sweep=("0,1",))


def expected(found: Laid, nearest: list[int], positions: range | None = None) -> list[Candidates]:
    """All lists by sorting all pairs, over rows in some positions."""
    places = list(positions or range(len(POOL)))
    tables = selection_of_cots.distances(CORE, [POOL[n] for n in places], BINS)
    pattern, entropy = (np.asarray(table, np.float32) for table in tables)
    ties = np.array([tie_of(f"p{n}") for n in places], np.uint64)
    block = Block(np.array(places), ties, None, None, np.zeros(len(places)))
    return [naive.nearest(pattern, entropy, block, objective, nearest) for objective in found.ground.objectives]


def assert_same(found: list[Candidates], wanted: list[Candidates]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.core.tolist() == other.core.tolist()
        assert one.position.tolist() == other.position.tolist()
        assert one.tie.tolist() == other.tie.tolist()
        np.testing.assert_allclose(one.distance, other.distance, rtol=1e-5)


def work(found: Laid, nearest: list[int], root: Path, order: list[int], *, forgetful: bool = False) -> None:
    """Find candidates of parts in an order, each in a process of its own where `forgetful`."""
    finder = found.finder()
    hunt = finder.hunt(np.array(nearest))
    for part in order:
        if forgetful:
            hunt = finder.hunt(np.array(nearest))
        light = iter([SourceRow("", 1, {"id": ""}, None, None)] * SIZE)
        told: list[int] = []
        output = finding(finder, hunt, root)(part, light, told.append)
        assert (sum(told), output.kept, len(output.rows)) == (SIZE, SIZE, 0)
        assert [root / name for name in output.files] == [
            path for path in [root / "found" / f"part-{part:05d}.parquet"] if path.exists()
        ]


@pytest.mark.parametrize("forgetful", [False, True])
def test_parts_in_any_order_merge_to_the_lists_of_one_search(ground: Laid, tmp_path: Path, forgetful: bool) -> None:
    nearest = [1, 6, 3, 40, 2]
    wanted = expected(ground, nearest)
    order = list(range(6))
    for number in range(3):
        root = tmp_path / f"{number}"
        random.Random(number).shuffle(order)
        work(ground, nearest, root, order, forgetful=forgetful)
        assert_same(read_found(root, range(6), ground.ground, np.array(nearest)), wanted)


def test_a_part_stores_what_is_among_the_nearest_of_all_that_was_seen(ground: Laid, tmp_path: Path) -> None:
    nearest = [3] * 5
    work(ground, nearest, tmp_path, list(range(6)))
    stored = 0
    for part in range(6):
        seen = expected(ground, nearest, range(min((part + 1) * SIZE, 40)))
        own = range(part * SIZE, (part + 1) * SIZE)
        wanted = {
            (place, int(core), int(position))
            for place, one in enumerate(seen)
            for core, position in zip(one.core, one.position, strict=True)
            if position in own
        }
        path = tmp_path / "found" / f"part-{part:05d}.parquet"
        table = read_shard(path).to_pylist() if path.exists() else []
        assert {(row["objective"], row["core"], row["position"]) for row in table} == wanted
        stored += len(table)
    # of 40 x 5 x 3 pairs
    assert stored < 200
    alone = tmp_path / "alone"
    work(ground, nearest, alone, list(range(6)), forgetful=True)
    assert sum(read_shard(path).num_rows for path in (alone / "found").iterdir()) > stored


def test_a_search_goes_on_from_what_is_stored(ground: Laid, tmp_path: Path) -> None:
    nearest = [2, 4, 1, 7, 3]
    work(ground, nearest, tmp_path, [4, 1, 2])
    finder = ground.finder()
    hunt = finder.hunt(np.array(nearest))
    hunt.seed(read_found(tmp_path, [4, 1, 2], ground.ground, np.array(nearest)))
    for part in (0, 3, 5):
        hunt.add(part)
    assert_same(hunt.found(), expected(ground, nearest))
    # nothing is stored of parts that are not named
    none = read_found(tmp_path, [0, 3, 5], ground.ground, np.array(nearest))
    assert [len(one) for one in none] == [0, 0, 0]


@pytest.mark.parametrize("chain_parts", [1, 2, 6])
def test_looking_again_for_some_core_rows_leaves_the_others_out(ground: Laid, chain_parts: int) -> None:
    from stages.core.progress import quiet

    nearest = [0, 9, 0, 2, 40]
    assert_same(ground.finder(chain_parts=chain_parts).again(np.array(nearest), quiet), expected(ground, nearest))


def test_threads_find_the_same_bytes(ground: Laid) -> None:
    from stages.core.progress import quiet

    nearest = np.array([5] * 5)
    one, three = (ground.finder(threads=n).again(nearest, quiet) for n in (1, 3))
    for ours, theirs in zip(one, three, strict=True):
        assert [column.tobytes() for column in ours] == [column.tobytes() for column in theirs]


def test_parts_without_rows_are_passed_over(tmp_path: Path) -> None:
    from stages.core.progress import quiet

    rows = [row | {"patterns": []} for row in POOL[7:14]]
    found = laid(tmp_path, [POOL[:7], rows, [], POOL[14:]], CORE)
    nearest = np.array([40] * 5)
    (lists,) = found.finder().again(nearest, quiet)
    assert set(lists.position.tolist()) == {*range(7), *range(14, 40)}
    assert found.finder().hunt(nearest).forecast([1], 100) is None
    forecast = found.finder().hunt(nearest).forecast([0, 3, 1], 100)
    assert forecast is not None
    assert forecast.seconds >= 0


def test_rows_are_taken_out_of_chains_laid_one_behind_the_other() -> None:
    lengths = [2, 1, 4, 3, 1]
    starts = np.cumsum([0, *lengths])
    values = np.arange(11)
    codes, weights = Codes(values.astype(np.int32), starts), values.astype(np.float32) * 10
    for rows in ([0, 1, 2, 3, 4], [3], [2, 4], [4, 0, 2], [1, 1], []):
        wanted = [values[low:high].tolist() for low, high in pairwise(starts.tolist())]
        taken, of_them = taken_codes(codes, weights, np.array(rows, dtype=np.int64))
        series = taken_series(Series(weights, starts), np.array(rows, dtype=np.int64))
        assert taken is not None
        assert series is not None
        found = [taken.values[low:high].tolist() for low, high in pairwise(taken.starts.tolist())]
        assert found == [wanted[row] for row in rows]
        assert of_them.tolist() == [10.0 * value for row in rows for value in wanted[row]]
        assert series.values.tolist() == of_them.tolist()
        assert series.starts.tolist() == taken.starts.tolist()
    assert taken_series(None, np.array([1])) is None
    assert taken_codes(None, None, np.array([1]))[0] is None
