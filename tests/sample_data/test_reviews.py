"""The composed reviews: made again to the byte, read as meant, and no label is told by principle or response alone."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from sample_data.make_reviews import text
from stages.extract_principles.rules import extract
from tests.conftest import ROOT

FILE = ROOT / "sample_data" / "reviews.jsonl"
PHRASES: dict[str, Any] = yaml.safe_load((ROOT / "sample_data" / "phrases.yaml").read_text(encoding="utf-8"))
QUALITIES: dict[str, Any] = PHRASES["qualities"]

Key = tuple[str, str, str]
"""Prompt, completion, principle."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def labels(rows: list[dict[str, Any]]) -> dict[Key, bool]:
    """What all three annotators of a response say of a principle, by the built-in rules."""
    agreed: dict[Key, bool] = {}
    for row in rows:
        said = [
            {claim.principle: claim.verdict for claim in extract(feedback) if claim.principle != "helpfulness"}
            for feedback in row["feedback"]
        ]
        for principle, verdict in said[0].items():
            if all(other.get(principle) == verdict for other in said):
                agreed[row["prompt"], row["completion"], principle] = verdict == "yes"
    return agreed


def test_the_generator_makes_the_file_to_the_byte() -> None:
    assert text().encode() == FILE.read_bytes()


@pytest.mark.parametrize("quality", QUALITIES)
def test_each_sentence_of_feedback_is_read_as_its_quality_alone(quality: str) -> None:
    for kind, verdict in (("praise", "yes"), ("blame", "no")):
        for sentence in QUALITIES[quality][kind]:
            assert [(claim.principle, claim.verdict) for claim in extract(sentence)] == [(quality, verdict)], sentence


def test_nothing_else_is_read_from_the_feedback(rows: list[dict[str, Any]]) -> None:
    found = {claim.principle for row in rows for feedback in row["feedback"] for claim in extract(feedback)}
    assert found == {*QUALITIES, "helpfulness"}


def test_rows_are_whole_and_told_apart(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["prompt"], row["completion"]) for row in rows}) == len(rows)
    assert all(len(row["feedback"]) == 3 and all(row["feedback"]) for row in rows)
    assert not [row["id"] for row in rows if "{" in row["prompt"] or "  " in row["prompt"] + row["feedback"][0]]


def test_code_in_the_responses_compiles(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["domain"] == "code":
            compile(row["completion"][row["completion"].index("def ") :], row["id"], "exec")


def test_most_responses_have_two_to_six_principles_and_somewhat_more_yes_than_no(
    rows: list[dict[str, Any]], labels: dict[Key, bool]
) -> None:
    counts = Counter(key[:2] for key in labels)
    assert sum(2 <= counts[row["prompt"], row["completion"]] <= 6 for row in rows) >= 0.95 * len(rows)
    assert 0.5 <= mean(labels.values()) <= 0.65


def test_neither_the_principle_nor_the_response_tells_the_label(labels: dict[Key, bool]) -> None:
    by_principle, by_response = defaultdict(list), defaultdict(list)
    for key, label in labels.items():
        by_principle[key[2]].append(label)
        by_response[key[:2]].append(label)
    majority = [max(sum(group), len(group) - sum(group)) for group in by_principle.values()]
    assert sum(majority) / len(labels) < 0.6
    # the most frequent of a response's other labels, ties left out, guesses no better than always yes
    guesses = []
    for group in by_response.values():
        for label in group:
            others = 2 * (sum(group) - label) - (len(group) - 1)
            guesses += [(others > 0) == label] if others else []
    assert mean(guesses) < mean(labels.values()) + 0.02


def test_a_phrase_of_a_response_goes_with_its_label(rows: list[dict[str, Any]], labels: dict[Key, bool]) -> None:
    rude = QUALITIES["polite tone"]["no"]
    seen = [
        label == (not any(phrase in completion for phrase in rude))
        for (_, completion, principle), label in labels.items()
        if principle == "polite tone"
    ]
    assert 0.95 < mean(seen) < 1


def test_conversations_hold_pairs_of_opposite_labels(rows: list[dict[str, Any]], labels: dict[Key, bool]) -> None:
    sides = defaultdict(set)
    for (prompt, _, principle), label in labels.items():
        sides[prompt].add((principle, label))
    split = [sum((name, not label) in side for name, label in side) // 2 for side in sides.values()]
    assert len(split) == len({row["prompt"] for row in rows})
    assert min(split) >= 1
    assert mean(split) > 3


def test_the_card_says_what_is_there(rows: list[dict[str, Any]]) -> None:
    card = (ROOT / "sample_data" / "README.md").read_text(encoding="utf-8")
    domains = Counter(row["domain"] for row in rows)
    assert f"| `reviews.jsonl` | {len(rows)} |" in card
    assert f"{len({row['prompt'] for row in rows})} prompts" in card
    assert ", ".join(f"{name} {count}" for name, count in domains.items()) in card
    assert f"{len(QUALITIES)} qualities" in card
    assert Path(FILE).stat().st_size < 1.5e6


def mean(values: Any) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
