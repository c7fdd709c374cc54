"""Which files a folder, a name or a URL stands for."""

import os
from pathlib import Path

import pytest

from stages.core.errors import DataError, InputMissing
from stages.core.inputs import find_files


def names(*arguments: object) -> list[str]:
    return [file.name.rsplit("/", 1)[-1] for file in find_files(tuple(map(str, arguments)))]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}\n")
    return path


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_run_of_ours_is_its_shards_and_runs_inside_a_folder_are_not_read(scheme: str, tmp_path: Path) -> None:
    touch(tmp_path / "data" / "rows.jsonl")
    for run in (tmp_path / "data" / "rows.principles", tmp_path / "run"):
        touch(run / "part-00000.parquet")
        touch(run / ".rlbff" / "dropped" / "part-00000.parquet")
        touch(run / ".rlbff" / "manifest.json")
    assert names(f"{scheme}{tmp_path}/data") == ["rows.jsonl"]
    assert names(f"{scheme}{tmp_path}/run") == ["part-00000.parquet"]
    (tmp_path / "run" / ".rlbff" / "manifest.json").unlink()
    with pytest.raises(DataError, match="has not finished"):
        names(f"{scheme}{tmp_path}/run")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_finished_run_without_rows_is_told_from_a_folder_of_other_files(scheme: str, tmp_path: Path) -> None:
    touch(tmp_path / "run" / ".rlbff" / "manifest.json")
    with pytest.raises(DataError, match="is finished, but has no rows"):
        names(f"{scheme}{tmp_path}/run")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_what_datasets_keeps_beside_its_rows_is_not_read(scheme: str, tmp_path: Path) -> None:
    for name in ("data-00000-of-00001.arrow", "cache-0123456789abcdef.arrow", "state.json", "dataset_info.json"):
        touch(tmp_path / "train" / name)
    touch(tmp_path / "other" / "cache-1.jsonl")
    touch(tmp_path / "_tmp" / "x.jsonl")
    assert names(f"{scheme}{tmp_path}") == ["cache-1.jsonl", "data-00000-of-00001.arrow"]


def test_a_driver_that_raises_errors_of_its_own_is_input_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class LibraryError(Exception):
        pass

    def fail(url: str) -> None:
        raise LibraryError("no\nroute")

    monkeypatch.setattr("fsspec.core.url_to_fs", fail)
    with pytest.raises(InputMissing, match=r"s3://bucket/x\.jsonl cannot be reached: no route"):
        find_files(("s3://bucket/x.jsonl",))


def test_linked_folders_are_searched_once_and_a_broken_link_is_no_silent_loss(tmp_path: Path) -> None:
    data = tmp_path / "data"
    touch(data / "a.jsonl")
    touch(tmp_path / "elsewhere" / "b.jsonl")
    (data / "link").symlink_to(tmp_path / "elsewhere")
    (data / "loop").symlink_to(data)
    assert names(data) == ["a.jsonl", "b.jsonl"]
    (data / "c.jsonl").symlink_to(tmp_path / "gone.jsonl")
    with pytest.raises(InputMissing, match=r"c\.jsonl"):
        names(data)


def test_a_pipe_is_refused_because_it_can_be_read_only_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    with pytest.raises(DataError, match="not a regular file"):
        names(tmp_path / "rows.jsonl")
    with pytest.raises(DataError, match="not a regular file"):
        names(tmp_path)


@pytest.mark.parametrize("argument", ["~nobody-of-this-name/rows.jsonl", "x" * 5000 + ".jsonl", "null\0byte.jsonl", ""])
def test_a_name_that_cannot_be_is_input_missing(argument: str) -> None:
    with pytest.raises(InputMissing):
        names(argument)


def test_a_name_that_is_not_utf8_is_shown_in_letters(tmp_path: Path) -> None:
    path = touch(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    (file,) = find_files((str(path),))
    assert file.path == str(path)
    assert file.name == f"{tmp_path}/caf\\xe9.jsonl"
    with pytest.raises(DataError, match=r"caf\\xe9\.parquet is not UTF-8"):
        names(touch(tmp_path / os.fsdecode(b"caf\xe9.parquet")))


def test_a_file_without_permission_is_input_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputMissing, match="permissions"):
        names(touch(tmp_path / "rows.jsonl"))
