"""Training from the first or the last stored step to the end: generations, updates, checkpoints, signals.

How a generation comes about is in generating.py, what a step computes in learner.py. Everything after a checkpoint is a
function of it, so that a killed run goes on with the numbers that it would have had.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np

from stages.core.checkpoints import (
    checkpoint_path,
    complete_checkpoints,
    keep_last,
    mark_complete,
    remove,
    remove_incomplete,
)
from stages.core.errors import DataError, Interrupted
from stages.core.shards import dump_json
from stages.core.stopping import StopSign
from stages.models.storing import writing
from stages.train_policy.arrays import Metric
from stages.train_policy.controller import BetaState, Control
from stages.train_policy.dealing import Deck, References, Update, assign, deal
from stages.train_policy.generating import Stopped
from stages.train_policy.learner import Learner
from stages.train_policy.loss import objective
from stages.train_policy.metric_log import Kind, MetricLog
from stages.train_policy.presets import Settled
from stages.train_policy.rollout_shards import Generation, is_of, read_generation, shard_path, write_generation
from stages.train_policy.telemetry import generation_metrics, update_metrics

LOG: Final = "metrics.jsonl"
_STATE: Final = "run.json"
_KEPT: Final = 2
"""Checkpoints that stay: if the disk damaged the last one, there is one more."""


class Source(Protocol):
    """Where generations come from: sampling, or the rollouts of another run."""

    def __call__(self, number: int, step: int, start: int) -> Generation | None:
        """Generation `number` for a policy that has made `step` steps; its first prompt is at the place `start`.

        None where there is no further one. Raises Stopped. Advantages are there; `old` only where it was stored, and
        `mini_batches` are decided by the caller.
        """


class State(NamedTuple):
    """Where a run stands: steps made, the generation under way, updates made in it, the control of beta1.

    `start` is the place of the first prompt of the generation under way. `ended` says why there is no further one.
    """

    step: int = 0
    generation: int = 0
    updates: int = 0
    start: int = 0
    beta: BetaState = BetaState()
    ended: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What stays the same over a run. `root` is the policy's folder; `folder` holds checkpoints and the log."""

    learner: Learner
    source: Source
    settled: Settled
    control: Control
    deck: Deck
    references: References | None
    generations: int
    save_every: int
    root: Path
    folder: Path
    fingerprint: str
    sign: StopSign
    notice: Callable[[str], None] = lambda text: None
    told: Callable[[Kind, int, Sequence[Metric]], None] = lambda kind, number, metrics: None

    @property
    def scratch(self) -> Path:
        """Where half-written files are."""
        return self.root / ".rlbff" / "tmp"


def train(run: Run) -> State:
    """Train to the end and return the last state; metrics are then in `run.folder`, rollouts in `run.root`.

    Raises Interrupted after a signal, with everything stored; DataError for log-probabilities, losses or gradients that
    are not finite, and for a first generation from which nothing can be learned.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    remove_incomplete(run.folder)
    state = _resume(run)
    # the generation under way is in the log already if an update of it was made, or if nothing could be learned from it
    begun = bool(state.updates or state.ended)
    log = MetricLog(run.folder / LOG, generations=state.generation + begun, steps=state.step)
    try:
        while state.generation < run.generations and state.ended is None:
            state = _generation(run, state, log)
        _save(run, state, log)
    finally:
        log.close()
    return state


def _generation(run: Run, state: State, log: MetricLog) -> State:
    """Make or read the generation under way, and all updates of it that are left."""
    try:
        generation = _obtain(run, state)
    except Stopped:
        raise _interrupted(run, state, log) from None
    if generation is None:
        return state._replace(ended="There are no further rollouts.")
    updates = deal(generation, run.deck, run.references)
    if state.updates == 0:
        metrics = generation_metrics(generation.rollouts, step=state.step, old=generation.old)
        _tell(run, log, "generation", state.generation, metrics)
    if not updates:
        return _nothing_to_learn(state, generation)
    for update in updates[state.updates :]:
        state = _update(run, state, update, log)
        if state.updates == len(updates):
            state = state._replace(generation=state.generation + 1, updates=0, start=generation.end)
        if run.sign:
            raise _interrupted(run, state, log)
        if state.step % run.save_every == 0:
            _save(run, state, log)
    return state


def _obtain(run: Run, state: State) -> Generation | None:
    """The generation under way: as it was stored, or made now and stored."""
    path = shard_path(run.root, state.generation)
    if not is_of(path, run.fingerprint):
        if state.updates:
            raise DataError(
                f"{path} is gone or damaged, and updates from it are made already; the policy that "
                "sampled it is no more. Begin anew with --no-resume."
            )
        made = run.source(state.generation, state.step, state.start)
        if made is None:
            return None
        mini_batches = assign(made.rollouts, state.generation, run.deck)
        made = made._replace(old=_old(run, made), mini_batches=mini_batches)
        footer = {"stage": "train-policy", "table": "rollouts", "fingerprint": run.fingerprint}
        write_generation(path, made, footer, run.scratch)
    return read_generation(path)


def _old(run: Run, made: Generation) -> tuple[np.ndarray | None, ...]:
    """Log-probabilities before the updates, by the trainer's own forward pass, of what will be trained on."""
    wanted = [place for place, one in enumerate(made.rollouts) if one.advantage is not None and made.old[place] is None]
    pairs = [(made.rollouts[place].prompt.ids, made.rollouts[place].completion_ids) for place in wanted]
    found = dict(zip(wanted, run.learner.log_probs(pairs), strict=True)) if pairs else {}
    return tuple(found.get(place, old) for place, old in enumerate(made.old))


