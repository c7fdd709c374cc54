"""Sampling over one cache against a forward pass a token: tokens, log-probabilities, ends, and what must not matter."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from stages.models.sampler import Asked, Drawn, NotFiniteError, Sampler
from tests.naive.sampler import logprobs_of, sample_one
from tests.tiny_families import OWN, answering_tokenizer, tiny_model

ENDS = list(range(2, 400, 20))


def model_with(ends: list[int] | None, name: str = "qwen3", **changes: Any) -> Any:
    model = tiny_model(name, **changes)
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=0)  # type: ignore[no-untyped-call]
    return model


def prompt(length: int, seed: int = 0) -> tuple[int, ...]:
    return tuple(
        torch.randint(3, 400, (length,), generator=torch.Generator().manual_seed(1000 * seed + length)).tolist()
    )


def groups(lengths: list[int], size: int) -> list[Asked]:
    return [Asked(prompt(length, n), 100 * n + k) for n, length in enumerate(lengths) for k in range(size)]


def sampler(model: Any, new_tokens: int = 24, **options: Any) -> Sampler:
    return Sampler(model, answering_tokenizer(), max_new_tokens=new_tokens, **options)


def bits(drawn: list[Drawn]) -> list[tuple[object, ...]]:
    return [(one.ids, one.logprobs.tobytes(), one.finish) for one in drawn]


@contextmanager
def forward_passes(model: Any) -> Iterator[list[torch.Size]]:
    """The shapes of the tokens that go through the model."""
    shapes: list[torch.Size] = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    yield shapes
    hook.remove()


@pytest.mark.parametrize("family", sorted(OWN))
def test_log_probabilities_equal_those_of_a_pass_without_cache(family: str) -> None:
    model = model_with(ENDS, family)
    asked = groups([5, 12, 12, 3, 20, 1], 3)
    drawn = sampler(model, batch_size=8, temperature=0.8).sample(asked)
    for one, (ids, logprobs, finish) in zip(asked, drawn, strict=True):
        expected = logprobs_of(model, one.prompt_ids, ids, 0.8)
        assert logprobs.dtype == np.float32
        assert logprobs == pytest.approx(expected, abs=1e-5)
        assert not set(ids[:-1]) & set(ENDS)
        assert finish == ("stop" if ids[-1] in ENDS else "length")
        assert finish == "stop" or len(ids) == 24
    assert {one.finish for one in drawn} == {"stop", "length"}


@pytest.mark.parametrize("family", sorted(OWN))
def test_greedy_completions_equal_those_of_generate(family: str) -> None:
    model = model_with(ENDS, family)
    asked = groups([4, 9, 9, 15], 1)
    drawn = sampler(model, 20, temperature=0.0).sample(asked)
    for one, (ids, logprobs, _) in zip(asked, drawn, strict=True):
        tokens = torch.tensor([one.prompt_ids])
        out = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=20, do_sample=False)
        assert ids == tuple(out[0, len(one.prompt_ids) :].tolist())
        assert logprobs == pytest.approx(logprobs_of(model, one.prompt_ids, ids, 1.0), abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_tokens_equal_those_drawn_one_row_at_a_time(temperature: float) -> None:
    model = model_with(ENDS)
    asked = groups([6, 2, 11], 4)
    drawn = sampler(model, 16, batch_size=5, temperature=temperature).sample(asked)
    for one, found in zip(asked, drawn, strict=True):
        expected = sample_one(model, one.prompt_ids, one.seed, new_tokens=16, temperature=temperature, ends=ENDS)
        assert found.ids == expected


def test_completion_does_not_depend_on_its_batch_and_equal_calls_give_equal_bits() -> None:
    model = model_with(ENDS)
    asked = groups([7, 7, 3, 30], 5)
    whole = sampler(model).sample(asked)
    assert bits(sampler(model).sample(asked)) == bits(whole)
    for size in (1, 3, 7):
        found = sampler(model, batch_size=size).sample(asked)
        assert [one.ids for one in found] == [one.ids for one in whole]
    backwards = sampler(model, batch_size=6).sample(asked[::-1])[::-1]
    assert [one.ids for one in backwards] == [one.ids for one in whole]
    assert len({one.ids for one in whole}) > 15


def test_first_tokens_stay_when_more_may_follow() -> None:
    model = model_with(None)
    asked = groups([5], 3)
    short, long = (sampler(model, length).sample(asked) for length in (6, 90))
    assert [one.ids for one in short] == [one.ids[:6] for one in long]
    assert [one.finish for one in long] == ["length"] * 3
    for one, found in zip(asked, long, strict=True):
        assert found.logprobs == pytest.approx(logprobs_of(model, one.prompt_ids, found.ids, 1.0), abs=1e-5)


def test_prompt_of_a_group_is_read_once_and_ended_rows_are_not_gone_on_with() -> None:
    model = model_with(ENDS)
    asked = groups([9, 9, 4], 8)
    with forward_passes(model) as shapes:
        drawn = sampler(model).sample(asked)
    read = [tuple(shape) for shape in shapes if shape[1] > 1]
    assert sorted(read) == [(1, 4), (2, 9)]
    grown = [shape[0] for shape in shapes if shape[1] == 1]
    assert len(grown) == max(len(one.ids) for one in drawn) - 1
    needed = sum(len(one.ids) - 1 for one in drawn)
    assert needed <= sum(grown) < 1.5 * needed
    assert grown == sorted(grown, reverse=True)
    assert grown[-1] < grown[0]


def test_waiting_rows_take_the_place_of_ended_ones() -> None:
    model = model_with(ENDS)
    asked = groups([6] * 20, 4)
    with forward_passes(model) as shapes:
        drawn = sampler(model, batch_size=16).sample(asked)
    steps = [shape[0] for shape in shapes if shape[1] == 1]
    longest_in_turn = sum(max(len(one.ids) for one in drawn[at : at + 16]) for at in range(0, 80, 16))
    assert len(steps) < longest_in_turn
    assert max(steps) <= 16


def test_group_larger_than_the_batch_is_cut() -> None:
    model = model_with(ENDS)
    asked = groups([6, 4], 10)
    found = sampler(model, batch_size=4).sample(asked)
    assert [one.ids for one in found] == [one.ids for one in sampler(model).sample(asked)]


def test_empty_completion_is_the_end_token_alone() -> None:
    model = model_with(list(range(400)))
    partner = sampler(model)
    drawn = partner.sample(groups([5, 8], 2))
    assert [(len(one.ids), one.finish, len(one.logprobs)) for one in drawn] == [(1, "stop", 1)] * 4
    assert [partner.text(one.ids) for one in drawn] == [""] * 4


def test_one_token_at_most() -> None:
    drawn = sampler(model_with(None), 1).sample(groups([5], 3))
    assert [(len(one.ids), one.finish) for one in drawn] == [(1, "length")] * 3


def test_nothing_asked_is_nothing_drawn() -> None:
    assert sampler(model_with(None)).sample([]) == []


def test_ends_are_those_of_the_model_then_of_the_tokenizer() -> None:
    assert sampler(model_with([5, 6])).ends == (5, 6)
    assert sampler(model_with(None)).ends == (answering_tokenizer().eos_token_id,)
    tokenizer = answering_tokenizer()
    tokenizer.eos_token = None
    partner = Sampler(model_with(None), tokenizer, max_new_tokens=8)
    assert partner.ends == ()
    assert [one.finish for one in partner.sample(groups([5], 2))] == ["length"] * 2


def test_advance_is_told_of_every_completion_once() -> None:
    told: list[int] = []
    sampler(model_with(ENDS), batch_size=4).sample(groups([5, 6, 7], 3), told.append)
    assert sum(told) == 9
    assert len(told) > 1


def test_model_comes_back_as_it_was() -> None:
    model = model_with(ENDS)
    model.train()
    model.model.layers[1].eval()
    before = {name: module.training for name, module in model.named_modules()}
    attention, state = model.config._attn_implementation, torch.random.get_rng_state()
    drawn = sampler(model).sample(groups([5], 2))
    assert {name: module.training for name, module in model.named_modules()} == before
    assert model.config._attn_implementation == attention
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
    model(input_ids=torch.tensor([drawn[0].ids])).logits.sum().backward()


def test_dropout_is_off_while_sampling() -> None:
    model = model_with(ENDS, attention_dropout=0.5)
    expected = bits(sampler(model).sample(groups([8], 4)))
    assert bits(sampler(model.train()).sample(groups([8], 4))) == expected


def test_model_comes_back_even_after_an_error() -> None:
    model = model_with(ENDS).train()
    before = model.config._attn_implementation
    partner = sampler(model)
    with pytest.raises(IndexError):
        partner.sample([Asked((400,), 0)])
    assert model.training
    assert model.config._attn_implementation == before


def test_weights_count_as_they_are_at_the_call() -> None:
    model = model_with(ENDS)
    partner, asked = sampler(model), groups([8], 4)
    before = partner.sample(asked)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    after = partner.sample(asked)
    assert bits(after) != bits(before)
    for one, found in zip(asked, after, strict=True):
        assert found.logprobs == pytest.approx(logprobs_of(model, one.prompt_ids, found.ids, 1.0), abs=1e-5)


def test_prompt_that_leaves_no_room_is_a_mistake_of_the_caller() -> None:
    partner = sampler(model_with(ENDS, max_position_embeddings=32), 24)
    assert len(partner.sample([Asked(prompt(8), 0)])) == 1
    with pytest.raises(AssertionError):
        partner.sample([Asked(prompt(9), 0)])
    with pytest.raises(AssertionError):
        partner.sample([Asked((), 0)])


def test_nucleus_leaves_log_probabilities_whole() -> None:
    model = model_with(None)
    asked = groups([8], 6)
    drawn = sampler(model, top_p=0.3).sample(asked)
    assert [one.ids for one in drawn] != [one.ids for one in sampler(model).sample(asked)]
    for one, found in zip(asked, drawn, strict=True):
        assert found.logprobs == pytest.approx(logprobs_of(model, one.prompt_ids, found.ids, 1.0), abs=1e-5)


def test_autocast_moves_log_probabilities_by_rounding_only() -> None:
    model = model_with(ENDS, noise=0.0, initializer_range=0.02, hidden_size=128, head_dim=32)
    asked = groups([8, 30], 4)
    drawn = sampler(model, autocast=torch.bfloat16, batch_size=5).sample(asked)
    for one, found in zip(asked, drawn, strict=True):
        assert found.logprobs == pytest.approx(logprobs_of(model, one.prompt_ids, found.ids, 1.0), abs=0.02)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_text_leaves_out_the_token_that_ends_it() -> None:
    tokenizer = answering_tokenizer()
    partner = Sampler(model_with([2, 400 - 1]), tokenizer, max_new_tokens=4)
    ids = tokenizer("is clear")["input_ids"]
    assert partner.text([*ids, 2]) == partner.text([*ids, 399]) == partner.text(ids) == "is clear"
    assert partner.text(()) == ""


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_weights_that_give_nan_are_an_error_with_completion_and_token(temperature: float) -> None:
    model = model_with(None)
    with torch.no_grad():
        model.lm_head.weight[5] = torch.nan
    with pytest.raises(NotFiniteError, match=r"not finite .NaN. for token 0 of completion 0") as error:
        sampler(model, 5, temperature=temperature).sample(groups([4, 4], 2))
    assert (pickle.loads(pickle.dumps(error.value)).place, error.value.token) == (0, 0)
