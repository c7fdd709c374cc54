"""What asking a judge or a policy behind a server would cost, said before anything is asked: calls, tokens and money.

Estimates; each says what it rests on. What a journal already holds is not known here.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from stages.core.rows import SourceRow
from stages.core.wire import CHARACTERS_PER_TOKEN
from stages.eval.benchmarks import Benchmark
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.options import URLS

ANSWER_TOKENS: Final = 300
"""Assumed length of a judge's reply: reasons in short and a verdict."""


def forecast(config: EvalConfig, benchmark: Benchmark, rows: Iterable[SourceRow]) -> dict[str, object] | None:
    """Calls, tokens and, with prices, cost; None where neither a judge nor a policy at a URL is named."""
    items = _items(benchmark, rows)
    if config.judge.llm is not None:
        assert benchmark.questions is not None
        # equal questions are asked once
        sizes = {_digest(chat): _characters(chat) for item in items for chat in benchmark.questions.chats(item)}
        # the other policy's responses are taken to be as many and as long
        policies = 1 if config.against is None else 2
        each = min(ANSWER_TOKENS, config.judge_options().max_reply_tokens)
        return _facts(config, policies * len(sizes), policies * sum(sizes.values()), each, "as assumed")
    policy = config.policy
    if policy.policy is not None and policy.policy.startswith(URLS):
        asked = [_characters(item.messages) for item in items]
        calls, characters = policy.samples * len(asked), policy.samples * sum(asked)
        return _facts(config, calls, characters, policy.max_new_tokens, "the most that --max-new-tokens allows")
    return None


def _items(benchmark: Benchmark, rows: Iterable[SourceRow]) -> Iterator[Any]:
    for row in rows:
        try:
            if row.value is not None:
                yield benchmark.read(row.value, row.file)
        except Unfit:
            continue


def _facts(config: EvalConfig, calls: int, characters: int, each: int, why: str) -> dict[str, object]:
    prompt_tokens, answer_tokens = characters // CHARACTERS_PER_TOKEN, each * calls
    facts: dict[str, object] = {
        "calls": calls,
        "prompt_tokens": prompt_tokens,
        "answer_tokens": answer_tokens,
        "rests_on": f"{CHARACTERS_PER_TOKEN} characters a token and {each:,} tokens an answer, {why}; no retries",
    }
    prices = config.reward.price_in, config.reward.price_out
    if prices[0] is not None and prices[1] is not None:
        facts["cost_usd"] = round((prompt_tokens * prices[0] + answer_tokens * prices[1]) / 1e6, 4)
    return facts


def _characters(chat: Iterable[Any]) -> int:
    return sum(len(message.content) for message in chat)


def _digest(chat: Iterable[Any]) -> bytes:
    return hashlib.sha256(json.dumps(list(chat)).encode()).digest()
