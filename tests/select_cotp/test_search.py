"""The search finds what sorting all pairs finds, with every pruning, order of blocks, seed, chunk and thread count."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.select_cotp.arrays import F32, Block, Candidates, Codes, Objective, Series
from stages.select_cotp.dtw import EntropyKernel, radius_of
from stages.select_cotp.search import Search
from tests.naive.search import SlowEntropy, TablePatterns, nearest

WAYS = ("none", "patterns", "keogh", "auto")
MIB = 2**20


class Case:
    """A small pool with its core rows, and both matrices."""

    def __init__(
        self, seed: int, *, num_core: int = 4, rows: int = 150, length: int | None = 6, coarse: bool = False
    ) -> None:
        random = np.random.default_rng(seed)
        self.num_core = num_core
        self.core = _series(random, num_core, length, coarse)
        pool = _series(random, rows, length, coarse)
        spread = random.integers(0, 4, (num_core, rows)) / 4 if coarse else random.random((num_core, rows))
        self.d_pattern = spread.astype(np.float32)
        self.block = Block(
            position=np.arange(rows, dtype=np.int64) * 3 + 1,
            tie=random.integers(0, 3 if coarse else 2**63, rows).astype(np.uint64),
            patterns=Codes(np.arange(rows, dtype=np.int32), np.arange(rows + 1, dtype=np.int64)),
            entropy=pool,
            shortfall=np.round(random.random(rows), 2),
        )
        self.d_entropy = SlowEntropy(self.core).block(pool)

    def search(self, objectives: Sequence[Objective], most: Any, **options: Any) -> Search:
        """A search of this case with stand-in kernels."""
        given: dict[str, Any] = {"threads": 1, "memory_bytes": 64 * MIB, "prune": "auto"} | options
        return Search(
            patterns=TablePatterns(self.d_pattern),
            entropy=SlowEntropy(self.core),
            core=self.core,
            num_core=self.num_core,
            objectives=objectives,
            nearest=most,
            **given,
        )

    def expected(self, objectives: Sequence[Objective], most: Any) -> list[Candidates]:
        """What sorting finds."""
        sizes = np.broadcast_to(most, self.num_core).tolist()
        return [nearest(self.d_pattern, self.d_entropy, self.block, one, sizes) for one in objectives]


def _series(random: np.random.Generator, rows: int, length: int | None, coarse: bool) -> Series:
    lengths = np.full(rows, length) if length else random.integers(1, 7, rows)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = random.integers(0, 3, starts[-1]) if coarse else random.gamma(2, 0.4, starts[-1])
    return Series(values.astype(np.float32), starts)


def _rows(block: Block, rows: Any) -> Block:
    """Some rows of a block, in the order given."""
    assert block.patterns is not None
    assert block.entropy is not None
    chains = [
        kind(
            np.concatenate([part.values[part.starts[r] : part.starts[r + 1]] for r in rows]),
            np.concatenate([[0], np.cumsum([part.starts[r + 1] - part.starts[r] for r in rows])]).astype(np.int64),
        )
        for kind, part in ((Codes, block.patterns), (Series, block.entropy))
    ]
    return Block(block.position[rows], block.tie[rows], chains[0], chains[1], block.shortfall[rows])


def _same(found: Sequence[Candidates], expected: Sequence[Candidates]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert [array.tobytes() for array in one] == [array.tobytes() for array in other]
        assert [array.dtype for array in one] == [array.dtype for array in other]


MAIN = Objective("lambda 0.8", 0.8 / 0.31, 0.2 / 0.17)
ENTROPY = Objective("lambda 0", 0.0, 1 / 0.17)
PATTERNS = Objective("lambda 1", 1 / 0.31, 0.0)
SWEEP = [
    Objective("shortfall alone", 0.0, 0.0, 1.0),
    MAIN,
    ENTROPY,
    PATTERNS,
    Objective("utility", 0.8 / 0.31, 0.2 / 0.17, 0.5),
]


@pytest.mark.parametrize("prune", WAYS)
@pytest.mark.parametrize("length", [6, None])
@pytest.mark.parametrize("objectives", [[MAIN], SWEEP, [ENTROPY], [PATTERNS], [SWEEP[0], SWEEP[4]]])
def test_every_pruning_finds_what_sorting_finds(prune: str, length: int | None, objectives: list[Objective]) -> None:
    if prune == "keogh" and length is None:
        return
    case = Case(1, length=length)
    search = case.search(objectives, 5, prune=prune)
    search.add(case.block)
    _same(search.found(), case.expected(objectives, 5))


@pytest.mark.parametrize("prune", WAYS)
def test_many_equal_distances_go_by_tie_then_by_position(prune: str) -> None:
    case = Case(2, coarse=True)
    search = case.search(SWEEP, 9, prune=prune, threads=3)
    search.add(case.block)
    _same(search.found(), case.expected(SWEEP, 9))


@pytest.mark.parametrize("seed", range(4))
def test_blocks_in_any_order_and_seeds_of_other_parts(seed: int) -> None:
    case, random = Case(3), np.random.default_rng(seed)
    order = random.permutation(len(case.block))
    parts = np.split(order, np.sort(random.integers(0, len(order), 3)))
    first = case.search(SWEEP, 5, prune="patterns")
    for part in parts[:2]:
        first.add(_rows(case.block, part)) if len(part) else None
    second = case.search(SWEEP, 5, prune=WAYS[seed])
    second.seed(first.found())
    for part in parts[2:]:
        second.add(_rows(case.block, part)) if len(part) else None
    _same(second.found(), case.expected(SWEEP, 5))


def test_threads_and_chunks_change_nothing() -> None:
    case = Case(4, rows=700)
    expected = case.expected([MAIN], 3)
    fixed = 12 * 84 + 3 * 4 * MIB
    for threads, memory in ((1, 64 * MIB), (3, 64 * MIB), (3, fixed + 3 * 4 * 8 * 40)):
        search = case.search([MAIN], 3, threads=threads, memory_bytes=memory, prune="auto")
        search.add(case.block)
        _same(search.found(), expected)


@pytest.mark.parametrize("prune", WAYS)
def test_each_core_row_keeps_its_own_number_or_none(prune: str) -> None:
    case = Case(5)
    sizes = np.array([3, 0, 200, 1])
    search = case.search([MAIN, PATTERNS], sizes, prune=prune)
    search.add(case.block)
    _same(search.found(), case.expected([MAIN, PATTERNS], sizes))
    assert np.bincount(search.found()[0].core, minlength=4).tolist() == [3, 0, 150, 1]


def test_the_pattern_term_keeps_pairs_out_of_the_entropy_kernel() -> None:
    case = Case(6, rows=600)
    search = case.search([Objective("lambda 0.9", 0.9, 0.1)], 2, prune="patterns")
    search.add(case.block)
    facts = search.facts
    assert facts["prune"] == "patterns"
    assert facts["pairs"] == 2400
    assert 0 < facts["entropy_pairs"] < 800
    assert facts["entropy_share"] == facts["entropy_pairs"] / 2400
    assert facts["entropy_cells"] == 36 * facts["entropy_pairs"]


def test_a_term_without_factor_needs_neither_kernel_nor_chains() -> None:
    case = Case(7)
    objective = Objective("lambda 1", 1.0, 0.0, 0.25)
    search = Search(
        patterns=TablePatterns(case.d_pattern),
        entropy=None,
        core=None,
        num_core=4,
        objectives=[objective],
        nearest=5,
        threads=2,
        memory_bytes=64 * MIB,
        prune="auto",
    )
    search.add(Block(*case.block[:3], None, case.block.shortfall))
    _same(search.found(), case.expected([objective], 5))
    assert np.isnan(search.found()[0].d_entropy).all()
    assert search.facts["entropy_share"] == 0


def test_too_little_memory_names_the_flag_and_what_would_do() -> None:
    case = Case(8)
    with pytest.raises(ConfigError, match=r"--memory-mb 64 does not hold the 4000000 .* at least 325") as error:
        case.search([MAIN], 1_000_000, memory_bytes=64 * MIB)
    least = int(str(error.value).split("at least ")[1].split(",")[0])
    case.search([MAIN], 1_000_000, memory_bytes=least * MIB)
    with pytest.raises(ConfigError, match=f"at least {least},"):
        case.search([MAIN], 1_000_000, memory_bytes=(least - 1) * MIB)
    case.num_core = 100_000
    with pytest.raises(ConfigError, match="at least 37,"):
        case.search([MAIN], 1, memory_bytes=32 * MIB)


class _Failing(SlowEntropy):
    def block(self, pool: Series) -> F32:
        raise ZeroDivisionError("a kernel's own fault")


def test_the_fault_of_a_thread_comes_out() -> None:
    case = Case(9, rows=600)
    search = Search(
        patterns=TablePatterns(case.d_pattern),
        entropy=_Failing(case.core),
        core=case.core,
        num_core=4,
        objectives=[MAIN],
        nearest=2,
        threads=2,
        memory_bytes=64 * MIB,
        prune="none",
    )
    with pytest.raises(ZeroDivisionError, match="own fault"):
        search.add(case.block)


@pytest.mark.parametrize("prune", WAYS)
@pytest.mark.parametrize("band", [None, 0.1])
def test_the_vector_kernels_find_what_sorting_finds(prune: str, band: float | None) -> None:
    random = np.random.default_rng(11)
    core, pool = (_smooth(random, rows, 40) for rows in (5, 900))
    block = Block(np.arange(900), random.integers(0, 9, 900).astype(np.uint64), None, pool, random.random(900))
    kernel = EntropyKernel(core, band=band)
    objective = Objective("lambda 0", 0.0, 4.0, 0.1)
    search = Search(
        patterns=None,
        entropy=kernel,
        core=core,
        num_core=5,
        objectives=[objective],
        nearest=6,
        threads=3,
        memory_bytes=64 * MIB,
        prune=prune,  # type: ignore[arg-type]
        radius=radius_of(band, 40),
    )
    search.add(block)
    _same(search.found(), [nearest(np.empty((5, 0)), kernel.block(pool), block, objective, [6] * 5)])
    pairs, cells = search.facts["entropy_pairs"], 40 * 40 if band is None else 40 * 9 - 4 * 5
    assert (pairs == 4500) == (prune == "none")
    assert search.facts["entropy_cells"] == pairs * cells


def _smooth(random: np.random.Generator, rows: int, length: int) -> Series:
    values = np.cumsum(random.normal(0, 0.2, (rows, length)), axis=1) + random.normal(0, 2, (rows, 1))
    return Series(np.abs(values).astype(np.float32).ravel(), np.arange(rows + 1) * length)


def test_core_chains_of_one_length_do_not_make_those_of_the_pool_so() -> None:
    case = Case(12, length=None, rows=300)
    assert case.block.entropy is not None
    case.core = _series(np.random.default_rng(0), 4, 6, coarse=False)
    case.d_entropy = SlowEntropy(case.core).block(case.block.entropy)
    search = case.search([ENTROPY], 20, prune="keogh")
    search.add(case.block)
    _same(search.found(), case.expected([ENTROPY], 20))


def test_an_entropy_distance_just_within_what_the_pattern_distance_leaves() -> None:
    """Row 0 is at 0.5 + 1; of the second chunk only row 100, at 0.5 + 0.9999, can be nearer, and by little."""
    case = Case(14, num_core=1, rows=130, length=4)
    values = np.ones((130, 4), np.float32)
    values[100] = 0.9999
    case.core, pool = Series(np.zeros(4, np.float32), np.array([0, 4])), Series(values.ravel(), np.arange(131) * 4)
    case.d_pattern = np.full((1, 130), 9, np.float32)
    case.d_pattern[0, [0, 100]] = 0.5
    search = case.search([Objective("sum", 1.0, 1.0)], 1, prune="patterns")
    search.add(Block(*case.block[:3], pool, case.block.shortfall))
    assert search.found()[0].position.tolist() == [301]
    assert search.found()[0].distance.tolist() == pytest.approx([1.4999])


def test_columns_of_files_that_cannot_be_written_to_are_read() -> None:
    case = Case(13)
    assert case.block.entropy is not None
    for array in (*case.block[:2], case.block.shortfall, case.block.entropy.values, case.block.entropy.starts):
        array.flags.writeable = False
    search = case.search(SWEEP, 5, prune="keogh")
    search.seed([Candidates(*(_locked(column[:0]) for column in one)) for one in case.expected(SWEEP, 5)])
    search.add(case.block)
    _same(search.found(), case.expected(SWEEP, 5))


def _locked(array: Any) -> Any:
    array.flags.writeable = False
    return array
