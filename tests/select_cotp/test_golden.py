"""What is selected of the sample data, frozen in tests/golden/select_cotp.json.

A change of it is a change of the method. Where one is meant, say so in CHANGELOG.md and freeze it anew:
`UPDATE_GOLDEN=1 pytest tests/select_cotp/test_golden.py`.
"""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.extract_principles.commands import ROOT, manifest_of, rows_of
from tests.select_cotp.pools import select

GOLDEN = ROOT / "tests" / "golden" / "select_cotp.json"
KEYS = ("id", "core_id", "rank", "distance", "d_pattern", "d_entropy")


def frozen(folder: Path) -> dict[str, Any]:
    """What is compared: numbers to 6 digits."""
    facts = json.loads((folder / ".rlbff" / "report" / "decided.json").read_text())
    arms: dict[str, list[str]] = {}
    for row in pq.read_table(folder / ".rlbff" / "arms" / "part-00000.parquet").to_pylist():
        if row["arm"] != "pool":
            arms.setdefault(row["arm"], []).append(row["id"])
    core = pq.read_table(folder / ".rlbff" / "core" / "part-00000.parquet").to_pylist()
    return {
        "columns": manifest_of(folder)["columns"],
        "scales": [_short(value) for value in facts["scales"]],
        "totals": {name: _short(one["distance"]) for name, one in facts["certificates"].items()},
        "certified": sorted(name for name, one in facts["certificates"].items() if one["certified"]),
        "dropped": manifest_of(folder)["dropped_by"],
        "core": [row["id"] for row in core],
        "rows": [[_short(row[key]) if key in KEYS[3:] else row[key] for key in KEYS] for row in rows_of(folder)],
        "arms": arms,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


@pytest.mark.parametrize("name", ["given", "built"])
def test_the_sample_gives_the_golden_selection(tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {
        "bins": "256",
        "per_core": 3,
        "sweep": ("0,0.5,1",),
        "arms": ("knn,greedy,random,random-length,random-matched",),
        "utility": "learnability",
        "match_by": ("type",),
    }
    sample = ROOT / "sample_data"
    if name == "built":
        options |= {"build_core": 10, "band": 0.1, "seed": 1}
    select(sample / "cots.jsonl", sample / "core.jsonl" if name == "given" else None, tmp_path / "out", **options)
    found = frozen(tmp_path / "out")
    if os.environ.get("UPDATE_GOLDEN"):
        known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(_pretty(known | {name: found}))
    golden = json.loads(GOLDEN.read_text())[name]
    numbers = ("scales", "totals", "rows")
    assert {key: found[key] for key in found if key not in numbers} == {
        key: golden[key] for key in golden if key not in numbers
    }
    assert found["scales"] == pytest.approx(golden["scales"], rel=1e-5)
    assert found["totals"] == pytest.approx(golden["totals"], rel=1e-5)
    assert [row[:3] for row in found["rows"]] == [row[:3] for row in golden["rows"]]
    for row, wanted in zip(found["rows"], golden["rows"], strict=True):
        assert row[3:] == pytest.approx(wanted[3:], rel=1e-5, abs=1e-6), row[0]


def _pretty(golden: dict[str, Any]) -> str:
    """A line for each row and for each arm."""
    parts = []
    for name, found in sorted(golden.items()):
        lines = []
        for key, value in found.items():
            if key == "rows":
                text = "[\n" + ",\n".join(f"   {json.dumps(row)}" for row in value) + "]"
            elif key == "arms":
                text = (
                    "{\n" + ",\n".join(f"   {json.dumps(arm)}: {json.dumps(ids)}" for arm, ids in value.items()) + "}"
                )
            else:
                text = json.dumps(value)
            lines.append(f'  "{key}": {text}')
        parts.append(f'"{name}": {{\n' + ",\n".join(lines) + "}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
