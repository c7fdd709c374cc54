"""Test what the command line makes of options that are URLs of a store: paths for the stage, URLs for the user."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pytest

from rlbff_cli.remote import local_places, viewed_folders
from stages.core.errors import ConfigError, DataError, OutputError
from stages.core.options import RunOptions, flat


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options of a group."""

    policy: str | None = None
    prices: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options as stages have them."""

    inputs: tuple[str, ...] = ("memory://bucket/rows.jsonl",)
    out: Path | None = None
    rm: str = "tiny"
    reward: tuple[str, ...] = ()
    taxonomy: Path | None = None
    llm: str | None = "http://host:8000/v1"
    keep: str = "frac:0.8"
    group: Group = field(default_factory=Group)
    run: RunOptions = field(default_factory=RunOptions)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A memory store with a model and a file in it."""
    monkeypatch.setenv("RLBFF_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pipe_file("/bucket/rm/config.json", b"{}")
    system.pipe_file("/bucket/taxonomy.yaml", b"a: b")
    yield system
    system.store.clear()


def test_a_config_without_urls_is_left_as_it_is() -> None:
    config = Config(out=Path("out"), reward=("rm:folder@0.5", "math:"), group=Group(policy="Qwen/Qwen3-4B"))
    with local_places(config) as places:
        assert places.config is config


def test_urls_become_paths_wherever_they_stand_and_records_keep_them(tmp_path: Path) -> None:
    config = Config(
        out=Path("memory://bucket/out"),
        rm="memory://bucket/rm",
        reward=("rm:memory://bucket/rm@0.7", "genrm:memory://bucket/rm", "math:", "rm:other@0.3"),
        taxonomy=Path("memory://bucket/taxonomy.yaml"),
        group=Group(policy="local:memory://bucket/rm"),
    )
    with local_places(config) as places:
        made = places.config
        assert (Path(made.rm) / "config.json").read_bytes() == b"{}"
        assert made.reward == (f"rm:{made.rm}@0.7", f"genrm:{made.rm}", "math:", "rm:other@0.3")
        assert made.taxonomy.read_bytes() == b"a: b"
        assert made.group.policy == f"local:{made.rm}"
        assert (made.inputs, made.llm, made.keep) == (config.inputs, config.llm, config.keep)
        assert made.out.is_relative_to(tmp_path / "cache")
        recorded = flat(made)
        assert recorded["out"] == "memory://bucket/out"
        assert recorded["reward"] == list(config.reward)
        assert recorded["taxonomy"] == "memory://bucket/taxonomy.yaml"
        assert places.named({"x": [f"written to {made.out}/a", 1, made.out]}) == {
            "x": ["written to memory://bucket/out/a", 1, "memory://bucket/out"]
        }


def test_errors_name_what_was_typed(tmp_path: Path) -> None:
    def fail() -> None:
        with local_places(Config(out=Path("memory://bucket/out"))) as places:
            raise DataError(f"See: rlbff cat {places.config.out} --rejects")

    with pytest.raises(DataError, match=r"^See: rlbff cat memory://bucket/out --rejects$"):
        fail()


@pytest.mark.parametrize("name", ["memory://bucket/out", "memory://bucket/out/.rlbff/arms", "memory://bucket/out/"])
def test_a_run_may_not_read_its_own_output(name: str) -> None:
    config = Config(inputs=(name,), out=Path("memory://bucket/out"))
    with pytest.raises(OutputError, match=r"lies in its own --out memory://bucket/out"), local_places(config):
        pass
    with local_places(Config(inputs=("memory://bucket/output",), out=Path("memory://bucket/out"))):
        pass


@pytest.mark.parametrize("typed", ["s3://", "s3:///", "GS://"])
def test_a_store_without_a_bucket_is_no_folder_of_that_name(typed: str) -> None:
    with pytest.raises(ConfigError, match="names no bucket"), local_places(Config(out=Path(typed))):
        pass


def test_a_dry_run_leaves_the_store_alone(store: Any) -> None:
    before = store.find("/bucket")
    with local_places(Config(out=Path("memory://bucket/out"), run=RunOptions(dry_run=True))) as places:
        assert places.gained() is False
    assert store.find("/bucket") == before


def test_folders_to_look_at_are_fetched_where_they_are_urls(store: Any) -> None:
    store.pipe_file("/bucket/out/.rlbff/plan.json", b"{}")
    store.pipe_file("/bucket/out/part-00000.parquet", b"rows")
    with viewed_folders(("here", "memory://bucket/out"), r"part-\d+\.parquet") as (folders, places):
        assert folders[0] == "here"
        assert (Path(folders[1]) / "part-00000.parquet").read_bytes() == b"rows"
        assert places.named(f"{folders[1]}: finished") == "memory://bucket/out: finished"
