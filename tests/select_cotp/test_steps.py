import gzip
import json
import random
import re
from pathlib import Path

import pytest

from stages.select_cotp.patterns import LONGEST_CHAIN
from stages.select_cotp.steps import LONGEST, SHORTEST, Step, split_steps
from tests.naive.steps import kept_spans

LONG = (
    "The first thing to do here is to look at what the statement gives us, which is two sides and one angle of it, "
    "and what it asks."
)
PIECES = [
    *("Wait, no.", "So the sum is 12.", LONG, LONG + " " + LONG, "Alternatively, x = 3.", "因此答案是二十三。", "🙂"),
    *("\n", "\n\n", " \n \t\n", "   ", "$", "$$", "\\$", "\\[", "\\]", "\\(", "\\)", "```", "~~~", "\\\\", ":", "."),
    *(
        "\\begin{align}",
        "\\end{align}",
        "<think>",
        "</think>",
        "<|begin_of_thought|>",
        "## Step 2",
        "**Answer**",
        "- a",
    ),
]


def shown(text: str) -> list[str]:
    return [text[step.start : step.end] for step in split_steps(text)]


def test_paragraphs_are_steps() -> None:
    other = LONG.replace("first", "other")
    assert shown(f"{LONG}\n\n{other}\n") == [LONG, other]
    assert split_steps(f" {LONG}\n\n{LONG}") == [Step(1, 1 + len(LONG)), Step(3 + len(LONG), 3 + 2 * len(LONG))]


def test_a_short_line_takes_in_the_next_ones_until_it_is_long_enough() -> None:
    text = "Okay.\n\nLet me see.\n\n" + LONG
    assert len("Okay.Let me see.") < SHORTEST
    assert shown(f"{text}\n\n{LONG}") == [text, LONG]


def test_a_line_that_turns_elsewhere_begins_a_step_behind_a_shorter_one() -> None:
    line = "That gives the sum of both, which would be sixteen."
    assert 48 <= len(line) < SHORTEST
    assert shown(f"{line}\n\nWait, that is not the sum.") == [line, "Wait, that is not the sum."]
    assert shown(f"{line}\n\nIt is not the sum.") == [f"{line}\n\nIt is not the sum."]
    assert shown("No.\n\nWait, that is not the sum.") == ["No.\n\nWait, that is not the sum."]
    for turn in (
        "Alternatively, use it.",
        "Hmm, wait.",
        "But wait, no.",
        "Now, add.",
        "等等，不是。",
        "第二步：相加",
        "## Sum",
    ):
        assert len(shown(f"{line}\n\n{turn}")) == 2, turn
    for none in ("Nowhere.", "Waiting is fine.", "Firstborn."):
        assert len(shown(f"{line}\n\n{none}")) == 1, none


def test_what_a_line_announces_and_formulas_belong_to_it() -> None:
    assert shown(f"{LONG[:-1]}:\n\nx is 3.\n\n{LONG}") == [f"{LONG[:-1]}:\n\nx is 3.", LONG]
    assert shown(f"{LONG}\n\n\\[ x = 3 \\]\n\n{LONG}") == [f"{LONG}\n\n\\[ x = 3 \\]", LONG]
    assert shown(f"{LONG}\n= 3 + 4\n\n{LONG}") == [f"{LONG}\n= 3 + 4", LONG]
    assert shown(f"**Sums**\n{LONG}\n\n{LONG}") == [f"**Sums**\n{LONG}", LONG]
    assert shown(f"{LONG}\n\n```\n{LONG}\n```") == [LONG, f"```\n{LONG}\n```"]
    assert shown("Run it now.\n```\nx\n```") == ["Run it now.", "```\nx\n```"]


def test_a_step_takes_in_no_more_once_it_is_very_long() -> None:
    lines = [f"\\[ x_{{{n}}} = {n} {'+ 1 ' * 40} \\]" for n in range(40)]
    steps = shown(LONG + "\n" + "\n".join(lines))
    assert all(len(step) < LONGEST + 300 for step in steps)
    assert len(steps) > 5


