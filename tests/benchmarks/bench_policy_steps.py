"""Optimiser steps per second of the engine `local` against TRL's GRPOTrainer on toys, sampling included, and where
the time of `local` goes.

Both train copies of one model on the same prompts with the same in-process reward, group size, length and number of
updates per generation, in fp32 on one thread: `TRL` is the stock GRPOTrainer (loss_type dapo), `engine trl` ours with
CE-GPPO's loss in it. The learning rate is 1e-6, so that completions stay as long as they are at the beginning. Rounds
go through all engines in turn; times are CPU seconds of the process a step, and seconds by the clock, medians, without
what the first generation and the end of a run cost, which is a quarter of a second in TRL. Memory is what a process of
its own has at its most, the libraries of the engine included.
"""

import argparse
import contextlib
import copy
import io
import pkgutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from unittest.mock import patch

import torch

from stages.core.stopping import StopSign
from stages.models.head_entropy import output_head
from stages.models.sampler import Sampler
from stages.models.tiny import make_tiny
from stages.rewards.item import RewardItem, RewardResult
from stages.train_policy.arrays import Prompt
from stages.train_policy.config import RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.controller import Control
from stages.train_policy.dealing import Deck
from stages.train_policy.fused import fused_policy_loss
from stages.train_policy.generating import Generator
from stages.train_policy.learner import Learner, Settings
from stages.train_policy.loop import Run, train
from stages.train_policy.presets import Settled, settle
from tests.toy_policy import toy_model, toy_tokenizer

ROUNDS: Final = 5
UPDATES: Final = 4
"""Optimiser steps of a generation."""
GROUP: Final = 8
AIM: Final = "aim: local >= 1.5 x as many steps as TRL"


class Toy(NamedTuple):
    """A model, its tokenizer, prompts and how many of these an update has; the most tokens of a completion."""

    model: Any
    tokenizer: Any
    prompts: list[Prompt]
    per_update: int
    longest: int


class Taken(NamedTuple):
    """CPU seconds and seconds by the clock."""

    cpu: float
    wall: float


Engine = Callable[[Toy, int, Path], Callable[[], object]]
"""Makes ready to train a toy for a number of generations, with a folder for its files; the training is timed alone."""


