import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.job import Job, PartOutput, Stage
from stages.core.manifest import folder_status, hidden
from stages.core.options import RunOptions
from stages.core.progress import quiet
from stages.core.rows import SourceRow
from stages.core.runner import finish, left_to_do, open_folder, planned, reading, work
from stages.core.shards import list_parts, write_text
from stages.core.tables import Column, Table
from stages.core.whole import all_rows, as_one_part
from tests.toy_stage import DROPPED, open_toy

COUNT = Table("count", (Column("n", pa.int64(), "rows"),), "how many rows")
STAGE = Stage(name="count", version=1, writes=COUNT, dropped=DROPPED, open=open_toy, rows_in="metrics")


def write_rows(path: Path, ids: list[str]) -> str:
    path.write_text("".join(json.dumps({"id": name, "n": n}) + "\n" for n, name in enumerate(ids)))
    return str(path)


def count(source: str, root: Path, *, unique_ids: bool = True, word: str = "", **options: object) -> list[SourceRow]:
    """A run that counts all rows and writes a file of its own beside the shard; returns the rows that it saw."""
    settings = RunOptions(**{"rows_per_shard": 2, "max_failed": 1.0, **options})  # type: ignore[arg-type]
    seen: list[SourceRow] = []

    def transform(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        seen.extend(rows)
        write_text(root / "model.txt", "weights" + word, hidden(root, "tmp"))
        return PartOutput(rows=[{"n": len(seen)}], kept=len(seen), dropped_rows=0, files=["model.txt"])

    with planned((source,), root, settings, quiet, unique_ids=unique_ids) as plan:
        whole, how = as_one_part(plan), reading(settings, unique_ids=unique_ids)
        identity = {"word": word}
        job = Job(
            stage=STAGE,
            config=None,
            root=root,
            identity=identity,
            schema=COUNT.schema(),
            reading=how,
            slices=whole.slices,
        )
        open_folder(job, whole, settings)
        if left_to_do(job, settings):
            work(job, 0, transform, lambda rows: None, all_rows(plan, how))
        assert finish(job, whole, {}) is not None
    return seen


def test_rows_of_several_slices_and_files_make_one_part(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", ["a", "b", "c"])
    write_rows(tmp_path / "b.jsonl", ["d", "e"])
    seen = count(str(tmp_path / "*.jsonl"), tmp_path / "out")
    assert [row.value and row.value["id"] for row in seen] == ["a", "b", "c", "d", "e"]
    (part,) = list_parts(tmp_path / "out")
    assert part == tmp_path / "out" / "metrics" / "part-00000.parquet"
    assert pq.read_table(part).to_pylist() == [{"n": 5}]
    assert folder_status(tmp_path / "out").finished


@pytest.mark.parametrize(("unique_ids", "seen"), [(True, 2), (False, 4)])
def test_an_id_may_repeat_where_the_stage_says_so(unique_ids: bool, seen: int, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", "a", "b", "a"])
    assert len(count(source, tmp_path / "out", unique_ids=unique_ids)) == seen


def test_a_file_of_the_stage_belongs_to_the_part(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "rows.jsonl", ["a", "b"]), tmp_path / "out"
    assert count(source, out)
    assert not count(source, out)
    (out / "model.txt").write_text("cut")
    assert not folder_status(out).finished
    assert count(source, out)
    assert (out / "model.txt").read_text() == "weights"


def test_overwriting_removes_what_the_stage_wrote_and_nothing_else(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "rows.jsonl", ["a", "b"]), tmp_path / "out"
    count(source, out)
    (out / "notes.txt").write_text("the user's own")
    record = hidden(out, "done") / "part-00000.json"
    facts = json.loads(record.read_text())
    outside = tmp_path / "elsewhere.txt"
    outside.write_text("not ours")
    record.write_text(json.dumps(facts | {"files": facts["files"] | {"../elsewhere.txt": 8, "model.txt": 7}}))
    count(source, out, word="2", overwrite=True)
    assert (out / "model.txt").read_text() == "weights2"
    assert (out / "notes.txt").read_text() == "the user's own"
    assert outside.exists()


def test_the_whole_changes_with_every_input(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b"])
    with planned((source,), tmp_path / "out", RunOptions(), quiet) as plan:
        other = replace(plan, inputs=(plan.inputs[0]._replace(sha256="0" * 64),))
        assert as_one_part(plan).slices != as_one_part(other).slices
