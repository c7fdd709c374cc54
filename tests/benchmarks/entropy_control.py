"""Entropy of six policy losses at equal reward: `python tests/benchmarks/entropy_control.py OUT [--seeds 8]`.

Each loss trains the same base on the same prompts of toy_task.py by the stage itself, once a seed, which decides the
order of prompts and what is sampled. Runs that are finished stay, so that the command goes on where it was stopped, and
more seeds add to fewer. Entropy is that of whole completions on all prompts, estimated from what was sampled before
updates: minus the mean of their log-probabilities, in nats. Reward is the mean of the same completions. Both are
smoothed over WINDOW generations. At equal reward means: at the first generation whose reward reaches a level.
Intervals are 95 %, from resampling seeds; differences are taken within seeds.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

if __name__ in ("__main__", "__mp_main__"):
    sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stages.core.options import RunOptions
from stages.rewards.source_options import SourceOptions
from stages.train_policy.config import LossOptions, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.run import run
from stages.train_policy.telemetry import ALL, CLASSES
from tests.benchmarks.toy_task import save_base, write_prompts

F64 = NDArray[np.float64]

ARMS: Final[Mapping[str, tuple[str, LossOptions]]] = {
    "grpo": ("grpo", LossOptions()),
    "dapo 0.2/0.28": ("dapo", LossOptions()),
    "ce-gppo 0.5": ("ce-gppo", LossOptions()),
    "ce-gppo 0.75": ("ce-gppo", LossOptions(beta1=0.75)),
    "gppo": ("gppo", LossOptions()),
    "cispo": ("cispo", LossOptions()),
}
PAIRS: Final = (
    ("ce-gppo 0.5", "grpo"),
    ("dapo 0.2/0.28", "grpo"),
    ("cispo", "grpo"),
    ("ce-gppo 0.75", "ce-gppo 0.5"),
    ("gppo", "ce-gppo 0.5"),
)
"""In each the paper has an order: the first keeps more entropy than the second, in the last two less."""
LEVELS: Final = (0.7, 0.8, 0.9)
GOAL: Final = 0.85
WINDOW: Final = 3
GENERATIONS: Final = 20
PASSES: Final = 3
RATE: Final = 5e-4
_DRAWS: Final = 10_000


class Curves(NamedTuple):
    """A run by generation: reward and entropy, smoothed. `figures`: of the whole run, by name."""

    reward: F64
    entropy: F64
    figures: dict[str, float]


def main() -> None:
    arguments = _arguments()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    write_prompts(out / "prompts.jsonl")
    # seed 0 is the one that the settings were chosen with
    seeds = range(1, arguments.seeds + 1)
    jobs = [(out, arm, seed, arguments.generations) for seed in seeds for arm in ARMS]
    with get_context("spawn").Pool(arguments.processes, _one_thread) as pool:
        pool.apply(_base, (out,))
        for number, told in enumerate(pool.imap_unordered(_train, jobs, chunksize=1), 1):
            print(f"{number} of {len(jobs)}: {told}", flush=True)
    curves = {arm: [read_curves(_folder(out, arm, seed)) for seed in seeds] for arm in ARMS}
    write_curves(out / "curves.csv", curves)
    print(table(curves))


def table(curves: Mapping[str, Sequence[Curves]], pairs: Sequence[tuple[str, str]] = PAIRS) -> str:
    """All figures as tables of Markdown."""
    names = [*(f"entropy at reward {level}" for level in LEVELS), "entropy at the end", "reward at the end"]
    values = {arm: np.array([_row(one) for one in runs]) for arm, runs in curves.items()}
    differences = {f"{first} - {second}": values[first] - values[second] for first, second in pairs}
    runs = next(iter(curves.values()))
    ledger = [name for name in runs[0].figures if name in CLASSES]
    others = [name for name in runs[0].figures if name not in CLASSES]
    return "\n\n".join(
        [
            f"{len(runs)} seeds; mean [95 % interval] (seeds that got there, where not all did). Entropies in nats.",
            _markdown(names, {arm: [_told(column) for column in own.T] for arm, own in values.items()}),
            "The same, differences within seeds:",
            _markdown(names, {pair: [_told(column) for column in own.T] for pair, own in differences.items()}),
            "p of these differences by a sign-flip test, two-sided, not corrected for the number of comparisons:",
            _markdown(names, {pair: [_chance(column) for column in own.T] for pair, own in differences.items()}),
            "Means over runs; clip_low, clip_high and outside are shares of tokens:",
            _markdown(others, _means(curves, others)),
            "Share of the entropy ledger by class; above 0 what raises entropy:",
            _markdown(ledger, _means(curves, ledger)),
        ]
    )


def write_curves(path: Path, curves: Mapping[str, Sequence[Curves]]) -> None:
    """Write reward and entropy of each generation as CSV."""
    lines = [
        f"{arm},{seed},{generation},{reward:.4f},{entropy:.4f}\n"
        for arm, runs in curves.items()
        for seed, one in enumerate(runs, 1)
        for generation, (reward, entropy) in enumerate(zip(one.reward, one.entropy, strict=True), 1)
    ]
    path.write_text("loss,seed,generation,reward,entropy\n" + "".join(lines), encoding="utf-8")


def read_curves(folder: Path) -> Curves:
    """What a finished run says of itself."""
    rewards, entropies = [], []
    for shard in sorted((folder / "rollouts").glob("part-*.parquet")):
        columns = pq.read_table(shard, columns=["reward", "sampling_logprobs"])
        rewards.append(np.mean(columns["reward"].to_numpy()))
        entropies.append(-np.mean([sum(own) for own in columns["sampling_logprobs"].to_pylist()]))
    reward, entropy = smoothed(rewards), smoothed(entropies)
    return Curves(reward, entropy, _figures(folder, reward))


def smoothed(values: Sequence[float]) -> F64:
    """Mean of each value and the WINDOW - 1 before it, of fewer at the beginning."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(0, ends - WINDOW)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def interval(values: F64, draws: int = _DRAWS) -> tuple[float, float]:
    """95 % percentile interval of the mean, from resampling."""
    chosen = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def sign_flip(values: F64, draws: int = _DRAWS) -> float:
    """How often a mean as far from 0 comes about where the sign of each value is drawn."""
    signs = np.random.default_rng(0).choice((-1.0, 1.0), size=(draws, len(values)))
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-9))


