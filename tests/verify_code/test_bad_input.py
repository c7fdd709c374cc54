"""What is wrong with a row or a program is said of that row or program, and costs no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.options import RunOptions
from tests.extract_principles.commands import rlbff, rows_of
from tests.verify_code.programs import ADD_TESTS, RIGHT, row, verify, write

LENIENT = RunOptions(workers=1, max_failed=1.0)

PROGRAMS = {
    "syntax_error": "def add(a, b)\n    return a + b\n",
    "no_entry_point": "def sub(a, b):\n    return a - b\n",
    "load_error": "import nothing_of_this_name\n" + RIGHT,
    "timeout": "while True: pass\n" + RIGHT,
    "crash": "import os\nos._exit(0)\n" + RIGHT,
    "done": RIGHT,
}


def statuses(folder: Path) -> dict[str, str]:
    return {found["id"]: found["status"] for found in rows_of(folder)}


def test_what_stops_a_program_is_its_status(tmp_path: Path) -> None:
    rows = [row(name, source) for name, source in PROGRAMS.items()]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    assert statuses(tmp_path / "out") == {name: name for name in PROGRAMS}
    for found in rows_of(tmp_path / "out"):
        assert (found["pass_rate"] == 1.0) == (found["id"] == "done")
        assert len(found["test_results"]) == 4
        assert found["detail"] or found["id"] == "done"


def test_an_answer_without_code_has_no_code(tmp_path: Path) -> None:
    rows = [
        {"id": name, "problem_id": "add", "completion": text, "entry_point": "add", "tests": ADD_TESTS}
        for name, text in (("empty", ""), ("fence", "```python\n```"), ("code", f"So:\n```python\n{RIGHT}```"))
    ]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    assert statuses(tmp_path / "out") == {"empty": "no_code", "fence": "no_code", "code": "done"}
    assert [len(found["test_results"]) for found in rows_of(tmp_path / "out")] == [4, 4, 4]
    assert [found["pass_rate"] for found in rows_of(tmp_path / "out")] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tests": ["assert add(1, 2 == 3"]}, "tests"),
        ({"tests": 7}, "tests"),
        ({"solution": 7}, "solution"),
        ({"tests": [{"stdin": "1", "stdout": ""}]}, "tests"),
        ({"mode": "magic"}, "mode"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_with_the_field(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    rows = [row("good", RIGHT), row("bad", RIGHT) | change]
    report = verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out", run_options=LENIENT)
    assert report.rows == {"in": 2, "kept": 1, "dropped": 0, "rejected": 1}
    (rejected,) = rows_of(tmp_path / "out", "rejected")
    assert rejected["field"] == reason
    assert rejected["error"].startswith("p.jsonl:2: ")


def test_odd_texts_are_programs_that_fail_not_crashes(tmp_path: Path) -> None:
    odd = {
        "nul": RIGHT + "x = '\0'\n",
        "surrogate": RIGHT + "x = '\\ud800'\n",
        "bom": "\ufeff" + RIGHT,
        "deep": RIGHT + "x = " + "[" * 5000 + "]" * 5000 + "\n",
        "long": RIGHT + "x = " + "+".join(["1"] * 60_000) + "\n",
        "carriage": RIGHT.replace("\n", "\r\n"),
        "latin": "# -*- coding: latin-1 -*-\n" + RIGHT,
    }
    verify(write(tmp_path / "p.jsonl", [row(name, source) for name, source in odd.items()]), tmp_path / "out")
    found = {one["id"]: one for one in rows_of(tmp_path / "out")}
    assert list(found) == list(odd)
    assert {name for name, one in found.items() if one["kept"]} >= {"surrogate", "bom", "carriage", "latin"}
    assert found["nul"]["pass_rate"] == 0.0


def test_lines_that_are_no_rows_are_rejected(tmp_path: Path) -> None:
    good = json.dumps(row("good", RIGHT)).encode()
    (tmp_path / "p.jsonl").write_bytes(b"\n".join([good, b"{", b'{"id": "x", "solution": "\xff\xfe"}', b"[1]"]))
    report = verify(tmp_path / "p.jsonl", tmp_path / "out", run_options=LENIENT)
    assert report.rows["rejected"] == 3
    reasons = [one["reason"] for one in rows_of(tmp_path / "out", "rejected")]
    assert reasons == ["bad_json", "not_utf8", "not_an_object"]


@pytest.mark.slow
def test_a_solution_of_100_mb_is_rejected_or_refused_in_little_memory(tmp_path: Path) -> None:
    huge = RIGHT + "# " + "x" * 100_000_000 + "\n"
    path = write(tmp_path / "p.jsonl", [row("good", RIGHT), row("huge", huge)])
    done = rlbff("verify-code", path, "-o", "out", "--max-failed", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (rejected,) = rows_of(tmp_path / "out", "rejected")
    assert rejected["reason"] == "row_too_long"
    longer = ("--max-row-bytes", "200000000", "--max-failed", "1")
    done = rlbff("verify-code", path, "-o", "big", *longer, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert statuses(tmp_path / "big") == {"good": "done"}
    (rejected,) = rows_of(tmp_path / "big", "rejected")
    assert (rejected["id"], rejected["field"]) == ("huge", "solution")


def test_every_row_rejected_is_bad_data(tmp_path: Path) -> None:
    write(tmp_path / "p.jsonl", [row("bad", RIGHT) | {"tests": 7}])
    done = rlbff("verify-code", "p.jsonl", "-o", "out", cwd=tmp_path)
    assert done.returncode == 65
    assert done.stdout == ""
    assert "All 1 rows were rejected" in done.stderr
    assert "Traceback" not in done.stderr
