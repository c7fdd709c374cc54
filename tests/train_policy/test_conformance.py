"""One golden batch, one gradient a token, whatever the engine. verl is not installed with us: that part skips."""

import importlib.util
from typing import Any

import pytest
import torch

from stages.train_policy.conformance import (
    Case,
    Golden,
    case_config,
    case_objective,
    largest_difference,
    local_gradients,
    read_golden,
    trl_gradients,
    verl_gradients,
)
from stages.train_policy.loss import token_loss
from stages.train_policy.presets import settle
from stages.train_policy.regions import REGIONS
from stages.train_policy.verl_plugin import loss_name, per_token, register
from tests.train_policy.golden_batch import CASES, GOLDEN, batch, literal_gradients

NUMBERS = range(len(CASES))
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden(GOLDEN)


def test_the_batch_is_what_makes_it_makes(golden: Golden) -> None:
    assert list(golden.rows) == batch()
    assert [(case.preset, dict(case.loss)) for case in golden.cases] == list(CASES)


@pytest.mark.parametrize("number", NUMBERS)
def test_gradients_are_those_of_the_literal_objective(golden: Golden, number: int) -> None:
    case = golden.cases[number]
    assert largest_difference(case.gradients, literal_gradients(list(golden.rows), case)) < 1e-15


def test_two_tokens_by_hand(golden: Golden) -> None:
    # log-ratio 3 of the first row, A = 1.25: beta2 1.2 A over 60 tokens; -6 of the second, A = -0.75: beta1 0.8 A
    first, second = golden.cases[0].gradients[:2]
    assert first[-1] == pytest.approx(-1.2 * 1.25 / 60)
    assert second[0] == pytest.approx(0.5 * 0.8 * 0.75 / 60)


def test_all_regions_are_met(golden: Golden) -> None:
    met = set()
    for case in golden.cases:
        own = case_objective(case, len(golden.rows))
        if own.sequence_ratio:
            continue
        for row in golden.rows:
            values = torch.tensor([row.logp, row.old])
            found = token_loss(values[0], values[1], torch.full_like(values[0], row.advantage), own)
            met |= {REGIONS[code] for code in found.region.tolist()}
    assert met == set(REGIONS)


@pytest.mark.parametrize("number", NUMBERS)
def test_local_has_the_golden_gradient(golden: Golden, number: int) -> None:
    case = golden.cases[number]
    assert largest_difference(local_gradients(golden.rows, case), case.gradients) < TOLERANCE


@pytest.mark.parametrize("number", NUMBERS)
def test_trl_has_the_golden_gradient(golden: Golden, number: int) -> None:
    case = golden.cases[number]
    assert largest_difference(trl_gradients(golden.rows, case), case.gradients) < TOLERANCE


@pytest.mark.parametrize("number", NUMBERS)
def test_the_plugin_has_the_golden_gradient_without_verl(golden: Golden, number: int) -> None:
    case = golden.cases[number]
    found = verl_gradients(golden.rows, case, compute_as_verl(case, golden), None)
    assert largest_difference(found, case.gradients) < TOLERANCE


@pytest.mark.skipif(importlib.util.find_spec("verl") is None, reason="verl is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", NUMBERS)
def test_verl_has_the_golden_gradient(golden: Golden, number: int) -> None:
    from verl.trainer.ppo.core_algos import get_policy_loss_fn
    from verl.workers.config import ActorConfig

    case = golden.cases[number]
    own = case_objective(case, len(golden.rows))
    name = register(beta1=own.beta1, beta2=own.beta2, both_sides=own.both_sides, sequence_ratio=own.sequence_ratio)
    config = ActorConfig(
        strategy="fsdp",
        rollout_n=8,
        use_dynamic_bsz=True,
        clip_ratio_low=own.eps_low,
        clip_ratio_high=own.eps_high,
        clip_ratio_c=own.dual_clip or 1e9,
    )
    found = verl_gradients(golden.rows, case, get_policy_loss_fn(name), config)
    assert largest_difference(found, case.gradients) < TOLERANCE


def test_a_row_that_is_not_finite_is_named() -> None:
    values, mask = torch.zeros(2, 2), torch.tensor([[1, 0], [1, 1]])
    logp = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]])
    options: dict[str, Any] = {"eps_low": 0.2, "eps_high": 0.2, "dual_clip": 1e9, "beta1": 0.5, "beta2": 1.0}
    with pytest.raises(ValueError, match="row 1 of a micro-batch"):
        per_token(values, logp, values, mask, both_sides=False, sequence_ratio=False, **options)


def test_names_of_losses_have_the_betas() -> None:
    plain = {"both_sides": False, "sequence_ratio": False}
    assert loss_name(beta1=0.5, beta2=1.0, **plain) == "ce_gppo_b0.5_1.0"
    assert loss_name(beta1=0.0, beta2=0.0, both_sides=False, sequence_ratio=True) == "ce_gppo_b0.0_0.0_sequence"
    assert loss_name(beta1=1.0, beta2=1.0, both_sides=True, sequence_ratio=False) == "ce_gppo_b1.0_1.0_both"


def test_a_wrong_coefficient_is_seen(golden: Golden) -> None:
    case = golden.cases[0]
    other = case._replace(loss={"beta1": 0.51})
    assert largest_difference(local_gradients(golden.rows, other), case.gradients) > 1e-5


def compute_as_verl(case: Case, golden: Golden) -> Any:
    """What verl does around the loss of a token, for who does not have it."""
    own = case_objective(case, len(golden.rows))
    settled = settle(case_config(case, len(golden.rows)))

    def compute(old: Any, logp: Any, advantages: Any, mask: Any, **_: object) -> Any:
        losses, _regions = per_token(
            old,
            logp,
            advantages,
            mask,
            eps_low=own.eps_low,
            eps_high=own.eps_high,
            dual_clip=own.dual_clip or 1e9,
            beta1=own.beta1,
            beta2=own.beta2,
            both_sides=own.both_sides,
            sequence_ratio=own.sequence_ratio,
        )
        if settled.aggregate == "token-mean":
            return (losses * mask).sum() / mask.sum(), {}
        return ((losses * mask).sum(dim=1) / mask.sum(dim=1)).mean(), {}

    return compute
