"""Tiny classifiers with one output, the base of Bradley-Terry models."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tests.tiny_families import OWN, SHAPE


def tiny_classifier(family: str) -> Any:
    """A random model of the family in evaluation mode, fp32."""
    config = AutoConfig.for_model(family.removesuffix("_sliding"), **SHAPE | OWN[family] | {"num_labels": 1})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model
