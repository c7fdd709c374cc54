"""TRL's GRPOTrainer with the policy loss of loss.py; how it is set up and fed is in trl_engine.py.

TRL's own loss, its clip range opened, has the gradient -r A by each log-probability, r = pi / pi_old. With A F / r for
A, without gradient, that is -F A, the gradient of every objective of loss.py. TRL reads the advantages after it has
computed the log-probabilities, so they are replaced in between; masks, weights and other terms stay TRL's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils.data import Sampler
from trl.trainer.grpo_trainer import GRPOTrainer

from stages.core.errors import ConfigError, DataError
from stages.train_policy.arrays import Objective
from stages.train_policy.loss import find_fault, sequence_log_ratio, token_loss
from stages.train_policy.regions import LARGEST_LOG_RATIO, REGIONS

OPEN: Final = 1e9
"""TRL's `epsilon` and `epsilon_high`: no ratio that passes the checks below leaves this range."""

LARGEST_GAP: Final = 0.05
"""Nats by which the sampler's log-probabilities may differ from the trainer's, on average over tokens."""

_ADVANTAGES: Final = "advantages"


class PolicyTrainer(GRPOTrainer):
    """A GRPOTrainer that learns by `objective_at` of steps made; KL term and entropy bonus are options of TRL.

    The column `prompt` of its data has ids of prompts, `prompt_ids` the tokens of each, so that TRL's sampler reads
    what other engines read. Raises DataError, on all processes, where log-probabilities are not finite, move by more
    than e^20, or are not those of the sampler; ConfigError where TRL is not the one that this was written for.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - TRL's
        objective_at: Callable[[int], Objective],
        prompt_ids: Mapping[str, Sequence[int]],
        **options: Any,  # noqa: ANN401 - TRL's
    ) -> None:
        super().__init__(*args, **options)
        assert self.epsilon_low == self.epsilon_high == OPEN
        self._objective_at = objective_at
        self._prompt_ids = prompt_ids
        self._batch: _Batch | None = None
        self._regions = torch.zeros(len(REGIONS), dtype=torch.int64)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add how many tokens of the step were trained, and what share of them was in each region of the loss."""
        if tokens := int(self._regions.sum()):
            shares = (self._regions / tokens).tolist()
            logs = {
                **logs,
                "tokens": tokens,
                **{f"region/{name}": share for name, share in zip(REGIONS, shares, strict=True)},
                "beta1": self._objective_at(self.state.global_step - 1).beta1,
            }
            self._regions.zero_()
        super().log(logs, start_time)

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write none: a policy's folder has no README."""

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:  # noqa: ANN401 - TRL's
        """TRL's order of prompts, of the epoch that training is in: its own begins with the first one at a resume."""
        sampler: Any = super()._get_train_sampler(dataset)
        options: Any = self.args
        generations = sampler.num_samples // sampler.batch_size
        batches = generations * options.num_iterations * options.steps_per_generation
        steps = batches // options.gradient_accumulation_steps
        return EpochOrder(sampler, lambda: int(self.state.global_step) // steps)

    def _tokenize_prompts(self, prompts: Sequence[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(self._prompt_ids[prompt]) for prompt in prompts], None, {}

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any]) -> Tensor:  # noqa: ANN401 - TRL's
        # a copy, for TRL takes the same inputs again in later passes
        batch = self._batch = _Batch(inputs)
        try:
            loss: Tensor = super()._compute_loss(model, batch)  # type: ignore[no-untyped-call]
        finally:
            self._batch = None
        if not (batch.replaced and batch.read):
            raise ConfigError(_other_order("does not read the advantages after the log-probabilities"))
        return loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **options: Any) -> tuple[Tensor, Tensor, Any]:  # noqa: ANN401
        found: tuple[Tensor, Tensor, Any] = super()._get_per_token_logps_and_entropies(*args, **options)
        if self._batch is not None:
            if self._batch.read or self._batch.replaced:
                raise ConfigError(_other_order("reads the advantages before the log-probabilities"))
            self._replace_advantages(self._batch, found[0].detach())
        return found

    def _replace_advantages(self, batch: "_Batch", logp: Tensor) -> None:
        """Put A F / r in the place of the advantages; all shapes are (rows, tokens), padding has 0."""
        mask = batch["completion_mask"].bool()
        if "tool_mask" in batch:
            mask = mask & batch["tool_mask"].bool()
        lengths = mask.sum(dim=1).tolist()
        logp = logp.to(torch.promote_types(logp.dtype, torch.float32))
        now, old = logp[mask], batch.get("old_per_token_logps", logp)[mask]
        self._check(now, old, lengths, batch.get("sampling_per_token_logps"), mask)
        given = batch.get(_ADVANTAGES)
        assert given is not None
        advantage = (given.unsqueeze(1) if given.ndim == 1 else given).expand_as(logp)[mask]
        objective = self._objective_at(self.state.global_step)._replace(kl=0.0)
        ratio = sequence_log_ratio(now, old, lengths) if objective.sequence_ratio else None
        result = token_loss(now, old, advantage, objective, ratio=ratio)
        # computed as token_loss does, so that tokens with F = r keep their advantage to the last bit
        r = (now - old if ratio is None else ratio).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()
        batch.replace(torch.zeros_like(logp).masked_scatter(mask, advantage * (result.factor / r)))
        counts = torch.bincount(result.region.long(), minlength=len(REGIONS))
        self._regions += self.accelerator.reduce(counts, "sum").cpu()

    def _check(self, now: Tensor, old: Tensor, lengths: Sequence[int], sampled: Tensor | None, mask: Tensor) -> None:
        """Raise DataError on all processes if one of them must not go on."""
        rows = [f"{n} of a micro-batch" for n in range(len(lengths))]
        fault = find_fault(now, old, lengths, rows)
        worst = float((now - old).abs().max()) if len(now) else 0.0
        if fault is None and worst > LARGEST_LOG_RATIO:
            fault = (
                f"a log-probability changed by {worst:.3g} since it was sampled, and TRL does not bound ratios; try a "
                "lower --learning-rate"
            )
        gap = 0.0 if sampled is None or not len(now) else float((sampled[mask] - old).abs().nanmean())
        if fault is None and gap > LARGEST_GAP:
            fault = (
                f"sampler and trainer disagree by {gap:.3g} nats a token, more than {LARGEST_GAP:g}, so that ratios "
                "mean nothing; leave out --vllm, or train with --precision fp32"
            )
        faults = torch.tensor(float(fault is not None), device=now.device)
        if float(self.accelerator.reduce(faults, "sum")):
            where = f"Step {self.state.global_step + 1}, process {self.accelerator.process_index}: "
            raise DataError(where + (fault or "another process found a fault and says which."))


class EpochOrder(Sampler[int]):
    """TRL's RepeatSampler `inner`, whose order of an epoch does not depend on how many it has been asked for."""

    def __init__(self, inner: Any, epoch: Callable[[], int]) -> None:  # noqa: ANN401 - TRL's
        self._inner = inner
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self._inner.generator.manual_seed(self._inner.seed)
        for _ in range(self._epoch()):
            torch.randperm(self._inner.num_samples, generator=self._inner.generator)
        yield from self._inner

    def __len__(self) -> int:
        return len(self._inner)


class _Batch(dict[str, Any]):
    """A micro-batch for TRL, which notes when its advantages are replaced, and when they are first read by `[]`."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__(inputs)
        self.replaced = False
        self.read = False

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - of several types
        self.read = self.read or key == _ADVANTAGES
        return super().__getitem__(key)

    def replace(self, advantages: Tensor) -> None:
        """Put others in the place of the advantages, once."""
        self[_ADVANTAGES] = advantages
        self.replaced = True


def _other_order(what: str) -> str:
    return (
        f"--engine trl needs TRL 1.16: this one {what} when it computes the loss, so that the objective would not be "
        "the one asked for. Install the one that it is tested with: pip install 'rlbff[trl]'."
    )
