import pytest
import torch

from stages.models.attention_plan import FAMILIES
from stages.models.packing import can_pack, hidden_by_length, packed_attention, packed_hidden, packed_rows
from tests.tiny_families import OWN, tiny_model

TEXTS = [(7, 9, 11), (250,), (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9), (42, 42)]


def test_rows_keep_the_order_and_are_as_full_as_they_can_be() -> None:
    assert [*packed_rows([3, 4, 3, 9, 12, 2, 8], int, 10)] == [[3, 4, 3], [9], [12], [2, 8]]
    assert [*packed_rows([3, 4], int, 1)] == [[3], [4]]
    assert [*packed_rows([], int, 10)] == []


@pytest.mark.parametrize("family", sorted(FAMILIES & {*OWN}))
def test_texts_of_one_row_are_read_as_they_are_alone(family: str) -> None:
    model = tiny_model(family)
    assert can_pack(model)
    with torch.inference_mode():
        alone = [model.get_decoder()(input_ids=torch.tensor([text])).last_hidden_state[0] for text in TEXTS]
        with packed_attention(model):
            packed = packed_hidden(model, TEXTS)
    torch.testing.assert_close(packed, torch.cat(alone), rtol=0, atol=2e-5)


def test_no_text_sees_another() -> None:
    model = tiny_model("qwen3")
    with torch.inference_mode(), packed_attention(model):
        one = packed_hidden(model, TEXTS)
        other = packed_hidden(model, [(70, 90, 110), *TEXTS[1:]])
    assert torch.equal(one[3:], other[3:])
    assert not torch.equal(one[:3], other[:3])


def test_positions_begin_anew_with_each_text() -> None:
    # rotary attention knows distances only, so that positions that went on would show in long rows alone
    model = tiny_model("qwen3")
    seen: list[list[int]] = []
    model.get_decoder().register_forward_pre_hook(
        lambda layer, given, named: seen.extend(named["position_ids"].tolist()), with_kwargs=True
    )
    with torch.inference_mode(), packed_attention(model):
        packed_hidden(model, TEXTS[:2] + TEXTS[3:])
    assert seen == [[0, 1, 2, 0, 0, 1]]


@pytest.mark.parametrize("family", ["gemma2", "qwen3_sliding", "mistral_sliding"])
def test_families_with_windows_read_one_text_at_a_time(family: str) -> None:
    model = tiny_model(family)
    assert not can_pack(model)
    with torch.inference_mode(), packed_attention(model):
        expected = model.get_decoder()(input_ids=torch.tensor(TEXTS[2:3])).last_hidden_state[0]
        assert torch.equal(packed_hidden(model, TEXTS[2:3]), expected)
        with pytest.raises(AssertionError):
            packed_hidden(model, TEXTS)


@pytest.mark.parametrize("family", ["gemma2", "qwen3_sliding", "mistral_sliding"])
def test_families_with_windows_read_texts_of_one_length_together(family: str) -> None:
    model = tiny_model(family)
    texts = [TEXTS[0], TEXTS[2], (8, 6, 4), TEXTS[1]]
    seen: list[list[int]] = []
    model.get_decoder().register_forward_pre_hook(
        lambda layer, given, named: seen.append([*named["input_ids"].shape]), with_kwargs=True
    )
    with torch.inference_mode():
        together = hidden_by_length(model, texts)
        assert seen == [[2, 3], [1, 15], [1, 1]]
        alone = [model.get_decoder()(input_ids=torch.tensor([text])).last_hidden_state[0] for text in texts]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=2e-5)


def test_attention_is_the_models_own_again_afterwards() -> None:
    model = tiny_model("llama")
    before = model.config._attn_implementation
    with packed_attention(model):
        assert model.config._attn_implementation != before
    assert model.config._attn_implementation == before
