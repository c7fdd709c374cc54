"""beta1 by schedule and by entropy band, worked by hand."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import ConfigError
from stages.train_policy.config import LossOptions
from stages.train_policy.controller import BetaState, Control, control_of, parse_band, parse_schedule

BAND = Control(start=0.5, band=(0.5, 1.5), rate=0.125)


def test_without_options_beta1_stays() -> None:
    control = control_of(LossOptions(), 0.5)
    state = control.after(BetaState(), 3.0)
    assert state == BetaState()
    assert control.beta1(state, 1) == control.beta1(state, 10_000) == 0.5


def test_schedule_is_constant_between_its_steps() -> None:
    control = control_of(LossOptions(beta1_schedule="0@0,0.5@585, 0.75@600"), 0.9)
    found = [control.beta1(BetaState(), step) for step in (0, 1, 584, 585, 586, 599, 600, 10**6)]
    assert found == [0, 0, 0, 0.5, 0.5, 0.5, 0.75, 0.75]


def test_band_moves_beta1_against_the_entropy() -> None:
    states = [BetaState()]
    # first 2 nats, so the band is 1 .. 3: inside, above, above, on the edge, below, on the edge
    for entropy in (2.0, 3.1, 9.0, 3.0, 0.9, 1.0):
        states.append(BAND.after(states[-1], entropy))
    assert [BAND.beta1(state, 7) for state in states] == [0.5, 0.5, 0.625, 0.75, 0.75, 0.625, 0.625]
    assert {state.first_entropy for state in states[1:]} == {2.0}


def test_a_band_without_one_moves_at_once() -> None:
    control = Control(start=0.5, band=(0.2, 0.8), rate=0.125)
    assert control.after(BetaState(), 2.0) == BetaState(0.625, 2.0)


def test_beta1_stays_between_zero_and_one() -> None:
    control = BAND._replace(rate=0.3)
    up = down = BetaState(first_entropy=1.0)
    for _ in range(5):
        up, down = control.after(up, 2.0), control.after(down, 0.1)
    assert (up.moved, down.moved) == (1.0, 0.0)
    assert (control.beta1(up, 9), control.beta1(down, 9)) == (1.0, 0.0)
    assert control.after(down, 2.0).moved == 0.3


@given(st.lists(st.floats(0, 20), min_size=1, max_size=30))
def test_state_survives_json_exactly(entropies: list[float]) -> None:
    control = Control(start=1 / 3, band=(0.7, 1.3), rate=0.1)
    kept = resumed = BetaState()
    for entropy in entropies:
        kept = control.after(kept, entropy)
        resumed = BetaState(**json.loads(json.dumps(control.after(resumed, entropy)._asdict())))
    assert resumed == kept
    assert 0 <= control.beta1(kept, 1) <= 1


@given(st.lists(st.floats(0.1, 5), min_size=2, max_size=30))
def test_more_entropy_never_gives_a_smaller_beta1(entropies: list[float]) -> None:
    for less, more in pairwise(sorted(entropies)):
        state = BetaState(moved=0.4, first_entropy=1.5)
        assert BAND.after(state, less).moved <= BAND.after(state, more).moved  # type: ignore[operator]


def test_options_become_a_control() -> None:
    assert control_of(LossOptions(entropy_band="0.5,1.5", beta1_rate=0.125), 0.5) == BAND
    assert parse_band(" 0.8 , 1.2") == (0.8, 1.2)
    assert parse_band("0,1") == (0.0, 1.0)
    assert parse_schedule("1@0") == ((0, 1.0),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not of the form BETA1@STEP,..., such as 0@0,0.5@585."),
        ("0.5", "is not of the form"),
        ("0@0,", "is not of the form"),
        ("0@0;0.5@9", "is not of the form"),
        ("0@0,0.5@1.5", "is not of the form"),
        ("0@0,1.5@9", "has the beta1 1.5; it must be between 0 and 1."),
        ("-0.1@0", "has the beta1 -0.1"),
        ("nan@0", "has the beta1 nan"),
        ("0.5@585", "begins with step 585; say what beta1 is from step 0."),
        ("0@-3,1@0", "begins with step -3"),
        ("0@0,1@9,0.5@9", "has steps that do not ascend"),
        ("0@0,1@9,0.5@4", "has steps that do not ascend"),
    ],
)
def test_malformed_schedules_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        control_of(LossOptions(beta1_schedule=text), 0.5)
    assert str(caught.value).startswith(f"--beta1-schedule {text!r} {reason}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not of the form LOW,HIGH, such as 0.8,1.2."),
        ("0.8", "is not of the form"),
        ("0.8,1,1.2", "is not of the form"),
        ("low,high", "is not of the form"),
        ("1.2,0.8", "is no band;"),
        ("1,1", "is no band;"),
        ("-0.1,1", "is no band;"),
        ("0.5,inf", "is no band;"),
        ("0.5,nan", "is no band;"),
    ],
)
def test_malformed_bands_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        control_of(LossOptions(entropy_band=text), 0.5)
    assert str(caught.value).startswith(f"--entropy-band {text!r} {reason}")
