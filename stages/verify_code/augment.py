"""Test augmentation: a model proposes tests aimed at what the suite lets through; those that hold and tell are kept.

A proposal holds if the trusted reference computes its expected value and passes it twice, or, without a reference, if
the consensus of the solutions validates it (trial.py). It is kept only if it kills a mutant that survives the suite or
parts two programs that the suite does not (gain.py). The model writes inputs alone where there is a reference, after
EvalPlus (arXiv 2305.01210). Tasks go through the rounds side by side, so that a round is asked all at once.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from stages.core.asking import Advance, Asker, untold
from stages.programs.task import Task
from stages.verify_code.augment_prompt import augment_chat, prompt_hash, schema
from stages.verify_code.augmented import Augmented, Job, Known
from stages.verify_code.augmenting import Augmenting
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.measuring import Measured
from stages.verify_code.proposals import check_answer
from stages.verify_code.verifier import Verifier


def augment(
    task: Task, known: Known, measured: Measured | None, asker: Asker, verifier: Verifier, options: VerifyCodeConfig
) -> Augmented:
    """The new tests of one task; see `augment_all`."""
    return augment_all([Job(task=task, known=known, measured=measured)], asker, verifier, options)[0]


def augment_all(
    jobs: Sequence[Job], asker: Asker, verifier: Verifier, options: VerifyCodeConfig, advance: Advance = untold
) -> list[Augmented]:
    """At most `options.augment` new tests for each task, in at most `options.rounds` rounds.

    A round that adds nothing to a task is its last. What a model answers is never an exception, and never runs outside
    the sandbox. `advance` is told of tasks finished. Raises EndpointError if the model is unusable, Interrupted if the
    budget is reached.
    """
    under_way = [Augmenting(job, asker.name, verifier, options) for job in jobs]
    finished = 0
    for number in range(1, options.rounds + 1):
        wanting = sorted((one for one in under_way if one.open), key=lambda one: one.kind)
        for kind, group in groupby(wanting, key=lambda one: one.kind):
            members = list(group)
            chats = [augment_chat(one.brief()) for one in members]
            outcomes = asker.ask(chats, schema(kind), check_answer(kind))
            for one, outcome in zip(members, outcomes, strict=True):
                one.take(number, outcome)
        now = sum(not one.open for one in under_way)
        advance(now - finished)
        finished = now
    advance(len(under_way) - finished)
    return [one.result() for one in under_way]


def augmentation_identity(model: str) -> Mapping[str, object]:
    """What decides which tests are added besides the options, for the fingerprint."""
    return {"augment_model": model, "augment_prompt": prompt_hash()}
