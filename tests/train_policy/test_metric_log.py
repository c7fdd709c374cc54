"""The log of a run's figures: what is read back, and what is cut off when a run goes on from a checkpoint."""

from pathlib import Path

import pytest

from stages.core.errors import DataError
from stages.train_policy.arrays import Metric
from stages.train_policy.metric_log import Event, MetricLog, read_events


def metric(step: int) -> Metric:
    return Metric(step, "all", "loss", 0.1 + step, 3)


def filled(path: Path) -> None:
    log = MetricLog(path, generations=0, steps=0)
    for generation in range(2):
        log.add("generation", generation, [metric(2 * generation)])
        for step in (2 * generation + 1, 2 * generation + 2):
            log.add("update", step, [metric(step), Metric(step, "zero", "mean_p", None, 0)])
    log.sync()
    log.close()


def test_events_are_read_as_they_were_written(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    events = list(read_events(tmp_path / "log"))
    assert [(event.kind, event.number) for event in events] == [
        ("generation", 0),
        ("update", 1),
        ("update", 2),
        ("generation", 1),
        ("update", 3),
        ("update", 4),
    ]
    assert events[1] == Event("update", 1, (metric(1), Metric(1, "zero", "mean_p", None, 0)))


def test_a_run_that_goes_on_cuts_off_what_comes_after_its_checkpoint(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    MetricLog(tmp_path / "log", generations=1, steps=1).close()
    assert [event[:2] for event in read_events(tmp_path / "log")] == [("generation", 0), ("update", 1)]


def test_a_line_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "log"
    filled(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert [event.number for event in read_events(path)] == [0, 1, 2, 1, 3]
    MetricLog(path, generations=2, steps=3).close()
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("damage", [b"", b"garbage\n", b"\xff\xfe\n"])
def test_a_log_that_lost_steps_is_an_error(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "log"
    filled(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[3:]]))
    with pytest.raises(DataError, match=r"log is damaged: .* all of 4 steps.*--no-resume"):
        MetricLog(path, generations=2, steps=4)
