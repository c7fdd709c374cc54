"""What a run would cost, said before it is started: time for the rules, calls, tokens and money for a model.

Estimates; each says what it rests on.
"""

import time
from collections.abc import Sequence
from typing import Final

from stages.core.options import LlmOptions
from stages.core.rows import Row
from stages.extract_principles import rules
from stages.extract_principles.prompt import request
from stages.extract_principles.survey import Counts

CHARACTERS_PER_TOKEN: Final = 4
ANSWER_TOKENS: Final = 150
"""Assumed length of an answer: about five principles with their evidence."""


def forecast_rules(sample: Sequence[Row], texts: int, workers: int) -> dict[str, object]:
    """Seconds for `texts` texts, from the speed of the rules alone on the texts of a sample of rows."""
    tried = [text for row in sample for text in _texts(row)]
    start = time.perf_counter()
    for text in tried:
        rules.extract(text)
    per_text = (time.perf_counter() - start) / max(1, len(tried))
    return {
        "texts": texts,
        "seconds": round(per_text * texts / workers, 1),
        "rests_on": f"{len(tried)} texts timed now, extraction alone",
    }


def forecast_model(options: LlmOptions, counts: Counts, *, with_response: bool) -> dict[str, object]:
    """Calls, tokens and cost, where prices are known."""
    frame = request(
        "", model="", temperature=0.0, max_reply_tokens=1, seed=None, response="" if with_response else None
    )
    per_call = sum(len(message.content) for message in frame.messages)
    shown = counts.characters + (counts.context if with_response else 0)
    prompt_tokens = (shown + per_call * counts.texts) // CHARACTERS_PER_TOKEN
    answer_tokens = ANSWER_TOKENS * counts.texts
    facts: dict[str, object] = {
        "calls": counts.texts,
        "prompt_tokens": prompt_tokens,
        "answer_tokens": answer_tokens,
        "rests_on": f"{CHARACTERS_PER_TOKEN} characters a token and {ANSWER_TOKENS} tokens an answer, no retries",
    }
    if options.price_in is not None and options.price_out is not None:
        cost = (prompt_tokens * options.price_in + answer_tokens * options.price_out) / 1e6
        facts["cost_usd"] = round(cost, 4)
    return facts


def _texts(row: Row) -> list[str]:
    values = [row.get(column) for column in ("feedback", "feedback1", "feedback2")]
    flat = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return [text for text in flat if isinstance(text, str)]
