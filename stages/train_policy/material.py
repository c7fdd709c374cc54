"""All rows of the input, as prompts or as stored rollouts, and what became of every one of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem, Rejected, Row, SourceRow
from stages.rewards.sources import needs_principle, needs_reference
from stages.rewards.spec import parse_specs
from stages.train_policy.arrays import Prompt
from stages.train_policy.base import Base
from stages.train_policy.config import TrainPolicyConfig
from stages.train_policy.judging import NO_PRINCIPLE, read_judged
from stages.train_policy.opening import trains_judge
from stages.train_policy.reading import read_prompt

_NAMED = 3


@dataclass(kw_only=True)
class Material:
    """The rows, the prompts by place in them, and the problems of those that are none."""

    rows: Sequence[SourceRow]
    prompts: dict[int, Prompt] = field(default_factory=dict)
    problems: dict[int, Problem] = field(default_factory=dict)

    @property
    def rejected(self) -> list[Rejected]:
        """The rows with a problem."""
        return [Rejected(self.rows[place], problem) for place, problem in sorted(self.problems.items())]

    def dropped(self, used: Iterable[int]) -> list[Mapping[str, Any]]:
        """Rows without a problem that were not used."""
        left = sorted(set(range(len(self.rows))) - self.problems.keys() - set(used))
        return [{"id": (self.rows[place].value or {})["id"], "dropped_by": "not_drawn"} for place in left]


def texts_of(rows: Sequence[SourceRow]) -> Iterator[str]:
    """Every text of the rows, to make a tokenizer from."""
    for row in rows:
        yield from _texts(row.value)


def read_prompts(
    rows: Sequence[SourceRow],
    base: Base,
    config: TrainPolicyConfig,
    *,
    advance: Callable[[int], None] = lambda rows: None,
) -> Material:
    """Read and tokenise all prompts; for a policy that learns to judge, the rows say what is judged.

    Raises:
        DataError: a reward needs principles or references, and rows have none. ConfigError: the base cannot become a
        judge.
    """
    read = _judged_reader(base, config) if trains_judge(config) else _prompt_reader(base, config)
    material = Material(rows=rows)
    seen: set[str] = set()
    for place, row in enumerate(rows):
        assert row.value is not None
        found = read(row.value)
        if isinstance(found, Problem):
            material.problems[place] = found
        else:
            material.prompts[place] = found._replace(id=_unused(found.id, seen))
        advance(1)
    specs = parse_specs(config.reward)
    if needs_principle(specs):
        _check_principles(material)
    if needs_reference(specs):
        _check_references(material)
    return material


def prompt_limit(base: Base, config: TrainPolicyConfig) -> int | None:
    """The most tokens of a prompt: by flag, and by what the model's window leaves for a completion.

    Raises:
        ConfigError: the window leaves nothing.
    """
    room = None if base.window is None else base.window - config.rollouts.max_new_tokens
    if room is not None and room < 1:
        raise ConfigError(
            f"--max-new-tokens is {config.rollouts.max_new_tokens}, but the window of {base.name} has {base.window} "
            "tokens; leave room for a prompt."
        )
    limits = [limit for limit in (config.rollouts.max_prompt_tokens, room) if limit is not None]
    return min(limits, default=None)


def _prompt_reader(base: Base, config: TrainPolicyConfig) -> Callable[[Row], Prompt | Problem]:
    return partial(
        read_prompt,
        tokenizer=base.tokenizer,
        principle=config.principle,
        system=config.rollouts.system,
        limit=prompt_limit(base, config),
    )


def _judged_reader(base: Base, config: TrainPolicyConfig) -> Callable[[Row], Prompt | Problem]:
    # needs torch, which a process that only reads options must not load
    from stages.rewards.own_judge import check_judge

    role, limit = config.judge.principle_role, prompt_limit(base, config)
    check_judge(base.tokenizer, role)
    longest = config.judge.rm_max_length
    return partial(
        read_judged,
        tokenizer=base.tokenizer,
        principle=config.principle,
        role=role,
        limit=longest if limit is None else min(limit, longest),
    )


def _unused(name: str, seen: set[str]) -> str:
    """A name that no prompt before has: principles of one response share the id of their row."""
    number, found = 1, name
    while found in seen:
        number += 1
        found = f"{name}/{number}"
    seen.add(found)
    return found


def _check_principles(material: Material) -> None:
    lacking = [prompt.id for prompt in material.prompts.values() if not prompt.principle]
    lacking += [
        (material.rows[place].value or {})["id"]
        for place, problem in material.problems.items()
        if problem.reason == NO_PRINCIPLE
    ]
    if lacking:
        raise DataError(
            f"{len(lacking):,} of {len(material.rows):,} prompts name no principle for the reward model to judge "
            f"by, the first {', '.join(lacking[:_NAMED])}; give them a column principle, or --principle TEXT for all."
        )


def _check_references(material: Material) -> None:
    lacking = [prompt.id for prompt in material.prompts.values() if prompt.reference is None]
    if lacking:
        raise DataError(
            f"{len(lacking):,} of {len(material.rows):,} prompts have nothing that math: could check answers by, "
            f"the first {', '.join(lacking[:_NAMED])}; give them a column answer, or name yours: --map answer=THEIRS."
        )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
