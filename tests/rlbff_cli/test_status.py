import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlbff_cli.spans import span
from rlbff_cli.status import ranges
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
        "  parts     2 of 5; missing: 2-4",
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
        "  runs      20 of 40 rows, which the parts will be made of, 2.0 rows/s, about 10 s left; missing: 2-3"
    )
    (said,) = map(json.loads, rlbff("status", "out", "--json").stdout.splitlines())
    assert [one["parts_done"] for one in said["passes"]] == [2]
    make_folder(tmp_path / "done")
    make_folder(tmp_path / "done" / ".rlbff" / "runs")
    assert "runs" not in rlbff("status", "done").stdout


def test_missing_parts_are_told_by_number_and_by_the_shares_that_they_belong_to(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "out", planned=40)
    for share in ("1-of-3", "2-of-3"):
        (tmp_path / "out" / ".rlbff" / f"lock-{share}").touch()
    for part in (4, 5, 9):
        done = (tmp_path / "out" / ".rlbff" / "done" / "part-00001.json").read_text()
        (tmp_path / "out" / ".rlbff" / "done" / f"part-{part:05d}.json").write_text(done)
    line = rlbff("status", "out").stdout.splitlines()[1]
    assert line == "  parts     5 of 40; missing: 2-3, 6-8, 10-39; shares left: 1/3, 2/3, 3/3"
    (said,) = map(json.loads, rlbff("status", "out", "--json").stdout.splitlines())
    assert said["missing"] == [[2, 3], [6, 8], [10, 39]]
    # one part alone is left, and it is the second share's
    make_folder(tmp_path / "near", planned=3)
    (tmp_path / "near" / ".rlbff" / "done" / "part-00001.json").unlink()
    (tmp_path / "near" / ".rlbff" / "done" / "part-00002.json").write_text(done)
    (tmp_path / "near" / ".rlbff" / "lock-2-of-3").touch()
    assert rlbff("status", "near").stdout.splitlines()[1] == "  parts     2 of 3; missing: 1; shares left: 2/3"
    (tmp_path / "near" / ".rlbff" / "lock-2-of-4").touch()
    assert rlbff("status", "near").stdout.splitlines()[1] == "  parts     2 of 3; missing: 1"


def test_ranges_beyond_the_first_few_are_counted() -> None:
    assert ranges([(2 * number, 2 * number) for number in range(7)] + [(20, 29)]) == "0, 2, 4, 6, 8, 10, 12, 20-29"
    assert ranges([(2 * number, 2 * number + 1) for number in range(10)]).endswith("14-15 and 4 more")


def test_training_tells_its_latest_step_and_its_checkpoint(rlbff: Rlbff, tmp_path: Path) -> None:
    make_folder(tmp_path / "rm", planned=3)
    training = tmp_path / "rm" / ".rlbff" / "training" / "abc"
    training.mkdir(parents=True)
    assert "training" not in rlbff("status", "rm").stdout
    (training / "steps.jsonl").write_text('{"step": 41}\n{"step": 42}\n{"step": 4')
    assert rlbff("status", "rm").stdout.splitlines()[-1].split(None, 1) == ["training", "step 42, no checkpoint yet"]
    for step in (40, 50):
        (training / f"checkpoint-{step}").mkdir()
    (training / "checkpoint-40" / "complete").touch()
    line = rlbff("status", "rm").stdout.splitlines()[-1]
    assert line.split(None, 1) == ["training", "step 42, checkpoint at step 40"]
    (training / "steps.jsonl").unlink()
    (training / "metrics.jsonl").write_text('["generation", 0, []]\n["update", 1043, []]\n["generation", 44, []]\n')
    (said,) = map(json.loads, rlbff("status", "rm", "--json").stdout.splitlines())
    assert said["training"] == {"step": 1043, "checkpoint": 40}


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
