import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlbff_cli.rows_out import rows_of
from rlbff_cli.rows_table import fit, for_people
from stages.core.tables import CHAT
from tests.rlbff_cli.conftest import DRIVER, Result
from tests.rlbff_cli.folders import ROWS, make_folder

Rlbff = Callable[..., Result]


@pytest.fixture
def done(tmp_path: Path) -> Path:
    rejected = [{"row": 1, "reason": "bad_json", "raw": b"\xff{broken"}, {"row": 2, "reason": "x", "raw": b"fine"}]
    return make_folder(tmp_path / "done", rejected=rejected)


def rows(result: Result) -> list[dict[str, object]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("done")
def test_jsonl_is_the_default_in_a_pipe_and_gives_every_row_back(rlbff: Rlbff) -> None:
    assert rows(rlbff("cat", "done")) == ROWS


@pytest.mark.usefixtures("done")
def test_columns_keep_the_order_asked_for(rlbff: Rlbff) -> None:
    printed = rlbff("cat", "done", "--columns", "label,id", "--columns", "agreement", "--limit", "1").stdout
    assert printed == '{"label":true,"id":"a","agreement":0.8}\n'


@pytest.mark.usefixtures("done")
def test_a_filter_may_read_columns_that_are_not_printed(rlbff: Rlbff) -> None:
    found = rows(rlbff("cat", "done", "--where", "origin.likes > 5", "--columns", "id"))
    assert found == [{"id": "b"}]


@pytest.mark.usefixtures("done")
def test_limit_counts_over_shards_and_after_the_filter(rlbff: Rlbff) -> None:
    assert [row["id"] for row in rows(rlbff("cat", "done", "done", "--limit", "4"))] == ["a", "b", "c", "a"]
    assert [row["id"] for row in rows(rlbff("cat", "done", "--where", "label", "--limit", "2"))] == ["a", "c"]


@pytest.mark.usefixtures("done")
def test_csv_reads_back_with_nested_values_as_json(rlbff: Rlbff) -> None:
    result = rlbff("cat", "done", "--format", "csv")
    header, *lines = csv.reader(io.StringIO(result.stdout))
    assert header == list(ROWS[0])
    second = dict(zip(header, lines[1], strict=True))
    assert second["label"] == "false"
    assert json.loads(second["evidence"]) == ROWS[1]["evidence"]
    assert lines[2][header.index("agreement")] == ""


@pytest.mark.usefixtures("done")
def test_rejects_show_bytes_as_text(rlbff: Rlbff) -> None:
    assert [row["raw"] for row in rows(rlbff("cat", "done", "--rejects"))] == ["�{broken", "fine"]
    assert (
        rlbff("cat", "done", "--rejects", "--format", "csv").stdout == "row,reason,raw\n1,bad_json,�{broken\n2,x,fine\n"
    )
    assert [row["row"] for row in rows(rlbff("cat", "done", "--rejects", "--where", "raw contains 'rok'"))] == [1]


def test_a_kind_of_which_there_are_no_rows_prints_nothing(rlbff: Rlbff, done: Path) -> None:
    assert not (done / ".rlbff" / "dropped").exists()
    result = rlbff("cat", "done", "--dropped")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "note: no dropped rows.\n")


def test_an_empty_folder_says_so(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "empty", [])
    assert rlbff("cat", "empty").stderr == "note: no rows.\n"
    assert rlbff("cat", "empty", "--rejects", "--format", "table").stderr == "note: no rejected rows.\n"


@pytest.mark.usefixtures("done")
def test_a_table_fits_the_width(rlbff: Rlbff) -> None:
    result = rlbff("cat", "done", "--format", "table", COLUMNS="60")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "principle", "label", "agreement", "evidence"]
    assert len(lines) == 4
    assert all(len(line) <= 60 for line in lines)
    assert lines[1].endswith("…")
    assert result.stderr == "note: not shown: origin, odd name; choose with --columns.\n"


