"""Low-rank adapters on the linear layers of a model (LoRA, arXiv 2106.09685), and the weights of the model with them
merged in, so that nobody who loads it needs to know of them.
"""

from typing import Any, Final

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from stages.train_rm.module import RewardModule

_NAME: Final = "default"


def add_adapters(module: RewardModule, *, rank: int, alpha: float, seed: int) -> None:
    """Put adapters of `rank` on all linear layers of the decoder, in place, and freeze the other weights.

    The output layer of a language model stays as it is, and so do experts, which are no linear layers; the scalar head
    of a classifier is trained whole. An adapter adds alpha / rank * B A to its layer's weight; A is drawn from `seed`,
    B begins at 0.
    """
    inside = set(module.model.get_decoder().modules())
    linear = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear) and layer in inside]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # given the model itself, peft would take layers named like experts of other versions for these
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=linear), module, _NAME)  # type: ignore[arg-type]
    if module.answers is None:
        module.model.score.requires_grad_(True)


def plain_weights(model: Any, *, keep: bool) -> dict[str, Tensor]:  # noqa: ANN401 - transformers' models share no useful type
    """Return all weights of a model on the CPU, each once, under the names that it has without adapters.

    Weights that FSDP shards are put together; all processes must take part, and those without `keep` get nothing.
    """
    names = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
    weights: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        if name not in names:
            continue  # tied to one that is already there
        whole = weight.full_tensor() if isinstance(weight, DTensor) else weight
        if keep:
            weights[name] = whole.cpu()
    if keep:
        for name, layer in model.named_modules():
            if isinstance(layer, LoraLayer):
                _merge(weights, name, layer.scaling[_NAME])
    return weights


def _merge(weights: dict[str, Tensor], name: str, scale: float) -> None:
    down, up = (weights.pop(f"{name}.{part}.{_NAME}.weight") for part in ("lora_A", "lora_B"))
    weights[f"{name}.weight"] = weights.pop(f"{name}.base_layer.weight") + scale * (up @ down)
    if (bias := weights.pop(f"{name}.base_layer.bias", None)) is not None:
        weights[f"{name}.bias"] = bias
