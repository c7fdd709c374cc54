"""Principle rows in which a word of the response decides: small enough to train on in a test."""

import json
import random
from pathlib import Path
from typing import Any

CUES = {"politeness": "please", "use of examples": "example", "brevity": "short"}


def principle_rows(num_conversations: int = 16, seed: int = 0) -> list[dict[str, Any]]:
    """Two responses a conversation, three principles each; a principle holds where its word stands in the response."""
    draw = random.Random(seed)
    rows = []
    for conversation in range(num_conversations):
        for response in range(2):
            fulfilled = {principle: draw.random() < 0.5 for principle in CUES}
            words = [CUES[principle] if holds else "plain" for principle, holds in fulfilled.items()]
            for principle, holds in fulfilled.items():
                rows.append(
                    {
                        "id": f"c{conversation}-r{response}",
                        "prompt": f"Question {conversation}?",
                        "completion": f"Answer {response} is {' and '.join(words)}.",
                        "principle": principle,
                        "label": holds,
                        "domain": "general",
                    }
                )
    return rows


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write rows and return the path as text."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)
