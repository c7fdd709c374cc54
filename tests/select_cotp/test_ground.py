"""What every share settles by itself: who may be selected, scales, distances, numbers, and what is told of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import DataError
from stages.core.options import RunOptions
from stages.select_cotp.arrays import tie_of
from stages.select_cotp.scales import sample
from tests.naive import selection_of_cots as naive
from tests.select_cotp.laid import cut, laid
from tests.select_cotp.pools import cots

POOL, CORE = cots("p", 30, 1), cots("c", 4, 2)


def test_scales_are_the_medians_of_the_pairs_that_the_sample_names(tmp_path: Path) -> None:
    pool, core = (
        [row | {"patterns": row["patterns"][:3]} for row in rows] for rows in (cots("p", 90, 3), cots("c", 70, 4))
    )
    pool[7]["patterns"] = []
    pool[9]["completion"] = pool[8]["completion"]
    found = laid(tmp_path, cut(pool, 16), core, bins="2").ground
    rows = [row for place, row in enumerate(pool) if place not in (7, 9)]
    assert found.pool.drops() == {"duplicate": 1, "no_patterns": 1}
    ties = [np.array([tie_of(row["id"]) for row in some], dtype=np.uint64) for some in (core, rows)]
    sampled = np.ix_(*sample(*ties, 0))
    every = naive.distances(core, rows, 2)
    assert every[0][sampled].shape == (64, 64)
    assert found.scales == pytest.approx([np.median(table[sampled]) for table in every], rel=1e-6)
    assert found.scales != pytest.approx([np.median(table) for table in every], rel=1e-6)
    assert found.scales != laid(tmp_path / "other", cut(pool, 16), core, bins="2", run=RunOptions(seed=1)).ground.scales


def test_parts_change_nothing(tmp_path: Path) -> None:
    one = laid(tmp_path / "one", [POOL], CORE).ground
    for size in (1, 7, 29):
        other = laid(tmp_path / str(size), cut(POOL, size), CORE).ground
        assert other.scales == one.scales
        assert other.identity == one.identity
        assert other.told == one.told


def test_one_objective_for_each_lambda_and_one_with_utility(tmp_path: Path) -> None:
    rows = [row | {"success_rate": 0.25} for row in POOL]
    options: dict[str, Any] = {"lambda_": 0.5, "sweep": ("0,1",), "utility": "potential", "utility_weight": 0.3}
    found = laid(tmp_path, [rows], CORE, **options).ground
    pattern, entropy = found.scales
    assert [list(one) for one in found.objectives] == [
        ["lambda=0.5", 0.5 / pattern, 0.5 / entropy, 0.0],
        ["lambda=0", 0.0, 1 / entropy, 0.0],
        ["lambda=1", 1 / pattern, 0.0, 0.0],
        ["potential:0.3", 0.5 / pattern, 0.5 / entropy, 0.3],
    ]
    assert found.shortfall.tolist() == [0.25] * 30
    plain = laid(tmp_path / "plain", [rows], CORE, scale="none").ground
    assert plain.scales == (1.0, 1.0)
    assert [list(one)[1:] for one in plain.objectives] == [pytest.approx([0.8, 0.2, 0.0])]
    assert not plain.shortfall.any()


@pytest.mark.parametrize(("share", "unused"), [(0.0, 0), (1.0, 1)])
def test_a_term_that_is_not_used_has_the_scale_1(tmp_path: Path, share: float, unused: int) -> None:
    found = laid(tmp_path, [POOL], CORE, lambda_=share).ground
    assert found.scales[unused] == 1.0
    assert found.scales[1 - unused] != 1.0


def test_the_core_sets_own_rows_are_left_out_and_questions_in_common_counted(tmp_path: Path) -> None:
    rows = [dict(row) for row in POOL]
    rows[3] |= {"completion": CORE[2]["completion"].upper(), "question_id": CORE[2]["question_id"]}
    found = laid(tmp_path, [rows], CORE).ground
    assert [found.pool.reason(n) for n in (2, 3, 4)] == [None, "in_core", None]
    questions = {row["question_id"] for row in CORE}
    common = sum(row["question_id"] in questions for n, row in enumerate(rows) if n != 3)
    assert common
    assert found.told["rows_with_a_question_of_the_core"] == common


def test_candidates_rest_on_all_that_changes_them(tmp_path: Path) -> None:
    rated = [row | {"success_rate": n / 30} for n, row in enumerate(POOL)]
    base = laid(tmp_path / "base", [rated], CORE).ground.identity
    assert laid(tmp_path / "again", [rated], CORE).ground.identity == base
    changed = [dict(row) for row in CORE]
    changed[1]["entropy"] = [0.5]
    dropped = [row | ({"patterns": []} if n == 3 else {}) for n, row in enumerate(rated)]
    for name, rows, core, options, keys in (
        ("core", rated, changed, {}, {"core"}),
        ("eligible", dropped, CORE, {}, {"eligible"}),
        ("lambda", rated, CORE, {"lambda_": 0.7}, {"objectives"}),
        ("weights", rated, CORE, {"weights": "none", "scale": "none"}, {"weights"}),
        ("utility", rated, CORE, {"utility": "potential"}, {"shortfall", "objectives"}),
    ):
        found = laid(tmp_path / name, [rows], core, **options).ground.identity
        assert {key for key in found if found[key] != base[key]} >= keys, name
    other = laid(tmp_path / "other", [rated], CORE, utility="unsolved").ground.identity
    assert (
        other["shortfall"]
        != laid(tmp_path / "potential", [rated], CORE, utility="potential").ground.identity["shortfall"]
    )


def test_tokens_are_shared_out_by_the_mean_of_rows_that_may_be_selected(tmp_path: Path) -> None:
    rows = [row | {"entropy": [0.3] * (10 if n < 20 else 1000)} for n, row in enumerate(POOL)]
    for row in rows[20:]:
        row["patterns"] = []
    found = laid(tmp_path, [rows], CORE, tokens=4 * 10 * 3).ground
    assert found.capacity.tolist() == [3] * 4
    assert laid(tmp_path / "rows", [rows], CORE, per_core=5).ground.capacity.tolist() == [5] * 4
    assert laid(tmp_path / "one", [rows], CORE).ground.capacity.tolist() == [1] * 4


def test_too_few_rows_are_refused_unless_distance_may_leave_places_empty(tmp_path: Path) -> None:
    rows = [row | ({"patterns": []} if n < 19 else {}) for n, row in enumerate(POOL)]
    with pytest.raises(DataError, match=r"12 pool rows, but only 11 .*no_patterns 19.*--per-core 2"):
        laid(tmp_path, [rows], CORE, per_core=3)
    assert laid(tmp_path / "far", [rows], CORE, per_core=3, max_distance=2.0).ground.capacity.tolist() == [3] * 4


def test_doubts_are_told(tmp_path: Path) -> None:
    assert laid(tmp_path / "none", [POOL], CORE).ground.warnings == ()
    twins = [*CORE, CORE[0] | {"id": "twin"}]
    (doubt,) = laid(tmp_path / "twins", [POOL], twins).ground.warnings
    assert "compete" in doubt
    once = [row | {"patterns": [f"name {n}"]} for n, row in enumerate(POOL)]
    (doubt,) = laid(tmp_path / "once", [once], CORE).ground.warnings
    assert "--pattern-map" in doubt
    assert laid(tmp_path / "entropy alone", [once], CORE, lambda_=0.0).ground.warnings == ()
    rated = [row | {"success_rate": 0.5 if n < 20 else None} for n, row in enumerate(POOL)]
    (doubt,) = laid(tmp_path / "rated", [rated], CORE, utility="potential").ground.warnings
    assert "10 of 30 rows have no success_rate" in doubt
    assert laid(tmp_path / "unrated", [rated], CORE).ground.warnings == ()
    same = [row | {"entropy": [0.5]} for row in POOL]
    (doubt,) = laid(tmp_path / "same", [same], [row | {"entropy": [0.5]} for row in CORE]).ground.warnings
    assert "All sampled entropy distances are 0" in doubt


def test_models_of_pool_and_core_must_be_one(tmp_path: Path) -> None:
    named = [[row | {"entropy_model": name} for row in rows] for rows, name in ((POOL, "a"), (CORE, "b"))]
    with pytest.raises(DataError, match=r"\(a, b\)"):
        laid(tmp_path / "two", [named[0]], named[1])
    mixed = [*named[0][:5], *(row | {"entropy_model": "b"} for row in POOL[5:])]
    with pytest.raises(DataError, match=r"\(a, b\)"):
        laid(tmp_path / "mixed", [mixed], CORE)
    found = laid(tmp_path / "one", [named[0]], CORE).ground
    assert found.told["entropy_model"] == "a"


def test_names_are_told_with_how_often_each_occurs(tmp_path: Path) -> None:
    rows = [row | {"patterns": ["Plan", "1. compute", "compute"]} for row in POOL]
    told: Any = laid(tmp_path, [rows], CORE).ground.told
    assert told["names"] == 2
    assert told["inventory"]["most_frequent"] == {"compute": 60, "plan": 30}
    assert told["inventory"]["chains"] == 30
    assert told["annotator"] == "column"