class Letters:
    """A reward: the share of the letters a to m among the completion's characters."""

    name = "letters"
    best = None

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        values = [_share(item.completion) for item in items]
        return [RewardResult(value, "ok", {"letters": value}) for value in values]

    def facts(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        return None


def letters_for_trl(completions: Sequence[str], **_: object) -> list[float | None]:
    return [_share(text) for text in completions]


def _share(text: str) -> float:
    return sum("a" <= sign <= "m" for sign in text) / max(1, len(text))


def run(names: Sequence[str], generations: int, rounds: int) -> Iterator[tuple[str, ...]]:
    """Rows (toy and engine, CPU and wall of a step, ratio, memory), then the parts of `local`."""
    steps = generations * UPDATES
    for name in names:
        toy = TOYS[name]()
        peaks = {engine: _memory(name, engine) for engine in ENGINES}
        seconds = _in_turns(toy, generations, rounds)
        yield (f"{name}: {_described(toy)}",)
        for engine, taken in seconds.items():
            yield (
                f"{name}, {engine}",
                f"{1e3 * taken.cpu / steps:.1f} ms CPU a step",
                f"{1e3 * taken.wall / steps:.1f} ms",
                f"{steps / taken.wall:.1f} steps/s",
                f"{taken.cpu / seconds['local'].cpu:.2f} x local in CPU",
                f"{taken.wall / seconds['local'].wall:.2f} x by the clock",
                f"{peaks[engine]:,} MB",
            )
        yield (f"{name}, {AIM}",)
        yield from _parts(name, toy, generations, rounds)


def local(toy: Toy, generations: int, folder: Path) -> Callable[[], object]:
    return partial(train, _local_run(toy, generations, folder))


def stock(toy: Toy, generations: int, folder: Path) -> Callable[[], object]:
    """TRL's trainer as it comes, with the options that the engine `trl` gives it."""
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    from stages.train_policy.trl_options import grpo_options, plan

    config = _config(toy, generations)
    cut = plan(config, len(toy.prompts), max(len(prompt.ids) for prompt in toy.prompts), 1)
    trainer = GRPOTrainer(
        toy.model,
        reward_funcs=letters_for_trl,
        args=GRPOConfig(**grpo_options(config, settle(config), cut, folder, bf16=False, cpu=True, processes=1)),
        train_dataset=Dataset.from_dict({"prompt": [toy.tokenizer.decode(prompt.ids) for prompt in toy.prompts]}),
        processing_class=toy.tokenizer,
    )
    assert cut.steps == generations * UPDATES
    return cast("Callable[[], object]", trainer.train)


def with_trl(toy: Toy, generations: int, folder: Path) -> Callable[[], object]:
    from stages.train_policy.trl_engine import make_trainer
    from stages.train_policy.trl_scoring import Scorer

    config = _config(toy, generations)
    settled = settle(config)
    scorer = Scorer(config, settled, toy.prompts, Letters(), frozenset([toy.tokenizer.eos_token_id]))
    trainer, _ = make_trainer(config, settled, toy.model, toy.tokenizer, toy.prompts, scorer, folder)
    return cast("Callable[[], object]", trainer.train)


ENGINES: Final[dict[str, Engine]] = {"local": local, "TRL": stock, "engine trl": with_trl}


def _local_run(toy: Toy, generations: int, folder: Path) -> Run:
    config = _config(toy, generations)
    settled: Settled = settle(config)
    training = config.training
    settings = Settings(
        learning_rate=1e-6,
        warmup=training.warmup,
        weight_decay=training.weight_decay,
        grad_clip=training.grad_clip,
        temperature=1.0,
        micro_tokens=training.micro_tokens,
        autocast=None,
    )
    source = Generator(
        prompts=toy.prompts,
        sampler=Sampler(toy.model, toy.tokenizer, max_new_tokens=toy.longest, batch_size=config.rollouts.sample_batch),
        reward=Letters(),
        settled=settled,
        options=config.rollouts,
        per_generation=config.rollouts.prompts_per_generation,
        seed=0,
        max_failed=0.05,
        folder=folder / "training" / "pieces",
        scratch=folder / "tmp",
    )
    return Run(
        learner=Learner(toy.model, output_head(toy.model), settings),
        source=source,
        settled=settled,
        control=Control(start=settled.beta1),
        deck=Deck(
            prompts_per_update=training.prompts_per_update,
            passes=1,
            aggregate=settled.aggregate,
            micro_tokens=training.micro_tokens,
            max_new_tokens=toy.longest,
            seed=0,
            nll=False,
        ),
        references=None,
        generations=generations,
        save_every=training.save_every,
        root=folder,
        folder=folder / "training",
        fingerprint="benchmark",
        sign=StopSign(),
    )


def _config(toy: Toy, generations: int) -> TrainPolicyConfig:
    return TrainPolicyConfig(
        inputs=("toy",),
        model="tiny",
        reward=("py:toy:letters",),
        rollouts=RolloutOptions(
            generations=generations,
            prompts_per_generation=UPDATES * toy.per_update,
            group_size=GROUP,
            max_new_tokens=toy.longest,
            sample_batch=UPDATES * toy.per_update * GROUP,
        ),
        training=TrainingOptions(
            prompts_per_update=toy.per_update,
            learning_rate=1e-6,
            device="cpu",
            precision="fp32",
            # both store the end of a run alone
            save_every=10**6,
        ),
    )


def _spec_toy() -> Toy:
    """The size of section 10 of the notes: 44 words, width 64, and 16 completions of 16 tokens an update."""
    tokenizer = toy_tokenizer()
    return Toy(toy_model(width=64), tokenizer, _prompts(tokenizer, [f"{n % 10}{n}=" for n in range(8)]), 2, 16)


def _tiny_toy() -> Toy:
    """The base `tiny`, 2 layers x 128, with 1,536 words if its texts have as many; 32 completions of 64 tokens."""
    texts = [f"{n} apples and {7 * n} pears are how many pieces of fruit?" for n in range(400)]
    texts += [word for n in range(4000) for word in [f"w{n * 7919 % 10007}"] * 2]
    model, tokenizer = make_tiny(texts, seed=0)
    return Toy(model, tokenizer, _prompts(tokenizer, texts[:16]), 4, 64)


def _prompts(tokenizer: Any, texts: Sequence[str]) -> list[Prompt]:
    return [Prompt(f"p{n}", (), tuple(tokenizer(text)["input_ids"]), reference="") for n, text in enumerate(texts)]


TOYS: Final[dict[str, Callable[[], Toy]]] = {"toy": _spec_toy, "tiny": _tiny_toy}


def _described(toy: Toy) -> str:
    config = toy.model.config
    return (
        f"{config.num_hidden_layers} layers x {config.hidden_size}, {config.vocab_size:,} words, "
        f"{GROUP * toy.per_update} completions of at most {toy.longest} tokens an update, "
        f"{UPDATES} updates a generation"
    )


def _in_turns(toy: Toy, generations: int, rounds: int) -> dict[str, Taken]:
    """The median of each engine: what so many further generations add to a run of one."""
    times: dict[str, list[Taken]] = {name: [] for name in ENGINES}
    for engine in ENGINES.values():
        _timed(engine, toy, 1)
    for _ in range(rounds):
        for name, engine in ENGINES.items():
            short, long = _timed(engine, toy, 1), _timed(engine, toy, 1 + generations)
            times[name].append(Taken(long.cpu - short.cpu, long.wall - short.wall))
    return {name: Taken(*map(statistics.median, zip(*own, strict=True))) for name, own in times.items()}


def _timed(engine: Engine, toy: Toy, generations: int) -> Taken:
    fresh = toy._replace(model=copy.deepcopy(toy.model).train())
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        training = engine(fresh, generations, Path(folder))
        cpu, wall = time.process_time(), time.perf_counter()
        training()
        return Taken(time.process_time() - cpu, time.perf_counter() - wall)


def _parts(name: str, toy: Toy, generations: int, rounds: int) -> Iterator[tuple[str, ...]]:
    """Shares of the CPU seconds of `local`, and what the figures of all tokens cost."""
    found = [_split(toy, generations) for _ in range(rounds)]
    steps = generations * UPDATES
    whole = statistics.median(one[_WHOLE] for one in found)
    known = {part: statistics.median(one[part] for one in found) for part in _PARTS}
    for part, taken in {**known, "rest": whole - sum(known.values())}.items():
        yield (f"{name}, local, {part}", f"{1e3 * taken / steps:.2f} ms CPU a step", f"{taken / whole:.1%}")
    # what p^2 and p^2 ln p cost in the pass over the softmax shows only in runs with and without
    turns = [(_without_sums(toy, generations), _timed(local, toy, generations).cpu) for _ in range(rounds)]
    sums = statistics.median(1 - without / with_ for without, with_ in turns)
    yield (f"{name}, local, telemetry's sums in the loss", "", f"{sums:.1%}", "aim for all telemetry: <= 3 %")


_WHOLE: Final = "whole"
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "sampling": ("stages.models.sampler.Sampler.sample",),
    "reward": (f"{__name__}.Letters.score",),
    "old log-probabilities": ("stages.train_policy.learner.Learner.log_probs",),
    "update": ("stages.train_policy.learner.Learner.step",),
    "telemetry": ("stages.train_policy.loop.update_metrics", "stages.train_policy.loop.generation_metrics"),
    "shards": (
        "stages.train_policy.loop.write_generation",
        "stages.train_policy.loop.read_generation",
        "stages.train_policy.generating.write_piece",
    ),
    "checkpoint at the end": ("stages.train_policy.loop._save",),
}
"""The functions that each part of a run is spent in; none of them calls another one of these."""


