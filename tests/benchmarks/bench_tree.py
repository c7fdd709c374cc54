"""Pairs scored per CPU second: trees against (a) a padded batch with the full head and (b, c) sorted two-row batches.

A Qwen3 of 4 layers x 512 with 151,936 words and random weights, bf16 where the processor multiplies it, one thread.
Prefixes of 700 to 1,350 random tokens, suffixes of 18 to 30. (a) is what a plain loop over eight pairs at a time does.
(b) sorts by length, gives the mask of the padding as transformers' own batches do, and reads two rows of the head; its
pairs share prefixes as those of trees do, so that it pads next to nothing. (c) is what we do where trees are not
possible: (b) without a mask. Trees with K = 1 are pairs one by one. Against (c), the gain cannot be above its limit
K(P+S)/(P+KS) but by what a batch costs beside its tokens. Times are CPU seconds of the process, the median of rounds
that go through all methods in turn; tokenising is not in them.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from stages.models.answer_tokens import AnswerTokens
from stages.models.encoding import EncodedPair
from stages.models.load import DTYPES
from stages.models.log_odds import answer_head, log_odds
from stages.models.precision import fast_dtype
from stages.models.scorer import padded_hidden, score_encoded

ROUNDS = 3
BATCH = 8
ANSWERS = AnswerTokens(yes=9642, no=2822, lead="", space="")
PREFIX, SUFFIX = 1024, 24
AIMS = {1: "", 8: "aim >= 8 x (b)", 32: "aim >= 15 x (b)"}

Pairs = Sequence[EncodedPair]


def run() -> Iterator[tuple[str, ...]]:
    """Rows (method, pairs a CPU second, ratio, aim)."""
    torch.set_num_threads(1)
    dtype = DTYPES[fast_dtype(torch.device("cpu"))]
    model = _model(dtype)
    head = answer_head(model, ANSWERS)

    def trees(pairs: Pairs) -> None:
        score_encoded(model, head, pairs)

    work: dict[str, tuple[Callable[[Pairs], None], Pairs]] = {
        "a": (lambda pairs: _full_head(model, pairs), _pairs(1, 8, spread=True)),
        "b": (lambda pairs: _two_rows(model, pairs, masked=True), _pairs(8, 2, spread=True)),
        "c": (lambda pairs: _two_rows(model, pairs, masked=False), _pairs(8, 2, spread=True)),
        **{f"K={k}": (trees, _pairs(k, num, spread=True)) for k, num in ((1, 8), (8, 4), (32, 4))},
        **{f"one size, K={k}": (trees, _pairs(k, 4, spread=False)) for k in (1, 8, 32)},
    }
    with torch.inference_mode():
        seconds = _measure(work)
    speed = {name: len(pairs) / seconds[name] for name, (_, pairs) in work.items()}
    yield (f"Qwen3 4 x 512, {dtype}, {torch.backends.cpu.get_cpu_capability()}, {BATCH} pairs a batch in (a) to (c)",)
    for name, what in (("a", "padded, full head"), ("b", "sorted, two rows"), ("c", "(b) without a mask")):
        yield (f"({name}) {what}", f"{speed[name]:.2f} pairs/s", f"{speed[name] / speed['b']:.2f} x (b)")
    for k, aim in AIMS.items():
        ratios = [f"{speed[f'K={k}'] / speed[name]:.1f} x ({name})" for name in ("a", "b", "c")]
        yield (f"trees, K={k}", f"{speed[f'K={k}']:.2f} pairs/s", *ratios, f"limit {_limit(k):.1f}", aim)
    for k in (8, 32):
        growth = seconds[f"one size, K={k}"] / seconds["one size, K=1"]
        floor = (PREFIX + k * SUFFIX) / (PREFIX + SUFFIX)
        yield (
            f"t({k})/t(1), P={PREFIX}, S={SUFFIX}",
            f"{growth:.2f}",
            f"{growth / floor:.2f} x floor {floor:.2f}",
            "aim <= 1.15 x floor",
        )


def _measure(work: dict[str, tuple[Callable[[Pairs], None], Pairs]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in work}
    for method, pairs in work.values():
        method(pairs[:2])
    for _ in range(ROUNDS):
        for name, (method, pairs) in work.items():
            start = time.process_time()
            method(pairs)
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _full_head(model: Any, pairs: Pairs) -> None:
    for at in range(0, len(pairs), BATCH):
        rows = [torch.tensor(pair.prefix + pair.suffix) for pair in pairs[at : at + BATCH]]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        last = logits[torch.arange(len(rows)), mask.sum(dim=1) - 1].float()
        _ = last[:, ANSWERS.yes] - last[:, ANSWERS.no]


def _two_rows(model: Any, pairs: Pairs, *, masked: bool) -> None:
    ordered = sorted(pairs, key=lambda pair: pair.length)
    for at in range(0, len(ordered), BATCH):
        rows = [pair.prefix + pair.suffix for pair in ordered[at : at + BATCH]]
        hidden = _masked_hidden(model, rows) if masked else padded_hidden(model.get_decoder(), rows, model.device)
        log_odds(hidden, answer_head(model, ANSWERS))


def _masked_hidden(model: Any, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    ends = torch.tensor([len(row) - 1 for row in rows])
    mask = (torch.arange(ids.shape[1]) <= ends[:, None]).long()
    states = model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    hidden: torch.Tensor = states[torch.arange(len(rows)), ends]
    return hidden


def _limit(k: int) -> float:
    return k * (PREFIX + SUFFIX) / (PREFIX + k * SUFFIX)


def _pairs(k: int, num_prefixes: int, *, spread: bool) -> list[EncodedPair]:
    """`k` pairs on each of some prefixes, with the lengths of the module's docstring or all of one size."""
    draw = random.Random(k)
    pairs = []
    for n in range(num_prefixes):
        length = 700 + 650 * n // (num_prefixes - 1) if spread else PREFIX
        prefix = tuple(draw.choices(range(150_000), k=length))
        for _ in range(k):
            suffix = draw.choices(range(150_000), k=draw.randint(18, 30) if spread else SUFFIX)
            pairs.append(EncodedPair(prefix, tuple(suffix), truncated=False))
    return pairs


def _model(dtype: torch.dtype) -> Any:
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    return Qwen3ForCausalLM(config).to(dtype).eval()


if __name__ == "__main__":
    for row in run():
        print(" | ".join(row), flush=True)
