"""Do suites pass in the sandbox where pytest itself passes them, for a right program and for a wrong one?

pytest runs all suites of the table twice, each time in one process of its own, and is the twin.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stages.sandbox.jobs import Program, SuiteTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Outcome, Status
from tests.sandbox.suites_by_class import MORE
from tests.sandbox.suites_by_function import BEGIN
from tests.sandbox.suites_by_function import SUITES as FIRST

SUITES = FIRST | MORE

PROGRAMS = {
    "right": "def add(a, b=0):\n    if a is None: raise TypeError('unsupported None')\n    return a + b\n",
    "wrong": "def add(a, b=0):\n    return 99\n",
}


@pytest.fixture(scope="module", params=PROGRAMS)
def pytests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Counter[str]]]:
    """A program's name, and which tests of each suite it passes under pytest; a parametrised test counts each time."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "solution.py").write_text(PROGRAMS[request.param])
    for name, source in SUITES.items():
        (folder / f"test_{name}.py").write_text(BEGIN + source)
    # A test that returns something says nothing, and is no pass here.
    strict = ["-W", "error::pytest.PytestReturnNotNoneWarning"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *strict,
        "-q",
        "-c",
        "/dev/null",
        f"--rootdir={folder}",
        "-p",
        "no:cacheprovider",
    ]
    subprocess.run([*command, "--junitxml=out.xml", "."], cwd=folder, capture_output=True, check=False, timeout=120)
    return request.param, _passed(folder / "out.xml")


def _passed(report: Path) -> dict[str, Counter[str]]:
    passed: dict[str, Counter[str]] = {name: Counter() for name in SUITES}
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        key = f"{case.get('classname')}.{case.get('name')}"
        seen[key] += 1
        bad[key] += any(part.tag in ("failure", "error", "skipped") for part in case)
    assert seen
    for key in seen:
        _, _, rest = key.partition("test_")
        suite, _, test = rest.partition(".")
        passed[suite][re.sub(r"\[.*", "", test)] += 0 if bad[key] else seen[key]
    return passed


@pytest.mark.parametrize("name", SUITES)
def test_the_same_tests_pass(standard: Sandbox, pytests: tuple[str, dict[str, Counter[str]]], name: str) -> None:
    if name == "arrays":
        pytest.importorskip("numpy")
    program, passed = pytests
    verdict = standard.verify(
        Program(source=PROGRAMS[program], entry_point="add"), SuiteTests(source=BEGIN + SUITES[name])
    )
    assert verdict.status in (Status.DONE, Status.TESTER_ERROR, Status.LOAD_ERROR), verdict
    here = Counter(re.sub(r"\[.*", "", result.test) for result in verdict.results if result.outcome is Outcome.PASS)
    assert here == +passed[name]
    assert {re.sub(r"\[.*", "", result.test) for result in verdict.results if result.test} <= set(passed[name])
