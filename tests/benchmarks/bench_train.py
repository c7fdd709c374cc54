"""Sequences trained on per CPU second, forward and backward: trees of K = 8 against TRL and two plain recipes.

A Qwen3 of 4 layers x 512 with 32,768 words and random weights in fp32, products in bf16 where the processor is fast at
them, one thread. Three responses of 449, 500 and 698 tokens (prompt and template included), eight principles of 18 to
30 tokens on each: 24 sequences. (a) is the training step of TRL's RewardTrainer on the same tokens, which makes them
pairs of a better and a worse one; 4 pairs a batch. (b) pads 8 shuffled sequences a batch, gives the mask, and reads two
rows of the head. (c) is (b) with sequences of like length together. A tree computes each response once: its gain cannot
be above K(P+S)/(P+KS) but by what masks and padding cost the others, and with one principle a response (K = 1) there
is none; a Bradley-Terry recipe such as (a) has two responses of one prompt and no principles, so that a user of it has
nothing to share but the prompt. Times are CPU seconds of the process, the median of rounds that go through all
methods in turn; tokenising, the optimiser and data loading are in none of them.
"""

import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification
from trl import RewardConfig, RewardTrainer

from stages.models.answer_tokens import AnswerTokens
from stages.models.log_odds import answer_head, log_odds
from stages.models.precision import fast_dtype
from stages.train_rm.adapters import add_adapters
from stages.train_rm.batch import Ids, MicroBatch, Tree
from stages.train_rm.losses import bce
from stages.train_rm.module import RewardModule
from stages.train_rm.objective import batch_losses, weigh

ROUNDS = 3
BATCH = 8
K = 8
PREFIXES = (449, 500, 698)
WORDS = 32_768
ANSWERS = AnswerTokens(yes=9642, no=2822, lead="", space="")
BF16 = fast_dtype(torch.device("cpu")) == "bfloat16"

Method = Callable[[], None]


def run() -> Iterator[tuple[str, ...]]:
    """Rows (method, sequences a CPU second, ratios, aim)."""
    torch.set_num_threads(1)
    trees = _trees(K)
    rows = [tree.prefix + suffix for tree in trees for suffix in tree.suffixes]
    shuffled = random.Random(1).sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        work: dict[str, Method] = {
            "(a) TRL RewardTrainer": _trl(shuffled, folder, checkpointing=False),
            "(a') TRL, activation checkpointing, its default": _trl(shuffled, folder, checkpointing=True),
            "(b) padded, two rows": _two_rows(shuffled),
            "(c) (b), length-grouped": _two_rows(sorted(rows, key=len)),
            "trees": _in_trees(trees),
            "trees, activation checkpointing": _in_trees(trees, checkpointing=True),
            "trees, LoRA r 16": _in_trees(trees, rank=16),
            "trees, K = 1": _in_trees(_trees(1)),
        }
        seconds = _measure(work)
    yield (f"Qwen3 4 x 512, products in {'bf16' if BF16 else 'fp32'}, {torch.backends.cpu.get_cpu_capability()}",)
    speed = {name: (3 if name.endswith("K = 1") else len(rows)) / time_ for name, time_ in seconds.items()}
    base = [name for name in speed if name.startswith("(")]
    for name, value in speed.items():
        ratios = [f"{value / speed[other]:.1f} x {other.split()[0]}" for other in base if not name.startswith("(")]
        yield (name, f"{value:.2f} sequences/s", *ratios, "aim >= 7 x (a), (b)" if name == "trees" else "")
    yield ("limit of the gain by sharing alone", f"{_limit(trees):.2f}")


def _measure(work: dict[str, Method]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in work}
    for method in work.values():
        method()
    for _ in range(ROUNDS):
        for name, method in work.items():
            start = time.process_time()
            method()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _in_trees(trees: Sequence[Tree], *, checkpointing: bool = False, rank: int | None = None) -> Method:
    module = RewardModule(Qwen3ForCausalLM(_config()).train(), ANSWERS)
    if checkpointing:
        module.model.activation_checkpointing_enable({"use_reentrant": False})
    if rank is not None:
        add_adapters(module, rank=rank, alpha=2.0 * rank, seed=0)
    num_rows = sum(len(tree.suffixes) for tree in trees)
    batch = MicroBatch(trees=tuple(trees), targets=_targets(num_rows))

    def step() -> None:
        with module.ready():
            with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
                losses = batch_losses(module(batch), batch, "bce", ANSWERS)
            weigh(losses, num_rows, 0, 0.0).backward()  # type: ignore[no-untyped-call]
        module.zero_grad()

    return step


def _two_rows(rows: Sequence[Ids]) -> Method:
    model = Qwen3ForCausalLM(_config()).train()

    def step() -> None:
        for at in range(0, len(rows), BATCH):
            part = [torch.tensor(row) for row in rows[at : at + BATCH]]
            ids = torch.nn.utils.rnn.pad_sequence(part, batch_first=True)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in part], batch_first=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
                states = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            hidden = states[torch.arange(len(part)), mask.sum(dim=1) - 1]
            loss = bce(log_odds(hidden, answer_head(model, ANSWERS)), torch.tensor(_targets(len(part))))
            (loss.sum() / len(rows)).backward()
        model.zero_grad()

    return step


def _trl(rows: Sequence[Ids], folder: str, *, checkpointing: bool) -> Method:
    pairs = [{"chosen_ids": list(rows[n]), "rejected_ids": list(rows[n + 1])} for n in range(0, len(rows), 2)]
    config = RewardConfig(
        output_dir=folder,
        per_device_train_batch_size=BATCH // 2,
        gradient_checkpointing=checkpointing,
        bf16=BF16,
        use_cpu=True,
        max_length=None,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = RewardTrainer(
        model=Qwen3ForSequenceClassification(_config(num_labels=1)),
        args=config,
        train_dataset=Dataset.from_list(pairs),
        processing_class=_tokenizer(),
    )
    if checkpointing:
        trainer.model.activation_checkpointing_enable({"use_reentrant": False})
    trainer.current_gradient_accumulation_steps = len(pairs) // config.per_device_train_batch_size
    model = trainer.accelerator.prepare_model(trainer.model)
    batches = list(trainer.get_train_dataloader())

    def step() -> None:
        for inputs in batches:
            trainer.training_step(model, dict(inputs))
        model.zero_grad()

    return step


def _targets(num: int) -> tuple[float, ...]:
    return tuple(float(n % 3 == 0) for n in range(num))


def _trees(k: int) -> list[Tree]:
    draw = random.Random(0)
    return [
        Tree(
            tuple(draw.choices(range(1, WORDS), k=prefix)),
            tuple(tuple(draw.choices(range(1, WORDS), k=draw.randint(18, 30))) for _ in range(k)),
        )
        for prefix in PREFIXES
    ]


def _limit(trees: Sequence[Tree]) -> float:
    alone = sum(len(tree.prefix) + len(suffix) for tree in trees for suffix in tree.suffixes)
    return alone / sum(tree.num_tokens for tree in trees)


def _tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")  # type: ignore[no-untyped-call]


def _config(**changes: Any) -> Qwen3Config:
    torch.manual_seed(0)
    return Qwen3Config(
        vocab_size=WORDS,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        tie_word_embeddings=True,
        **changes,
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    disable_progress_bars()
    for line in run():
        print(" | ".join(part for part in line if part), flush=True)
