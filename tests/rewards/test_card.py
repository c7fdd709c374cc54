import json
import math
from pathlib import Path

import pytest

from stages.core.errors import DataError
from stages.rewards.card import CARD, Calibration, RewardCard, read_card
from tests.tiny_families import answering_tokenizer
from tests.tiny_rewards import entailment_card

OWN = entailment_card(answering_tokenizer())
SCALAR = RewardCard(
    kind="scalar",
    objective="bradley-terry",
    base="some/base",
    template=None,
    max_length=512,
    calibration=None,
    held_out={},
    fidelity="demo",
)


@pytest.mark.parametrize("card", [OWN, SCALAR])
def test_card_is_read_as_it_was_written(card: RewardCard, tmp_path: Path) -> None:
    (tmp_path / CARD).write_text(card.to_json(), encoding="utf-8")
    assert read_card(tmp_path) == card
    assert json.loads(card.to_json())["version"] == 1


def test_folder_without_a_card_has_none(tmp_path: Path) -> None:
    assert read_card(tmp_path) is None
    assert read_card(tmp_path / "missing") is None


def test_calibrated_probabilities_by_hand() -> None:
    # 3 / 2 - 0.5 = 1; -1000 / 2 - 0.5 is so small that exp() of its negative overflows
    found = Calibration(temperature=2, bias=-0.5, rows=1, conversations=1).p_yes([3.0, 1.0, -1000.0])
    assert found == pytest.approx([1 / (1 + math.exp(-1)), 0.5, 0.0], abs=1e-12)


BROKEN = {
    "it lacks 'template'": {"template": ...},
    "missing 1 required keyword-only argument: 'base'": {"base": ...},
    "unexpected keyword argument 'colour'": {"colour": "red"},
    "version is 2, where this rlbff reads 1": {"version": 2},
    "version is None": {"version": ...},
    "kind is 'genrm'": {"kind": "genrm"},
    "fidelity is 'high'": {"fidelity": "high"},
    "objective is None": {"objective": None},
    "base is 7": {"base": 7},
    "max_length is 0": {"max_length": 0},
    "max_length is '9'": {"max_length": "9"},
    "an entailment model has a template": {"template": None},
    "kind of a calibrated model is 'scalar'": {"kind": "scalar", "template": None},
    "not a stored entailment template": {"template": {"name": "rlbff"}},
    "argument 'spread'": {"calibration": {"spread": 1}},
    "calibration is \\(0, 1\\)": {"calibration": {"temperature": 0, "bias": 1, "rows": 1, "conversations": 1}},
    "calibration is \\(nan, 1\\)": {"calibration": {"temperature": math.nan, "bias": 1, "rows": 1, "conversations": 1}},
    "held_out is {'nll': 'low'}": {"held_out": {"nll": "low"}},
    "has no attribute 'values'": {"held_out": [1]},
}


@pytest.mark.parametrize("words", BROKEN)
def test_what_is_no_card_is_refused_with_its_file(words: str, tmp_path: Path) -> None:
    fields = json.loads(OWN.to_json()) | BROKEN[words]
    text = json.dumps({name: value for name, value in fields.items() if value is not ...})
    (tmp_path / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{CARD}: This is no card of a reward model: .*{words}.*as train-rm wrote"):
        read_card(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
def test_damaged_file_is_refused_with_its_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / CARD).write_bytes(content)
    with pytest.raises(DataError, match=CARD) as problem:
        read_card(tmp_path)
    assert "\n" not in str(problem.value)
