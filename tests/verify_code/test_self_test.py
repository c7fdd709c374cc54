"""`--self-test`: the battery's table for people, facts for scripts, and no folder for the next command."""

import json
from pathlib import Path

import pytest

from stages.core.errors import RlbffError
from stages.core.progress import quiet
from stages.sandbox import self_test as battery
from stages.verify_code import self_test
from stages.verify_code.config import SandboxOptions, VerifyCodeConfig
from tests.extract_principles.commands import rlbff
from tests.sandbox.conftest import skip_unless_possible


@pytest.mark.slow
def test_the_battery_finds_nothing_and_says_so(tmp_path: Path) -> None:
    skip_unless_possible("standard")
    done = rlbff("verify-code", "--self-test", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["facts"]
    assert (facts["level"], facts["problems"]) == ("standard", 0)
    assert facts["table"][-1][:2] == ["total", str(facts["programs"])]
    assert "Self-test at level standard" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_comes_through_ends_in_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_unless_possible("standard")
    wrong = next(attack for attack in battery.ATTACKS if attack.kind == "honest")._replace(kind="forging")
    found = battery.self_test("standard", [wrong])
    assert found.problems == (f"forging: {wrong.name}: false pass",)
    monkeypatch.setattr(self_test, "self_test", lambda level, advance: found)
    with pytest.raises(RlbffError, match="1 problems at level standard: forging"):
        self_test.run_self_test(VerifyCodeConfig(self_test=True, sandbox=SandboxOptions()), quiet)