def _row(curves: Curves) -> list[float]:
    """Entropy where the reward first reaches each level, NaN where it never does; entropy and reward at the end."""
    reached = [int(np.argmax(curves.reward >= level)) if curves.reward.max() >= level else None for level in LEVELS]
    found = [float("nan") if place is None else float(curves.entropy[place]) for place in reached]
    return [*found, float(curves.entropy[-1]), float(curves.reward[-1])]


def _told(values: F64) -> str:
    """Mean and interval of the seeds that have a value, with their number where some have none."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return "-"
    low, high = interval(known)
    return f"{known.mean():.2f} [{low:.2f}, {high:.2f}]" + (f" ({len(known)})" if len(known) < len(values) else "")


def _chance(values: F64) -> str:
    known = values[~np.isnan(values)]
    return f"{sign_flip(known):.3f}" if len(known) > 1 else "-"


def _means(curves: Mapping[str, Sequence[Curves]], names: Sequence[str]) -> dict[str, list[str]]:
    return {
        arm: [
            f"{np.mean([own for one in runs if not np.isnan(own := one.figures[name])] or np.nan):.3g}"
            for name in names
        ]
        for arm, runs in curves.items()
    }


def _markdown(names: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = [["", *names], ["---"] * (len(names) + 1), *([name, *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _figures(folder: Path, reward: F64) -> dict[str, float]:
    rows = pq.read_table(folder / "metrics", columns=["step", "group", "metric", "value"]).to_pylist()
    tokens = {(row["step"], row["group"]): row["value"] for row in rows if row["metric"] == "tokens"}

    def mean(metric: str) -> float:
        """Over all tokens of all updates."""
        own = [
            (row["value"], tokens[row["step"], ALL]) for row in rows if (row["group"], row["metric"]) == (ALL, metric)
        ]
        return float(sum(value * n for value, n in own) / sum(n for _, n in own))

    ledger: dict[str, float] = {}
    for row in rows:
        if row["metric"] == "ledger" and row["group"] in CLASSES:
            ledger[row["group"]] = ledger.get(row["group"], 0.0) + row["value"]
    total = sum(map(abs, ledger.values()))
    reached = np.flatnonzero(reward >= GOAL)
    return {
        "updates": float(max(row["step"] for row in rows)),
        f"generations to {GOAL}": float(reached[0] + 1) if len(reached) else float("nan"),
        "clip_low": mean("clip_low"),
        "clip_high": mean("clip_high"),
        "outside": mean("outside"),
        **{name: value / total for name, value in ledger.items()},
    }


def _train(job: tuple[Path, str, int, int]) -> str:
    out, arm, seed, generations = job
    start, cpu = time.perf_counter(), time.process_time()
    run(config_of(out / "prompts.jsonl", out / "base", _folder(out, arm, seed), arm, seed, generations))
    return f"{arm}, seed {seed}: {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s of CPU"


def config_of(
    prompts: Path, base: Path, folder: Path, arm: str, seed: int, generations: int = GENERATIONS
) -> TrainPolicyConfig:
    """A run of one arm; nothing but the loss and the seed differs between runs."""
    preset, loss = ARMS[arm]
    return TrainPolicyConfig(
        inputs=(str(prompts),),
        model=str(base),
        reward=("py:toy_task:right",),
        out=folder,
        preset=preset,  # type: ignore[arg-type]
        loss=loss,
        # off, so that each generation has all prompts once
        rollouts=RolloutOptions(
            generations=generations,
            prompts_per_generation=10,
            group_size=16,
            max_new_tokens=4,
            dynamic_sampling="off",
            sample_batch=512,
        ),
        training=TrainingOptions(
            prompts_per_update=2,
            passes=PASSES,
            learning_rate=RATE,
            warmup=10,
            weight_decay=0.0,
            device="cpu",
            save_every=1000,
        ),
        sources=SourceOptions(py_path=Path(__file__).parent, reward_workers=1),
        run=RunOptions(seed=seed),
    )


def _base(out: Path) -> None:
    if not (out / "base").exists():
        save_base(out / "base.part", 0).rename(out / "base")


def _folder(out: Path, arm: str, seed: int) -> Path:
    return out / "runs" / f"{arm.replace(' ', '-').replace('/', '-')}-{seed}"


def _one_thread() -> None:
    import torch
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(1)
    disable_progress_bar()  # type: ignore[no-untyped-call]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--generations", type=int, default=GENERATIONS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
