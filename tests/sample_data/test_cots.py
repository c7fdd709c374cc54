"""The composed chains of thought: made again to the byte, right where they say so, and told apart as planned."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from statistics import mean
from typing import Any

import pytest

from sample_data.make_cots import NUM_COPIES, NUM_SHARED, STYLES, core, pool, text
from stages.select_cotp.markers import annotate
from tests.conftest import ROOT

FOLDER = ROOT / "sample_data"

Row = dict[str, Any]


def rows_in(name: str) -> list[Row]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return rows_in("cots.jsonl")


@pytest.fixture(scope="module")
def core_rows() -> list[Row]:
    return rows_in("core.jsonl")


def test_the_generator_makes_the_files_to_the_byte() -> None:
    assert text(pool()).encode() == (FOLDER / "cots.jsonl").read_bytes()
    assert text(core()).encode() == (FOLDER / "core.jsonl").read_bytes()


def change(a: str, p: str, n: str, v: str) -> int:
    return int(n) * int(v) - int(a) * int(p)


def pair(s: str, d: str) -> int:
    (found,) = {x * y for x in range(int(s)) for y in range(x + 1) if x + y == int(s) and x - y == int(d)}
    return found


def field(perimeter: str, k: str) -> int:
    (found,) = {w * (w + int(k)) for w in range(1, 200) if 4 * w + 2 * int(k) == int(perimeter)}
    return found


def digits(s: str) -> int:
    return sum(sum(map(int, str(number))) == int(s) for number in range(10, 100))


def islanders(one: str, first: str, two: str, second: str) -> int:
    def holds(claim: str, honest: dict[str, bool]) -> bool:
        name, _, rest = claim.partition(" ")
        if name in honest:
            return honest[name] == (rest == "tells the truth.")
        count = sum(honest.values())
        wanted = {
            "We both lie.": count == 0,
            "At least one of us lies.": count < 2,
            "Exactly one of us tells the truth.": count == 1,
            "We are of the same kind.": count != 1,
        }
        return wanted[claim]

    worlds = [dict(zip((one, two), values, strict=True)) for values in product((True, False), repeat=2)]
    (found,) = (world for world in worlds if (holds(first, world), holds(second, world)) == tuple(world.values()))
    return sum(found.values())


QUESTIONS: tuple[tuple[str, Callable[..., int]], ...] = (
    (r"\w+ buys (\d+) \w+ at (\d+) cents each and pays with (\d+) coins of (\d+) cents\.", change),
    (r"What is the remainder when (\d+)\^4 is divided by (\d+)\?", lambda b, m: int(b) ** 4 % int(m)),
    (r"Two numbers add up to (\d+), and one is (\d+) larger", pair),
    (r"A rectangular field has a perimeter of (\d+) m and is (\d+) m longer than wide\.", field),
    (r"How many two-digit numbers have digits that add up to (\d+)\?", digits),
    (r'Everyone .* lies\. (\w+) says: "(.*)" (\w+) says: "(.*)" How many', islanders),
)


def solved(prompt: str) -> int:
    """The answer, by another way than the generator's."""
    (found,) = [solve(*match.groups()) for start, solve in QUESTIONS if (match := re.match(start, prompt))]
    return found


def answer(row: Row) -> int:
    (found,) = re.findall(r"\\boxed\{(\d+)\}", row["completion"])
    return int(found)


def test_an_answer_is_right_where_the_row_says_so_and_wrong_elsewhere(rows: list[Row], core_rows: list[Row]) -> None:
    for row in (*rows, *core_rows):
        assert (answer(row) == solved(row["prompt"])) is row["correct"], row["id"]
    assert all(row["correct"] for row in core_rows)
    assert 0.45 < mean(row["correct"] for row in rows) < 0.6


EQUATION = re.compile(r"(\d+(?: [-+*/] \d+)+) = (\d+)")


def equations(completion: str) -> Iterator[tuple[str, int, bool]]:
    """Left side, right side, and whether the next step takes the equation back."""
    steps = completion.split("\n\n")
    for step, following in zip(steps, [*steps[1:], ""], strict=True):
        for left, right in EQUATION.findall(step):
            yield left, int(right), following.startswith(("Wait", "Hold on"))


def value(left: str) -> float:
    assert re.fullmatch(r"[-+*/\d ]+", left)
    return float(eval(left))


def test_every_equation_of_a_right_chain_holds_but_those_that_it_takes_back(
    rows: list[Row], core_rows: list[Row]
) -> None:
    taken_back = 0
    for row in (*rows, *core_rows):
        for left, right, is_taken_back in equations(row["completion"]):
            if row["correct"] and not is_taken_back:
                assert value(left) == right, (row["id"], left, right)
            taken_back += is_taken_back and value(left) != right
    assert taken_back > 15


