"""How reviews.jsonl is made: `python sample_data/make_reviews.py` composes it from phrases.yaml, always the same bytes.

A response is put together from qualities that are drawn independently of each other, and three annotators, who forget
some and now and then misjudge one, write down which of them it has.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).resolve().parent

SEED: Final = 7
NUM_PROMPTS: Final = 4
"""In how many ways each topic is asked about."""
NUM_RESPONSES: Final = 4
NUM_JUDGED: Final = 6
"""Qualities of a response that its annotators speak of."""
MENTIONED: Final = 0.95
MISREAD: Final = 0.02
"""Chance that one annotator judges against what is there."""
MISLED: Final = 0.02
"""Chance that all of them do, so that the label is wrong."""


def rows() -> list[dict[str, Any]]:
    """All rows, in the layout `feedback` of extract-principles."""
    phrases = yaml.safe_load((HERE / "phrases.yaml").read_text(encoding="utf-8"))
    random = Random(SEED)
    made = []
    for name, domain in phrases["domains"].items():
        for topic in domain["topics"]:
            for form in random.sample(domain["prompts"], NUM_PROMPTS):
                for _ in range(NUM_RESPONSES):
                    row = _row(random, name, domain, topic, phrases)
                    made.append({"prompt": form.format(**topic), **row})
    return [{"id": f"review-{n:04d}", **row} for n, row in enumerate(made)]


def text() -> str:
    """The whole file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows())


def _row(
    random: Random, name: str, domain: Mapping[str, Any], topic: Mapping[str, Any], phrases: Mapping[str, Any]
) -> dict[str, Any]:
    qualities = phrases["qualities"]
    has = {quality: random.random() < qualities[quality]["share"] for quality in domain["qualities"]}
    said = {quality: _shown(random, qualities[quality], has[quality], topic) for quality in domain["qualities"]}
    if name == "code":
        completion = _code(said, {} if has["code readability"] else topic["names"], topic)
    else:
        completion = _prose(random, said, topic)
    judged = random.sample(domain["qualities"], NUM_JUDGED)
    seen = {quality: has[quality] != (random.random() < MISLED) for quality in judged}
    grade = phrases["grades"][round(4 * sum(seen.values()) / len(seen))]
    feedback = [_feedback(random, seen, grade, qualities) for _ in range(3)]
    return {"completion": completion, "feedback": feedback, "domain": name, "language": domain["language"]}


def _shown(random: Random, quality: Mapping[str, Any], has: bool, topic: Mapping[str, Any]) -> str:
    """The phrase that shows a quality or its lack, empty where nothing does."""
    ways = quality["yes"] if has else quality["no"]
    fields = {**topic, "page": random.randint(2, 98)}
    fields |= {"Remark": topic["remark"].capitalize()} if "remark" in topic else {}
    return random.choice(ways).format(**fields) if ways else ""


def _prose(random: Random, said: Mapping[str, str], topic: Mapping[str, Any]) -> str:
    """A paragraph: the tone first, the conclusion last, the rest around the core in any order."""
    middle = [said[quality] for quality in said if quality not in ("polite tone", "conclusiveness of the answer")]
    parts = [topic["core"], *filter(None, middle)]
    random.shuffle(parts)
    return " ".join(filter(None, [said["polite tone"], *parts, said["conclusiveness of the answer"]]))


def _code(said: Mapping[str, str], names: Mapping[str, str], topic: Mapping[str, Any]) -> str:
    """A function with what belongs into it, after the words of the response; `names` are replaced in the code."""
    head, *body = _renamed(topic["body"], names).split("\n")
    indented = [said["code documentation"]]
    if said["error handling"]:
        indented += [f"if not ({_renamed(topic['check'], names)}):", "    " + said["error handling"]]
    indented.append(said["code comments"])
    lines = [head, *("    " + line for line in indented if line), *body, _renamed(said["tests"], names)]
    return "\n".join(filter(None, [said["polite tone"], said["conciseness"], *lines]))


def _renamed(code: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        code = re.sub(rf"\b{name}\b", other, code)
    return code


def _feedback(random: Random, seen: Mapping[str, bool], grade: str, qualities: Mapping[str, Any]) -> str:
    sentences = []
    for quality, praised in random.sample(sorted(seen.items()), len(seen)):
        if random.random() < MENTIONED:
            kind = "praise" if praised != (random.random() < MISREAD) else "blame"
            sentences.append(random.choice(qualities[quality][kind]))
    return " ".join([f"The response is {grade}.", *sentences])


if __name__ == "__main__":
    (HERE / "reviews.jsonl").write_text(text(), encoding="utf-8", newline="\n")
