"""The fused policy loss against three bare products, whole logits, TRL's chunked head and checkpointed chunks.

151,936 words, widths 1,024 and 256, fp32 on one thread of a CPU: every way makes log-probabilities, entropies, the
CE-GPPO loss and its gradient to hidden states and weights, but for the floor, which makes only the three products, in
our chunks. Times are CPU seconds of the process, medians of rounds that go through all ways in turn; memory is what a
process of its own needs at its most beyond weights and hidden states. By default 512 tokens are timed; the gradient of
the weights is then most of the memory, whose ratios are therefore taken with --full, which are 4,096. With --device
cuda: 16,384 tokens, bf16, seconds by the clock and the allocator's peak, and Liger's fused loss where it is installed.
"""

import argparse
import gc
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from stages.models.head_entropy import OutputHead
from stages.train_policy.arrays import Objective, TokenBatch
from stages.train_policy.fused import fused_policy_loss
from stages.train_policy.loss import policy_loss
from stages.train_policy.softmax import CHUNK

WORDS: Final = 151_936
WIDTHS: Final = (1024, 256)
ROUNDS: Final = 3
SMALL, FULL, ON_GPU = 512, 4096, 16_384
TRL_WORDS: Final = 32_768
"""Words of TRL's tiles, as its trainers set them (trl.trainer.utils)."""

AIMS: Final = {
    1024: "aims: ours <= 1.1 x floor, >= 1.5 x as fast as TRL's, memory of whole logits >= 7 x, bonus <= +10 %",
    256: "aims: ours <= 1.5 x floor, >= 1.5 x as fast as TRL's, memory of whole logits >= 12 x, bonus <= +10 %",
}


class Layer(NamedTuple):
    hidden: Tensor
    weight: Tensor
    batch: TokenBatch


Way = Callable[[Layer], object]


def run(num_tokens: int, device: str, widths: tuple[int, ...], rounds: int) -> Iterator[tuple[str, ...]]:
    """Rows (width and way, time a token, ratio to the floor, memory, ratio to ours)."""
    yield (f"{num_tokens:,} tokens, {WORDS:,} words, {device}, torch {torch.__version__}",)
    ways = WAYS | (_liger() if device == "cuda" else {})
    for width in widths:
        peaks = {name: _memory(name, num_tokens, width, device) for name in ways}
        seconds = _measure(ways, _layer(num_tokens, width, device), device, rounds)
        for name, taken in seconds.items():
            yield (
                f"width {width:,}, {name}",
                f"{1e3 * taken / num_tokens:.2f} ms/token",
                f"{taken / seconds['floor']:.2f} x floor",
                f"{taken / seconds['ours']:.2f} x ours",
                f"{peaks[name]:,} MB",
                f"{peaks[name] / peaks['ours']:.2f} x ours",
            )
        yield (f"width {width:,}, {AIMS[width]}",)


def floor(layer: Layer) -> None:
    """Logits, the gradient to hidden states and the one to weights, as products alone."""
    hidden, weight = layer.hidden.detach(), layer.weight.detach()
    size = min(CHUNK[hidden.device.type], len(hidden))
    logits = hidden.new_empty(size, len(weight))
    hidden_grad, weight_grad = torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)
    for start in range(0, len(hidden), size):
        states = hidden[start : start + size]
        part = logits[: len(states)]
        torch.mm(states, weight.T, out=part)
        torch.mm(part, weight, out=hidden_grad[start : start + size])
        if part.dtype == torch.float32:
            weight_grad.addmm_(part.T, states)
        else:
            torch.addmm(weight_grad, part.T, states, out_dtype=torch.float32, out=weight_grad)


def _ours(objective: Objective, *, telemetry: bool = True) -> Way:
    def way(layer: Layer) -> None:
        head = OutputHead(layer.weight)
        loss = fused_policy_loss(layer.hidden, head, layer.batch, objective, telemetry=telemetry).loss
        loss.backward()  # type: ignore[no-untyped-call]

    return way


def whole_logits(layer: Layer) -> None:
    """Log-softmax and entropy of all logits at once, by autograd."""
    logs = (layer.hidden @ layer.weight.T).float().log_softmax(dim=1)
    with torch.no_grad():
        torch.linalg.vecdot(logs.exp(), logs)
    _finish(logs.gather(1, layer.batch.targets[:, None])[:, 0], layer)


def trl_head(layer: Layer) -> None:
    """TRL's own chunked log-probabilities and entropies."""
    chunked = importlib.import_module("trl.kernels.chunked_logprob").ChunkedLogProbFunction
    logp, *_ = chunked.apply(
        layer.hidden, layer.weight, None, layer.batch.targets, 1.0, TRL_WORDS, None, 1.0, ("entropy",)
    )
    _finish(logp, layer)


