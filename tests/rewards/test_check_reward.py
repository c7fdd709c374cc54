"""The source `check:`: shares of checks that hold, rows with checks of their own, and expressions that never end."""

import pytest

from stages.core.errors import ConfigError
from stages.rewards.check_reward import open_checks
from stages.rewards.check_worker import score_checks
from stages.rewards.checks import parse_checks
from stages.rewards.item import RewardItem
from stages.rewards.source_options import SourceOptions


def item(completion: str, **fields: object) -> RewardItem:
    return RewardItem("row", (), completion)._replace(**fields)


def test_the_value_is_the_share_that_holds() -> None:
    checks = parse_checks("words<=3, lowercase, no-comma")
    assert score_checks(item("all three hold"), checks)[:2] == (1.0, "ok")
    some = score_checks(item("One, here"), checks)
    assert some.value == pytest.approx(1 / 3)
    assert some.detail == "does not hold: lowercase, no-comma"
    assert score_checks(item("  "), checks)[:2] == (0.0, "no_answer")


def test_what_cannot_be_told_is_no_part_of_the_share() -> None:
    checks = parse_checks("words<=3, language=de")
    assert score_checks(item("Hallo"), checks)[:2] == (1.0, "ok")
    untold = score_checks(item("Hallo"), parse_checks("language=de"))
    assert untold[:2] == (None, "skipped")
    assert "language=de" in untold.detail


@pytest.mark.parametrize(
    ("fields", "value", "status"),
    [
        ({"extra": {"checks": "words<=2"}}, 0.0, "ok"),
        ({"extra": {"checks": ["words<=2", "words<=3"]}}, 0.5, "ok"),
        ({"reference": "words<=3"}, 1.0, "ok"),
        ({"reference": ["words<=3", "json"]}, 0.5, "ok"),
        ({"reference": "18", "principle": "at most 2 words"}, 0.0, "ok"),
        ({"principle": "At most 3 words."}, 1.0, "ok"),
        ({"principle": "is kind"}, None, "skipped"),
        ({"reference": "18"}, None, "skipped"),
        ({}, None, "skipped"),
        ({"extra": {"checks": "wordz<=2"}}, None, "error"),
        ({"reference": ["18"]}, None, "error"),
    ],
)
def test_rows_bring_their_own_checks(fields: dict[str, object], value: float | None, status: str) -> None:
    assert score_checks(item("just three words", **fields), None)[:2] == (value, status)


def test_an_expression_that_never_ends_times_out_alone() -> None:
    reward = open_checks(r'regex:"(a+)+$"', SourceOptions(reward_workers=2, reward_seconds=0.5))
    late, fine = reward.score([item("a" * 40 + "b"), item("aa")])
    reward.close()
    assert (late.value, late.status) == (None, "timeout")
    assert (fine.value, fine.status) == (1.0, "ok")
    assert reward.name == r'check:regex:"(a+)+$"'
    assert reward.best == 1.0
    assert reward.facts()["timeout"] == 1


def test_unknown_checks_are_refused_when_opened() -> None:
    with pytest.raises(ConfigError, match=r"check:word<=3: .*did you mean words"):
        open_checks("word<=3", SourceOptions())
