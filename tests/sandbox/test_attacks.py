"""The attack battery, and the attacks that lie beside the repository: as the current user and as an ordinary one."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stages.sandbox.jobs import Program, SplitTests
from stages.sandbox.layers import Level
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import open_sandbox
from stages.sandbox.self_test import ATTACKS, self_test
from tests.sandbox.conftest import children, skip_unless_possible, unprivileged_python

QUICK_KINDS = ("equality", "forging", "host", "honest")


def test_the_quick_part_of_the_battery() -> None:
    skip_unless_possible("standard")
    report = self_test("standard", [attack for attack in ATTACKS if attack.kind in QUICK_KINDS])
    assert report.problems == ()
    assert report.table()[-1][:2] == ("total", str(len(report.rows)))


@pytest.mark.slow
@pytest.mark.parametrize("level", ["standard", "strict"])
def test_the_whole_battery(level: Level) -> None:
    skip_unless_possible(level)
    assert self_test(level).problems == ()


def test_a_battery_that_finds_something_says_so() -> None:
    skip_unless_possible("standard")
    honest = next(attack for attack in ATTACKS if attack.kind == "honest")
    report = self_test("standard", [honest._replace(kind="exit"), honest._replace(source="x = 1")])
    assert report.problems == ("exit: plain: false pass", "honest: plain: false reject")
    assert report.table()[-1] == ("total", "2", "1", "1", "0", "0", "0")


AS_NOBODY = """
import os, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
os.execv(sys.argv[1], [sys.argv[1], "-c", sys.argv[2], sys.argv[3]])
"""
SELF_TEST = """
import sys
from stages.sandbox.self_test import ATTACKS, self_test
kinds = ("exit", "equality", "reading", "host", "crash", "honest")
print(self_test(sys.argv[1], [one for one in ATTACKS if one.kind in kinds]).problems)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; others are that user already")
@pytest.mark.parametrize(
    "level", [pytest.param("standard", id="standard"), pytest.param("strict", marks=pytest.mark.slow)]
)
def test_the_same_as_an_ordinary_user(level: Level, root: Path) -> None:
    skip_unless_possible(level)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, unprivileged_python(), SELF_TEST, level],
        cwd="/",
        env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.stdout == "()\n", done.stdout + done.stderr


@pytest.fixture
def canary_folder() -> Path:
    """The folder that the shared attacks try to write to, as their description asks for."""
    folder = Path(tempfile.gettempdir(), "rlbff-canary")
    folder.mkdir(exist_ok=True)
    (folder / "secret.txt").write_text("secret")
    (folder / "victim.txt").write_text("victim")
    return folder


@pytest.mark.parametrize("level", ["standard", pytest.param("strict", marks=pytest.mark.slow)])
def test_the_shared_attacks(level: Level, shared_data: Path, canary_folder: Path) -> None:
    skip_unless_possible(level)
    rows = [json.loads(line) for line in (shared_data / "attacks" / "attacks.jsonl").read_text().splitlines()]
    assert len(rows) == 44
    wrong = []
    with open_sandbox(level, Limits(test_cpu=0.4, program_cpu=0.5, memory=256 << 20), factor=1.0) as sandbox:
        for row in rows:
            entry = row["entry_point"]
            tests = SplitTests(setup=row["test"], cases=(f"check({entry})",))
            verdict = sandbox.verify(Program(source=row["solution"], entry_point=entry), tests)
            if verdict.all_passed != (row["want"] == "pass"):
                wrong.append((row["name"], verdict.status, verdict.detail))
        assert [children(pid) for pid in sandbox.pids] == [[] for _ in sandbox.pids]
    assert wrong == []
    assert not list(canary_folder.glob("ESCAPE_*"))
    assert (canary_folder / "victim.txt").exists()
