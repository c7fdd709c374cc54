import math

import pytest
import torch

from stages.models.answer_tokens import AnswerTokens
from stages.models.log_odds import AnswerHead, answer_head, answer_logits, answer_mass, log_odds
from tests.tiny_families import tiny_model

WEIGHT = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.0, 0.0], [3.0, 1.0]])
PLAIN = AnswerHead(WEIGHT, None, yes=0, no=3, scale=1.0, softcap=None)
HIDDEN = torch.tensor([[1.0, 1.0], [2.0, -1.0], [0.0, 0.0]])


def test_score_is_the_difference_of_two_logits() -> None:
    # logits of yes: 3, 0, 0; of no: 4, 5, 0
    assert log_odds(HIDDEN, PLAIN).tolist() == [-1.0, -5.0, 0.0]


def test_bias_scale_and_cap_are_those_of_the_model() -> None:
    bias = torch.tensor([0.5, 9.0, 9.0, -0.5])
    assert log_odds(HIDDEN, PLAIN._replace(bias=bias)).tolist() == [0.0, -4.0, 1.0]
    assert log_odds(HIDDEN, PLAIN._replace(bias=bias, scale=0.25)).tolist() == [0.0, -1.0, 0.25]
    # yes 3, no 4, capped at 2: 2 tanh 1.5 - 2 tanh 2
    capped = log_odds(HIDDEN[:1], PLAIN._replace(softcap=2.0))
    assert capped.tolist() == pytest.approx([2 * math.tanh(1.5) - 2 * math.tanh(2.0)], abs=1e-6)


def test_mass_is_the_probability_of_both_answers() -> None:
    # logits of the first row: 3, -0.5, 0, 4
    weights = [math.exp(logit) for logit in (3, -0.5, 0, 4)]
    expected = [(weights[0] + weights[3]) / sum(weights), 0.5]
    assert answer_mass(HIDDEN[[0, 2]], PLAIN).tolist() == pytest.approx(expected, abs=1e-6)
    biased = answer_mass(HIDDEN[2:], PLAIN._replace(bias=torch.tensor([0.0, math.log(6.0), 0.0, 0.0])))
    assert biased.tolist() == pytest.approx([2 / 9], abs=1e-6)


def test_difference_is_computed_in_fp32() -> None:
    # 256 + 1 is no bf16 number: the two logits tie in bf16, their difference of rows does not
    weight = torch.tensor([[256.0, 1.0], [256.0, 0.0]], dtype=torch.bfloat16)
    hidden = torch.ones(1, 2, dtype=torch.bfloat16)
    logits = hidden @ weight.T
    assert logits[0, 0] == logits[0, 1]
    scores = log_odds(hidden, AnswerHead(weight, None, yes=0, no=1, scale=1.0, softcap=None))
    assert scores.tolist() == [1.0]
    assert scores.dtype == torch.float32


def test_difference_is_computed_in_fp32_under_autocast() -> None:
    # 257 is no bf16 number: products in bf16 would say 256
    head = PLAIN._replace(weight=torch.tensor([[257.0, 0.0], [0.0, 0.0]]), no=1)
    hidden = torch.tensor([[1.0, 0.0]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (hidden @ head.weight.T).tolist() == [[256.0, 0.0]]
        for capped in (head, head._replace(softcap=1e6)):
            scores = log_odds(hidden, capped)
            assert scores.dtype == torch.float32
            assert scores.item() == pytest.approx(257.0, abs=0.1)
        assert answer_logits(hidden, head).tolist() == [[257.0, 0.0]]


def test_gradient_flows_into_both_rows_and_the_hidden_states() -> None:
    weight, hidden = WEIGHT.clone().requires_grad_(), HIDDEN[:1].clone().requires_grad_()
    log_odds(hidden, PLAIN._replace(weight=weight)).sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [-1.0, -1.0]]
    assert hidden.grad is not None
    assert hidden.grad.tolist() == [[-2.0, 1.0]]


@pytest.mark.parametrize("family", ["llama", "qwen3", "granite", "gemma2"])
def test_head_is_found_in_a_model_tied_or_not_scaled_or_capped(family: str) -> None:
    model = tiny_model(family)
    ids = torch.randint(0, 400, (1, 9), generator=torch.Generator().manual_seed(0))
    head = answer_head(model, AnswerTokens(yes=7, no=11, lead="", space=""))
    with torch.no_grad():
        output = model(input_ids=ids, output_hidden_states=True)
        logits = output.logits[0].float()
        hidden = output.hidden_states[-1][0]
        assert torch.allclose(log_odds(hidden, head), logits[:, 7] - logits[:, 11], atol=1e-5)
        expected = logits.softmax(dim=1)[:, [7, 11]].sum(dim=1)
        assert torch.allclose(answer_mass(hidden, head), expected, atol=1e-6)
        assert torch.allclose(answer_logits(hidden, head), logits, atol=1e-5)
    tied = head.weight is model.get_input_embeddings().weight
    assert tied == model.config.tie_word_embeddings
