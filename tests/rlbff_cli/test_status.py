import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlbff_cli.spans import span
from tests.rlbff_cli.conftest import Result
from tests.rlbff_cli.folders import make_folder

Rlbff = Callable[..., Result]


def test_an_unfinished_folder_with_its_forecast(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "half", planned=5)
    result = rlbff("status", "half")
    assert result.returncode == 0
    # 2 parts of 10 rows in 10 s; 30 rows left
    assert result.stdout.splitlines() == [
        "half: principles by extract-principles, not finished",
        "  parts     2 of 5",
        "  rows      20 of 50 (40.0%), 30 left",
        "  kept      3, which made 3 rows of principles",
        "  dropped   15 rows; dropped_by: evidence 8, partially 2",
        "  rejected  2 rows; reason: bad_json 2",
        "  speed     2.0 rows/s, about 15 s left",
        "  counts    mentions 40",
    ]


def test_what_the_parts_will_be_made_of_is_under_way(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "out", planned=5)
    make_folder(tmp_path / "out" / ".rlbff" / "runs", planned=4)
    assert rlbff("status", "out").stdout.splitlines()[-1] == (
        "  runs      20 of 40 rows, which the parts will be made of, 2.0 rows/s, about 10 s left"
    )
    (said,) = map(json.loads, rlbff("status", "out", "--json").stdout.splitlines())
    assert [one["parts_done"] for one in said["passes"]] == [2]
    make_folder(tmp_path / "done")
    make_folder(tmp_path / "done" / ".rlbff" / "runs")
    assert "runs" not in rlbff("status", "done").stdout


def test_a_finished_folder_has_no_forecast(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "done")
    lines = rlbff("status", "done").stdout.splitlines()
    assert lines[0] == "done: principles by extract-principles, finished"
    assert lines[-2] == "  speed     2.0 rows/s"


def test_json_has_one_object_a_folder(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "half", planned=5)
    make_folder(tmp_path / "done")
    half, done = (json.loads(line) for line in rlbff("status", "half", "done", "--json").stdout.splitlines())
    assert (half["root"], half["parts_done"], half["seconds_left"]) == ("half", 2, 15.0)
    assert (done["finished"], done["seconds_left"]) == (True, None)
    assert half["rejected_by"] == {"bad_json": 2}


def test_folders_come_from_stdin(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "done")
    assert rlbff("status", "-", stdin="done\n").stdout.startswith("done: ")


def test_a_folder_that_is_not_ours(rlbff: Rlbff, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    result = rlbff("status", "other")
    assert (result.returncode, result.stdout) == (65, "")
    assert "other is not an output folder of rlbff" in result.stderr


def test_no_folder_is_a_mistake(rlbff: Rlbff) -> None:
    assert rlbff("status").returncode == 2


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (45 * 60, "45 min"),
        (3600, "1 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (48 * 3600, "2 d"),
        (52 * 3600, "2 d 4 h"),
    ],
)
def test_a_span_as_a_person_says_it(seconds: float, said: str) -> None:
    assert span(seconds) == said
