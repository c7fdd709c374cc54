"""Runs `rlbff` as a user does, in a fresh process, and reads what it leaves in the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.core.shards import Kind, list_parts

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "rlbff_cli"]


def environment(**changes: str) -> dict[str, str]:
    """The environment without our variables and without keys of servers."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("RLBFF_", "OPENAI_"))}
    return inherited | {"PYTHONPATH": str(ROOT)} | changes


def rlbff(*arguments: object, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `rlbff ARGUMENTS` in `cwd` and wait for it."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(**changes), capture_output=True, text=True, timeout=280, check=False
    )


def rows_of(folder: Path, kind: Kind = "rows") -> list[dict[str, Any]]:
    """All rows of a folder's shards."""
    return [row for path in list_parts(folder, kind) for row in pq.read_table(path).to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder except the log, which holds clocks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "log.jsonl"
    }


def manifest_of(folder: Path) -> dict[str, Any]:
    """What the folder says about itself."""
    manifest: dict[str, Any] = json.loads((folder / ".rlbff" / "manifest.json").read_text())
    return manifest


def assert_nothing_is_lost(folder: Path) -> dict[str, Any]:
    """Rows and principles are all accounted for; returns the manifest."""
    manifest = manifest_of(folder)
    rows, counts = manifest["rows"], manifest["counts"]
    assert rows["in"] == rows["kept"] + rows["dropped"] + rows["rejected"]
    assert rows["rejected"] == sum(manifest["rejected_by"].values()) == len(rows_of(folder, "rejected"))
    assert counts.get("raw", 0) == counts.get("kept_mentions", 0) + sum(manifest["dropped_by"].values())
    assert len(rows_of(folder, "dropped")) == sum(manifest["dropped_by"].values())
    for row in rows_of(folder, "rejected"):
        assert row["reason"]
        assert row["error"]
    return manifest


def journal_of(folder: Path) -> list[dict[str, Any]]:
    """All finished calls of a run, part by part."""
    files = sorted((folder / ".rlbff" / "journal").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]