def _update(run: Run, state: State, update: Update, log: MetricLog) -> State:
    """One optimiser step."""
    step = state.step + 1
    beta1 = run.control.beta1(state.beta, step)
    stepped = run.learner.step(update.rows, update.batches, objective(run.settled, beta1), step)
    stats = stepped.result.stats
    metrics = update_metrics(
        stats,
        step=step,
        loss=stepped.result.loss,
        grad_norm=stepped.grad_norm,
        learning_rate=stepped.learning_rate,
        beta1=run.settled.beta1 if beta1 is None else beta1,
    )
    beta = run.control.after(state.beta, float(stats.entropy.mean())) if state.updates == 0 else state.beta
    _tell(run, log, "update", step, metrics)
    return state._replace(step=step, updates=state.updates + 1, beta=beta)


def _nothing_to_learn(state: State, generation: Generation) -> State:
    """End a run whose policy gives every group equal rewards. Raises DataError if it did so from the beginning."""
    rules = Counter(one.dropped_by for one in generation.rollouts)
    rewards = Counter("none" if one.reward is None else f"{one.reward:.4g}" for one in generation.rollouts)
    shown = ", ".join(f"{value}: {count:,}" for value, count in rewards.most_common(8))
    dropped = ", ".join(f"{rule} {count:,}" for rule, count in sorted(rules.items(), key=str))
    told = (
        f"Nothing can be learned from generation {generation.number}: no group of it has completions of different "
        f"rewards ({dropped}). Rewards: {shown}."
    )
    if state.step:
        return state._replace(ended=f"{told} Training ended here.")
    raise DataError(
        f"{told} Give prompts that the base solves sometimes, a larger --group-size, or a reward that grades."
    )


def _tell(run: Run, log: MetricLog, kind: Kind, number: int, metrics: Sequence[Metric]) -> None:
    with writing(run.folder):
        log.add(kind, number, metrics)
    run.told(kind, number, metrics)


def _interrupted(run: Run, state: State, log: MetricLog) -> Interrupted:
    _save(run, state, log)
    return Interrupted(
        f"Stopped by {run.sign.name or 'a signal'} after step {state.step}, in generation {state.generation}. What is "
        "finished is stored; the same command goes on there."
    )


def _save(run: Run, state: State, log: MetricLog) -> None:
    """Store everything that the rest of the run depends on."""
    checkpoint = checkpoint_path(run.folder, state.step)
    if checkpoint in complete_checkpoints(run.folder):
        return
    with writing(checkpoint):
        log.sync()
        checkpoint.mkdir(exist_ok=True)
        run.learner.save(checkpoint)
        (checkpoint / _STATE).write_text(dump_json({**state._asdict(), "beta": state.beta._asdict()}), encoding="utf-8")
    mark_complete(checkpoint)
    keep_last(run.folder, _KEPT)


def _resume(run: Run) -> State:
    """Where the last checkpoint that can be read left off; damaged ones are removed."""
    for checkpoint in reversed(complete_checkpoints(run.folder)):
        try:
            state = _read(checkpoint)
            run.learner.load(checkpoint)
        except DataError as error:
            run.notice(f"{str(error).rstrip('.')}. The run goes on from an earlier step.")
            remove(checkpoint)
            continue
        run.notice(f"Going on after step {state.step}, in generation {state.generation}.")
        return state
    return State()


def _read(checkpoint: Path) -> State:
    try:
        fields = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
        return State(**{**fields, "beta": BetaState(**fields["beta"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{checkpoint / _STATE} is damaged: {error}") from error
