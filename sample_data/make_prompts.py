"""How prompts.jsonl and tasks.jsonl are made: `python sample_data/make_prompts.py`, always the same bytes.

Both are for train-policy with the base `tiny`, which is made from them and knows nothing: questions whose answers
a reward model judges by a principle, and heads of functions that one token completes.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent

SEED: Final = 11

PRINCIPLES: Final = ("polite tone", "use of examples", "sources and citations", "conclusiveness of the answer")
"""Of those that reviews.jsonl is about, four that do not speak of code."""

QUESTIONS: Final = (
    "How do I water a cactus?",
    "How do I clean a kettle?",
    "How do I tie a bow tie?",
    "How do I store fresh herbs?",
    "How do I peel a mango?",
    "How do I sharpen a pencil with a knife?",
    "What is a good way to learn chess?",
    "What is a good way to keep bread fresh?",
    "What is a good way to dry mushrooms?",
    "What is a good way to paint a fence?",
    "Can you tell me how to iron a shirt?",
    "Can you tell me how to fold a paper boat?",
    "Can you tell me how to whistle with two fingers?",
    "I want to remove candle wax from a cloth. What should I do?",
    "I want to hang a picture without a nail. What should I do?",
    "I want to build a nest box for birds. What should I do?",
)
"""None is a topic of reviews.jsonl."""

DEMANDS: Final = {
    "even_number": "{0} % 2 == 0",
    "odd_number": "{0} % 2 == 1",
    "multiple_of_three": "{0} % 3 == 0",
    "number_below_five": "{0} < 5",
    "number_above_five": "{0} > 5",
    "prime_number": "{0} in (2, 3, 5, 7)",
    "square_number": "{0} in (1, 4, 9)",
    "power_of_two": "{0} in (1, 2, 4, 8)",
}
"""What each function has to return, as a condition on its value."""


def prompts() -> list[dict[str, Any]]:
    """Questions, each with the principle that answers to it are judged by; every principle has as many."""
    principles = [*PRINCIPLES] * (len(QUESTIONS) // len(PRINCIPLES))
    Random(SEED).shuffle(principles)
    pairs = zip(QUESTIONS, principles, strict=True)
    return [
        {"id": f"question-{number:02d}", "prompt": question, "ability": "advice", "principle": principle}
        for number, (question, principle) in enumerate(pairs)
    ]


def tasks() -> list[dict[str, Any]]:
    """Heads of functions with two tests: any digit from 1 to 9 passes the first, some also the second."""
    return [
        {
            "id": name,
            "prompt": f"def {name}():\n    # one of 1 2 3 4 5 6 7 8 9\n    return",
            "ability": "code",
            "entry_point": name,
            "tests": [f"assert 1 <= {name}() <= 9", f"assert {demand.format(f'{name}()')}"],
        }
        for name, demand in DEMANDS.items()
    ]


def text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as a whole file."""
    return "".join(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    for name, rows in (("prompts", prompts()), ("tasks", tasks())):
        (HERE / f"{name}.jsonl").write_text(text(rows), encoding="utf-8", newline="\n")