def test_a_wrong_chain_says_something_wrong(rows: list[Row]) -> None:
    for row in rows:
        if not row["correct"] and row["type"] == "algebra" and row["style"] != "direct":
            assert any(value(left) != right for left, right, _ in equations(row["completion"])), row["id"]


def test_rows_are_whole(rows: list[Row], core_rows: list[Row]) -> None:
    columns = ("question_id", "prompt", "completion", "correct", "success_rate", "type", "style", "entropy", "id")
    for row in (*rows, *core_rows):
        assert sorted(row) == sorted(columns)
        assert not re.search(r"[{}]", row["prompt"] + re.sub(r"\\boxed\{\d+\}", "", row["completion"]))
        assert "  " not in row["completion"]
        assert row["success_rate"] * 8 == int(row["success_rate"] * 8)
        assert 3 <= row["completion"].count("\n\n") + 1 <= 25
    assert [row["id"] for row in rows] == [f"cot-{number:03d}" for number in range(400)]
    assert [row["id"] for row in core_rows] == [f"core-{number:02d}" for number in range(12)]
    by_question = {row["question_id"]: (row["prompt"], row["success_rate"]) for row in rows}
    assert all(by_question[row["question_id"]] == (row["prompt"], row["success_rate"]) for row in rows)
    assert len(by_question) == 60 + NUM_SHARED
    assert len({prompt for prompt, _ in by_question.values()} | {row["prompt"] for row in core_rows}) == 60 + 12
    assert {row["success_rate"] for row in rows} >= {0, 0.125, 1}


def test_entropies_are_one_a_word_and_high_where_a_step_begins(rows: list[Row]) -> None:
    first, others = [], []
    for row in rows:
        words = [(place, word) for step in row["completion"].split("\n\n") for place, word in enumerate(step.split())]
        assert len(row["entropy"]) == len(words)
        assert all(0 <= number < 3 and number == round(number, 3) for number in row["entropy"])
        for (place, _), number in zip(words, row["entropy"], strict=True):
            (first if place == 0 else others).append(number)
    assert mean(first) > 3 * mean(others)


def runs(completion: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", completion.lower())
    return {tuple(words[k : k + 5]) for k in range(len(words) - 4)}


def test_duplicates_are_the_planted_ones(rows: list[Row], core_rows: list[Row]) -> None:
    texts = Counter(row["completion"] for row in rows)
    assert sum(texts.values()) - len(texts) == NUM_COPIES
    assert sum(row["completion"] in texts for row in core_rows) == NUM_SHARED
    alike = 0
    different = {row["completion"]: row["question_id"] for row in rows}
    for name in set(different.values()):
        known = [runs(one) for one, question in different.items() if question == name]
        pairs = [(a, b) for k, a in enumerate(known) for b in known[:k]]
        alike += sum(len(a & b) >= 0.9 * len(a | b) for a, b in pairs)
    assert alike == NUM_COPIES


def test_the_annotator_of_the_stage_tells_styles_apart(rows: list[Row], core_rows: list[Row]) -> None:
    def share(name: str, chosen: list[Row]) -> float:
        return mean(any(span.name == name for span in annotate(row["completion"])) for row in chosen)

    by_style = {style: [row for row in rows if row["style"] == style] for style in STYLES}
    right = [row for row in by_style["reflective"] if row["correct"]]
    for name in ("restate", "backtrack", "verify", "alternative"):
        assert share(name, core_rows) == share(name, right) == 1, name
    for style in ("direct", "planned", "cases"):
        assert share("backtrack", by_style[style]) == share("alternative", by_style[style]) == 0
    assert share("cases", by_style["cases"]) == 1
    assert share("doubt", by_style["rambling"]) > 0.8
    assert share("verify", by_style["rambling"]) == 0
    assert len({span.name for row in rows for span in annotate(row["completion"])}) >= 12


def test_the_card_says_what_is_there(rows: list[Row], core_rows: list[Row]) -> None:
    card = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    assert f"| `cots.jsonl` | {len(rows)} |" in card
    assert f"| `core.jsonl` | {len(core_rows)} |" in card
    counts = Counter(row["style"] for row in rows)
    assert ", ".join(f"{style} {counts[style]}" for style in STYLES) in card
    assert f"{sum(row['correct'] for row in rows)} of them are right" in card
    lengths = [len(row["entropy"]) for row in rows]
    assert f"{min(lengths)} to {max(lengths)} words" in card
    assert sum((FOLDER / name).stat().st_size for name in ("cots.jsonl", "core.jsonl")) < 1.5e6
