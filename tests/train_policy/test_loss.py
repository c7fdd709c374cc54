"""The policy loss against numbers worked by hand, and against the forms of the papers under autograd."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.train_policy.arrays import Objective, TokenBatch, TokenLoss
from stages.train_policy.loss import (
    find_fault,
    objective,
    policy_loss,
    sequence_log_ratio,
    token_loss,
)
from stages.train_policy.presets import PRESETS
from stages.train_policy.regions import DUAL, INSIDE, NA_LP, PA_LP, PESSIMISTIC_HIGH, PESSIMISTIC_LOW, REGIONS
from tests.naive import policy_loss as naive

TOKENS = 200_000
PPO = Objective(beta1=0.0, beta2=0.0)
# the paper's two models, the released default with clip-higher, and an odd one
SETTINGS = [
    {"beta1": 0.5, "beta2": 1.0, "eps_low": 0.2, "eps_high": 0.2},
    {"beta1": 0.75, "beta2": 1.0, "eps_low": 0.2, "eps_high": 0.2},
    {"beta1": 0.25, "beta2": 1.0, "eps_low": 0.2, "eps_high": 0.28},
    {"beta1": 0.0, "beta2": 0.3, "eps_low": 0.05, "eps_high": 0.6},
]


@dataclass(frozen=True)
class Tokens:
    logp: Tensor
    old: Tensor
    advantage: Tensor


def some_tokens(dtype: torch.dtype = torch.float64, number: int = TOKENS, seed: int = 0) -> Tokens:
    """Ratios from about e^-5 to e^5, one advantage in twenty 0."""
    draw = torch.Generator().manual_seed(seed)
    old = -torch.empty(number, dtype=torch.float64).exponential_(generator=draw)
    step = torch.randn(number, generator=draw, dtype=torch.float64)
    advantage = torch.randn(number, generator=draw, dtype=torch.float64)
    advantage[torch.rand(number, generator=draw) < 0.05] = 0
    return Tokens((old + step).to(dtype), old.to(dtype), advantage.to(dtype))


def gradient(loss: Callable[[Tensor], Tensor], logp: Tensor) -> Tensor:
    leaf = logp.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    return found


def of_ratios(ratios: list[float], advantage: float, settings: Objective) -> TokenLoss:
    logp = torch.tensor(ratios, dtype=torch.float64).log()
    return token_loss(logp, torch.zeros_like(logp), torch.full_like(logp, advantage), settings)


def names(found: TokenLoss) -> list[str]:
    return [REGIONS[code] for code in found.region.tolist()]


def test_good_tokens_by_hand() -> None:
    found = of_ratios([0.5, 0.9, 1.1, 3.0], 2.0, Objective(beta1=0.5, beta2=0.75, eps_low=0.2, eps_high=0.3))
    assert names(found) == ["pessimistic_low", "inside", "inside", "pa_lp"]
    # right of the range: 0.75 * 1.3
    assert found.factor.tolist() == pytest.approx([0.5, 0.9, 1.1, 0.975], abs=1e-15)
    assert found.value.tolist() == pytest.approx([-1.0, -1.8, -2.2, -1.95], abs=1e-15)
    assert found.slope.tolist() == found.value.tolist()
    # plain PPO: min(r, 1.3) * 2
    assert found.surrogate.tolist() == pytest.approx([-1.0, -1.8, -2.2, -2.6], abs=1e-15)


def test_bad_tokens_by_hand() -> None:
    settings = Objective(beta1=0.5, beta2=0.75, eps_low=0.2, eps_high=0.3, dual_clip=4.0)
    found = of_ratios([0.5, 0.9, 3.0, 5.0], -2.0, settings)
    assert names(found) == ["na_lp", "inside", "pessimistic_high", "dual"]
    # left of the range: 0.5 * 0.8; past the dual clip the value stays at 4 * 2, without slope
    assert found.factor.tolist() == pytest.approx([0.4, 0.9, 3.0, 0.0], abs=1e-15)
    assert found.value.tolist() == pytest.approx([0.8, 1.8, 6.0, 8.0], abs=1e-15)
    assert found.slope.tolist() == pytest.approx([0.8, 1.8, 6.0, 0.0], abs=1e-15)
    assert found.surrogate.tolist() == pytest.approx([1.6, 1.8, 6.0, 10.0], abs=1e-14)


def test_both_sides_by_hand() -> None:
    settings = Objective(beta1=1.0, beta2=1.0, eps_low=0.2, eps_high=0.3, both_sides=True)
    for advantage in (2.0, -2.0):
        found = of_ratios([0.5, 0.9, 1.1, 3.0], advantage, settings)
        assert found.factor.tolist() == pytest.approx([0.8, 0.9, 1.1, 1.3], abs=1e-15)
    assert names(of_ratios([0.5, 3.0], 2.0, settings)) == ["pessimistic_low", "pa_lp"]
    assert names(of_ratios([0.5, 3.0], -2.0, settings)) == ["na_lp", "pessimistic_high"]


def test_regions_are_codes_of_their_names() -> None:
    assert [REGIONS[code] for code in (INSIDE, NA_LP, PA_LP, PESSIMISTIC_LOW, PESSIMISTIC_HIGH, DUAL)] == list(REGIONS)
    assert of_ratios([1.0], 1.0, PPO).region.dtype == torch.int8


@pytest.mark.parametrize("dual_clip", [None, 3.0])
@pytest.mark.parametrize("settings", SETTINGS)
def test_gradient_and_value_are_those_of_the_three_branches(
    settings: dict[str, float], dual_clip: float | None
) -> None:
    given: dict[str, Any] = settings | {"dual_clip": dual_clip}
    tokens = some_tokens()
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, Objective(**given))
    counts = torch.bincount(found.region.long(), minlength=len(REGIONS))
    assert counts[: DUAL + (dual_clip is not None)].min() > 1000
    assert (counts[DUAL] > 0) == (dual_clip is not None)

    def literal(logp: Tensor) -> Tensor:
        return naive.ce_gppo(logp, tokens.old, tokens.advantage, **given)

    assert (found.slope - gradient(literal, tokens.logp)).abs().max() <= 1e-14
    assert (found.value - literal(tokens.logp)).abs().max() <= 1e-14


@pytest.mark.parametrize("dual_clip", [None, 3.0])
@pytest.mark.parametrize("settings", SETTINGS)
def test_gradient_in_single_precision(settings: dict[str, float], dual_clip: float | None) -> None:
    given: dict[str, Any] = settings | {"dual_clip": dual_clip}
    tokens = some_tokens(torch.float32)
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, Objective(**given))
    assert {tensor.dtype for tensor in found._replace(region=found.value)} == {torch.float32}
    literal = gradient(lambda logp: naive.ce_gppo(logp, tokens.old, tokens.advantage, **given), tokens.logp)
    assert (found.slope - literal).abs().max() <= 1e-6


@pytest.mark.parametrize("dual_clip", [None, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_betas_the_gradient_is_that_of_ppo(dtype: torch.dtype, dual_clip: float | None) -> None:
    tokens = some_tokens(dtype)
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, PPO._replace(dual_clip=dual_clip))
    expected = gradient(
        lambda logp: naive.ppo(logp, tokens.old, tokens.advantage, eps_low=0.2, eps_high=0.2, dual_clip=dual_clip),
        tokens.logp,
    )
    assert torch.equal(found.slope, expected)
    value = naive.ppo(tokens.logp, tokens.old, tokens.advantage, eps_low=0.2, eps_high=0.2, dual_clip=dual_clip)
    assert not torch.equal(found.value, value)


@pytest.mark.parametrize("dual_clip", [None, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_betas_of_one_the_value_is_that_of_ppo(dtype: torch.dtype, dual_clip: float | None) -> None:
    tokens = some_tokens(dtype)
    settings = Objective(beta1=1.0, beta2=1.0, eps_high=0.28, dual_clip=dual_clip)
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, settings)
    given: dict[str, Any] = {"eps_low": 0.2, "eps_high": 0.28}
    literal = naive.ppo(tokens.logp, tokens.old, tokens.advantage, dual_clip=dual_clip, **given)
    assert torch.equal(found.value, literal)
    assert torch.equal(found.surrogate, naive.ppo(tokens.logp, tokens.old, tokens.advantage, **given))
    assert not torch.equal(
        found.slope, gradient(lambda x: naive.ppo(x, tokens.old, tokens.advantage, **given), tokens.logp)
    )


def test_value_and_slope_share_no_memory() -> None:
    found = of_ratios([1.0, 2.0], 1.0, Objective())
    found.slope.mul_(0)
    assert found.value.tolist() == pytest.approx([-1.0, -1.2])


def test_surrogate_does_not_know_the_betas() -> None:
    tokens = some_tokens(number=2000)
    found = [
        token_loss(tokens.logp, tokens.old, tokens.advantage, Objective(beta1=b1, beta2=b2, dual_clip=c)).surrogate
        for b1, b2, c in ((0.0, 0.0, None), (0.5, 1.0, 3.0))
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_at_ratio_one_every_setting_is_the_policy_gradient(beta: float) -> None:
    tokens = some_tokens(number=2000)
    for both_sides in (False, True):
        settings = Objective(beta1=beta, beta2=beta, dual_clip=2.0, both_sides=both_sides)
        found = token_loss(tokens.old, tokens.old, tokens.advantage, settings)
        assert torch.equal(found.slope, -tokens.advantage)
        assert torch.equal(found.value, -tokens.advantage)
        assert set(names(found)) == {"inside"}


def test_dual_clip_beyond_every_ratio_changes_nothing() -> None:
    tokens = some_tokens()
    largest = (tokens.logp - tokens.old).exp().max().item()
    plain, clipped = (
        token_loss(tokens.logp, tokens.old, tokens.advantage, Objective(dual_clip=c)) for c in (None, largest)
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, clipped, strict=True))


def test_tokens_of_bad_completions_left_of_the_range_never_meet_the_dual_clip() -> None:
    tokens = some_tokens()
    plain, clipped = (
        token_loss(tokens.logp, tokens.old, tokens.advantage, Objective(dual_clip=c)) for c in (None, 1.5)
    )
    left = plain.region == NA_LP
    assert torch.equal(plain.value[left], clipped.value[left])
    assert (clipped.region[left] == NA_LP).all()


def test_boundaries_are_strict() -> None:
    ratio = torch.tensor([0.5, -0.5], dtype=torch.float64).exp()
    settings = Objective(eps_low=1 - ratio[1].item(), eps_high=ratio[0].item() - 1, dual_clip=math.exp(2))
    assert 1 + settings.eps_high == ratio[0].item()
    assert 1 - settings.eps_low == ratio[1].item()
    tiny = 1e-12
    for advantage, outside in ((1.0, ["pa_lp", "pessimistic_low"]), (-1.0, ["pessimistic_high", "na_lp"])):
        for shift, expected in ((0.0, ["inside", "inside"]), (tiny, outside)):
            logp = torch.tensor([0.5 + shift, -0.5 - shift], dtype=torch.float64)
            found = token_loss(logp, torch.zeros_like(logp), torch.full_like(logp, advantage), settings)
            assert names(found) == expected
    dual = torch.tensor([2.0, 2.0 + tiny], dtype=torch.float64)
    settings = settings._replace(dual_clip=dual[0].exp().item())
    found = token_loss(dual, torch.zeros_like(dual), -torch.ones_like(dual), settings)
    assert names(found) == ["pessimistic_high", "dual"]


def test_without_advantage_every_token_is_inside_and_without_slope() -> None:
    found = of_ratios([0.01, 0.5, 1.0, 2.0, 100.0], 0.0, Objective(dual_clip=3.0, both_sides=True))
    assert set(names(found)) == {"inside"}
    assert found.slope.abs().max() == found.value.abs().max() == 0


@pytest.mark.parametrize("beta", [0.0, 0.25, 0.5, 1.0])
def test_factor_is_continuous_at_the_range_only_for_beta_one(beta: float) -> None:
    settings = Objective(beta1=beta, beta2=beta, eps_low=0.2, eps_high=0.28)
    for edge, inwards, advantage in ((0.8, 1, -1.0), (1.28, -1, 1.0)):
        inner, outer = of_ratios([edge + inwards * 1e-9, edge - inwards * 1e-9], advantage, settings).factor.tolist()
        assert inner - outer == pytest.approx((1 - beta) * edge, abs=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("preset", PRESETS)
def test_finite_at_every_finite_log_ratio(preset: str, dtype: torch.dtype) -> None:
    settings = objective(PRESETS[preset])._replace(kl=0.1)  # type: ignore[index]
    ratios = [sign * size for size in (20.0, 88.0, 100.0, 110.0, 1e4) for sign in (1, -1)]
    logp = torch.tensor(ratios, dtype=dtype).repeat_interleave(3).requires_grad_()
    advantage = torch.tensor([-2.0, 0.0, 2.0], dtype=dtype).repeat(len(ratios))
    old = torch.zeros_like(logp)
    sequence = logp.detach() if settings.sequence_ratio else None
    batch = TokenBatch(old.long(), old, advantage, old + 0.1, reference=-logp.detach(), ratio=sequence)
    loss, found = policy_loss(logp, batch, settings)
    (slope,) = torch.autograd.grad(loss, logp)
    assert loss.isfinite()
    assert slope.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in found)


def test_the_literal_form_is_not_finite_there() -> None:
    logp = torch.tensor([100.0, -110.0])
    literal = naive.ce_gppo(
        logp, torch.zeros(2), torch.tensor([1.0, -1.0]), beta1=0.5, beta2=1.0, eps_low=0.2, eps_high=0.2
    )
    assert literal.isnan().all()
    found = token_loss(logp, torch.zeros(2), torch.tensor([1.0, -1.0]), Objective())
    assert found.value.tolist() == pytest.approx([-1.2, 0.4])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cispo_is_its_literal_form(dtype: torch.dtype) -> None:
    tokens = some_tokens(dtype)
    settings = objective(PRESETS["cispo"])
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, settings)
    expected = gradient(
        lambda logp: naive.cispo(logp, tokens.old, tokens.advantage, eps_low=0.2, eps_high=0.2), tokens.logp
    )
    assert torch.equal(found.slope, expected)


def test_gspo_is_its_literal_form() -> None:
    draw = np.random.default_rng(1)
    lengths = draw.integers(1, 60, 400).tolist()
    rows = draw.normal(size=400)
    tokens = some_tokens(number=sum(lengths))
    # changes of a few thousandths, so that rows lie in and out of 1 - 3e-4 .. 1 + 4e-4
    logp = tokens.old + 0.002 * (tokens.logp - tokens.old)
    settings = objective(PRESETS["gspo"])
    repeats = torch.tensor(lengths)
    advantage = torch.tensor(rows).repeat_interleave(repeats)
    weight = (1 / (repeats * len(lengths)).double()).repeat_interleave(repeats)
    ratio = sequence_log_ratio(logp, tokens.old, lengths)
    batch = TokenBatch(torch.zeros(len(logp)), tokens.old, advantage, weight, ratio=ratio)
    leaf = logp.clone().requires_grad_()
    loss, found = policy_loss(leaf, batch, settings)
    (slope,) = torch.autograd.grad(loss, leaf)
    assert len(set(names(found))) == 5

    def literal(logp: Tensor) -> Tensor:
        return naive.gspo(logp, tokens.old, rows.tolist(), lengths, eps_low=3e-4, eps_high=4e-4)

    assert (slope - gradient(literal, logp)).abs().max() <= 1e-15
    inside = found.region == INSIDE
    assert torch.equal(found.factor[inside], ratio[inside].exp())


def test_sequence_log_ratio_by_hand() -> None:
    logp, old = torch.tensor([-1.0, -2.0, -3.0, -5.0]), torch.tensor([-1.5, -2.5, -6.0, -5.0])
    assert sequence_log_ratio(logp, old, [2, 1, 1]).tolist() == [0.5, 0.5, 3.0, 0.0]
    assert sequence_log_ratio(logp, old, [4]).tolist() == [1.0] * 4
    assert sequence_log_ratio(torch.zeros(0), torch.zeros(0), []).shape == (0,)


def test_surrogate_of_gspo_has_the_ratio_of_the_token() -> None:
    logp, old = torch.tensor([-1.0, -3.0]), torch.tensor([-2.0, -2.0])
    found = token_loss(logp, old, torch.ones(2), objective(PRESETS["gspo"]), ratio=sequence_log_ratio(logp, old, [2]))
    # log-ratios +1 and -1; their mean is 0
    assert found.factor.tolist() == [1.0, 1.0]
    assert found.surrogate.tolist() == pytest.approx([-1.0004, -math.exp(-1)])


def test_kl_term_by_hand() -> None:
    # pi = 1/4, reference 1/2: 2 - ln 2 - 1, slope 1 - 2
    logp, reference = torch.tensor([0.25]).log(), torch.tensor([0.5]).log()
    found = token_loss(logp, logp, torch.zeros(1), PPO._replace(kl=0.5), reference=reference)
    assert found.value.tolist() == pytest.approx([0.5 * (1 - math.log(2))])
    assert found.slope.tolist() == pytest.approx([-0.5])
    assert found.factor.tolist() == [1.0]
    assert found.surrogate.tolist() == [0.0]


def test_kl_term_is_its_literal_form() -> None:
    tokens = some_tokens()
    reference = some_tokens(seed=1).logp
    settings = Objective(kl=0.3)
    found = token_loss(tokens.logp, tokens.old, tokens.advantage, settings, reference=reference)
    plain = token_loss(tokens.logp, tokens.old, tokens.advantage, Objective())
    literal = gradient(lambda logp: 0.3 * naive.k3(logp, reference), tokens.logp)
    scale = 1 + literal.abs()
    assert ((found.slope - plain.slope - literal) / scale).abs().max() <= 1e-14
    assert ((found.value - plain.value - 0.3 * naive.k3(tokens.logp, reference)) / scale).abs().max() <= 1e-14


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "gspo"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scalar_loss_has_exactly_the_weighted_slopes(preset: str, dtype: torch.dtype) -> None:
    settings = objective(PRESETS[preset])._replace(kl=0.2, nll=0.1)  # type: ignore[index]
    tokens, reference = some_tokens(dtype, 5000), some_tokens(dtype, 5000, seed=1).logp
    draw = torch.Generator().manual_seed(2)
    weight, nll_weight = (torch.rand(5000, generator=draw) / 5000 for _ in range(2))
    batch = TokenBatch(weight.long(), tokens.old, tokens.advantage, weight, reference, nll_weight)
    leaf = tokens.logp.clone().requires_grad_()
    loss, found = policy_loss(leaf, batch, settings)
    (slope,) = torch.autograd.grad(loss, leaf)
    weight, nll_weight = weight.to(dtype), nll_weight.to(dtype)
    assert torch.equal(slope, weight * found.slope - 0.1 * nll_weight)
    expected = (weight.double() * found.value.double() - 0.1 * nll_weight.double() * tokens.logp.double()).sum()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6 if dtype == torch.float32 else 1e-14)
    assert loss.dtype == dtype
    assert not any(tensor.requires_grad for tensor in found)


def test_the_beta1_of_a_schedule_replaces_the_settled() -> None:
    assert objective(PRESETS["ce-gppo"]) == Objective()
    assert objective(PRESETS["ce-gppo"], 0.0) == Objective(beta1=0.0)
    assert objective(PRESETS["as-released"]).nll == 0.1


def test_healthy_tokens_have_no_fault() -> None:
    logp = torch.full((2000,), -1.0)
    assert find_fault(logp, logp, [2000], ["a"]) is None
    assert find_fault(torch.zeros(0), torch.zeros(0), [], []) is None
    # two of 2,000 tokens are 0.1 %, not more
    old = logp.clone()
    old[:2] = -30.0
    assert find_fault(logp, old, [2000], ["a"]) is None


def test_faults_name_row_and_token() -> None:
    lengths, ids = [3, 2, 995], ["p1-0-0", "p1-0-1", "p1-0-2"]
    fine = np.full(1000, -1.0, dtype=np.float32)
    for bad, shown in ((math.nan, "nan"), (-math.inf, "-inf"), (math.inf, "inf")):
        broken = fine.copy()
        broken[[4, 7]] = bad
        place = "row p1-0-1, token 1: its "
        end = f" is {shown}; try a lower --learning-rate."
        assert find_fault(broken, fine, lengths, ids) == f"{place}log-probability{end}"
        assert find_fault(torch.tensor(fine), broken, lengths, ids) == f"{place}log-probability before the update{end}"
        assert find_fault(fine, fine, lengths, ids, broken) == f"{place}loss{end}"


def test_too_many_large_changes_are_a_fault() -> None:
    old = torch.full((1000,), -1.0)
    logp = old.clone()
    logp[5], logp[6] = -22.0, -31.5
    fault = find_fault(logp, old, [6, 994], ["a", "b"])
    assert fault is not None
    assert fault.startswith(
        "row b, token 0: its log-probability changed by 30.5 since it was sampled, and by more than "
    )
    assert "more than 20 for 0.20% of the tokens" in fault
