"""What every option of the selection selects in a whole run, against dense matrices and plain loops."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.optimize import linear_sum_assignment

from stages.select_cotp import choose
from stages.select_cotp.arms import length_tenth
from stages.select_cotp.arrays import Candidates
from stages.select_cotp.certificate import Solved, solve
from stages.select_cotp.finding import Finder
from tests.extract_principles.commands import rows_of
from tests.naive import assign as naive_arms
from tests.naive import selection_of_cots as naive
from tests.select_cotp.pools import BINS, cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)


def decided(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / ".rlbff" / "report" / "decided.json").read_text())
    return facts


def arms_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(folder / ".rlbff" / "arms" / "part-00000.parquet").to_pylist():
        found.setdefault(row["arm"], []).append(row)
    return found


def matrix(share: float = 0.8, core: Any = CORE, pool: Any = POOL, **how: Any) -> Any:
    """Scaled distances (C, N)."""
    pattern, entropy = naive.distances(core, pool, BINS, **how)
    return share * pattern / np.median(pattern) + (1 - share) * entropy / np.median(entropy)


def pairs_of(rows: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """(core row, row of the pool) by the numbers in their ids."""
    return {(int(row["core_id"][1:]), int(row["id"][1:])) for row in rows}


def optimum(distance: Any, per_core: int) -> set[tuple[int, int]]:
    rows, columns = linear_sum_assignment(np.repeat(distance, per_core, axis=0))
    return {(int(i) // per_core, int(j)) for i, j in zip(rows, columns, strict=True)}


def test_every_arm_by_distance_is_that_of_plain_loops(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=4, arms=("knn,greedy",))
    distance, found = matrix(), arms_of(tmp_path / "out")
    assert pairs_of(found["assign"]) == optimum(distance, 4)
    assert pairs_of(found["greedy"]) == naive_arms.greedy(distance, [4] * 4)
    expected, distinct = naive_arms.knn(distance, np.array([4] * 4), 16)
    assert distinct < 16
    assert {j for _, j in pairs_of(found["knn"])} == {j for _, j in expected}
    assert len({row["id"] for row in found["knn"]}) == 16
    for name in ("assign", "greedy", "knn"):
        for row in found[name]:
            i, j = int(row["core_id"][1:]), int(row["id"][1:])
            assert row["distance"] == pytest.approx(distance[i, j], rel=1e-5)
    assert [row["arm"] for row in decided(tmp_path / "out")["arms"]] == ["pool", "assign", "knn", "greedy"]


@pytest.mark.parametrize("method", ["knn", "greedy", "random", "random-length", "random-matched"])
def test_a_method_writes_what_it_selects_as_an_arm(tmp_path: Path, method: str) -> None:
    pool, core = files(tmp_path)
    every = ("knn,greedy,random,random-length,random-matched,assign",)
    select(pool, core, tmp_path / "arm", per_core=3, arms=every)
    select(pool, core, tmp_path / "method", per_core=3, arms=("none",), method=method)
    facts, written = decided(tmp_path / "method"), rows_of(tmp_path / "method")
    assert (facts["main"], facts["certificate"]) == (method, None)
    assert [row["arm"] for row in facts["arms"]] == ["pool", method]
    assert {row["arm"] for row in written} == {method}
    beside = {row["id"]: row for row in arms_of(tmp_path / "arm")[method]}
    if method in ("knn", "greedy") or method == "random":
        assert {row["id"] for row in written} == beside.keys()
    for row in written:
        own = beside.get(row["id"])
        if own is not None:
            assert (row["core_id"], row["rank"], row["distance"]) == (own["core_id"], own["rank"], own["distance"])
        if method.startswith("random"):
            assert (row["core_id"], row["distance"], row["d_pattern"], row["d_entropy"]) == (None,) * 4
    assert {row["id"] for row in written} == beside.keys()
    ranks = sorted(row["rank"] for row in written)
    assert ranks == (list(range(1, 13)) if method.startswith("random") else ranks)


def cells(rows: list[dict[str, Any]], pool: list[dict[str, Any]], *keys: str) -> Counter[Any]:
    """How many rows fall in each tenth of the pool's lengths, and in each value of the columns."""
    tenth = dict(
        zip(
            (row["id"] for row in pool),
            length_tenth(np.array([len(row["entropy"]) for row in pool])).tolist(),
            strict=True,
        )
    )
    by_id = {row["id"]: row for row in pool}
    return Counter((tenth[row["id"]], *(by_id[row["id"]].get(key) for key in keys)) for row in rows)


