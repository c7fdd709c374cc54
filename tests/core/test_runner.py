import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.core.errors import DataError, Interrupted, OutputError, TooManyFailed
from stages.core.manifest import folder_status
from stages.core.options import RunOptions
from stages.core.progress import Quiet
from stages.core.shards import list_parts
from tests.toy_stage import ToyConfig, run


def write_rows(path: Path, texts: list[object]) -> str:
    path.write_text("".join(json.dumps({"id": f"r{n}", "text": text}) + "\n" for n, text in enumerate(texts)))
    return str(path)


def toy(source: str, out: Path, suffix: str = "", **options: object) -> ToyConfig:
    settings = {"rows_per_shard": 3, "max_failed": 1.0, **options}
    return ToyConfig(inputs=(source,), out=out, suffix=suffix, run=RunOptions(**settings))  # type: ignore[arg-type]


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a folder except the log, which holds clocks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "log.jsonl"
    }


def texts(root: Path) -> list[str]:
    return [text for path in list_parts(root) for text in pq.read_table(path)["text"].to_pylist()]


@pytest.fixture
def source(tmp_path: Path) -> str:
    return write_rows(tmp_path / "rows.jsonl", [f"text {n}" if n % 5 else "drop" for n in range(20)] + [7, "end"])


def test_every_row_is_kept_dropped_or_rejected(source: str, tmp_path: Path) -> None:
    manifest = run(toy(source, tmp_path / "out"))
    assert manifest["rows"] == {"in": 22, "kept": 17, "dropped": 4, "rejected": 1}
    assert manifest["dropped_by"] == {"word": 4}
    assert manifest["rejected_by"] == {"bad_type": 1}
    assert texts(tmp_path / "out")[0] == "TEXT 1"
    (rejects,) = [pq.read_table(path).to_pylist() for path in list_parts(tmp_path / "out", "rejected")]
    assert rejects[0]["row"] == 21
    assert rejects[0]["error"] == "rows.jsonl:21: field 'text' must be a text."
    assert json.loads(rejects[0]["raw"]) == {"id": "r20", "text": 7}


