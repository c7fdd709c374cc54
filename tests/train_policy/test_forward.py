"""Hidden states and log-probabilities of completions, packed, against each row alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.models.head_entropy import output_head
from stages.models.packing import packed_attention
from stages.train_policy.forward import log_probs, micro_batches, policy_hidden
from tests.one_thread import one_thread
from tests.tiny_families import tiny_model

__all__ = ["one_thread"]

ROWS = [((7, 9, 11), (4, 2)), ((250,), (3, 1, 4, 1, 5, 9, 2, 6)), ((5, 3, 5), (42,)), ((8, 9, 7, 9, 3), (2, 3, 8))]


def test_micro_batches_are_filled_longest_first() -> None:
    # 9 alone leaves 1; 6 and 4 fill a second; 5, 3 and 2 a third; the 1 goes where there is room first
    assert micro_batches([4, 9, 5, 6, 1, 3, 2], 10) == [[0, 3], [1, 4], [2, 5, 6]]
    assert micro_batches([12, 3], 10) == [[0], [1]]
    assert micro_batches([5, 5, 5], 10) == [[0, 1], [2]]
    assert micro_batches([], 10) == []


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 80))
def test_each_row_is_in_one_batch_and_no_two_batches_would_fit_in_one(lengths: list[int], limit: int) -> None:
    batches = micro_batches(lengths, limit)
    assert sorted(row for batch in batches for row in batch) == [*range(len(lengths))]
    totals = sorted(sum(lengths[row] for row in batch) for batch in batches)
    for batch in batches:
        assert len(batch) == 1 or sum(lengths[row] for row in batch) <= limit
    assert len(totals) < 2 or totals[0] + totals[1] > limit
    assert batches == micro_batches(lengths, limit)


@pytest.mark.parametrize("family", ["qwen3", "llama", "gemma2", "qwen3_sliding"])
@pytest.mark.parametrize("micro_tokens", [1, 12, 1000])
def test_log_probs_are_those_of_each_row_alone(family: str, micro_tokens: int) -> None:
    model = tiny_model(family)
    found = log_probs(model, output_head(model), ROWS, temperature=0.8, micro_tokens=micro_tokens, autocast=None)
    for (prompt, completion), stats in zip(ROWS, found, strict=True):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + completion])).logits[0].double() / 0.8
        logs = logits[len(prompt) - 1 : -1].log_softmax(dim=1)
        right = logs[torch.arange(len(completion)), torch.tensor(completion)]
        assert stats.logp.dtype == stats.entropy.dtype == np.float32
        np.testing.assert_allclose(stats.logp, right, rtol=0, atol=2e-5)
        np.testing.assert_allclose(stats.entropy, -(logs.exp() * logs).sum(dim=1), rtol=0, atol=2e-5)


def test_hidden_states_have_a_gradient_and_are_refused_outside_the_context() -> None:
    model = tiny_model("qwen3")
    with packed_attention(model):
        hidden = policy_hidden(model, ROWS)
    assert hidden.shape == (sum(len(completion) for _, completion in ROWS), 32)
    assert hidden.requires_grad
    with pytest.raises(AssertionError, match="packed_attention"):
        policy_hidden(model, ROWS)


def test_autocast_gives_what_f32_gives_up_to_rounding() -> None:
    model = tiny_model("qwen3")
    plain, rounded = (
        np.concatenate(
            [
                stats.logp
                for stats in log_probs(
                    model, output_head(model), ROWS, temperature=1.0, micro_tokens=100, autocast=autocast
                )
            ]
        )
        for autocast in (None, torch.bfloat16)
    )
    assert 0 < np.abs(plain - rounded).max() < 0.5
    assert np.abs(plain - rounded).mean() < 0.1


def test_no_rows_have_no_log_probs() -> None:
    model = tiny_model("qwen3")
    assert log_probs(model, output_head(model), [], temperature=1.0, micro_tokens=10, autocast=None) == []