def _split(toy: Toy, generations: int) -> dict[str, float]:
    """CPU seconds of each part, and of the whole run."""
    taken: dict[str, float] = dict.fromkeys(_PARTS, 0.0)
    with contextlib.ExitStack() as stack:
        for part, names in _PARTS.items():
            for name in names:
                stack.enter_context(patch(name, _counting(pkgutil.resolve_name(name), part, taken)))
        taken[_WHOLE] = _timed(local, toy, generations).cpu
    return taken


def _counting(function: Callable[..., Any], part: str, taken: dict[str, float]) -> Callable[..., Any]:
    def counted(*args: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **named)
        finally:
            taken[part] += time.process_time() - start

    return counted


def _without_sums(toy: Toy, generations: int) -> float:
    with patch("stages.train_policy.update.fused_policy_loss", partial(fused_policy_loss, telemetry=False)):
        return _timed(local, toy, generations).cpu


def _memory(name: str, engine: str) -> int:
    """MB that a process of its own has at its most in two generations."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_policy_steps", "--toys", name, "--alone", engine],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


def _alone(name: str, engine: str) -> int:
    toy = TOYS[name]()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        training = ENGINES[engine](toy._replace(model=toy.model.train()), 2, Path(folder))
        training()
    return _peak() // 1024


def _peak() -> int:
    """KB of this process at its most; getrusage would begin with those of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--toys", choices=[*TOYS], nargs="+", default=[*TOYS])
    parser.add_argument("--generations", type=int, default=4, help="beyond the first")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", choices=[*ENGINES], help="print the memory of one engine")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if given.alone is not None:
        print(_alone(given.toys[0], given.alone))
        return
    for row in run(given.toys, given.generations, given.rounds):
        print(" | ".join(part for part in row if part), flush=True)


if __name__ == "__main__":
    main()
