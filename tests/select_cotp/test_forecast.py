"""What --dry-run says, for every kind of chain, without writing a byte or asking a model."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.options import LlmOptions
from tests.select_cotp.pools import cots, files, select, write


def forecast(tmp_path: Path, core: Path | None, **options: Any) -> dict[str, Any]:
    report = select(tmp_path / "pool.jsonl", core, tmp_path / "out", dry_run=True, **options)
    assert not (tmp_path / "out").exists()
    assert not report.complete
    found: Any = report.facts["forecast"]
    return dict(found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lambda_": 0.0},
        {"lambda_": 1.0},
        {"bins": "none"},
        {"bins": "per-step"},
        {"band": 0.1},
        {"sweep": ("0,1",)},
        {"patterns": "rules"},
        {"prune": "patterns"},
        {"kernel": "scalar"},
        {"utility": "potential"},
        {"patterns": "llm", "llm": LlmOptions(llm="http://127.0.0.1:9/v1")},
        {"patterns": "rules", "entropy_model": "no/such-model"},
    ],
    ids=str,
)
def test_every_kind_of_run_has_a_forecast(tmp_path: Path, options: dict[str, Any]) -> None:
    _, core = files(tmp_path)
    found = forecast(tmp_path, core, per_core=2, **options)
    assert (found["rows"], found["core_rows"], found["pairs"]) == (40, 4, 160)
    assert found["seconds_for_distances"] >= 0


def test_a_core_set_that_is_to_be_built_counts_with_its_size(tmp_path: Path) -> None:
    files(tmp_path)
    assert forecast(tmp_path, None, build_core=7)["pairs"] == 280


def test_more_rows_take_longer(tmp_path: Path) -> None:
    _, core = files(tmp_path)
    short = forecast(tmp_path, core, kernel="scalar", bins="512")["seconds_for_distances"]
    write(tmp_path / "pool.jsonl", cots("p", 40, 1) * 300)
    found = forecast(tmp_path, core, kernel="scalar", bins="512")
    assert found["rows"] == 12_000
    assert found["seconds_for_distances"] > short


def test_rows_that_cannot_be_used_have_no_forecast(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    write(pool, [{"id": "a", "prompt": "q", "completion": "c", "patterns": [], "entropy": []}])
    assert "unknown" in forecast(tmp_path, core)["seconds_for_distances"]