def test_a_table_stops_after_twenty_rows_and_says_so(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "big", [[ROWS[0]] * 15] * 2)
    result = rlbff("cat", "big", "--format", "table", "--columns", "id")
    assert len(result.stdout.splitlines()) == 21
    assert "the first 20 rows" in result.stderr
    exact = rlbff("cat", "big", "--format", "table", "--columns", "id", "--limit", "30")
    assert len(exact.stdout.splitlines()) == 31
    assert exact.stderr == ""


def test_what_could_steer_a_terminal_is_not_drawn(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "evil", [[ROWS[0] | {"principle": "a\x1b[2Jb\nc"}]])
    table = rlbff("cat", "evil", "--format", "table", "--columns", "principle").stdout
    assert table.splitlines()[1] == "a [2Jb c"


def test_a_table_is_the_default_on_a_terminal(done: Path, environ: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    subprocess.run(
        [sys.executable, str(DRIVER), "cat", str(done), "--columns", "id,label"],
        env=environ | {"TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    assert os.read(ours, 10_000).decode().splitlines()[0].split() == ["id", "label"]
    os.close(ours)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_reader_may_leave_after_the_first_line(tmp_path: Path, environ: dict[str, str], form: str) -> None:
    make_folder(tmp_path / "big", [[ROWS[0] | {"principle": "x" * 1000}] * 5000] * 4)
    script = f"set -o pipefail; {sys.executable} {DRIVER} cat big --format {form} | head -1"
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["done", "--columns", "principal"], 2, "done has no column principal. Did you mean principle?"),
        (["done", "--where", "lable"], 2, "character 1: there is no column lable. Did you mean label?"),
        (["done", "--dropped", "--rejects"], 2, "--dropped and --rejects are two tables"),
        (["done", "--limit", "0"], 2, "--limit is 0"),
        ([], 2, "No folder"),
        (["none"], 66, "The folder none does not exist."),
        (["."], 65, "is not an output folder of rlbff"),
    ],
)
def test_mistakes_print_nothing_on_stdout(rlbff: Rlbff, arguments: list[str], code: int, sentence: str) -> None:
    result = rlbff("cat", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert sentence in result.stderr


def test_a_damaged_shard_is_named(rlbff: Rlbff, done: Path) -> None:
    os.truncate(done / "part-00001.parquet", 200)
    result = rlbff("cat", "done")
    assert result.returncode == 65
    assert "part-00001.parquet is damaged" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_folders_of_other_columns_make_no_csv(rlbff: Rlbff, done: Path, tmp_path: Path) -> None:
    other = make_folder(tmp_path / "other", [[{"id": "z"}]], schema=pa.schema([pa.field("id", pa.string())]))
    result = rlbff("cat", done.name, other.name, "--format", "csv")
    assert (result.returncode, result.stdout) == (65, "")
    assert "choose common ones with --columns" in result.stderr
    together = rlbff("cat", done.name, other.name, "--format", "csv", "--columns", "id")
    assert together.stdout == "id\na\nb\nc\nz\n"


def test_memory_stays_bounded(tmp_path: Path, environ: dict[str, str]) -> None:
    make_folder(tmp_path / "big", [[]])
    part = tmp_path / "big" / "part-00000.parquet"
    schema = pa.schema([pa.field("id", pa.string()), pa.field("text", pa.string())])
    letters = [str(number) * 20 for number in range(20_000)]
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_table(pa.table({"id": letters, "text": letters}, schema=schema))
    measure = (
        "import sys, runpy\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        # Not getrusage, which counts what the process that started this one held.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "sys.stderr.write(str(int(peak.split()[1]) // 1024))"
    )
    code = f"import sys; sys.argv = [{str(DRIVER)!r}, 'cat', 'big']\n{measure}"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    # 160 MB of text pass through; the interpreter with pyarrow alone takes about 90 MB.
    assert int(result.stderr) < 250


def test_narrow_floats_are_shown_as_short_as_they_are() -> None:
    batch = pa.record_batch(
        {
            "flat": pa.array([0.1, None], pa.float32()),
            "list": pa.array([[0.1, None], None], pa.list_(pa.float16())),
            "struct": pa.array([{"x": 0.7, "y": 1}, None], pa.struct([("x", pa.float32()), ("y", pa.int64())])),
            "wide": pa.array([0.1, None], pa.float64()),
        }
    )
    assert rows_of(batch) == [
        {"flat": 0.1, "list": [0.1, None], "struct": {"x": 0.7, "y": 1}, "wide": 0.1},
        {"flat": None, "list": None, "struct": None, "wide": None},
    ]


@pytest.mark.parametrize(
    ("wanted", "screen", "widths"),
    [
        ({"a": 5, "b": 5}, 80, {"a": 5, "b": 5}),
        # 12 + 2 + 12 leaves 14, 7 for each
        ({"a": 60, "b": 60}, 40, {"a": 19, "b": 19}),
        # c would need 2 + 12 more
        ({"a": 60, "b": 60, "c": 60}, 38, {"a": 18, "b": 18}),
        ({"a": 60}, 5, {"a": 5}),
        ({}, 80, {}),
    ],
)
def test_columns_share_the_width(wanted: dict[str, int], screen: int, widths: dict[str, int]) -> None:
    assert fit(wanted, screen) == widths


def test_a_table_begins_with_what_became_of_a_principle() -> None:
    kept = ("prompt", "id", "completion", "principle", "agreement", "label", "extractor")
    assert for_people(kept) == ("id", "principle", "label", "agreement", "prompt", "completion", "extractor")
    dropped = ("id", "annotator", "principle", "wording", "verdict", "quote", "start", "dropped_by", "score")
    assert for_people(dropped) == (*dropped[:3], "verdict", "dropped_by", "score", "quote", "wording", "start")


def test_a_chat_is_shown_as_what_it_says(rlbff: Rlbff, tmp_path: Path) -> None:
    schema = pa.schema([pa.field("prompt", CHAT), pa.field("id", pa.string())])
    chat = [{"role": "user", "content": "One\nplus?"}, {"role": "assistant", "content": None}]
    rows_ = [{"id": "a", "prompt": chat}, {"id": "b", "prompt": None}]
    make_folder(tmp_path / "run", [rows_], schema=schema)
    lines = rlbff("cat", "run", "--format", "table").stdout.splitlines()
    assert [line.rstrip() for line in lines] == ["id  prompt", "a   One plus? /", "b"]
    assert json.loads(rlbff("cat", "run", "--limit", "1").stdout)["prompt"] == chat
    asked = rlbff("cat", "run", "--format", "table", "--columns", "prompt,id").stdout.splitlines()
    assert asked[0].split() == ["prompt", "id"]


def test_a_time_looks_the_same_with_and_without_pandas(tmp_path: Path, rlbff: Callable[..., Result]) -> None:
    schema = pa.schema([pa.field("ns", pa.timestamp("ns")), pa.field("us", pa.timestamp("us"))])
    make_folder(tmp_path / "run", [[{"ns": 10**9, "us": 10**6}]], schema=schema)
    assert rlbff("cat", "run").stdout == '{"ns":"1970-01-01T00:00:01","us":"1970-01-01T00:00:01"}\n'
    assert rlbff("cat", "run", "--format", "csv").stdout == "ns,us\n1970-01-01 00:00:01,1970-01-01 00:00:01\n"


def test_a_table_beside_the_shards(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "done")
    beside = tmp_path / "done" / ".rlbff" / "tests"
    beside.mkdir()
    (tmp_path / "done" / "part-00000.parquet").rename(beside / "part-00000.parquet")
    assert len(rlbff("cat", "done/.rlbff/tests").stdout.splitlines()) >= 1
    (tmp_path / "done" / ".rlbff" / "empty").mkdir()
    assert rlbff("cat", "done/.rlbff/empty").returncode == 65


def test_a_folder_whose_name_looks_like_a_url(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "keep-frac:0.8")
    assert rlbff("cat", "keep-frac:0.8").stdout
