"""What beta1 is at an optimiser step: as settled, by --beta1-schedule, or by --entropy-band.

Larger beta1 keeps more of the gradient of bad tokens left of the clip range, and entropy falls faster (eq. 8 and
section 5.1 of arXiv 2509.20712); the controller is our own design. beta2 stays as settled.
"""

import math
from itertools import pairwise
from typing import NamedTuple

from stages.core.errors import ConfigError
from stages.train_policy.config import LossOptions


class BetaState(NamedTuple):
    """Where the control of a run stands; numbers that JSON keeps exactly, so `BetaState(**json)` undoes `_asdict()`.

    `moved`: beta1 where --entropy-band has set it; `first_entropy` in nats; None before the first generation.
    """

    moved: float | None = None
    first_entropy: float | None = None


class Control(NamedTuple):
    """How beta1 is decided. `start`: as settled; `schedule`: (step, beta1), ascending from step 0.

    `band`: entropies, as multiples of the first one, between which beta1 stays; `rate`: how far it moves outside.
    """

    start: float
    schedule: tuple[tuple[int, float], ...] = ()
    band: tuple[float, float] | None = None
    rate: float = 0.0

    def beta1(self, state: BetaState, step: int) -> float:
        """Return beta1 of the optimiser step `step`, counted from 1."""
        if state.moved is not None:
            return state.moved
        return next((beta1 for at, beta1 in reversed(self.schedule) if at <= step), self.start)

    def after(self, state: BetaState, entropy: float) -> BetaState:
        """Return the state after a generation whose tokens had the mean entropy `entropy`, in nats.

        The first entropy is what the band is relative to. Above the band beta1 rises by the rate, below it falls,
        within [0, 1]. Without a band nothing changes.
        """
        if self.band is None:
            return state
        assert math.isfinite(entropy)
        first = entropy if state.first_entropy is None else state.first_entropy
        low, high = self.band
        direction = (entropy > high * first) - (entropy < low * first)
        before = self.start if state.moved is None else state.moved
        return BetaState(min(1.0, max(0.0, before + direction * self.rate)), first)


def control_of(loss: LossOptions, beta1: float) -> Control:
    """Read the options; `beta1` is the settled one. Raises ConfigError for a malformed schedule or band."""
    return Control(
        start=beta1,
        schedule=() if loss.beta1_schedule is None else parse_schedule(loss.beta1_schedule),
        band=None if loss.entropy_band is None else parse_band(loss.entropy_band),
        rate=loss.beta1_rate,
    )


def parse_schedule(text: str) -> tuple[tuple[int, float], ...]:
    """Turn `0@0,0.5@585` into ((0, 0.0), (585, 0.5)): each beta1 holds from its optimiser step on.

    Raises:
        ConfigError: not of that form, a beta1 outside [0, 1], a first step other than 0, or steps that do not ascend.
    """
    pairs = [piece.strip().partition("@") for piece in text.split(",")]
    try:
        schedule = tuple((int(at), float(beta1)) for beta1, _, at in pairs)
    except ValueError:
        raise ConfigError(
            f"--beta1-schedule {text!r} is not of the form BETA1@STEP,..., such as 0@0,0.5@585."
        ) from None
    for _, beta1 in schedule:
        if not 0 <= beta1 <= 1:
            raise ConfigError(f"--beta1-schedule {text!r} has the beta1 {beta1:g}; it must be between 0 and 1.")
    steps = [at for at, _ in schedule]
    if steps[0] != 0:
        raise ConfigError(f"--beta1-schedule {text!r} begins with step {steps[0]}; say what beta1 is from step 0.")
    if any(after <= before for before, after in pairwise(steps)):
        raise ConfigError(f"--beta1-schedule {text!r} has steps that do not ascend; write each step once, in order.")
    return schedule


def parse_band(text: str) -> tuple[float, float]:
    """Turn `0.8,1.2` into (0.8, 1.2). Raises ConfigError unless it is two finite numbers, 0 <= LOW < HIGH."""
    try:
        low, high = (float(piece) for piece in text.split(","))
    except ValueError:
        raise ConfigError(f"--entropy-band {text!r} is not of the form LOW,HIGH, such as 0.8,1.2.") from None
    if not 0 <= low < high < math.inf:
        raise ConfigError(
            f"--entropy-band {text!r} is no band; LOW and HIGH are multiples of the first entropy with 0 <= LOW < HIGH."
        )
    return low, high
