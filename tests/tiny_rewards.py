"""Reward models of a few thousand random weights in folders, for tests of everything that opens one."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from stages.models.template import make_template
from stages.rewards.card import CARD, Calibration, RewardCard
from tests.tiny_families import OWN, SHAPE, answering_tokenizer, tiny_model

CALIBRATION = Calibration(temperature=2.0, bias=0.5, rows=40, conversations=10)


def entailment_card(tokenizer: Any, **changes: Any) -> RewardCard:
    """A card for the folder of an entailment model with this tokenizer."""
    fields = {
        "kind": "entailment",
        "objective": "entailment",
        "base": "tiny",
        "template": make_template(tokenizer),
        "max_length": 1024,
        "calibration": CALIBRATION,
        "held_out": {"accuracy": 0.5, "auroc": None},
        "fidelity": "model",
    }
    return RewardCard(**fields | changes)


def save_entailment_rm(folder: Path, name: str = "qwen3", *, with_card: bool = True, **changes: Any) -> Path:
    """Save a language model of a family of tiny_families.py as a reward model; `changes` are those of its card."""
    tokenizer = answering_tokenizer()
    tiny_model(name).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if with_card:
        (folder / CARD).write_text(entailment_card(tokenizer, **changes).to_json(), encoding="utf-8")
    return folder


def tiny_classifier(name: str = "qwen3", **changes: Any) -> Any:
    """A model of the family with a sequence-classification head of one label, fp32, in evaluation mode."""
    config = AutoConfig.for_model(name.removesuffix("_sliding"), **SHAPE | OWN[name] | {"num_labels": 1} | changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def save_scalar_rm(folder: Path, name: str = "qwen3", **changes: Any) -> Path:
    """Save a classifier of a family with a tokenizer; `changes` are those of its configuration."""
    tiny_classifier(name, **changes).save_pretrained(folder)
    answering_tokenizer().save_pretrained(folder)
    return folder
