"""The policy under training: its weights, the optimiser, one step of it. Which rows a step has is not its business."""

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, NamedTuple

import torch
from torch.nn.utils import clip_grad_norm_

from stages.core.errors import DataError
from stages.models.head_entropy import OutputHead
from stages.train_policy.arrays import Floats, Objective, TrainRow
from stages.train_policy.forward import log_probs
from stages.train_policy.loss import find_fault
from stages.train_policy.update import UpdateResult, accumulate

STATE: Final = "state.pt"

_BETAS: Final = (0.9, 0.999)


class Settings(NamedTuple):
    """What an optimiser step is made with; `autocast` is the dtype of products, None for that of the weights."""

    learning_rate: float
    warmup: int
    weight_decay: float
    grad_clip: float
    temperature: float
    micro_tokens: int
    autocast: torch.dtype | None


class Stepped(NamedTuple):
    """What an optimiser step did: loss and tokens, the norm of the gradient before clipping, the learning rate."""

    result: UpdateResult
    grad_norm: float
    learning_rate: float


class Learner:
    """A causal language model in training mode on its device, its output layer, and AdamW over its weights."""

    def __init__(self, model: Any, head: OutputHead, settings: Settings) -> None:  # noqa: ANN401 - transformers' models share no type
        self.model = model
        self.head = head
        self.settings = settings
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        # fused: one pass over the memory, on a CPU too, where the other ways take two to five times as long
        self._optimizer = torch.optim.AdamW(
            _decayed(self._weights, settings.weight_decay), lr=settings.learning_rate, betas=_BETAS, fused=True
        )

    def log_probs(self, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[Floats]:
        """The log-probability of each token of the completions, of (prompt, completion) pairs, by a forward pass."""
        found = log_probs(
            self.model,
            self.head,
            rows,
            temperature=self.settings.temperature,
            micro_tokens=self.settings.micro_tokens,
            autocast=self.settings.autocast,
        )
        return [stats.logp for stats in found]

    def step(
        self, rows: Sequence[TrainRow], batches: Sequence[Sequence[int]], objective: Objective, number: int
    ) -> Stepped:
        """Make optimiser step `number`, counted from 1, on `rows` in micro-batches of the row numbers `batches`.

        Raises DataError for log-probabilities, losses or a gradient that are not finite, and for log-ratios beyond 20;
        the weights are then as they were.
        """
        result = accumulate(
            self.model,
            self.head,
            rows,
            objective,
            temperature=self.settings.temperature,
            batches=batches,
            autocast=self.settings.autocast,
        )
        stats = result.stats
        lengths = [len(row.completion_ids) for row in rows]
        fault = find_fault(stats.logp, stats.old, lengths, [row.id for row in rows], stats.value)
        if fault is not None:
            raise DataError(f"Step {number}, {fault}")
        limit = self.settings.grad_clip or torch.inf
        norm = float(clip_grad_norm_(self._weights, limit))
        if not torch.isfinite(torch.tensor(norm)):
            raise DataError(
                f"The gradient of step {number} is not finite ({norm}); nothing was changed by it. Lower "
                "--learning-rate, or look at the rollouts of this generation."
            )
        rate = self.settings.learning_rate * min(1.0, number / max(1, self.settings.warmup))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return Stepped(result, norm, rate)

    def save(self, folder: Path) -> None:
        """Write weights and optimiser; that they are whole is the caller's business."""
        state = {"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict()}
        torch.save(state, folder / STATE)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises DataError for a file that is damaged; nothing has changed then."""
        try:
            state = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
            raise DataError(f"{folder / STATE} is damaged: {' '.join(str(error).split())[:200]}") from error
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])


def _decayed(weights: Sequence[torch.nn.Parameter], decay: float) -> list[dict[str, object]]:
    """Matrices with weight decay; norms and biases without."""
    matrices = [weight for weight in weights if weight.ndim > 1]
    vectors = [weight for weight in weights if weight.ndim <= 1]
    groups: list[dict[str, object]] = [{"params": matrices, "weight_decay": decay}]
    return [*groups, {"params": vectors, "weight_decay": 0.0}] if vectors else groups
