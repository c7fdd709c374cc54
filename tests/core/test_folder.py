"""An output folder in which something is missing, damaged, left over, or done by several runs at once."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.core import runner
from stages.core.errors import DataError, InputMissing, OutputError
from stages.core.manifest import folder_status
from stages.core.progress import quiet
from stages.core.shards import list_parts, write_text
from stages.core.slices import read
from tests.core.test_runner import contents, texts, toy, write_rows
from tests.toy_stage import run

ROWS: list[object] = [*(f"text {n}" for n in range(8)), "drop", 7]


@pytest.fixture
def source(tmp_path: Path) -> str:
    return write_rows(tmp_path / "rows.jsonl", ROWS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("harm", [Path.unlink, cut, lambda path: path.write_bytes(b"")], ids=["gone", "cut", "empty"])
@pytest.mark.parametrize(
    "name",
    [
        "part-00000.parquet",
        "part-00002.parquet",
        ".rlbff/dropped/part-00002.parquet",
        ".rlbff/rejected/part-00003.parquet",
        ".rlbff/done/part-00001.json",
    ],
)
def test_a_finished_part_whose_files_were_harmed_is_done_again(
    name: str, harm: Callable[[Path], object], source: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    whole = contents(out)
    harm(out / name)
    status = folder_status(out)
    assert (status.parts_done, status.finished) == (3, False)
    run(toy(source, out))
    assert contents(out) == whole


def test_a_share_does_not_finish_a_folder_in_which_another_share_lost_a_file(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for share in ("1/2", "2/2"):
        run(toy(source, out, shard=share))
    (out / "part-00001.parquet").unlink()
    run(toy(source, out, shard="1/2"))
    assert not folder_status(out).finished
    run(toy(source, out, shard="2/2"))
    assert len(texts(out)) == 8


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"config": 1}'])
def test_damaged_records_do_not_stand_in_the_way_of_overwrite(content: str, source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    (out / ".rlbff" / "plan.json").write_text(content)
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        folder_status(out)
    with pytest.raises(OutputError, match="another configuration"):
        run(toy(source, out, suffix="!"))
    (out / ".rlbff" / "done" / "part-00000.json").write_text(content)
    run(toy(source, out, suffix="!", overwrite=True))
    assert texts(out)[0] == "TEXT 0!"


def test_a_folder_in_which_every_row_was_rejected_does_not_block_the_corrected_command(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "bad.jsonl", [7, 8, 9, 10]), tmp_path / "out"
    with pytest.raises(DataError, match="All 4 rows were rejected"):
        run(toy(source, out))
    good = write_rows(tmp_path / "good.jsonl", ["a", "b"])
    run(toy(good, out, suffix="!"))
    assert texts(out) == ["A!", "B!"]
    with pytest.raises(OutputError, match="another configuration"):
        run(toy(good, out, suffix="?"))


def test_what_a_killed_run_of_another_configuration_left_does_not_stay_among_the_rows(
    source: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(toy(source, out, suffix="!", rows_per_shard=1))
    for path in (out / ".rlbff" / "done").iterdir():  # as if killed between a part and its record
        path.unlink()
    run(toy(source, out))
    run(toy(source, tmp_path / "fresh"))
    assert contents(out) == contents(tmp_path / "fresh")


def test_the_output_folder_cannot_be_its_own_input(tmp_path: Path) -> None:
    run(toy(write_rows(tmp_path / "rows.jsonl", ROWS), tmp_path / "out"))
    before = contents(tmp_path / "out")
    for inputs in (tmp_path / "out", tmp_path / "out" / "part-00000.parquet", tmp_path / "x" / ".." / "out"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(OutputError, match="reads from"):
            run(toy(str(inputs), tmp_path / "out", overwrite=True))
    assert contents(tmp_path / "out") == before


def test_an_output_folder_whose_name_is_not_utf8_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not UTF-8"):
        run(toy(source, tmp_path / os.fsdecode(b"caf\xe9")))


def test_a_name_that_is_too_long_is_no_folder_of_ours(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        folder_status(tmp_path / ("x" * 5000))
    with pytest.raises(OutputError, match="File name too long"):
        run(toy(source, tmp_path / ("x" * 5000)))


def test_shares_with_other_options_at_the_same_time_are_not_joined(source: str, tmp_path: Path) -> None:
    """Both find an empty folder, so that neither is refused at its start."""
    out = tmp_path / "out"
    run(toy(source, out, shard="1/2"))
    aside = {path: path.read_bytes() for path in (out / ".rlbff" / "done").iterdir()}
    for path in aside:
        path.unlink()
    run(toy(source, out, shard="2/2", suffix="!"))
    for path, content in aside.items():
        path.write_bytes(content)
    with pytest.raises(OutputError, match=r"suffix: '.?' there"):
        run(toy(source, out, shard="2/2"))


def test_a_part_recorded_under_another_configuration_meanwhile_ends_the_run(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(toy(source, out, shard="2/2", suffix="!"))
    theirs = {path: path.read_bytes() for path in (out / ".rlbff" / "done").iterdir()}
    for path in theirs:
        path.unlink()
    work = runner.write_done

    def with_theirs(root: Path, done: object) -> None:
        work(root, done)  # type: ignore[arg-type]
        for path, content in theirs.items():
            path.write_bytes(content)

    monkeypatch.setattr(runner, "write_done", with_theirs)
    with pytest.raises(OutputError, match="another configuration"):
        run(toy(source, out, shard="1/2"))
    assert not (out / ".rlbff" / "manifest.json").exists()


def test_the_whole_and_a_share_do_not_run_at_once(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out, shard="1/2"))
    with (out / ".rlbff" / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as another share holds it
        with pytest.raises(OutputError, match="in use"):
            run(toy(source, out))
        run(toy(source, out, shard="2/2"))


def test_a_share_that_ends_leaves_the_scratch_files_of_the_others(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out, shard="1/2"))
    scratch = out / ".rlbff" / "tmp" / "of-another-share"
    with (out / ".rlbff" / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        scratch.parent.mkdir(exist_ok=True)
        scratch.touch()
        run(toy(source, out, shard="2/2"))
        assert scratch.exists()
    run(toy(source, out, shard="2/2"))
    assert not scratch.parent.exists()


def test_processes_with_the_same_number_on_two_machines_write_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In containers the process number is often the same; the first to finish must not take the other's scratch."""
    sync, other = os.fsync, []

    def meanwhile(handle: int) -> None:
        if not other:
            other.append(True)
            write_text(tmp_path / "plan.json", "x", tmp_path / "tmp")
        sync(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_text(tmp_path / "plan.json", "x", tmp_path / "tmp")
    assert (tmp_path / "plan.json").read_text() == "x"


def test_an_input_that_shrinks_while_it_is_read_is_no_finished_part(source: str, tmp_path: Path) -> None:
    options = toy(source, tmp_path / "out").run
    with runner.planned((source,), tmp_path / "out", options, quiet) as planned:
        lines = Path(source).read_bytes().splitlines(keepends=True)
        Path(source).write_bytes(b"".join(lines[:4]))
        with pytest.raises(DataError, match="changed while"):
            list(read(planned.slices[1], runner.reading(options)))


def test_every_row_of_a_harmed_folder_is_told_by_its_records(source: str, tmp_path: Path) -> None:
    run(toy(source, tmp_path / "out"))
    record = json.loads((tmp_path / "out" / ".rlbff" / "done" / "part-00002.json").read_text())
    sizes = {name: (tmp_path / "out" / name).stat().st_size for name in record["files"]}
    assert sizes == record["files"]
    assert sorted(sizes) == [".rlbff/dropped/part-00002.parquet", "part-00002.parquet"]
    assert pq.read_table(list_parts(tmp_path / "out")[2]).num_rows == 2
