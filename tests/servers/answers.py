"""What the test server says: principles by a trivial keyword rule, patterns by a hash, ways to spoil an answer, hashed
word vectors."""

import hashlib
import json
import math
import re

KEYWORDS = {
    "accura": "accuracy of information",
    "correct": "correctness",
    "clear": "clarity",
    "complete": "completeness",
    "concise": "conciseness",
    "relevan": "relevance",
    "helpful": "helpfulness",
    "comment": "inline comments",
    "readab": "code readability",
    "logic": "soundness of reasoning",
}
NEGATIONS = ("not ", "n't ", "isn", "lacks", "incorrect", "inaccura", "unclear", "incomplete", "irrelevan")
DIMENSIONS = 64

PATTERNS = ("restate", "plan", "compute", "check", "backtrack", "conclude")

_STEPS = re.compile(r"<(steps-[0-9a-f]+)>\n(.*)\n</\1>", re.DOTALL)
_FEEDBACK = re.compile(r"<(feedback-[0-9a-f]+)>\n(.*)\n</\1>", re.DOTALL)


def answer_text(messages: list[dict[str, str]]) -> str:
    """The JSON answer to an extraction request: one claim for each sentence of the feedback with a keyword.

    To a request about steps of reasoning it is a pattern for each step.
    """
    steps = next((match for message in messages if (match := _STEPS.search(message["content"]))), None)
    if steps is not None:
        return json.dumps({"patterns": _patterns(steps[2])})
    found = next((match for message in messages if (match := _FEEDBACK.search(message["content"]))), None)
    if found is None:
        return json.dumps({"echo": messages[-1]["content"]})
    sentences = re.split(r"(?<=[.!?])\s+", found[2].strip())
    return json.dumps({"principles": [claim for sentence in sentences if (claim := _claim(sentence))]})


def broken_schema(text: str) -> str:
    """The same answer with the wrong types: a list where an object is asked for, a verdict that does not exist."""
    return json.dumps([{"principle": 7, "evidence": None, "verdict": "maybe", "answer": text}])


def with_fabricated_quote(text: str) -> str:
    """The same answer with a claim whose evidence stands in no feedback."""
    answer = json.loads(text)
    claim = {"principle": "invented aspect", "evidence": "Zyxwv qqq jjkk vvxx zzyy.", "verdict": "yes"}
    if isinstance(answer, dict) and isinstance(answer.get("principles"), list):
        answer["principles"].append(claim)
    return json.dumps(answer)


def embedding(text: str) -> list[float]:
    """A unit vector of 64 numbers: the sum of one hashed vector a word, so that texts sharing words are near."""
    total = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.shake_256(word.encode()).digest(DIMENSIONS)
        total = [old + byte - 127.5 for old, byte in zip(total, digest, strict=True)]
    length = math.sqrt(sum(number * number for number in total))
    return [number / length for number in total]


def _patterns(numbered: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number, text in re.findall(r"^\[(\d+)\] (.*)$", numbered, re.MULTILINE):
        name = PATTERNS[hashlib.sha256(text.encode()).digest()[0] % len(PATTERNS)]
        if not found or found[-1]["name"] != name:
            found.append({"step": int(number), "name": name})
    return found


def _claim(sentence: str) -> dict[str, str] | None:
    lowered = sentence.lower()
    principle = next((name for keyword, name in KEYWORDS.items() if keyword in lowered), None)
    if principle is None:
        return None
    verdict = "partially" if "partial" in lowered or "somewhat" in lowered else "yes"
    if any(negation in lowered for negation in NEGATIONS):
        verdict = "no"
    return {"principle": principle, "evidence": sentence, "verdict": verdict}