def test_workers_and_repetition_do_not_change_a_byte(source: str, tmp_path: Path) -> None:
    run(toy(source, tmp_path / "one"))
    run(toy(source, tmp_path / "two", workers=2))
    run(toy(source, tmp_path / "two", workers=2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_shares_of_several_runs_make_the_same_folder(source: str, tmp_path: Path) -> None:
    run(toy(source, tmp_path / "whole"))
    for share in ("2/3", "1/3", "3/3"):
        run(toy(source, tmp_path / "shares", shard=share))
    expected = contents(tmp_path / "whole")
    got = contents(tmp_path / "shares")
    assert {name: got[name] for name in expected if not name.startswith(".rlbff/lock")} == {
        name: data for name, data in expected.items() if not name.startswith(".rlbff/lock")
    }


def test_a_finished_part_is_not_done_again(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    before = {path: path.stat().st_mtime_ns for path in list_parts(out)}
    (out / ".rlbff" / "done" / "part-00002.json").unlink()
    run(toy(source, out))
    changed = [path.name for path, when in before.items() if path.stat().st_mtime_ns != when]
    assert changed == ["part-00002.parquet"]


def test_another_configuration_is_refused_naming_the_key_and_nothing_is_touched(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    before = contents(out)
    with pytest.raises(OutputError, match=r"suffix: '' there, '!' now"):
        run(toy(source, out, suffix="!"))
    assert contents(out) == before
    run(toy(source, out, suffix="!", overwrite=True))
    assert texts(out)[0] == "TEXT 1!"


def test_a_changed_input_is_refused(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    write_rows(Path(source), ["other"] * 22)
    with pytest.raises(OutputError, match="input"):
        run(toy(source, out))


def test_rows_added_at_the_end_cost_only_the_new_parts(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [f"text {n}" for n in range(6)])
    run(toy(source, tmp_path / "out"))
    before = {path.name: path.stat().st_mtime_ns for path in list_parts(tmp_path / "out")}
    write_rows(tmp_path / "rows.jsonl", [f"text {n}" for n in range(8)])
    run(toy(source, tmp_path / "out"))
    after = {path.name: path.stat().st_mtime_ns for path in list_parts(tmp_path / "out")}
    assert len(after) == 3
    assert {name: after[name] for name in before} == before


def test_a_folder_that_is_not_ours_is_refused_even_with_overwrite(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not an output folder"):
        run(toy(source, out, overwrite=True))
    assert (out / "thesis.txt").read_text() == "years of work"


def test_two_runs_do_not_share_a_folder(source: str, tmp_path: Path) -> None:
    import fcntl

    run(toy(source, tmp_path / "out"))
    with (tmp_path / "out" / ".rlbff" / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="in use"):
            run(toy(source, tmp_path / "out"))


def test_too_many_rejected_rows_are_an_error_after_everything_is_stored(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", 1, 2, "b"])
    with pytest.raises(TooManyFailed, match="2 of 4 rows"):
        run(toy(source, tmp_path / "out", max_failed=0.4))
    assert folder_status(tmp_path / "out").finished
    with pytest.raises(TooManyFailed):
        run(toy(source, tmp_path / "out", max_failed=0.4))
    run(toy(source, tmp_path / "out", max_failed=0.5))


def test_no_good_row_at_all_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"All 2 rows .* field 'text'"):
        run(toy(write_rows(tmp_path / "rows.jsonl", [1, 2]), tmp_path / "out"))


def test_retry_rejected_does_only_parts_with_rejects_again(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(toy(source, out))
    before = {path.name: path.stat().st_mtime_ns for path in list_parts(out)}
    run(toy(source, out, retry_rejected=True))
    changed = [path.name for path in list_parts(out) if path.stat().st_mtime_ns != before[path.name]]
    assert changed == ["part-00006.parquet", "part-00007.parquet"][: len(changed)]
    assert len(changed) == 1


class Listener(Quiet):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.rows = 0

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def advance(self, rows: int = 1) -> None:
        self.rows += rows


def test_a_worker_killed_once_costs_one_retry(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b", "c", "kill once", "d", "e", "f", "g"])
    listener = Listener()
    run(toy(source, tmp_path / "out", workers=2), listener)
    assert len(listener.warnings) == 1
    assert "SIGKILL" in listener.warnings[0]
    assert texts(tmp_path / "out") == ["A", "B", "C", "KILL ONCE", "D", "E", "F", "G"]


def test_a_part_that_kills_every_worker_is_left_and_the_others_are_done(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b", "c", "kill always", "d", "e", "f", "g"])
    with pytest.raises(Interrupted, match="part-00001"):
        run(toy(source, tmp_path / "out", workers=2))
    status = folder_status(tmp_path / "out")
    assert (status.parts, status.parts_done, status.finished) == (3, 2, False)


def test_a_bug_in_a_worker_reaches_the_caller_with_its_traceback(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b", "c", "raise", "d"])
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug in the stage"):
        run(toy(source, tmp_path / "out", workers=2))
    assert multiprocessing.active_children() == []


def test_killed_at_random_moments_and_resumed_the_folder_is_the_same(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["sleep 0.01" if n % 3 == 0 else f"text {n}" for n in range(120)])
    run(toy(source, tmp_path / "whole"))
    program = f"from tests.core.test_runner import *; run(toy({source!r}, Path({str(tmp_path / 'out')!r}), workers=2))"
    rng = random.Random(0)
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
        time.sleep(rng.uniform(0.3, 1.2))
        child.send_signal(signal.SIGKILL)
        child.wait()
    run(toy(source, tmp_path / "out", workers=2))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["sleep 60"] * 8)
    program = f"from tests.core.test_runner import *; run(toy({source!r}, Path({str(tmp_path / 'out')!r}), workers=2))"
    child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    children: list[int] = []
    deadline = time.monotonic() + 30
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
        children = [int(pid) for pid in _children(child.pid) if b"spawn_main" in _command(pid)]
    time.sleep(1.0)
    child.kill()
    child.wait()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) == 2
    assert not any(_alive(pid) for pid in children)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]