def test_random_arms_have_the_lengths_truths_and_columns_that_they_match(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=120)
    rows = [row | {"source": ("web", "book")[number % 2]} for number, row in enumerate(cots("p", 120, 1))]
    write(pool, rows)
    select(pool, core, tmp_path / "out", per_core=6, match_by=("source",))
    found = arms_of(tmp_path / "out")
    assert cells(found["random-length"], rows) == cells(found["assign"], rows)
    every = ("correct", "source")
    assert cells(found["random-matched"], rows, *every) == cells(found["assign"], rows, *every)
    assert cells(found["random-length"], rows, *every) != cells(found["assign"], rows, *every)
    for name in ("random", "random-length", "random-matched"):
        assert {row["id"] for row in found[name]} != {row["id"] for row in found["assign"]}
    select(pool, core, tmp_path / "without", per_core=6)
    without = arms_of(tmp_path / "without")["random-matched"]
    assert cells(without, rows, "correct") == cells(found["assign"], rows, "correct")
    assert cells(without, rows, *every) != cells(found["assign"], rows, *every)
    assert {row["source"] for row in rows_of(tmp_path / "out")} == {"web", "book"}


def test_random_arms_are_like_the_method_where_it_goes_by_distance(tmp_path: Path) -> None:
    pool, core = files(tmp_path, pool=120)
    rows = cots("p", 120, 1)
    select(pool, core, tmp_path / "out", per_core=6, method="knn", arms=("random-length,assign",))
    found = arms_of(tmp_path / "out")
    assert cells(found["random-length"], rows) == cells(found["knn"], rows)
    assert cells(found["random-length"], rows) != cells(found["assign"], rows)
    assert list(decided(tmp_path / "out")["certificates"]) == ["assign"]


