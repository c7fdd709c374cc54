"""Trees against single pairs: scores, loss and gradient, in both forms and for every family that may use them."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from stages.models.answer_tokens import AnswerTokens
from stages.models.attention_plan import FAMILIES
from stages.models.log_odds import answer_head, log_odds
from stages.models.tree import NAME, Form, attend_trees, pack_trees, tree_attention, tree_hidden
from tests.naive.pairs import log_odds_one_by_one
from tests.tiny_families import tiny_model

CPU = torch.device("cpu")
ANSWERS = AnswerTokens(yes=7, no=11, lead="", space="")
FORMS: tuple[Form, Form] = ("two_calls", "cascade")

Trees = Sequence[tuple[list[int], list[list[int]]]]


def tokens(length: int, seed: int) -> list[int]:
    return torch.randint(0, 400, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def one_tree(num_suffixes: int, prefix: int = 37) -> Trees:
    return [(tokens(prefix, 0), [tokens(1 + (5 * n) % 11, n + 1) for n in range(num_suffixes)])]


def rows_of(trees: Trees) -> list[list[int]]:
    return [prefix + suffix for prefix, suffixes in trees for suffix in suffixes]


def scores_of(model: Any, trees: Trees, form: Form) -> torch.Tensor:
    with tree_attention(model):
        hidden = tree_hidden(model.get_decoder(), pack_trees(trees, CPU), form)
    return log_odds(hidden, answer_head(model, ANSWERS))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_scores_equal_those_of_single_pairs(family: str, form: Form) -> None:
    model = tiny_model(family)
    trees = one_tree(8)
    with torch.no_grad():
        expected = log_odds_one_by_one(model, rows_of(trees), ANSWERS.yes, ANSWERS.no)
        assert torch.allclose(scores_of(model, trees, form), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("num_suffixes", [1, 3, 8, 32])
@pytest.mark.parametrize("prefix", [1, 200])
def test_number_of_suffixes_and_length_of_the_prefix_change_nothing(form: Form, num_suffixes: int, prefix: int) -> None:
    model = tiny_model("qwen3")
    trees = one_tree(num_suffixes, prefix)
    with torch.no_grad():
        expected = log_odds_one_by_one(model, rows_of(trees), ANSWERS.yes, ANSWERS.no)
        assert torch.allclose(scores_of(model, trees, form), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_trees_of_one_row_do_not_see_each_other(form: Form) -> None:
    model = tiny_model("llama")
    trees = [*one_tree(3), (tokens(5, 50), [tokens(4, 51)]), (tokens(64, 52), [tokens(9, 53), tokens(9, 54)])]
    with torch.no_grad():
        together = scores_of(model, trees, form)
        alone = torch.cat([scores_of(model, [tree], form) for tree in trees])
        expected = log_odds_one_by_one(model, rows_of(trees), ANSWERS.yes, ANSWERS.no)
    assert torch.allclose(together, expected, rtol=0, atol=1e-5)
    assert torch.allclose(together, alone, rtol=0, atol=1e-5)


def test_order_of_the_suffixes_orders_the_scores() -> None:
    model = tiny_model("qwen3")
    prefix, suffixes = one_tree(8)[0]
    with torch.no_grad():
        forward = scores_of(model, [(prefix, suffixes)], "cascade")
        backward = scores_of(model, [(prefix, suffixes[::-1])], "cascade")
    assert torch.allclose(forward, backward.flip(0), rtol=0, atol=1e-5)


def loss_and_gradients(model: Any, scores: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
    labels = torch.arange(len(scores)) % 3 / 2
    loss = binary_cross_entropy_with_logits(scores, labels)
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("num_suffixes", [1, 8, 32])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_loss_and_gradient_equal_those_of_single_pairs(family: str, num_suffixes: int, form: Form) -> None:
    model = tiny_model(family)
    trees = [*one_tree(num_suffixes), (tokens(20, 90), [tokens(3, 91), tokens(6, 92)])]
    one_by_one = log_odds_one_by_one(model, rows_of(trees), ANSWERS.yes, ANSWERS.no)
    expected_loss, expected = loss_and_gradients(model, one_by_one)
    loss, found = loss_and_gradients(model, scores_of(model, trees, form))
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert found.keys() == expected.keys()
    difference = sum((found[name] - expected[name]).pow(2).sum() for name in expected) ** 0.5
    size = sum(gradient.pow(2).sum() for gradient in expected.values()) ** 0.5
    assert size > 0
    assert difference / size <= 1e-5


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable` is deprecated:FutureWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradient_is_the_same_with_checkpointed_activations(use_reentrant: bool, form: Form) -> None:
    model = tiny_model("qwen3").train()
    _, expected = loss_and_gradients(model, scores_of(model, one_tree(5), form))
    model.gradient_checkpointing_enable({"use_reentrant": use_reentrant})
    model.enable_input_require_grads()
    with tree_attention(model):
        hidden = tree_hidden(model.get_decoder(), pack_trees(one_tree(5), CPU), form)
        _, found = loss_and_gradients(model, log_odds(hidden, answer_head(model, ANSWERS)))
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)


@pytest.mark.parametrize("seed", range(4))
def test_bf16_moves_scores_by_rounding_only(seed: int) -> None:
    model = tiny_model("qwen3", seed, noise=0.0, initializer_range=0.02, hidden_size=128, head_dim=32).bfloat16()
    trees = [(tokens(60 + 30 * n, n), [tokens(5 + k, 100 * n + k) for k in range(8)]) for n in range(6)]
    with torch.no_grad():
        single = torch.cat([scores_of(model, [(row[:-1], [row[-1:]])], "two_calls") for row in rows_of(trees)])
        expected = log_odds_one_by_one(model.float(), rows_of(trees), ANSWERS.yes, ANSWERS.no)
        model.bfloat16()
        for form in FORMS:
            found = scores_of(model, trees, form)
            assert (found - single).abs().max() <= 0.03 * single.std()
            assert (found - expected).abs().max() <= 0.03 * expected.std()
            clear = single.abs() > 0.1
            assert clear.sum() > 20
            assert torch.equal(found[clear].sign(), single[clear].sign())


def test_row_holds_no_padding_and_positions_restart() -> None:
    row = pack_trees([([5, 6, 7], [[1], [2, 3]]), ([8], [[4, 4]])], CPU)
    assert row.input_ids.tolist() == [[5, 6, 7, 1, 2, 3, 8, 4, 4]]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 3, 4, 0, 1, 2]]
    assert row.last.tolist() == [3, 5, 8]
    assert [(tree.start, tree.num_prefix, tree.num_suffix) for tree in row.trees] == [(0, 3, 3), (6, 1, 2)]
    assert row.trees[0].padded.tolist() == [[0, 0], [1, 2]]
    assert row.trees[0].packed.tolist() == [0, 2, 3]


def test_no_mask_function_is_registered_so_that_no_mask_is_built() -> None:
    assert NAME not in ALL_MASK_ATTENTION_FUNCTIONS.valid_keys()


def test_attention_of_the_model_comes_back_even_after_an_error() -> None:
    model = tiny_model("qwen3")
    before = model.config._attn_implementation
    with pytest.raises(AssertionError, match="without trees"), tree_attention(model):
        model(input_ids=torch.tensor([[1, 2, 3]]))
    assert model.config._attn_implementation == before
    assert model(input_ids=torch.tensor([[1, 2, 3]])).logits.shape == (1, 3, 400)


def test_attention_that_is_not_plain_is_not_silently_taken_for_it() -> None:
    with pytest.raises(AssertionError):
        scores_of(tiny_model("gemma2"), one_tree(2), "cascade")


@pytest.mark.parametrize("form", FORMS)
def test_autocast_moves_scores_and_gradients_by_rounding_only(form: Form) -> None:
    model = tiny_model("qwen3", noise=0.0, initializer_range=0.02, hidden_size=128, head_dim=32)
    trees = [*one_tree(6, 60), (tokens(40, 90), [tokens(5, 91)])]
    expected_loss, expected = loss_and_gradients(model, scores_of(model, trees, form))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = scores_of(model, trees, form)
    loss, found = loss_and_gradients(model, scores)
    assert scores.dtype == torch.float32
    assert loss == pytest.approx(expected_loss, rel=0.01)
    difference = sum((found[name] - expected[name]).pow(2).sum() for name in expected) ** 0.5
    assert difference / sum(gradient.pow(2).sum() for gradient in expected.values()) ** 0.5 < 0.05


def test_cascade_holds_gradients_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    row = pack_trees([(tokens(6, 0), [tokens(3, 1), tokens(1, 2), tokens(4, 3)])], CPU)
    tensors = [
        torch.randn(1, heads, 14, 5, generator=generator, dtype=torch.float64, requires_grad=True)
        for heads in (4, 2, 2)
    ]

    def attend(*inputs: torch.Tensor) -> torch.Tensor:
        return attend_trees(torch.nn.Module(), *inputs, None, 0.4, trees=row.trees, tree_form="cascade")[0]

    assert torch.autograd.gradcheck(attend, tensors, eps=1e-2, atol=1e-3)  # the merge is fp32
