"""Entropies of an output layer: ours against the bare product of the head, and against a whole log-softmax.

512 tokens, width 1,024, 151,936 words, bf16 and fp32, one thread. The bare product is one matrix product with all
logits as its result. The naive way turns these into fp32, takes log_softmax and sums. Times are CPU seconds of the
process, medians of rounds that go through all ways in turn; memory is what a process of its own needs at its most
beyond weights and hidden states; the error is against float64, once from the logits as the dtype has them and once
from the weights. Then texts of several lengths, packed and one by one, through a model of 4 layers x 512.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from stages.models.head_entropy import OutputHead, head_entropy
from stages.models.packing import packed_attention, packed_hidden, packed_rows

TOKENS, WIDTH, WORDS = 512, 1024, 151_936
ROUNDS = 3
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
TEXT_LENGTHS = {"32 of 64 tokens": [64] * 32, "8 of 256": [256] * 8, "1,000 and 24 of 40": [1000] + [40] * 24}

Way = Callable[[torch.Tensor, OutputHead], torch.Tensor]


def run() -> Iterator[tuple[str, ...]]:
    """Rows (dtype, way, time a token, ratio to the bare product, memory, errors)."""
    torch.set_num_threads(1)
    yield (_machine(),)
    for name, dtype in DTYPES.items():
        hidden, head = _layer(dtype, TOKENS)
        seconds = _measure({way: _work(call, hidden, head) for way, call in WAYS.items()})
        for way, call in WAYS.items():
            ratio = seconds[way] / seconds["bare product"]
            yield (
                f"{name}, {way}",
                f"{1e3 * seconds[way] / TOKENS:.2f} ms/token",
                f"{ratio:.2f} x bare",
                " and ".join(f"{_memory(name, way, size):,} MB for {size:,} tokens" for size in SIZES[way]),
                *(() if way == "bare product" else _errors(call(hidden[:64], head), hidden[:64], head)),
                "aim <= 1.5 x bare, <= 100 MB, 1e-5" if way == "ours" else "",
            )
    yield from _packing()


def bare_product(hidden: torch.Tensor, head: OutputHead) -> torch.Tensor:
    """All logits in the weights' dtype."""
    return torch.mm(hidden, head.weight.T)


def naive(hidden: torch.Tensor, head: OutputHead) -> torch.Tensor:
    """Entropies from a whole log-softmax in fp32."""
    logs = bare_product(hidden, head).float().log_softmax(dim=-1)
    return -(logs.exp() * logs).sum(dim=-1)


WAYS: dict[str, Way] = {"bare product": bare_product, "ours": head_entropy, "naive": naive}
SIZES = {"bare product": [TOKENS], "ours": [TOKENS, 4 * TOKENS], "naive": [TOKENS]}
"""Numbers of tokens for which memory is measured."""


def _layer(dtype: torch.dtype, num_tokens: int) -> tuple[torch.Tensor, OutputHead]:
    """A layer with logits of standard deviation 2, as trained ones have about; entropies are near 10 nats."""
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(num_tokens, WIDTH, generator=draw).to(dtype)
    weight = torch.empty(WORDS, WIDTH, dtype=dtype)
    for part in weight.split(8192):
        part.copy_(torch.randn(part.shape, generator=draw) * (2 / WIDTH**0.5))
    return hidden, OutputHead(weight)


def _work(call: Way, hidden: torch.Tensor, head: OutputHead) -> Callable[[], object]:
    return lambda: call(hidden, head)


def _measure(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in work}
    for call in work.values():
        call()
    for _ in range(ROUNDS):
        for name, call in work.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _errors(found: torch.Tensor, hidden: torch.Tensor, head: OutputHead) -> Iterator[str]:
    """The largest differences to float64."""
    same_logits = bare_product(hidden, head)
    exact = torch.cat([hidden.double() @ part.double().T for part in head.weight.split(8192)], dim=1)
    for what, logits in (("from its logits", same_logits), ("from the weights", exact)):
        logs = logits.double().log_softmax(dim=-1)
        right = -(logs.exp() * logs).sum(dim=-1)
        yield f"error {float((found.double() - right).abs().max()):.1e} {what}"


def _memory(name: str, way: str, num_tokens: int) -> int:
    """MB that a process needs at its most for one call, beyond what it holds before."""
    done = subprocess.run(
        [sys.executable, __file__, name, way, str(num_tokens)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def _alone(name: str, way: str, num_tokens: int) -> int:
    torch.set_num_threads(1)
    dtype = DTYPES[name]
    hidden = torch.ones(num_tokens, WIDTH, dtype=dtype)
    head = OutputHead(torch.full((WORDS, WIDTH), 0.01, dtype=dtype))
    WAYS[way](hidden[:2], OutputHead(head.weight[:64]))
    before = _peak()
    WAYS[way](hidden, head)
    return (_peak() - before) // 1024


def _peak() -> int:
    """KB of this process at its most; getrusage would begin with those of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@torch.inference_mode()
def _packing() -> Iterator[tuple[str, ...]]:
    model: Any = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=1000,
            hidden_size=512,
            intermediate_size=1536,
            num_hidden_layers=4,
            num_attention_heads=8,
            num_key_value_heads=4,
            head_dim=64,
        )
    ).eval()
    with packed_attention(model):
        for name, lengths in TEXT_LENGTHS.items():
            texts = [tuple(range(length)) for length in lengths]

            def read(limit: int, texts: list[tuple[int, ...]] = texts) -> None:
                for row in packed_rows(texts, len, limit):
                    packed_hidden(model, row)

            seconds = _measure({"one by one": lambda: read(1), "packed": lambda: read(1024)})
            ratio = seconds["one by one"] / seconds["packed"]
            yield (f"body, fp32, texts: {name}", f"packed {ratio:.2f} x as fast as one by one")


def _machine() -> str:
    kind = torch.backends.cpu.get_cpu_capability()
    products = [
        name
        for name, has in (
            ("AVX512-bf16", torch.cpu._is_avx512_bf16_supported()),
            ("AMX", torch.cpu._is_amx_tile_supported()),
        )
        if has
    ]
    return f"{kind}, bf16 products by {' and '.join(products) or 'fp32'}, torch {torch.__version__}, one thread"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_alone(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        for row in run():
            print(" | ".join(part for part in row if part), flush=True)
