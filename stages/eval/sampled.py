"""A policy as what problems are measured by: it is sampled on all prompts, and a reward says what is right.

Completions and rewards are kept in journals as they come, so that a killed run neither samples nor checks again; at the
end the completions are a table that `--against` of another run reads.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from stages.core.budget import Budget
from stages.core.chat import to_chat
from stages.core.errors import ConfigError
from stages.core.journal import Entry, Journal
from stages.core.progress import Progress
from stages.core.rows import Problem, Row
from stages.core.shards import part_path, to_table, write_part
from stages.core.table import CHAT
from stages.core.usage import recorded_usage
from stages.eval.answers import digest
from stages.eval.attempts import problem_of
from stages.eval.avg_at_k import Completions
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.final_answer import final_answer
from stages.eval.interviewer import Rows
from stages.eval.measured import Figure
from stages.eval.options import URLS
from stages.eval.policy_model import Completion, Draw, Policy
from stages.eval.policy_prompts import PolicyPrompt, read
from stages.rewards.item import Reward, RewardItem

_BATCH: Final = 128
"""Completions after which they are stored, rounded to whole prompts; what a killed run loses at most."""

_SHARD: Final = 10_000

_CLOSE: Final = 1e-9

_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("problem_id", pa.string()),
        ("number", pa.int32()),
        ("data_source", pa.string()),
        ("prompt", CHAT),
        ("completion", CHAT),
        ("finish", pa.string()),
        ("correct", pa.bool_()),
        ("reward", pa.float64()),
        ("status", pa.string()),
        ("detail", pa.string()),
    ]
)
"""Of the stored completions; those without a reward are not among them."""


class Checked(NamedTuple):
    """A completion with what it is worth."""

    text: str
    finish: str
    reward: float
    status: str
    detail: str


class Sampled:
    """One policy, not open yet. See Prepared. `folder` is that of the run's own files."""

    def __init__(
        self,
        name: str,
        open_policy: Callable[[], Policy],
        open_reward: Callable[[], Reward],
        config: EvalConfig,
        *,
        rewards: Mapping[str, object],
        folder: Path,
    ) -> None:
        self.name: Final = name
        self.wording: Final = hashlib.sha256(json.dumps(rewards, sort_keys=True, default=str).encode()).hexdigest()
        self.noticed: Mapping[str, object] = {}
        self._open_policy = open_policy
        self._open_reward = open_reward
        self._config = config
        self._folder = folder
        self._samples = config.policy.samples
        self._best = 1.0
        self._found: dict[str, Checked | Problem] = {}
        self._facts: dict[str, object] = {}
        self._finishes: Counter[str] = Counter()

    def prepare(self, rows: Rows, total: int, progress: Progress) -> list[Figure]:
        """Sample and check everything; raises EndpointError and Interrupted, with what is finished kept."""
        prompts, number = self._prompts(rows), 0
        with ExitStack() as stack:
            policy = stack.enter_context(closing(self._open_policy()))
            reward = stack.enter_context(closing(self._open_reward()))
            drawn = stack.enter_context(Journal(self._folder / "completions.jsonl"))
            checked = stack.enter_context(Journal(self._folder / "rewards.jsonl"))
            self._best = _best(reward, self._config.policy.reward)
            progress.start(f"sampling {self.name}", total * self._samples)
            while batch := list(islice(prompts, max(1, _BATCH // self._samples))):
                self._sample(batch, policy, drawn, number, progress.advance)
                self._check(batch, reward, drawn, checked)
                number += 1
            progress.finish()
            for journal in (drawn, checked):
                journal.compact()
            self._facts = {"policy": dict(policy.facts()), "rewards": reward.facts()}
        self.noticed = {name: value for name, value in self._policy_facts().items() if value not in (0, {})}
        self._store(rows)
        return []

    def score(self, item: PolicyPrompt) -> Completions:
        """The completions of a prompt; Unfit where one of them could not be drawn or has no reward."""
        found = [self._found[self._key(item, number)] for number in range(self._samples)]
        right = []
        for one in found:
            if isinstance(one, Problem):
                raise Unfit(*one)
            right.append(self._right(one))
        checked = [one for one in found if isinstance(one, Checked)]
        self._finishes.update(one.finish for one in checked)
        replies = tuple(final_answer(one.text) for one in checked)
        return Completions((), problem_of({"problem_id": item.id}), tuple(right), replies, item.source)

    def facts(self) -> dict[str, object]:
        """The policy, the completions that the figures rest on, by what ended them, and what all calls came to."""
        own = {
            "name": self.name,
            "completions": self._finishes.total(),
            "cut_off": self._finishes["length"],
            "finish": dict(sorted(self._finishes.items())),
        }
        if not (self._config.policy.policy or "").startswith(URLS):
            return own
        return own | recorded_usage(self._folder, Budget.of(self._config.reward.llm("")))

    def remarks(self) -> Iterator[str]:
        """What may be wrong with the figures."""
        if cut := self._finishes["length"]:
            yield (
                f"{cut:,} of {self._finishes.total():,} completions were cut off at --max-new-tokens "
                f"{self._config.policy.max_new_tokens:,}; they count as they are."
            )

    def _sample(
        self,
        batch: Sequence[PolicyPrompt],
        policy: Policy,
        journal: Journal,
        number: int,
        advance: Callable[[int], None],
    ) -> None:
        """Draw a batch together unless all of it is known: roundings depend on what is drawn together."""
        keys = [(self._key(item, place), item, place) for item in batch for place in range(self._samples)]
        if all(journal.answered(key) for key, _, _ in keys):
            advance(len(keys))
            return
        wanted = [Draw(item.messages, self._seed(item, place)) for _, item, place in keys]
        calls = self._folder / f"policy-{number:05d}.jsonl"
        for (key, _, _), one in zip(keys, policy.draw(wanted, calls, advance), strict=True):
            if isinstance(one, Completion):
                journal.add(Entry(key=key, outcome="ok", finish_reason=one.finish, raw=(one.text,)))
            else:
                self._found[key] = one
        journal.sync()

    def _check(self, batch: Sequence[PolicyPrompt], reward: Reward, drawn: Journal, checked: Journal) -> None:
        items: dict[str, RewardItem] = {}
        for item in batch:
            for place in range(self._samples):
                entry = drawn.answered(key := self._key(item, place))
                if entry is not None and checked.answered(self._reward_key(key)) is None:
                    items[key] = _reward_item(item, f"{item.id}-{place}", entry.raw[0])
        for key, result in zip(items, reward.score(list(items.values())), strict=True):
            if result.value is None:
                why = result.detail or f"the reward's status is {result.status}"
                self._found[key] = Problem(f"reward_{result.status}", None, f"a completion has no reward: {why}")
            else:
                kept = json.dumps([result.value, result.status, result.detail])
                checked.add(Entry(key=self._reward_key(key), outcome="ok", raw=(kept,)))
        checked.sync()
        for item in batch:
            for place in range(self._samples):
                key = self._key(item, place)
                entry, told = drawn.answered(key), checked.answered(self._reward_key(key))
                if entry is not None and told is not None:
                    self._found[key] = Checked(entry.raw[0], entry.finish_reason, *json.loads(told.raw[0]))

    def _store(self, rows: Rows) -> None:
        """Write the completions as shards."""
        folder, part = self._folder.parent / "completions", 0
        lines = (line for item in self._prompts(rows) for line in self._lines(item))
        while shard := list(islice(lines, _SHARD)):
            about = {"table": "completions", "policy": self.name}
            write_part(part_path(folder, part), to_table(shard, _SCHEMA), about, self._folder.parent / "tmp")
            part += 1
        for stale in sorted(folder.glob("part-*.parquet"))[part:]:
            stale.unlink()

    def _lines(self, item: PolicyPrompt) -> Iterator[Row]:
        for number in range(self._samples):
            one = self._found[self._key(item, number)]
            if isinstance(one, Checked):
                yield {
                    "id": f"{item.id}-{number}",
                    "problem_id": item.id,
                    "number": number,
                    "data_source": item.source,
                    "prompt": [message._asdict() for message in item.messages],
                    "completion": to_chat(one.text, "assistant"),
                    "finish": one.finish,
                    "correct": self._right(one),
                    "reward": one.reward,
                    "status": one.status,
                    "detail": one.detail,
                }

    def _prompts(self, rows: Rows) -> Iterator[PolicyPrompt]:
        for row in rows():
            try:
                if row.value is not None:
                    yield read(row.value, row.file)
            except Unfit:
                continue

    def _policy_facts(self) -> Mapping[str, Any]:
        told = self._facts["policy"]
        assert isinstance(told, dict)
        return {name: told.get(name, 0) for name in ("calls", "prompt_tokens", "completion_tokens", "cost_usd")}

    def _right(self, one: Checked) -> bool:
        return one.reward >= self._best - _CLOSE

    def _key(self, item: PolicyPrompt, number: int) -> str:
        drawn = self._config.policy
        how = [self.name, drawn.policy_temperature, drawn.top_p, drawn.max_new_tokens, self._config.run.seed]
        if not (drawn.policy or "").startswith(URLS):
            how.append(self._config.reward.precision)
        return digest([*how, item.id, [list(message) for message in item.messages], number]).hex()

    def _reward_key(self, key: str) -> str:
        return f"{key} {self.wording}"

    def _seed(self, item: PolicyPrompt, number: int) -> int:
        told = f"{self._config.run.seed} {item.id} {number}"
        return int.from_bytes(hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()[:8]) >> 1


def _best(reward: Reward, named: Sequence[str]) -> float:
    if reward.best is None:
        raise ConfigError(
            f"--reward {', '.join(named)} says how good a completion is, not whether it is right; avg-at-k needs "
            "math:, code: or check:."
        )
    return reward.best


def _reward_item(item: PolicyPrompt, name: str, completion: str) -> RewardItem:
    return RewardItem(name, item.messages, completion, item.reference, item.principle, item.extra)
