"""What a dry run tells: figures of the run that would be, whichever arm it would write."""

from pathlib import Path
from typing import Any

import pytest

from tests.select_cotp.pools import files, select


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sweep": ("0", "0.5"), "output_arm": "assign:lambda=0.5"},
        {"lambda_": 0.5, "sweep": ("1",), "output_arm": "assign:lambda=1"},
        {"bins": "per-step", "patterns": "rules"},
        {"bins": "none", "lambda_": 0.0},
    ],
)
def test_a_dry_run_counts_pairs_and_writes_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    pool, core = files(tmp_path)
    found = select(pool, core, tmp_path / "out", dry_run=True, **options).facts["forecast"]
    assert isinstance(found, dict)
    assert (found["rows"], found["core_rows"], found["pairs"], found["threads"]) == (40, 4, 160, 1)
    assert found["seconds_for_distances"] >= 0
    assert not (tmp_path / "out").exists()
