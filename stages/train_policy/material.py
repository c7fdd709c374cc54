"""All rows of the input, as prompts or as stored rollouts, and what became of every one of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stages.core.errors import DataError
from stages.core.rows import Problem, Rejected, SourceRow
from stages.train_policy.arrays import Prompt
from stages.train_policy.base import Base
from stages.train_policy.config import TrainPolicyConfig
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
    needs_principle: bool,
    advance: Callable[[int], None] = lambda rows: None,
) -> Material:
    """Read and tokenise all prompts.

    Raises:
        DataError: a reward judges by principles, and rows have none.
    """
    limit = prompt_limit(base, config)
    material = Material(rows=rows)
    for place, row in enumerate(rows):
        assert row.value is not None
        found = read_prompt(
            row.value,
            tokenizer=base.tokenizer,
            principle=config.principle,
            system=config.rollouts.system,
            limit=limit,
        )
        if isinstance(found, Problem):
            material.problems[place] = found
        else:
            material.prompts[place] = found
        advance(1)
    if needs_principle:
        _check_principles(material)
    return material


def prompt_limit(base: Base, config: TrainPolicyConfig) -> int | None:
    """The most tokens of a prompt: by flag, and by what the model's window leaves for a completion.

    Raises:
        DataError: the window leaves nothing.
    """
    room = None if base.window is None else base.window - config.rollouts.max_new_tokens
    if room is not None and room < 1:
        raise DataError(
            f"--max-new-tokens is {config.rollouts.max_new_tokens}, but the window of {base.name} has {base.window} "
            "tokens; leave room for a prompt."
        )
    limits = [limit for limit in (config.rollouts.max_prompt_tokens, room) if limit is not None]
    return min(limits, default=None)


def _check_principles(material: Material) -> None:
    lacking = [prompt.id for prompt in material.prompts.values() if not prompt.principle]
    if lacking:
        raise DataError(
            f"{len(lacking):,} of {len(material.prompts):,} prompts name no principle for the reward model to judge "
            f"by, the first {', '.join(lacking[:_NAMED])}; give them a column principle, or --principle TEXT for all."
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
