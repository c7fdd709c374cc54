"""What a reward model's folder says about itself, in reward_model.json beside the files that transformers reads."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from stages.core.errors import DataError
from stages.core.shards import dump_json
from stages.models.template import EntailmentTemplate
from stages.rewards.calibration import Platt, sigmoid

CARD: Final = "reward_model.json"
VERSION: Final = 1

Kind = Literal["entailment", "scalar"]
"""entailment: a causal language model that answers Yes or No. scalar: a sequence-classification head of one label."""

Fidelity = Literal["demo", "model"]
"""demo: made on the spot to show how things work; its judgements are worth nothing elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """p(Yes) = sigmoid(score / temperature + bias), fitted on `rows` rows of `conversations` held-out conversations."""

    temperature: float
    bias: float
    rows: int
    conversations: int

    def p_yes(self, scores: Sequence[float]) -> list[float]:
        """The calibrated probabilities of raw scores."""
        log_odds = Platt(self.temperature, self.bias).log_odds(np.asarray(scores, dtype=np.float64))
        return [float(p) for p in sigmoid(log_odds)]


@dataclass(frozen=True, kw_only=True)
class RewardCard:
    """Everything about a reward model that its weights and its tokenizer do not say.

    `objective` is what was trained, `base` the model that training began with; scalar models have no `template` and no
    `calibration`. `max_length` is the most tokens that a text had in training. `held_out` are figures of this very
    model on conversations that it never saw, null where one is not defined.
    """

    kind: Kind
    objective: str
    base: str
    template: EntailmentTemplate | None
    max_length: int
    calibration: Calibration | None
    held_out: Mapping[str, float | None]
    fidelity: Fidelity

    def __post_init__(self) -> None:
        _check("kind", self.kind, self.kind in get_args(Kind))
        _check("fidelity", self.fidelity, self.fidelity in get_args(Fidelity))
        _check("objective", self.objective, isinstance(self.objective, str))
        _check("base", self.base, isinstance(self.base, str))
        _check("max_length", self.max_length, isinstance(self.max_length, int) and self.max_length > 0)
        if (self.template is None) == (self.kind == "entailment"):
            raise DataError("an entailment model has a template, and no other does.")
        if self.calibration is not None:
            _check("kind of a calibrated model", self.kind, self.kind == "entailment")
            numbers = (self.calibration.temperature, self.calibration.bias)
            _check("calibration", numbers, all(map(_is_finite, numbers)) and self.calibration.temperature > 0)
        _check("held_out", self.held_out, all(value is None or _is_finite(value) for value in self.held_out.values()))

    def to_json(self) -> str:
        """Return the card as the text of reward_model.json; `from_json` reads it."""
        template = None if self.template is None else json.loads(self.template.to_json())
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        calibration = None if self.calibration is None else asdict(self.calibration)
        return dump_json(
            {"version": VERSION, **own, "template": template, "calibration": calibration, "held_out": {**self.held_out}}
        )

    @classmethod
    def from_json(cls, text: str) -> "RewardCard":
        """Return the card that `to_json` wrote. Raises DataError for any other text."""
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise ValueError("it is no JSON object")
            if (version := values.pop("version", None)) != VERSION:
                raise ValueError(f"its version is {version!r}, where this rlbff reads {VERSION}")
            template, calibration = values["template"], values["calibration"]
            values["template"] = template and EntailmentTemplate.from_json(json.dumps(template))
            values["calibration"] = calibration and Calibration(**calibration)
            return cls(**values)
        except KeyError as missing:
            raise DataError(f"This is no card of a reward model: it lacks {missing}.") from missing
        except (ValueError, TypeError, AttributeError) as problem:
            raise DataError(f"This is no card of a reward model: {problem}") from problem


def read_card(folder: Path) -> RewardCard | None:
    """Return the card in a folder, None if there is none. Raises DataError for a file that is no card."""
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        return RewardCard.from_json(path.read_text(encoding="utf-8"))
    except ValueError as problem:  # a DataError too
        raise DataError(f"{path}: {problem} Use the folder as train-rm wrote it.") from problem


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _check(name: str, value: object, holds: bool) -> None:
    if not holds:
        raise DataError(f"{name} is {value!r}.")
