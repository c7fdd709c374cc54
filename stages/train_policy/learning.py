"""From all rows to a stored policy, on one device: read, sample, score, learn, store.

The loop itself is in loop.py; other engines have files of their own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Final

import torch

from stages.core.job import PartOutput, Transform
from stages.core.manifest import hidden
from stages.core.options import flat
from stages.core.progress import Progress
from stages.core.rows import SourceRow
from stages.core.stopping import StopSign, noting_signals
from stages.models.head_entropy import output_head
from stages.models.sampler import Sampler
from stages.train_policy.arrays import Metric
from stages.train_policy.base import Base, learning_rate, open_base, open_weights, products
from stages.train_policy.config import TINY, TrainPolicyConfig
from stages.train_policy.controller import control_of
from stages.train_policy.dealing import Deck, References
from stages.train_policy.finishing import Course, output
from stages.train_policy.generating import Generator, Stopped
from stages.train_policy.learner import Learner, Settings
from stages.train_policy.loop import Run, Source, State, train
from stages.train_policy.material import Material, read_prompts, texts_of
from stages.train_policy.metric_log import Kind
from stages.train_policy.opening import open_rewards, own_judge
from stages.train_policy.planning import with_prompts
from stages.train_policy.presets import Settled, check_updates
from stages.train_policy.replaying import Replay, find_problem
from stages.train_policy.reporters import Reporter, open_reporters
from stages.train_policy.saving import save_policy
from stages.train_policy.show import live_figures
from stages.train_policy.telemetry import ALL

_MOST_OUTSIDE: Final = 0.01
"""Share of tokens outside the clip range at the first update of a replay above which the base is another one."""


def learn(course: Course, progress: Progress) -> Transform:
    """The work on all rows."""

    def work(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        sources = list(rows)
        config = course.config
        with _threads(config), open_base(config.model, texts_of(sources), config.run.seed) as base:
            material = _read(course, base, sources, advance)
            progress.finish()
            usable = len(sources) - len(material.problems)
            if not usable:
                return output(course, material, None)
            model = open_weights(config, base)
            learner = Learner(model, output_head(model), _settings(config))
            with noting_signals() as sign, _source(course, base, learner, material, sign, progress) as source:
                state = _train(course, base, learner, source, sign, progress)
            save_policy(model, base.tokenizer, hidden(course.root, "tmp") / "model")
            return output(course, material, state)

    return work


def _read(course: Course, base: Base, rows: Sequence[SourceRow], advance: Callable[[int], None]) -> Material:
    config = course.config
    if not config.replay:
        return read_prompts(rows, base, config, advance=advance)
    material = Material(rows=rows)
    for place, row in enumerate(rows):
        assert row.value is not None
        problem = find_problem(row.value, len(base.tokenizer))
        if problem is not None:
            material.problems[place] = problem
        advance(1)
    return material


@contextmanager
def _source(
    course: Course, base: Base, learner: Learner, material: Material, sign: StopSign, progress: Progress
) -> Iterator[Source]:
    """Where the generations come from, with its processes and connections, while the block runs."""
    config = course.config
    if config.replay:
        good = [row for place, row in enumerate(material.rows) if place not in material.problems]
        yield Replay(good, course.settled)
        return
    prompts = list(material.prompts.values())
    sampler = Sampler(
        learner.model,
        base.tokenizer,
        max_new_tokens=config.rollouts.max_new_tokens,
        temperature=config.rollouts.temperature,
        stop=config.rollouts.stop,
        batch_size=config.rollouts.sample_batch,
        autocast=learner.settings.autocast,
    )

    def pause() -> None:
        if sign:
            raise Stopped

    own = own_judge(config, learner.model, base.tokenizer, learner.settings.autocast)
    reward = open_rewards(config, hidden(course.root, "rewards"), progress.notice, own)
    try:
        yield Generator(
            prompts=prompts,
            sampler=sampler,
            reward=reward,
            settled=course.settled,
            options=config.rollouts,
            per_generation=_per_generation(config, course.settled, len(prompts), progress),
            seed=config.run.seed,
            max_failed=config.run.max_failed,
            folder=course.checkpoints / "pieces",
            scratch=hidden(course.root, "tmp"),
            pause=pause,
            advance=progress.advance,
            start=lambda number: progress.start(f"generation {number}", None, unit="completions"),
        )
    finally:
        reward.close()


def _per_generation(config: TrainPolicyConfig, settled: Settled, num_prompts: int, progress: Progress) -> int:
    """How many prompts a generation has: as asked, or all there are. Raises ConfigError if that makes one update."""
    asked = config.rollouts.prompts_per_generation
    if num_prompts >= asked:
        return asked
    progress.notice(f"There are {num_prompts:,} prompts, fewer than --prompts-per-generation {asked}; all are taken.")
    check_updates(with_prompts(config, num_prompts), settled)
    return num_prompts


def _num_generations(config: TrainPolicyConfig, source: Source) -> int:
    if isinstance(source, Replay):
        return min(source.num_generations, config.rollouts.generations or source.num_generations)
    assert isinstance(source, Generator)
    return config.rollouts.generations or ceil(len(source.prompts) / source.per_generation)


def _settings(config: TrainPolicyConfig) -> Settings:
    training = config.training
    return Settings(
        learning_rate=learning_rate(config),
        warmup=training.warmup,
        weight_decay=training.weight_decay,
        grad_clip=training.grad_clip,
        temperature=config.rollouts.temperature,
        micro_tokens=training.micro_tokens,
        autocast=products(config),
    )


def _train(course: Course, base: Base, learner: Learner, source: Source, sign: StopSign, progress: Progress) -> State:
    config, settled = course.config, course.settled
    with _reporting(course) as reporter:
        latest: list[Metric] = []

        def told(kind: Kind, number: int, metrics: Sequence[Metric]) -> None:
            if kind == "generation":
                latest[:] = metrics
            else:
                progress.figures(live_figures([*latest, *metrics]))
            if config.replay and kind == "update" and number == 1:
                _compare(metrics, progress)
            reporter.log(metrics[0].step, _overall(metrics))

        return train(
            Run(
                learner=learner,
                source=source,
                settled=settled,
                control=control_of(config.loss, settled.beta1),
                deck=Deck(
                    prompts_per_update=config.training.prompts_per_update,
                    passes=config.training.passes,
                    aggregate=settled.aggregate,
                    micro_tokens=config.training.micro_tokens,
                    max_new_tokens=config.rollouts.max_new_tokens,
                    seed=config.run.seed,
                    nll=settled.nll_on_correct > 0,
                ),
                references=_references(config, base) if settled.kl else None,
                generations=_num_generations(config, source),
                save_every=config.training.save_every,
                root=course.root,
                folder=course.checkpoints,
                fingerprint=course.fingerprint,
                sign=sign,
                notice=progress.notice,
                told=told,
            )
        )


def _compare(metrics: Sequence[Metric], progress: Progress) -> None:
    """Warn where the base is not the policy that wrote the rollouts: then its first ratios are not 1."""
    outside = _overall(metrics)["outside"]
    if outside > _MOST_OUTSIDE:
        progress.warn(
            f"At the first update {outside:.1%} of the tokens are outside the clip range: --model is not the base that "
            "these rollouts were sampled from, so this is not what another loss would have made of them."
        )


def _references(config: TrainPolicyConfig, base: Base) -> References:
    """The base model as it was, for the KL term."""
    model = open_weights(config, base).eval().requires_grad_(False)
    return Learner(model, output_head(model), _settings(config)).log_probs


@contextmanager
def _reporting(course: Course) -> Iterator[Reporter]:
    folder = hidden(course.root, "report")
    reporter = open_reporters(course.config.training.report_to, folder, course.root.name, flat(course.config))
    try:
        yield reporter
    finally:
        reporter.close()


def _overall(metrics: Sequence[Metric]) -> dict[str, float]:
    return {one.metric: one.value for one in metrics if one.group == ALL and one.value is not None}


@contextmanager
def _threads(config: TrainPolicyConfig) -> Iterator[None]:
    """One thread for tiny: its products are too small to share, and threads that wait for each other cost most."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if config.model == TINY else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
