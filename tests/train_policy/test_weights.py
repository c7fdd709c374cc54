"""Weights of tokens against numbers worked by hand, and the losses of frameworks written over padded matrices."""

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stages.train_policy.arrays import Objective, TokenBatch
from stages.train_policy.config import Aggregation
from stages.train_policy.loss import policy_loss
from stages.train_policy.weights import nll_weights, token_weights
from tests.naive import aggregation as naive

NAMES = get_args(Aggregation)
LENGTHS = [1, 7, 4, 12]


def weights(aggregate: Aggregation, lengths: Sequence[int] = LENGTHS, batches: Sequence[Sequence[int]] = ()) -> Any:
    return token_weights(lengths, aggregate, micro_batches=batches or [range(len(lengths))], max_new_tokens=20)


def test_each_by_hand() -> None:
    assert weights("token-mean") == [1 / 24] * 4
    assert weights("sequence-mean") == [1 / 4, 1 / 28, 1 / 16, 1 / 48]
    assert weights("constant") == [1 / 80] * 4
    # rows 0 and 3 with 13 tokens, 1 and 2 with 11, each half of the rows
    assert weights("micro-batch-mean", batches=[[3, 0], [1, 2]]) == [1 / 26, 1 / 22, 1 / 22, 1 / 26]
    assert weights("micro-batch-mean", batches=[[1], [0, 2, 3]])[:2] == pytest.approx([3 / 4 / 17, 1 / 4 / 7])


def test_nll_by_hand() -> None:
    right = [True, False, True, False]
    for aggregate in ("token-mean", "sequence-mean", "constant"):
        assert nll_weights(LENGTHS, right, aggregate, micro_batches=[[0, 1], [2, 3]]) == [1 / 5, 0, 1 / 5, 0]
    found = nll_weights(LENGTHS, right, "micro-batch-mean", micro_batches=[[0, 1, 3], [2]])
    assert found == pytest.approx([3 / 4, 0, 1 / 4 / 4, 0])
    found = nll_weights(LENGTHS, right, "micro-batch-mean", micro_batches=[[0, 2], [1, 3]])
    assert found == pytest.approx([1 / 2 / 5, 0, 1 / 2 / 5, 0])
    assert nll_weights(LENGTHS, [False] * 4, "token-mean", micro_batches=[]) == [0.0] * 4


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_weights_of_all_tokens_add_up_to_one(lengths: list[int]) -> None:
    halves = [rows for rows in (range(0, len(lengths), 2), range(1, len(lengths), 2)) if rows]
    for aggregate in ("token-mean", "sequence-mean", "micro-batch-mean"):
        found = token_weights(lengths, aggregate, micro_batches=halves, max_new_tokens=5000)
        assert math.fsum(w * n for w, n in zip(found, lengths, strict=True)) == pytest.approx(1, abs=1e-12)


def test_a_micro_batch_for_all_is_the_token_mean() -> None:
    assert weights("micro-batch-mean") == weights("token-mean")


@pytest.mark.parametrize("batches", [[[0, 1], [2]], [[0, 1], [1, 2, 3]], []])
def test_micro_batches_must_hold_each_row_once(batches: list[list[int]]) -> None:
    with pytest.raises(AssertionError):
        token_weights(LENGTHS, "micro-batch-mean", micro_batches=batches, max_new_tokens=20)


def test_rows_have_tokens() -> None:
    with pytest.raises(AssertionError):
        weights("sequence-mean", [3, 0])


def per_token(numbers: Sequence[float], lengths: Sequence[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).repeat_interleave(torch.tensor(lengths))


def test_losses_are_those_over_padded_matrices() -> None:
    draw = np.random.default_rng(0)
    for _ in range(20):
        rows = int(draw.integers(1, 12))
        lengths = draw.integers(1, 20, rows).tolist()
        correct = (draw.random(rows) < 0.5).tolist()
        cuts = np.array_split(draw.permutation(rows), int(draw.integers(1, rows + 1)))
        batches = [cut.tolist() for cut in cuts]
        losses, nll = (torch.tensor(draw.normal(size=sum(lengths))) for _ in range(2))
        split, split_nll = losses.split(lengths), nll.split(lengths)  # type: ignore[no-untyped-call]
        expected = {
            "token-mean": naive.token_mean(split),
            "sequence-mean": naive.sequence_mean(split),
            "constant": naive.constant(split, 20),
        }
        for name, value in expected.items():
            assert (per_token(weights(name, lengths), lengths) * losses).sum().item() == pytest.approx(value.item())
        found = (per_token(weights("micro-batch-mean", lengths, batches), lengths) * losses).sum()
        right = nll_weights(lengths, correct, "micro-batch-mean", micro_batches=batches)
        found += 0.1 * (per_token(right, lengths) * nll).sum()
        released = naive.as_released(split, split_nll, correct, batches, 0.1)
        assert found.item() == pytest.approx(released.item(), abs=1e-12)


def accumulated(batches: Sequence[Sequence[int]], weight: Sequence[float], nll_weight: Sequence[float]) -> Tensor:
    """The gradient by a shared matrix of an update of eight rows, whose passes take the rows `batches`."""
    draw = torch.Generator().manual_seed(3)
    lengths = [1, 9, 4, 16, 2, 2, 11, 5]
    states = [torch.randn(length, 6, generator=draw) for length in lengths]
    targets = [torch.randint(0, 13, (length,), generator=draw) for length in lengths]
    olds = [-3 * torch.rand(length, generator=draw) for length in lengths]
    advantages = torch.randn(8, generator=draw).tolist()
    head = torch.randn(6, 13, generator=draw).requires_grad_()
    for batch in batches:
        sizes = [lengths[row] for row in batch]
        target = torch.cat([targets[row] for row in batch])
        logp = (torch.cat([states[row] for row in batch]) @ head).log_softmax(dim=1)[torch.arange(len(target)), target]

        def of(numbers: Sequence[float], batch: Sequence[int] = batch, sizes: Sequence[int] = sizes) -> Tensor:
            return per_token([numbers[row] for row in batch], sizes)

        old = torch.cat([olds[row] for row in batch])
        tokens = TokenBatch(target, old, of(advantages), of(weight), nll_weight=of(nll_weight))
        loss, _ = policy_loss(logp, tokens, Objective(nll=0.1))
        loss.backward()  # type: ignore[no-untyped-call]
    assert head.grad is not None
    return head.grad


@pytest.mark.parametrize("aggregate", [name for name in NAMES if name != "micro-batch-mean"])
def test_gradient_does_not_depend_on_how_an_update_is_cut(aggregate: Aggregation) -> None:
    lengths = [1, 9, 4, 16, 2, 2, 11, 5]
    cuts = [np.array_split(np.arange(8), passes) for passes in (1, 2, 4, 8)]
    cuts += [[np.array([5, 1, 0]), np.array([7, 2, 3, 6, 4])], [np.array([4]), np.array([0, 1, 2, 3, 5, 6, 7])]]
    found = []
    for cut in cuts:
        batches = [part.tolist() for part in cut]
        weight = token_weights(lengths, aggregate, micro_batches=batches, max_new_tokens=20)
        right = nll_weights(lengths, [True, False] * 4, aggregate, micro_batches=batches)
        found.append(accumulated(batches, weight, right))
    assert found[0].abs().max() > 0.01
    assert max((one - found[0]).abs().max().item() for one in found) <= 1e-6