def checkpointed(layer: Layer) -> None:
    """Chunks of tokens with the whole vocabulary, whose logits are computed again in the backward pass."""
    size = CHUNK[layer.hidden.device.type]

    def chunk(states: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
        logs = (states @ weight.T).float().log_softmax(dim=1)
        with torch.no_grad():
            torch.linalg.vecdot(logs.exp(), logs)
        return logs.gather(1, targets[:, None])[:, 0]

    parts: list[Any] = [
        checkpoint(chunk, states, targets, layer.weight, use_reentrant=False)
        for states, targets in zip(torch.split(layer.hidden, size), torch.split(layer.batch.targets, size), strict=True)
    ]
    _finish(torch.cat(parts), layer)


def _finish(logp: Tensor, layer: Layer) -> None:
    policy_loss(logp, layer.batch, Objective())[0].backward()  # type: ignore[no-untyped-call]


WAYS: Final[dict[str, Way]] = {
    "floor": floor,
    "ours": _ours(Objective()),
    "ours with entropy bonus": _ours(Objective(entropy_bonus=0.001)),
    "ours without telemetry": _ours(Objective(), telemetry=False),
    "whole logits": whole_logits,
    "TRL's chunked head": trl_head,
    "checkpointed chunks": checkpointed,
}


def _liger() -> dict[str, Way]:
    """Liger's fused GRPO loss, which has no entropy, if it is installed."""
    if importlib.util.find_spec("liger_kernel") is None:
        return {}
    fused = importlib.import_module("liger_kernel.chunked_loss").LigerFusedLinearGRPOLoss

    def way(layer: Layer) -> None:
        batch = layer.batch
        ones = torch.ones_like(batch.old).unsqueeze(0)
        loss = fused(beta=0.0, use_ref_model=False)(
            layer.hidden.unsqueeze(0),
            layer.weight,
            batch.targets.unsqueeze(0),
            ones,
            batch.advantage[:1],
            old_per_token_logps=batch.old.unsqueeze(0),
        )
        loss[0].backward()

    return {"Liger's fused GRPO": way}


def _layer(num_tokens: int, width: int, device: str) -> Layer:
    """A layer with logits of standard deviation 2; ratios on both sides of the clip range, no advantage of zero."""
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(num_tokens, width, generator=draw).to(device, dtype).requires_grad_()
    weight = torch.empty(WORDS, width, dtype=dtype, device=device)
    for part in torch.split(weight, 8192):
        part.copy_(torch.randn(part.shape, generator=draw) * (2 / width**0.5))
    old = torch.randn(num_tokens, generator=draw) - 13.9
    targets = torch.randint(WORDS, (num_tokens,), generator=draw)
    advantage, token_weight = torch.randn(num_tokens, generator=draw), torch.full((num_tokens,), 1 / num_tokens)
    batch = TokenBatch(*(part.to(device) for part in (targets, old, advantage, token_weight)))
    return Layer(hidden, weight.requires_grad_(), batch)


def _measure(ways: dict[str, Way], layer: Layer, device: str, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            layer.hidden.grad = layer.weight.grad = None
            start = _now(device)
            way(layer)
            times[name].append(_now(device) - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def _memory(way: str, num_tokens: int, width: int, device: str) -> int:
    """MB that a process needs at its most for one call, beyond what it holds before."""
    arguments = ["--alone", way, "--tokens", str(num_tokens), "--widths", str(width), "--device", device]
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


def _alone(way: str, num_tokens: int, width: int, device: str) -> int:
    call = (WAYS | (_liger() if device == "cuda" else {}))[way]
    layer = _layer(num_tokens, width, device)
    few = Layer(
        layer.hidden[:2].detach().requires_grad_(),
        layer.weight[:64].detach().requires_grad_(),
        TokenBatch(*(part[:2] % 64 for part in layer.batch if part is not None)),
    )
    call(few)
    gc.collect()
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        call(layer)
        return (torch.cuda.max_memory_allocated() - before) // 2**20
    before = _peak()
    call(layer)
    return (_peak() - before) // 1024


def _peak() -> int:
    """KB of this process at its most; getrusage would begin with those of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--full", action="store_true", help="4,096 tokens")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", choices=[*WAYS, "Liger's fused GRPO"], help="print the memory of one way")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    # several would wait for each other on a busy machine, and waiting counts as CPU time
    torch.set_num_threads(1)
    num_tokens = given.tokens or (ON_GPU if given.device == "cuda" else FULL if given.full else SMALL)
    if given.alone is not None:
        print(_alone(given.alone, num_tokens, given.widths[0], given.device))
        return
    for row in run(num_tokens, given.device, tuple(given.widths), given.rounds):
        print(" | ".join(part for part in row if part), flush=True)


if __name__ == "__main__":
    main()
