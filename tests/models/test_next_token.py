import pytest
import torch

from stages.models.load import Loaded, load_causal_lm
from stages.models.next_token import Choice, choice_log_probs
from tests.tiny_models import save_tiny_causal_lm

CHOICES = [Choice(tuple(range(5, 5 + length)), yes, no) for length in (1, 3, 40, 7) for yes, no in ((9, 11), (30, 2))]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load_causal_lm(str(save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "tiny")), device="cpu")


def naive(loaded: Loaded, choice: Choice) -> list[float]:
    """One row at a time, all logits, the library's own log-softmax."""
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([choice.row])).logits[0, -1]
    return [float(value) for value in logits.float().log_softmax(dim=0)[[choice.yes, choice.no]]]


@pytest.mark.parametrize("row_tokens", [1, 50, 10_000])
def test_they_are_those_of_one_row_at_a_time_whatever_the_batch(tiny: Loaded, row_tokens: int) -> None:
    found = choice_log_probs(tiny.model, [*CHOICES, CHOICES[0]], row_tokens)
    assert found[-1] == found[0]
    for pair, choice in zip(found, CHOICES, strict=False):
        assert pair == pytest.approx(naive(tiny, choice), abs=1e-5)
    backwards = choice_log_probs(tiny.model, CHOICES[::-1], row_tokens)
    assert backwards[::-1] == found[:-1]


def test_nothing_asked_is_nothing_answered(tiny: Loaded) -> None:
    assert choice_log_probs(tiny.model, [], 10) == []


def test_products_may_have_another_dtype_and_the_head_keeps_its_own(tiny: Loaded) -> None:
    exact = choice_log_probs(tiny.model, CHOICES, 64)
    rough = choice_log_probs(tiny.model, CHOICES, 64, autocast=torch.bfloat16)
    assert rough != exact
    for found, expected in zip(rough, exact, strict=True):
        assert found == pytest.approx(expected, abs=0.2)
