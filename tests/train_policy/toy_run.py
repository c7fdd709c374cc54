"""A run of the toy policy without files for its input: what tests of the loop start, stop and compare."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from stages.core.stopping import StopSign
from stages.models.head_entropy import output_head
from stages.models.sampler import Sampler
from stages.train_policy.arrays import Metric, Prompt
from stages.train_policy.config import RolloutOptions
from stages.train_policy.controller import Control
from stages.train_policy.dealing import Deck
from stages.train_policy.generating import Generator, Stopped
from stages.train_policy.learner import Learner, Settings
from stages.train_policy.loop import Run
from stages.train_policy.presets import PRESETS, Settled
from tests.toy_policy import DigitShare, toy_model, toy_rows, toy_tokenizer

SETTINGS = Settings(
    learning_rate=1e-2,
    warmup=2,
    weight_decay=0.1,
    grad_clip=1.0,
    temperature=1.0,
    micro_tokens=64,
    autocast=None,
)


def toy_prompts(count: int = 10) -> list[Prompt]:
    tokenizer = toy_tokenizer()
    return [
        Prompt(row["id"], (), tuple(tokenizer(f"{row['prompt']}=")["input_ids"]), reference=row["answer"])
        for row in toy_rows(count)
    ]


def toy_run(
    root: Path,
    *,
    generations: int = 4,
    save_every: int = 2,
    seed: int = 0,
    settled: Settled = PRESETS["ce-gppo"],
    control: Control | None = None,
    settings: Settings = SETTINGS,
    prompts: int = 10,
    per_generation: int = 8,
    per_update: int = 2,
    max_new_tokens: int = 4,
    reward: Any = None,
    fingerprint: str = "f",
    told: Callable[[str, int, Sequence[Metric]], None] = lambda kind, number, metrics: None,
    sign: StopSign | None = None,
) -> Run:
    """A Run in `root` that begins with the same weights each time it is made."""
    torch.manual_seed(0)
    model = toy_model(seed).train()
    learner = Learner(model, output_head(model), settings)
    sign = StopSign() if sign is None else sign

    def pause() -> None:
        if sign:
            raise Stopped

    options = RolloutOptions(group_size=4, max_new_tokens=max_new_tokens, sample_batch=8)
    source = Generator(
        prompts=toy_prompts(prompts),
        sampler=Sampler(model, toy_tokenizer(), max_new_tokens=max_new_tokens, batch_size=8),
        reward=reward or DigitShare(),
        settled=settled,
        options=options,
        per_generation=per_generation,
        seed=seed,
        max_failed=0.01,
        folder=root / "training" / "pieces",
        scratch=root / "tmp",
        pause=pause,
    )
    return Run(
        learner=learner,
        source=source,
        settled=settled,
        control=control or Control(start=settled.beta1),
        deck=Deck(
            prompts_per_update=per_update,
            passes=1,
            aggregate=settled.aggregate,
            micro_tokens=settings.micro_tokens,
            max_new_tokens=max_new_tokens,
            seed=seed,
            nll=settled.nll_on_correct > 0,
        ),
        references=None,
        generations=generations,
        save_every=save_every,
        root=root,
        folder=root / "training",
        fingerprint=fingerprint,
        sign=sign,
        told=told,
    )