@pytest.mark.slow
def test_the_reference_selects_the_same(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    for kernel in ("simd", "tslearn"):
        select(pool, core, tmp_path / kernel, per_core=3, kernel=kernel, band=0.2, sweep=("0",))
    ours, theirs = (rows_of(tmp_path / kernel) for kernel in ("simd", "tslearn"))
    for one, other in zip(ours, theirs, strict=True):
        assert (one["id"], one["core_id"], one["rank"]) == (other["id"], other["core_id"], other["rank"])
        keys = ("distance", "d_pattern", "d_entropy")
        assert [one[key] for key in keys] == pytest.approx([other[key] for key in keys], rel=1e-5)


def test_another_seed_draws_other_rows_and_selects_the_same(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    found = []
    for seed in (0, 0, 1):
        select(pool, core, tmp_path / "out", per_core=3, seed=seed, overwrite=True)
        arms = arms_of(tmp_path / "out")
        found.append([{row["id"] for row in arms[name]} for name in ("assign", "random")])
    assert found[0] == found[1]
    assert found[0][0] == found[2][0]
    assert found[0][1] != found[2][1]


def test_all_arms_have_the_budget_in_rows(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    every = ("knn,greedy,random,random-length,random-matched",)
    select(pool, core, tmp_path / "out", per_core=5, arms=every, sweep=("0,1",))
    counts = {name: len(rows) for name, rows in arms_of(tmp_path / "out").items()}
    assert counts.pop("pool") == 40
    assert set(counts.values()) == {20}
    assert len(counts) == 8
    for rows in arms_of(tmp_path / "out").values():
        assert len({row["id"] for row in rows}) == len(rows)


def test_tokens_become_rows_by_the_mean_length(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    lengths = [len(row["entropy"]) for row in POOL]
    for each in (1, 3, 6):
        wanted = each * 4 * sum(lengths) / 40 * 1.05
        select(pool, core, tmp_path / "out", tokens=wanted, overwrite=True)
        assert decided(tmp_path / "out")["per_core"] == each
        assert len(rows_of(tmp_path / "out")) == 4 * each
        facts = {row["arm"]: row for row in decided(tmp_path / "out")["arms"]}
        budget = sum(row["num_tokens"] for row in rows_of(tmp_path / "out"))
        assert facts["assign"]["tokens"] == budget
        # a row of the pool has 39 tokens at most, so that random rows come within half of that
        assert abs(facts["random"]["tokens"] - budget) <= 20


@pytest.mark.parametrize("limit", [0.6, 0.8, 1.0])
def test_beyond_the_largest_distance_nothing_is_selected(tmp_path: Path, limit: float) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=12, max_distance=limit, arms=("knn,greedy,random",))
    distance = np.repeat(matrix(), 12, axis=0)
    # as many pairs as there can be, then the least sum
    rows, columns = linear_sum_assignment(np.where(distance <= limit, distance, 1e6))
    kept = [(i // 12, j) for i, j in zip(rows, columns, strict=True) if distance[i, j] <= limit]
    found = arms_of(tmp_path / "out")
    assert pairs_of(found["assign"]) == {(int(i), int(j)) for i, j in kept}
    assert len(kept) < 40
    for name in ("assign", "knn", "greedy"):
        assert max(row["distance"] for row in found[name]) <= limit
    certificate = decided(tmp_path / "out")["certificate"]
    assert certificate["certified"]
    assert certificate["empty"] == 48 - len(kept)
    assert len(found["random"]) == len(kept)
    assert decided(tmp_path / "out")["rows"] == len(kept)


def test_the_largest_distance_holds_where_lists_are_short(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    for candidates in (1, 40):
        out = tmp_path / str(candidates)
        select(pool, core, out, per_core=3, max_distance=0.8, candidates=candidates, arms=("knn,greedy",))
    one, all_ = (arms_of(tmp_path / name) for name in ("1", "40"))
    assert one == all_


def test_nothing_near_enough_selects_nothing(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    report = select(pool, core, tmp_path / "out", max_distance=0.0)
    assert report.rows == {"in": 40, "kept": 0, "dropped": 40, "rejected": 0}
    assert rows_of(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"weights": "none"}, {"weighted": False}),
        ({"idf": "plain"}, {"idf": "plain"}),
        ({"name_distance": "jaccard"}, {"measure": "jaccard"}),
        ({"name_distance": "exact"}, {"measure": "exact"}),
        ({"band": 0.1}, {"radius": 1}),
    ],
)
def test_options_of_the_distance_reach_scales_and_selection(
    tmp_path: Path, options: dict[str, Any], how: dict[str, Any]
) -> None:
    core_rows = cots("c", 8, 2)
    pool, core = files(tmp_path, core=8)
    select(pool, core, tmp_path / "out", per_core=3, **options)
    pattern, entropy = naive.distances(core_rows, POOL, BINS, **how)
    facts = decided(tmp_path / "out")
    assert facts["scales"] == pytest.approx([np.median(pattern), np.median(entropy)], rel=1e-5)
    usual = naive.distances(core_rows, POOL, BINS)
    assert facts["scales"] != pytest.approx([np.median(usual[0]), np.median(usual[1])], rel=1e-5)
    assert pairs_of(rows_of(tmp_path / "out")) == optimum(matrix(core=core_rows, **how), 3)
    for row in rows_of(tmp_path / "out"):
        i, j = int(row["core_id"][1:]), int(row["id"][1:])
        assert (row["d_pattern"], row["d_entropy"]) == pytest.approx((pattern[i, j], entropy[i, j]), rel=1e-5)


def test_without_scales_both_terms_count_as_they_are(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=3, scale="none", lambda_=0.3)
    pattern, entropy = naive.distances(CORE, POOL, BINS)
    plain = 0.3 * pattern + 0.7 * entropy
    assert decided(tmp_path / "out")["scales"] == [1.0, 1.0]
    assert pairs_of(rows_of(tmp_path / "out")) == optimum(plain, 3)
    for row in rows_of(tmp_path / "out"):
        assert row["distance"] == pytest.approx(plain[int(row["core_id"][1:]), int(row["id"][1:])], rel=1e-5)


def test_a_sweep_is_the_same_as_runs_of_their_own(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    # a run of 0 or 1 alone would leave out one scale, but that changes no order
    select(pool, core, tmp_path / "sweep", per_core=3, sweep=("0,0.4", "1"), lambda_=0.8)
    arms = arms_of(tmp_path / "sweep")
    certificates = decided(tmp_path / "sweep")["certificates"]
    assert list(certificates) == ["assign", "assign:lambda=0", "assign:lambda=0.4", "assign:lambda=1"]
    for share in (0.0, 0.4, 0.8, 1.0):
        select(pool, core, tmp_path / "alone", per_core=3, lambda_=share, overwrite=True)
        name = "assign" if share == 0.8 else f"assign:lambda={share:g}"
        whole = [{k: row[k] for k in ("id", "core_id", "rank", "distance")} for row in arms[name]]
        alone = {row["id"]: row for row in rows_of(tmp_path / "alone")}
        assert len(whole) == len(alone) == 12
        for row in whole:
            assert row == {k: alone[row["id"]][k] for k in row}
        assert certificates[name] == decided(tmp_path / "alone")["certificate"]


@pytest.mark.parametrize("base", ["knn", "greedy"])
def test_a_sweep_uses_the_method(tmp_path: Path, base: str) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "sweep", per_core=3, sweep=("0",), method=base, output_arm=f"{base}:lambda=0")
    select(pool, core, tmp_path / "alone", per_core=3, lambda_=0, method=base)
    sweep = {row["id"]: (row["core_id"], row["rank"], row["distance"]) for row in rows_of(tmp_path / "sweep")}
    alone = {row["id"]: (row["core_id"], row["rank"], row["distance"]) for row in rows_of(tmp_path / "alone")}
    assert sweep == alone
    assert {row["arm"] for row in rows_of(tmp_path / "sweep")} == {f"{base}:lambda=0"}


def test_the_arm_that_is_written_has_its_own_distances(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    options: dict[str, Any] = {"per_core": 3, "sweep": ("0",)}
    for arm in ("assign:lambda=0", "random-matched", "knn"):
        select(pool, core, tmp_path / "out", output_arm=arm, overwrite=True, **options)
        stored = {row["id"]: row for row in arms_of(tmp_path / "out")[arm]}
        written = {row["id"]: row for row in rows_of(tmp_path / "out")}
        assert written.keys() == stored.keys()
        for name, row in written.items():
            for key in ("core_id", "rank", "distance", "correct", "question_id", "num_tokens", "patterns"):
                assert row[key] == stored[name][key], (arm, key)
            # at lambda 0 no pattern was looked at
            assert (row["d_pattern"] is None) == (arm != "knn")
        assert decided(tmp_path / "out")["main"] == arm
        overlap = {row["arm"]: row["overlap"] for row in decided(tmp_path / "out")["arms"]}
        assert overlap["assign"] == 1


UTILITIES = {
    "learnability": lambda p: 4 * p * (1 - p),
    "potential": lambda p: 1 - p,
    "unsolved": lambda p: float(p == 0),
}


@pytest.mark.parametrize("kind", UTILITIES)
def test_utility_is_an_arm_of_its_own_and_the_optimum_of_distance_and_shortfall(tmp_path: Path, kind: str) -> None:
    pool, core = files(tmp_path)
    rates = [None if n % 9 == 8 else (n % 5) / 4 for n in range(40)]
    write(pool, [row | {"success_rate": rate} for row, rate in zip(POOL, rates, strict=True)])
    arm = f"assign:{kind}:0.7"
    select(pool, core, tmp_path / "out", per_core=3, utility=kind, utility_weight=0.7, output_arm=arm)
    shortfall = np.array([1 - (0.0 if rate is None else UTILITIES[kind](rate)) for rate in rates])
    distance = matrix() + 0.7 * shortfall
    found = arms_of(tmp_path / "out")
    assert pairs_of(found[arm]) == optimum(distance, 3)
    for row in rows_of(tmp_path / "out"):
        assert row["distance"] == pytest.approx(distance[int(row["core_id"][1:]), int(row["id"][1:])], rel=1e-5)
    assert pairs_of(found["assign"]) == optimum(matrix(), 3)
    assert pairs_of(found["assign"]) != pairs_of(found[arm])
    assert decided(tmp_path / "out")["certificates"][arm]["certified"]


def test_utility_and_a_sweep_have_arms_in_their_order(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [row | {"n": 4, "c": number % 5} for number, row in enumerate(POOL)])
    select(pool, core, tmp_path / "out", per_core=3, utility="potential", sweep=("0",), arms=("knn",))
    found = arms_of(tmp_path / "out")
    assert list(found) == ["pool", "assign", "knn", "assign:lambda=0", "assign:potential:0.5"]
    assert pairs_of(found["assign:lambda=0"]) == optimum(matrix(0.0), 3)
    shortfall = np.array([(number % 5) / 4 for number in range(40)])
    assert pairs_of(found["assign:potential:0.5"]) == optimum(matrix() + 0.5 * shortfall, 3)


def clustered(num: int) -> list[dict[str, Any]]:
    """Core rows that differ hardly, so that all want the same rows."""
    return [
        CORE[0]
        | {"id": f"c{number}", "completion": f"copy {number}"}
        | {"entropy": [value + 0.001 * number for value in CORE[0]["entropy"]]}
        for number in range(num)
    ]


@pytest.mark.parametrize("method", ["assign", "knn", "greedy"])
def test_lists_of_one_grow_until_they_are_enough(tmp_path: Path, method: str) -> None:
    core_rows = clustered(6)
    pool, core = write(tmp_path / "pool.jsonl", POOL), write(tmp_path / "core.jsonl", core_rows)
    options: dict[str, Any] = {"method": method, "arms": ("none",), "per_core": 4, "rows_per_shard": 9}
    select(pool, core, tmp_path / "short", candidates=1, **options)
    select(pool, core, tmp_path / "long", candidates=40, **options)
    short, long = (rows_of(tmp_path / name) for name in ("short", "long"))
    assert short == long
    distance = matrix(core=core_rows)
    total = sum(row["distance"] for row in short)
    if method == "assign":
        rows, columns = linear_sum_assignment(np.repeat(distance, 4, axis=0))
        assert total == pytest.approx(np.repeat(distance, 4, axis=0)[rows, columns].sum(), rel=1e-6)
        assert decided(tmp_path / "short")["certificate"]["certified"]
    elif method == "greedy":
        assert pairs_of(short) == naive_arms.greedy(distance, [4] * 6)
    else:
        assert {row["id"] for row in short} == {f"p{j}" for _, j in naive_arms.knn(distance, np.array([4] * 6), 24)[0]}
    # a sixth of what all together want is what each alone would have got
    assert total > sum(np.sort(row)[:4].sum() for row in distance)


def test_lists_of_every_lambda_grow_by_themselves(tmp_path: Path) -> None:
    pool, core = write(tmp_path / "pool.jsonl", POOL), write(tmp_path / "core.jsonl", clustered(6))
    write(pool, [row | {"success_rate": number / 40} for number, row in enumerate(POOL)])
    options: dict[str, Any] = {"sweep": ("0,1",), "utility": "potential", "per_core": 4, "rows_per_shard": 9}
    for candidates in (1, 40):
        select(pool, core, tmp_path / str(candidates), candidates=candidates, **options)
    short, long = (arms_of(tmp_path / name) for name in ("1", "40"))
    assert short == long
    ours = [name for name in short if name.startswith("assign")]
    assert len({frozenset(row["id"] for row in short[name]) for name in ours}) == len(ours) == 4
    for name, share in (("assign", 0.8), ("assign:lambda=0", 0.0), ("assign:lambda=1", 1.0)):
        table = np.repeat(matrix(share, core=clustered(6)), 4, axis=0)
        rows, columns = linear_sum_assignment(table)
        assert decided(tmp_path / "1")["certificates"][name]["certified"]
        assert sum(row["distance"] for row in short[name]) == pytest.approx(table[rows, columns].sum(), rel=1e-5)


def test_lists_that_grew_hold_each_pair_once_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[tuple[Candidates, Any]] = []

    def solved(more: Callable[[Any], Candidates], *further: Any, **options: Any) -> Solved:
        def seen(nearest: Any) -> Candidates:
            grown.append((found := more(nearest), nearest.copy()))
            return found

        return solve(seen, *further, **options)

    monkeypatch.setattr(choose, "solve", solved)
    asked = asked_again(monkeypatch)
    far = [CORE[1] | {"id": "far", "completion": "another"}]
    pool = write(tmp_path / "pool.jsonl", POOL)
    select(pool, write(tmp_path / "core.jsonl", [*clustered(5), *far]), tmp_path / "out", per_core=3, candidates=1)
    assert len(grown) > 1
    for found, nearest in grown:
        order = np.lexsort((found.position, found.tie, found.distance, found.core))
        assert order.tolist() == list(range(len(found)))
        assert np.bincount(found.core, minlength=6).tolist() == nearest.tolist()
        assert len(set(zip(found.core.tolist(), found.position.tolist(), strict=True))) == len(found)
    # lists that are long enough are not looked for again
    assert len(set(grown[-1][1].tolist())) > 1
    before = np.full(6, 3)
    for (_, nearest), again in zip(grown, asked, strict=False):
        assert again.tolist() == np.where(nearest > before, nearest, 0).tolist()
        before = nearest


def asked_again(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How long lists are to be, of every time that the whole pool is looked through again."""
    asked: list[Any] = []
    real = Finder.again

    def again(finder: Finder, nearest: Any, *further: Any) -> list[Candidates]:
        asked.append(nearest.copy())
        return real(finder, nearest, *further)

    monkeypatch.setattr(Finder, "again", again)
    return asked


@pytest.mark.parametrize("method", ["assign", "knn", "greedy"])
def test_lists_that_reach_beyond_the_largest_distance_are_long_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    pool, core = files(tmp_path)
    limit = 0.6
    most = int((matrix() <= limit).sum(axis=1).max())
    asked = asked_again(monkeypatch)
    select(
        pool,
        core,
        tmp_path / "out",
        per_core=most,
        candidates=most + 1,
        max_distance=limit,
        method=method,
        arms=("none",),
    )
    assert 0 < len(rows_of(tmp_path / "out")) < 4 * most
    assert asked == []


def test_a_gap_that_is_allowed_stops_earlier_and_is_told(tmp_path: Path) -> None:
    pool_rows, core_rows = cots("p", 60, 1), cots("c", 10, 3)
    pool, core = write(tmp_path / "pool.jsonl", pool_rows), write(tmp_path / "core.jsonl", core_rows)
    distance = np.repeat(matrix(core=core_rows, pool=pool_rows), 3, axis=0)
    rows, columns = linear_sum_assignment(distance)
    best = distance[rows, columns].sum()
    found = []
    for gap in (0.0, 0.001, 1.0):
        out = tmp_path / str(gap)
        select(pool, core, out, per_core=3, candidates=3, max_gap=gap, arms=("none",))
        found.append(decided(out)["certificate"])
        assert found[-1]["gap"] <= gap
        # what is certified is never less than the truth
        assert found[-1]["gap"] >= (found[-1]["distance"] - best) / found[-1]["distance"] - 1e-6
    assert [one["certified"] for one in found] == [True, False, False]
    assert found[0]["distance"] == pytest.approx(best, rel=1e-6)
    assert found[2]["gap"] > 0.01 > found[1]["gap"] > 0
