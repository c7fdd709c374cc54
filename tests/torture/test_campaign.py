"""A small campaign on the quick stages; and campaigns whose command lies, which must be found out."""

import json
from pathlib import Path

import pytest

from tests.torture.__main__ import main
from tests.torture.campaign import Record, deal
from tests.torture.chain import CASES
from tests.torture.table import markdown, plain, rows

NAMES = [case.name for case in CASES]


def record(**changes: object) -> Record:
    given: dict[str, object] = {"number": 0, "stage": "eval", "kind": "kill", "seed": 1, "struck": True, "moment": "m"}
    return Record(**{**given, "codes": (-9,), "resumed": (0,), **changes})  # type: ignore[arg-type]


def test_two_hundred_faults_reach_every_stage_at_least_twenty_times() -> None:
    faults = deal(NAMES, 200, 0)
    assert len(faults) == 200
    assert [fault.number for fault in faults] == list(range(200))
    for name in NAMES:
        assert sum(fault.case.name == name for fault in faults) >= 20
    assert deal(NAMES, 200, 0) == faults
    assert deal(NAMES, 200, 1) != faults


def test_a_fault_is_survived_only_with_everything_as_it_was() -> None:
    assert record().survived
    for harm in ({"lost": 1}, {"wrong": 1}, {"files": ("x",)}, {"unclear": ("a traceback",)}, {"resumed": (73,)}):
        assert not record(**harm).survived


def test_the_table_counts_what_struck() -> None:
    some = [record(), record(lost=2), record(struck=False, lost=9), record(kind="clock", unclear=("a traceback",))]
    table = rows(some)
    assert table == [
        ("clock", "eval", "1", "0", "0", "0", "0", "1"),
        ("kill", "eval", "2", "1", "2", "0", "0", "0"),
        ("all", "all", "3", "1", "2", "0", "0", "1"),
    ]
    assert markdown(table).splitlines()[2] == "| clock | eval | 1 | 0 | 0 | 0 | 0 | 1 |"
    assert plain(table).splitlines()[-1].split() == ["all", "all", "3", "1", "2", "0", "0", "1"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_campaign_does_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path), "--faults", "12", "--seed", "4", "--stages", "extract-principles", "--fresh"]
    assert main(arguments) == 0, capsys.readouterr().out
    records = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert len(records) == 12
    assert sum(one["struck"] for one in records) >= 10
    assert all(one["survived"] for one in records if one["struck"])
    assert len({one["kind"] for one in records}) >= 5
    assert (tmp_path / "table.md").read_text().startswith("| fault | stage |")
    assert "torture" not in Path("/proc/mounts").read_text().replace(str(tmp_path.parent), "")
