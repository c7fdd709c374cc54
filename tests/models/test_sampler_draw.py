"""Random numbers by counter against Python's whole numbers, draws against running sums, and their edges."""

import numpy as np
import pytest
import torch

from stages.models.sampler_draw import draw, uniforms
from tests.naive.sampler import nucleus, pick, uniform


def test_numbers_equal_those_made_one_at_a_time() -> None:
    seeds = [0, 1, 2**63 - 1, 2**64 + 5, -3]
    found = uniforms(seeds, 7)
    assert found.tolist() == [[uniform(seed, place) for place in range(7)] for seed in seeds]


def test_first_output_is_that_of_the_published_generator() -> None:
    # SplitMix64 of state 0 begins with 0xE220A8397B1DCDAF: the scrambled seed 0 is that output
    state = 0xE220A8397B1DCDAF
    bits = (state + 0x9E3779B97F4A7C15) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> shift)) * factor % 2**64
    assert uniforms([0], 1)[0, 0] == (((bits ^ (bits >> 31)) >> 16) + 0.5) / 2**48


def test_number_depends_on_seed_and_place_alone() -> None:
    many = uniforms(range(50), 40)
    assert np.array_equal(uniforms([17], 9)[0], many[17, :9])
    assert len(np.unique(many)) == many.size
    assert many.min() > 0
    assert many.max() < 1


def test_numbers_are_spread_evenly_and_neighbours_have_nothing_in_common() -> None:
    many = uniforms(range(400), 100)
    counts = np.histogram(many, 20, (0, 1))[0]
    assert abs(counts - 2000).max() < 5 * 2000**0.5
    for one, other in ((many[:, :-1], many[:, 1:]), (many[:-1], many[1:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / one.size**0.5


@pytest.mark.parametrize("size", [1, 2, 44, 1024, 1025, 2048, 5000])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_those_of_running_sums(size: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(size)
    logits = 3 * torch.randn(40, size, generator=generator)
    numbers = torch.from_numpy(uniforms([size], 40)[0])
    tokens, logprobs = draw(logits, numbers, temperature)
    exact = (logits.double() / temperature).log_softmax(1)
    expected = [pick(row.exp().tolist(), float(number)) for row, number in zip(exact, numbers, strict=True)]
    assert tokens.tolist() == expected
    assert torch.allclose(logprobs.double(), exact.gather(1, tokens[:, None])[:, 0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [10, 3000])
def test_token_without_a_chance_is_never_drawn(size: int) -> None:
    logits = torch.full((4, size), -torch.inf)
    logits[:, [3, size - 4]] = 0.0
    numbers = torch.tensor([2.0**-49, 0.49, 0.51, 1 - 2.0**-49], dtype=torch.float64)
    tokens, logprobs = draw(logits, numbers, 1.0)
    assert tokens.tolist() == [3, 3, size - 4, size - 4]
    assert torch.allclose(logprobs, torch.tensor(0.5).log())


def test_tokens_come_as_often_as_their_chances_say() -> None:
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    numbers = torch.from_numpy(uniforms(range(20_000), 1)[:, 0])
    tokens, _ = draw(chances.log().expand(20_000, 4), numbers, 1.0)
    assert torch.allclose(tokens.bincount() / 20_000, chances, rtol=0, atol=0.015)


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.999])
def test_nucleus_is_drawn_from_and_log_probabilities_are_of_the_whole(top_p: float) -> None:
    logits = 2 * torch.randn(200, 60, generator=torch.Generator().manual_seed(1))
    numbers = torch.from_numpy(uniforms([9], 200)[0])
    tokens, logprobs = draw(logits, numbers, 1.0, top_p)
    exact = logits.double().log_softmax(1)
    kept = [nucleus(row.exp().tolist(), top_p) for row in exact]
    assert tokens.tolist() == [pick(row, float(number)) for row, number in zip(kept, numbers, strict=True)]
    assert torch.allclose(logprobs.double(), exact.gather(1, tokens[:, None])[:, 0], rtol=0, atol=2e-6)


def test_without_numbers_the_most_probable_token_is_taken() -> None:
    tokens, logprobs = draw(torch.tensor([[0.0, 2.0, 1.0], [5.0, 5.0, 0.0]]), None, 1.0)
    assert tokens.tolist() == [1, 0]
    assert logprobs[0].item() == pytest.approx(2 - np.log(1 + np.e**2 + np.e), abs=1e-6)


def test_logits_of_half_precision_are_drawn_from_in_full() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    numbers = torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)
    assert draw(logits, numbers, 1.0)[1].dtype == torch.float32
    assert torch.equal(draw(logits, numbers, 1.0)[0], draw(logits.float(), numbers, 1.0)[0])


def test_number_on_a_border_belongs_to_the_token_behind_it() -> None:
    tokens, _ = draw(torch.zeros(1, 2), torch.tensor([0.5], dtype=torch.float64), 1.0)
    assert tokens.tolist() == [1]


def _near_borders(size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of most tokens out of reach and of the others far apart, and numbers at and beside all running sums."""
    generator = torch.Generator().manual_seed(seed)
    logits = 12 * torch.randn(1, size, generator=generator)
    logits[torch.rand(1, size, generator=generator) < 0.9] = -torch.inf
    logits[0, size // 2] = 0.0
    sums = logits.softmax(1).double().cumsum(1)[0]
    shares = (sums / sums[-1]).unique()
    beside = torch.cat([shares, shares * (1 - 2.0**-49), shares * (1 + 2.0**-49), shares * (1 - 1e-7)])
    numbers = torch.cat([beside, torch.tensor([2.0**-49, 1 - 2.0**-49], dtype=torch.float64)])
    return logits, numbers.clamp(2.0**-49, 1 - 2.0**-49)


@pytest.mark.parametrize("size", [1100, 1025, 256 * 5, 40_000])
def test_near_the_borders_of_blocks_no_token_without_a_chance_is_drawn(size: int) -> None:
    for seed in range(4):
        logits, numbers = _near_borders(size, seed)
        chances = logits.softmax(1)[0]
        tokens, logprobs = draw(logits.expand(len(numbers), -1), numbers, 1.0)
        assert (chances[tokens] > 0).all()
        assert torch.isfinite(logprobs).all()
        # a number lies in the share of its token, but for the rounding of fp32 sums of blocks
        sums = chances.double().cumsum(0) / chances.double().sum()
        assert (numbers < sums[tokens] + 1e-6).all()
        assert (numbers > sums[tokens] - chances[tokens] - 1e-6).all()


@pytest.mark.parametrize("size", [10, 3000])
@pytest.mark.parametrize("worst", [torch.nan, torch.inf])
@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_logits_that_are_not_finite_give_a_token_with_nan(size: int, worst: float, top_p: float) -> None:
    logits = torch.zeros(2, size)
    logits[1, size - 2] = worst
    for numbers in (torch.tensor([0.5, 0.5], dtype=torch.float64), None):
        tokens, logprobs = draw(logits, numbers, 1.0, top_p)
        assert ((tokens >= 0) & (tokens < size)).all()
        assert logprobs.isfinite().tolist() == [True, False]
