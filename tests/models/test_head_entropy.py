import math
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import torch

from stages.core.errors import ConfigError
from stages.models.head_entropy import OutputHead, head_entropy, output_head
from tests.naive.token_entropy import entropy_of_logits
from tests.tiny_families import OWN, tiny_model

IDS = torch.tensor([[5, 9, 17, 3, 250, 31, 77, 2, 9, 399]])


def heads_of(num_words: int, width: int = 24, num_tokens: int = 37, spread: float = 1.0) -> tuple[Any, OutputHead]:
    draw = torch.Generator().manual_seed(num_words)
    hidden = torch.randn(num_tokens, width, generator=draw)
    return hidden, OutputHead(torch.randn(num_words, width, generator=draw) * spread)


def of_logits(logits: list[float], **settings: Any) -> float:
    """The entropy after a hidden state that makes just these logits."""
    value = head_entropy(torch.ones(1, 1), OutputHead(torch.tensor(logits).unsqueeze(1)), **settings)
    assert value.dtype == torch.float32
    return value.item()


def test_numbers_worked_by_hand() -> None:
    assert of_logits([3.0, 3.0]) == pytest.approx(math.log(2), abs=1e-6)
    assert of_logits([-7.0] * 12, vocab_chunk=5) == pytest.approx(math.log(12), abs=1e-6)
    assert of_logits([2.0]) == 0
    assert of_logits([1000.0, 0.0, -1000.0], vocab_chunk=1) == 0
    # probabilities 1/8, 2/8, 5/8
    expected = math.log(8) / 8 + math.log(4) / 4 + math.log(1.6) * 5 / 8
    assert of_logits([0.0, math.log(2), math.log(5)]) == pytest.approx(expected, abs=1e-6)


def test_temperature_divides_the_logits() -> None:
    # at temperature 2 the weights are 1 and 3 instead of 1 and 9
    expected = math.log(4) / 4 + math.log(4 / 3) * 3 / 4
    assert of_logits([0.0, math.log(9)], temperature=2.0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("num_words", [1, 2, 7, 64, 1000, 4097])
@pytest.mark.parametrize(("token_chunk", "vocab_chunk"), [(512, 8192), (37, 1000), (1, 1000), (5, 64), (36, 63)])
@pytest.mark.parametrize("spread", [0.01, 1.0, 20.0])
def test_equal_to_the_whole_log_softmax(num_words: int, token_chunk: int, vocab_chunk: int, spread: float) -> None:
    hidden, head = heads_of(num_words, spread=spread)
    expected = entropy_of_logits(hidden.double() @ head.weight.double().T)
    found = head_entropy(hidden, head, token_chunk=token_chunk, vocab_chunk=vocab_chunk)
    assert found.shape == (37,)
    # logits of a hundred are rounded by 1e-5 before any of this begins
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5 * max(1, spread))
    assert (found >= 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_are_fp32_where_weights_are_not(dtype: torch.dtype) -> None:
    hidden, head = heads_of(5000, width=64)
    hidden, head = hidden.to(dtype), head._replace(weight=head.weight.to(dtype) * 0.3)
    logits = torch.cat([hidden @ part.T for part in head.weight.split(512)], dim=1)
    found = head_entropy(hidden, head, vocab_chunk=512, token_chunk=64)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), entropy_of_logits(logits), rtol=0, atol=1e-5)


def test_bias_scale_cap_and_temperature_come_in_their_order() -> None:
    hidden, head = heads_of(300)
    head = head._replace(bias=torch.linspace(-2, 2, 300), scale=0.5, softcap=3.0)
    logits = 3.0 * torch.tanh(0.5 * (hidden.double() @ head.weight.double().T + head.bias) / 3.0)
    found = head_entropy(hidden, head, temperature=0.7, vocab_chunk=64, token_chunk=10)
    torch.testing.assert_close(found.double(), entropy_of_logits(logits, 0.7), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ends", [(-300, 300), (300, -300)])
def test_the_largest_logit_may_come_in_any_chunk(ends: tuple[int, int]) -> None:
    logits = torch.linspace(*ends, 1201).tolist()
    # a step of half a nat: the tail of a geometric distribution of ratio e^-1/2
    ratio = math.exp(-0.5)
    expected = -math.log(1 - ratio) + 0.5 * ratio / (1 - ratio)
    assert of_logits(logits, vocab_chunk=10) == pytest.approx(expected, abs=1e-5)


def test_no_token_has_no_entropy() -> None:
    assert head_entropy(torch.zeros(0, 24), heads_of(10)[1]).shape == (0,)


def test_damaged_weights_are_not_hidden() -> None:
    assert math.isnan(of_logits([1.0, math.nan, 2.0]))


MORE: dict[str, dict[str, Any]] = {
    "cohere": {"logit_scale": 0.25},
    "falcon_h1": {"lm_head_multiplier": 0.3, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8},
    "gemma2": OWN["gemma2"] | {"final_logit_softcapping": 2.0},
}


@pytest.mark.parametrize("family", {**OWN, **MORE})
def test_logits_are_those_of_the_family(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OWN, family, (OWN | MORE)[family])
    model = tiny_model(family)
    with torch.inference_mode():
        hidden = model.get_decoder()(input_ids=IDS, use_cache=False).last_hidden_state[0]
        expected = entropy_of_logits(model(input_ids=IDS, use_cache=False).logits[0])
    found = head_entropy(hidden, output_head(model), vocab_chunk=128)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


def test_scale_and_cap_of_a_family_change_its_entropies() -> None:
    assert output_head(tiny_model("gemma2", final_logit_softcapping=2.0)).softcap == 2.0
    assert output_head(tiny_model("granite")).scale == 0.25


@pytest.mark.parametrize(
    "hook",
    [lambda layer, given, logits: 2 * logits, lambda layer, given, logits: logits[..., :-1]],
    ids=["scaled", "cut"],
)
def test_logits_made_in_another_way_are_refused(hook: Callable[[Any, Any, Any], Any]) -> None:
    model = tiny_model("llama")
    output_head(model)
    model.lm_head.register_forward_hook(hook)
    with pytest.raises(ConfigError, match=r"of the family llama makes logits .* not known here.*; use a model"):
        output_head(model)


def test_output_layer_of_another_kind_is_refused() -> None:
    model = tiny_model("qwen3")
    model.lm_head = torch.nn.Sequential(model.lm_head)
    with pytest.raises(ConfigError, match="not known here"):
        output_head(model)


MEMORY = """
from pathlib import Path
import torch
from stages.models.head_entropy import OutputHead, head_entropy
torch.set_num_threads(1)
head = OutputHead(torch.randn(40_000, 32))
def peak(num_tokens):
    head_entropy(torch.randn(num_tokens, 32), head)
    status = Path("/proc/self/status").read_text()  # getrusage would begin with the memory of the parent process
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
print(peak(16), peak(1024), peak(16_384))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see how much memory was used")
def test_memory_is_flat_in_the_number_of_tokens(run_python: Callable[..., CompletedProcess[str]], root: Path) -> None:
    seen = []
    for _ in range(5):  # what other threads of the process touch at the same time is noise, which only adds
        done = run_python("-c", MEMORY, PYTHONPATH=str(root))
        assert done.returncode == 0, done.stderr
        seen.append([int(word) for word in done.stdout.split()])
        few, some, many = map(min, zip(*seen, strict=True))
        if many - some <= 16:
            break
    # the logits of 16,384 tokens are 2.6 GB, those of a chunk 16 MB, and there are two such chunks
    assert some - few <= 100
    assert many - some <= 16
