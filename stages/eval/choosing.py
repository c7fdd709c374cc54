"""Chooses each domain's principle on rows held out for that: asks a model about them under every candidate.

What the choice is made by is the business of choice.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.core.errors import DataError
from stages.core.progress import Progress
from stages.eval.answers import digest, prompt_text, without_texts
from stages.eval.choice import choose
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.interview import ByPrinciple
from stages.eval.interviewer import Interviewer, Rows
from stages.eval.measured import Figure
from stages.eval.principles import Principles
from stages.eval.scored_rows import normal_form


class HeldOut(NamedTuple):
    """The rows to choose on: what they are called, how many they are, and how to read them."""

    name: str
    total: int
    rows: Rows


def choose_on(
    held_out: HeldOut,
    rows: Rows,
    interviewer: Interviewer,
    principles: Principles,
    config: EvalConfig,
    progress: Progress,
) -> tuple[Principles, list[Figure]]:
    """One principle for each domain of `rows`, and the figures of the choice.

    Raises:
        DataError: a prompt of `rows` is among the held-out ones, or a domain has no held-out row to choose by.
    """
    candidates = _candidates(held_out, rows, interviewer, principles)
    interviews = {
        domain: [ByPrinciple(interviewer.benchmark, Principles({domain: (text,)}, held_out.name)) for text in texts]
        for domain, texts in candidates.items()
        if len(texts) > 1
    }

    def concerned(item: Any) -> Sequence[ByPrinciple]:  # noqa: ANN401 - an item of the benchmark
        return interviews.get(interviewer.benchmark.domain(item), ())

    what = f"asking {interviewer.model.name} to choose principles"
    interviewer.hold(held_out.rows, concerned, held_out.total, what, progress)
    contested = {domain: candidates[domain] for domain in interviews}
    scored = _scored(held_out, interviewer, interviews, progress)
    seed, draws = config.run.seed, config.draws
    choice = choose(interviewer.benchmark, contested, scored, smallest=config.min_group, seed=seed, draws=draws)
    chosen = {domain: (choice.principles.get(domain, texts[0]),) for domain, texts in candidates.items()}
    return Principles(chosen, f"chosen on {held_out.name}"), choice.figures


def _candidates(
    held_out: HeldOut, rows: Rows, interviewer: Interviewer, principles: Principles
) -> Mapping[str, tuple[str, ...]]:
    """The principles that each domain of `rows` can be judged on; checks that it can be chosen on the held-out rows."""
    domains, prompts = _survey(interviewer, rows)
    known, theirs = _survey(interviewer, held_out.rows)
    if shared := len(prompts & theirs):
        raise DataError(
            f"{shared:,} of the {len(theirs):,} prompts of --choose-on {held_out.name} are among those to measure; "
            "principles are never chosen on the rows that are measured. Give it rows with other prompts."
        )
    candidates = {domain: principles.of(domain) for domain in sorted(domains)}
    for domain, texts in candidates.items():
        if len(texts) > 1 and domain not in known:
            raise DataError(
                f"--choose-on {held_out.name} has no row of the domain {domain!r}, for which {len(texts)} principles "
                "are given; add rows of it, or give it one principle."
            )
    return candidates


def _survey(interviewer: Interviewer, rows: Rows) -> tuple[set[str], set[bytes]]:
    """Domains and prompts; prompts are the same that differ by case or white space alone."""
    domains: set[str] = set()
    prompts: set[bytes] = set()
    for item in interviewer.items(rows):
        if item is not None and item.answers:
            domains.add(interviewer.benchmark.domain(item))
            prompts |= {digest(normal_form(prompt_text(one.texts.messages))) for one in item.answers}
    return domains, prompts


def _scored(
    held_out: HeldOut, interviewer: Interviewer, interviews: Mapping[str, Sequence[ByPrinciple]], progress: Progress
) -> Mapping[str, list[list[Any]]]:
    """The held-out items of each domain under each candidate; those that one of them could not judge are left out."""
    scored: dict[str, list[list[Any]]] = {domain: [[] for _ in some] for domain, some in interviews.items()}
    unused = 0
    for item in interviewer.items(held_out.rows):
        if item is None:
            unused += 1
            continue
        domain = interviewer.benchmark.domain(item)
        try:
            under = [one.judged(item, interviewer.opinions(one, item)) for one in interviews.get(domain, ())]
        except Unfit:
            unused += 1
            continue
        for place, one in enumerate(under):
            scored[domain][place].append(without_texts(one))
    if unused:
        progress.warn(f"{unused:,} of the {held_out.total:,} rows of {held_out.name} cannot be used to choose on.")
    return scored
