"""Bad input through the command line: one clear line, the right exit code, and nothing lost."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.extract_principles.commands import contents, rlbff, rows_of

GOOD = b'{"id": "good", "feedback": "The answer is wrong.", "note": "n"}\n'


def run(tmp_path: Path, name: str, content: bytes, *options: object) -> subprocess.CompletedProcess[str]:
    (tmp_path / name).write_bytes(content)
    return rlbff("extract-principles", name, "-o", "out", *options, cwd=tmp_path)


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong; there is no traceback."""
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    return line


LONG_LINE = b'{"id": "long", "feedback": "' + b"x" * 50_000_000 + b'"}\n'


@pytest.mark.parametrize(
    ("bad", "reason", "words"),
    [
        (b'{"id": "b", "feedback": "x"\n', "bad_json", "not valid JSON"),
        (b"[1, 2]\n", "not_an_object", "JSON object"),
        (b'{"id": "b", "feedback": "\xff\xfe"}\n', "not_utf8", "not UTF-8"),
        (b'{"id": "b", "feedback": 7}\n', "bad_type", "'feedback' is a number"),
        (b'{"id": "b", "feedback": ["x", {}]}\n', "bad_type", "one per annotator"),
        (b'{"id": "b"}\n', "missing_field", "no field 'feedback'"),
        (b'{"id": "b", "feedback": null}\n', "no_feedback", "empty"),
        (b'{"id": "b", "feedback": ["", "  "]}\n', "no_feedback", "empty"),
        (b'{"id": "b", "feedback": "x", "prompt": 3}\n', "bad_type", "'prompt' is a number"),
        (b'{"id": ["b"], "feedback": "x"}\n', "bad_type", "'id' must be"),
        (GOOD, "duplicate_id", "rows.jsonl:1"),
        (LONG_LINE, "row_too_long", "50,000,031 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_a_bad_row_is_rejected_alone_and_kept(bad: bytes, reason: str, words: str, tmp_path: Path) -> None:
    done = run(tmp_path, "rows.jsonl", GOOD + bad)
    assert done.returncode == 3
    assert done.stdout == ""
    line = error_of(done)
    assert f"1 of 2 rows were rejected ({reason} 1)" in line
    assert "rlbff cat out --rejects" in line
    (rejected,) = rows_of(tmp_path / "out", "rejected")
    assert (rejected["file"], rejected["row"], rejected["reason"]) == ("rows.jsonl", 2, reason)
    assert rejected["error"].startswith("rows.jsonl:2: ")
    assert words in rejected["error"]
    assert bad.startswith(rejected["raw"])
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["good"]
    allowed = rlbff("extract-principles", "rows.jsonl", "-o", "out", "--max-failed", "0.5", cwd=tmp_path)
    assert (allowed.returncode, allowed.stdout) == (0, "out\n")


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("empty.jsonl", b"", 65, "no row in empty.jsonl"),
        ("blank.jsonl", b"\n \n", 65, "no row in blank.jsonl"),
        ("broken.jsonl", b"{oops\nmore\n", 65, "broken.jsonl:1"),
        ("other.jsonl", b'{"id": "a", "critique": "x"}\n', 65, "--map feedback=critique"),
        ("cut.jsonl.gz", gzip.compress(GOOD * 1000)[:-10], 65, "cut.jsonl.gz is cut off or damaged"),
        ("not.jsonl.gz", b"plain text", 65, "not.jsonl.gz is cut off or damaged"),
        ("cut.parquet", b"PAR1 and then nothing", 65, "cut.parquet is cut off or damaged"),
        ("bad.json", b'[{"feedback": "x"}, ', 65, "bad.json is not valid JSON"),
        ("rows.xlsx", b"x", 65, "ending that is not known"),
        ("all.jsonl", b'{"feedback": 7}\n{"feedback": 8}\n', 65, "All 2 rows were rejected"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:12] else "",
)
def test_a_bad_file_ends_the_run_naming_it(name: str, content: bytes, code: int, words: str, tmp_path: Path) -> None:
    done = run(tmp_path, name, content)
    assert done.returncode == code
    assert words in error_of(done)
    assert done.stdout == ""


def test_a_truncated_parquet_file_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"] * 1000, "feedback": ["The answer is wrong."] * 1000}), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    done = run(tmp_path, "x.parquet", content[: len(content) // 2])
    assert done.returncode == 65
    assert "x.parquet is cut off or damaged" in error_of(done)


def test_what_does_not_exist_is_66(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none*.jsonl", "memory://none/x.jsonl"):
        done = rlbff("extract-principles", name, cwd=tmp_path)
        assert done.returncode == 66
        assert name in error_of(done)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--consensus-threshold", "1.5"], "--consensus-threshold"),
        (["--consensus", "maybe"], "maybe"),
        (["--llm", "deepseek"], "--llm is 'deepseek'"),
        (["--embedder", "ngrams"], "Did you mean 'ngram'"),
        (["--workers", "0"], "--workers"),
        (["--map", "feedback"], "--map"),
        (["--map", "promt=note"], "Did you mean prompt?"),
        (["--consensus-treshold", "0.7"], "--consensus-threshold"),
        (["--max-cost", "3"], "--price-in"),
    ],
)
def test_a_bad_option_is_2_before_anything_is_written(options: list[str], words: str, tmp_path: Path) -> None:
    done = run(tmp_path, "rows.jsonl", GOOD, *options)
    assert done.returncode == 2
    assert words in error_of(done)


def test_consensus_among_single_annotators_is_an_error_and_not_a_silent_pass(tmp_path: Path) -> None:
    done = run(tmp_path, "rows.jsonl", GOOD, "--consensus", "on")
    assert done.returncode == 65
    assert "--consensus on needs two annotators" in error_of(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_73(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    (tmp_path / "rows.jsonl").write_bytes(GOOD)
    done = rlbff("extract-principles", "rows.jsonl", "-o", "locked/out", cwd=tmp_path)
    assert done.returncode == 73


def test_an_output_that_cannot_be_written_is_73(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "rows.jsonl").write_bytes(GOOD)
    for out in ("file", "file/out", "/proc/out"):
        done = rlbff("extract-principles", "rows.jsonl", "-o", out, cwd=tmp_path)
        assert done.returncode == 73, done.stderr
        assert out in error_of(done)
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_of_another_configuration_is_73_and_untouched(tmp_path: Path) -> None:
    run(tmp_path, "rows.jsonl", GOOD)
    before = contents(tmp_path / "out")
    done = run(tmp_path, "rows.jsonl", GOOD, "--evidence-threshold", 70)
    assert done.returncode == 73
    assert "evidence_threshold: 60.0 there, 70.0 now" in error_of(done)
    assert contents(tmp_path / "out") == before
    assert run(tmp_path, "rows.jsonl", GOOD, "--evidence-threshold", 70, "--overwrite").returncode == 0


def test_a_folder_with_other_files_is_73_even_with_overwrite(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("x")
    done = run(tmp_path, "rows.jsonl", GOOD, "--overwrite")
    assert done.returncode == 73
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_a_full_disk_is_73_and_the_run_can_go_on(tmp_path: Path) -> None:
    """A limit on file size stands for a full disk: the kernel refuses the write in the same place."""
    rows = [{"id": str(n), "feedback": "The answer is wrong.", "note": os.urandom(200).hex()} for n in range(3000)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    limited = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    limited += "from rlbff_cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", limited, "extract-principles", "rows.jsonl", "-o", "out"]
    from tests.extract_principles.commands import environment

    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 73, done.stderr
    assert "cannot be written" in error_of(done)
    again = rlbff("extract-principles", "rows.jsonl", "-o", "out", cwd=tmp_path)
    assert again.returncode == 0
    assert len(rows_of(tmp_path / "out")) == 3000
