"""The values that the modules of train-policy hand each other. Nothing is computed here.

Legend: T completion tokens of several rows, one behind the other; G completions of a group.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.chat import Message

if TYPE_CHECKING:
    # whoever reads stored figures needs no torch
    from torch import Tensor

Floats = NDArray[np.float32]


class Objective(NamedTuple):
    """The policy loss, settled: what is given by flags, else by the preset.

    `beta1`, `beta2`: share of the gradient kept left and right of the clip range [1 - eps_low, 1 + eps_high].
    `dual_clip`: ratio beyond which tokens of negative advantage have no gradient, None for none. `both_sides`: bounded
    on the pessimistic sides as well (CISPO). `sequence_ratio`: one ratio for all tokens of a completion, the geometric
    mean (GSPO). `kl` and `entropy_bonus` are coefficients; `nll` the weight of the log-loss of right completions.
    """

    eps_low: float = 0.2
    eps_high: float = 0.2
    beta1: float = 0.5
    beta2: float = 1.0
    dual_clip: float | None = None
    both_sides: bool = False
    sequence_ratio: bool = False
    kl: float = 0.0
    entropy_bonus: float = 0.0
    nll: float = 0.0


class TokenBatch(NamedTuple):
    """What the loss of T tokens needs beside the policy; tensors of shape (T,) on the policy's device.

    `targets` int64: the tokens drawn. `old` f32: log-probability before the updates. `advantage` f32. `weight` f32: of
    the token in the loss, fixed before the update. `reference` f32: log-probability under the base model, where there
    is a KL term. `nll_weight` f32: weight of -log p where there is that term, without its coefficient. `ratio` f32:
    log of the sequence's ratio, for GSPO, where the ratio is not that of the token.
    """

    targets: "Tensor"
    old: "Tensor"
    advantage: "Tensor"
    weight: "Tensor"
    reference: "Tensor | None" = None
    nll_weight: "Tensor | None" = None
    ratio: "Tensor | None" = None


class TokenLoss(NamedTuple):
    """The loss of T tokens by their log-probabilities alone; tensors of shape (T,), f32 or f64, without gradient.

    `value`: per token, unweighted, KL term included, entropy bonus and NLL not. `slope`: d value / d logp.
    `factor`: F in slope = -F * advantage of the policy term. `region` int8, see loss.py. `surrogate`: the plain clipped
    PPO loss of the token, for comparison between settings.
    """

    value: "Tensor"
    slope: "Tensor"
    factor: "Tensor"
    region: "Tensor"
    surrogate: "Tensor"


class TokenStats(NamedTuple):
    """What an update noticed of its T tokens, f32 on the CPU unless said; rows in the order given to the update.

    `entropy` in nats, of the softmax at the sampling temperature; `sum_p2` = sum_j p_j^2; `sum_p2_logp` = sum_j p_j^2
    ln p_j; `row` int64: the number of the token's row. The others are as in TokenBatch and TokenLoss.
    """

    logp: Floats
    old: Floats
    entropy: Floats
    sum_p2: Floats
    sum_p2_logp: Floats
    advantage: Floats
    weight: Floats
    factor: Floats
    value: Floats
    surrogate: Floats
    region: NDArray[np.int8]
    row: NDArray[np.int64]


class TrainRow(NamedTuple):
    """One completion as an update takes it.

    `old` and `reference` have one f32 a completion token; `weight` and `nll_weight` are those of each of its tokens.
    `id` names it in errors.
    """

    id: str
    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    advantage: float
    weight: float
    old: Floats
    reference: Floats | None = None
    nll_weight: float = 0.0


class Prompt(NamedTuple):
    """A prompt, read and tokenised. The policy sees `messages` alone; the rest is for rewards."""

    id: str
    messages: tuple[Message, ...]
    ids: tuple[int, ...]
    reference: object = None
    style: str | None = None
    principle: str | None = None
    extra: Mapping[str, object] = {}


class Rollout(NamedTuple):
    """A completion with what became of it; `group` and `number` count within its generation and group.

    `sampling` are the log-probabilities at which its tokens were drawn. `reward` is None where there is none.
    """

    prompt: Prompt
    group: int
    number: int
    completion: str
    completion_ids: tuple[int, ...]
    sampling: Floats
    finish: str
    reward: float | None = None
    parts: Mapping[str, float] = {}
    status: str = "ok"
    detail: str = ""
    advantage: float | None = None
    dropped_by: str | None = None


class Metric(NamedTuple):
    """One line of the metrics table: `benchmark` is training, `group` which tokens or rows."""

    step: int
    group: str
    metric: str
    value: float | None
    n: int
