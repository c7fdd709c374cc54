"""A folder made again with other options holds what a new one would, although its first passes are kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.extract_principles.commands import contents
from tests.select_cotp.pools import cots, files, select, write

RATES = [row | {"success_rate": number % 5 / 4} for number, row in enumerate(cots("p", 40, 1))]
"""The rows of `files`, which a policy solves now and then."""

CHANGES: dict[str, dict[str, Any]] = {
    "band": {"band": 0.05},
    "bins": {"bins": "8"},
    "raw": {"bins": "none"},
    "names": {"name_distance": "exact"},
    "weights": {"weights": "none"},
    "idf": {"idf": "plain"},
    "scale": {"scale": "median"},
    "lambda": {"lambda_": 0.3},
    "sweep": {"sweep": ("0,1",)},
    "utility": {"utility": "learnability"},
    "more": {"per_core": 5},
    "tokens": {"per_core": None, "tokens": 100.0},
    "near": {"max_distance": 0.4},
    "few candidates": {"candidates": 3},
    "duplicates": {"near_duplicates": 0.5},
    "knn": {"method": "knn"},
    "seed": {"seed": 5},
    "rules": {"patterns": "rules"},
}


def everything(folder: Path) -> dict[str, bytes]:
    """Every file but locks, the options as they were typed, and candidates, which depend on the order of work."""
    apart = ("lock", "config.yaml", "candidates/")
    return {name: data for name, data in contents(folder).items() if not any(part in name for part in apart)}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_a_folder_made_again_with_another_option_is_that_of_a_new_one(tmp_path: Path, changed: dict[str, Any]) -> None:
    _, core = files(tmp_path)
    pool = write(tmp_path / "pool.jsonl", RATES)
    # without scales, nothing else tells distances of one kind from those of another
    base: dict[str, Any] = {"per_core": 3, "scale": "none"}
    out, new = tmp_path / "here" / "out", tmp_path / "there" / "out"
    select(pool, core, out, **base)
    before = everything(out)
    select(pool, core, out, **(base | changed), overwrite=True)
    select(pool, core, new, **(base | changed))
    assert everything(out) == everything(new)
    assert everything(out) != before
    select(pool, core, out, **base, overwrite=True)
    assert everything(out) == before


def test_another_map_of_names_makes_a_folder_new(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    merges = tmp_path / "names.yaml"
    found = []
    for text in ("plan: compute", "plan: check"):
        merges.write_text(text + "\n", encoding="utf-8")
        out, new = tmp_path / "here" / "out", tmp_path / text[6:] / "out"
        options: dict[str, Any] = {"pattern_map": merges, "scale": "none", "per_core": 3}
        select(pool, core, out, **options, overwrite=True)
        select(pool, core, new, **options)
        assert everything(out) == everything(new)
        found.append(everything(out))
    assert found[0] != found[1]