def test_tags_are_in_no_step_and_end_one() -> None:
    text = f"<think>\nOkay.\n</think>\n\nThe sum.\n<|begin_of_solution|> {LONG}</answer>"
    assert shown(text) == ["Okay.", "The sum.", LONG]
    assert shown("a <b> c") == ["a <b> c"]


def test_long_lines_are_cut_at_the_ends_of_sentences_alone() -> None:
    line = " ".join(f"This is number {n} of the sentences, and e.g. 3.5 or f(x. y) cuts nothing." for n in range(60))
    steps = shown(line)
    assert len(steps) > 3
    assert " ".join(steps) == line
    assert all(LONGEST // 2 <= len(step) < LONGEST for step in steps[:-1])
    assert all(step.startswith("This is") and step.endswith("cuts nothing.") for step in steps)
    chinese = "".join(f"这里是第{n}个句子，它说明了一个数和另一个数的和。" for n in range(60))
    assert "".join(shown(chinese)) == chinese
    assert all(step.endswith("。") and len(step.encode()) < LONGEST + 200 for step in shown(chinese))


def test_formulas_and_code_are_never_cut() -> None:
    inside = " ".join("so. And then" for _ in range(100))
    for left, right in (
        ("\\[", "\\]"),
        ("$$", "$$"),
        ("$", "$"),
        ("\\(", "\\)"),
        ("\\begin{x}", "\\end{x}"),
        ("```", "```"),
    ):
        assert shown(f"{left} {inside} {right}") == [f"{left} {inside} {right}"]
    code = "```python\n" + "\n\n".join(["# " + LONG] * 3) + "\n```"
    assert shown(f"{LONG}\n\n{code}\n\n{LONG}") == [LONG, code, LONG]
    # without its closer, an opener opens nothing, and a price is no formula beyond its line
    assert len(shown(f"\\[ {LONG}\n\n{LONG}\n\n{LONG}")) == 3
    assert len(shown(f"It costs $5. {LONG}\n\nAnd $6. {LONG}")) == 2
    assert len(shown(f"It costs \\$5 $x {LONG}$\n\n{LONG}")) == 2


def test_nothing_has_no_steps() -> None:
    assert [split_steps(text) for text in ("", " \n\n\t", "<think></think>", "<think>\n\n</think>\n")] == [[]] * 4


def test_every_character_is_in_one_step_but_white_space_and_tags() -> None:
    draw = random.Random(11)
    for _ in range(1500):
        text = "".join(draw.choices(PIECES, k=draw.randrange(1, 25)))
        steps = split_steps(text)
        assert steps == split_steps(text)
        left, place = "", 0
        for start, end in steps:
            assert place <= start < end
            assert text[start:end] == text[start:end].strip()
            left, place = left + text[place:start], end
        left += text[place:]
        kept = kept_spans(text)
        assert re.sub(r"</?think>|<\|begin_of_thought\|>", "", left).strip() == "", (text, steps)
        for start, end in steps:
            assert not any(low < cut < high for low, high in kept for cut in (start, end)), (text, steps)


@pytest.mark.parametrize(
    "unit",
    [
        "\\[ ",
        "$",
        "$$ ",
        "```",
        "\\begin{a}",
        " ",
        ". ",
        "*",
        "\n",
        "<think>",
        "wait ",
        "a",
        "。",
        "1. **",
        "$ \n",
        "=\n",
    ],
)
def test_a_text_of_one_thing_over_and_over_ends(unit: str) -> None:
    """With work that grows with the square of the length, it would not in the time a test has."""
    text = unit * (1_000_000 // len(unit))
    steps = split_steps(text)
    assert steps == sorted(steps)


def test_real_traces_have_no_more_steps_than_a_chain_may_have_names(shared_data: Path) -> None:
    file = shared_data / "skythought" / "Sky-T1-math-correct-5K-32B-checkpoint-70-aime24.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        counts = [len(split_steps(json.loads(line)["completion"])) for line in lines]
    assert max(counts) <= LONGEST_CHAIN
    assert min(counts) >= 5
