import random
import re
from itertools import combinations

import pytest

from stages.select_cotp.markers import ANNOTATOR, Span, annotate, stretches
from stages.select_cotp.markers_data import FALLBACK, FALLBACK_FORMULA, PATTERNS, RULES
from stages.select_cotp.steps import split_steps
from tests.naive.ngrams import distance

FIRST = (
    "Ann has three boxes of pens with four pens in each of the boxes, and she gives five of the pens to an old friend "
    "of her sister."
)
LAST = (
    "Pens like these are sold in many shops of the town, and in each of them they are sold in boxes of four such pens "
    "on any day."
)


def name_of(step: str) -> str:
    """The name of a step in the middle of a text."""
    before = f"{FIRST}\n\n{FIRST}\n\n{FIRST}\n\n<think>"
    spans = annotate(f"{before}{step}</think>{LAST}")
    (found,) = [span.name for span in spans if span.start == len(before)]
    return found


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("So we are done: \\boxed{7}.", "answer"),
        ("The answer is 7, since nothing else is left.", "answer"),
        ("**Final Answer**\n\n7", "answer"),
        ("#### 7", "answer"),
        ("Wait, I made a mistake when I added the boxes.", "correct"),
        ("There must be an error in the second line.", "correct"),
        ("I forgot the friend in all of this.", "correct"),
        ("Let me double-check the product.", "verify"),
        ("Wait, let's verify that with the other formula.", "verify"),
        ("Yes, that seems right.", "verify"),
        ("But that doesn't make sense at all.", "backtrack"),
        ("Wait, the friend gets five pens.", "backtrack"),
        ("Hmm, no, five is too many.", "backtrack"),
        ("Alternatively, count the pens that stay.", "alternative"),
        ("Wait, maybe there is a better way to count.", "alternative"),
        ("Another approach: count what is left.", "alternative"),
        ("This is getting complicated with all the pens.", "doubt"),
        ("I'm not sure about the friend.", "doubt"),
        ("To summarize, twelve pens and one friend.", "summary"),
        ("So far, nothing is known about the shop.", "summary"),
        ("Case 2: the friend gives the pens back.", "cases"),
        ("Suppose the friend gives the pens back.", "cases"),
        ("If the boxes are full, nothing changes.", "cases"),
        ("For example, one box gives four pens.", "example"),
        ("Let's try small numbers of boxes.", "example"),
        ("For n = 2, two boxes give eight pens.", "example"),
        ("Let $b$ be the number of boxes.", "define"),
        ("Okay, let's denote the boxes by b.", "define"),
        ("The problem says that the boxes are full.", "restate"),
        ("We are given three boxes.", "restate"),
        ("Recall that a product is a repeated sum.", "recall"),
        ("By the distributive law, the order is free.", "recall"),
        ("I remember how this works.", "recall"),
        ("Now, I need to count the pens.", "plan"),
        ("Let's break this down box by box.", "plan"),
        ("To find the rest, we take the friend away.", "plan"),
        ("Note that every box is full.", "observe"),
        ("Looking at the boxes, all are full.", "observe"),
        ("Perhaps the friend has pens already.", "guess"),
        ("It seems that all are full.", "guess"),
        ("Multiply the boxes by the pens.", "compute"),
        ("This gives twelve.", "compute"),
        ("3 \\times 4 = 12", "compute"),
        ("```python\nprint(3)\n```", "compute"),
        ("Therefore all pens stay.", "deduce"),
        ("Since all are full, none is empty.", "deduce"),
        ("So none is empty.", "deduce"),
        ("Pens are nice.", "remark"),
        ("答案是7。", "answer"),
        ("我算错了第二行。", "correct"),
        ("我们来验证一下这个结果。", "verify"),
        ("等等，朋友得到五支。", "backtrack"),
        ("或者换一种方法来数。", "alternative"),
        ("不确定朋友有几支。", "doubt"),
        ("综上，一共十二支。", "summary"),
        ("如果盒子是满的，就没有变化。", "cases"),
        ("例如，一个盒子有四支。", "example"),
        ("设盒子的数量为b。", "define"),
        ("已知有三个盒子。", "restate"),
        ("根据乘法的定义，顺序不重要。", "recall"),
        ("首先，我们需要数一数。", "plan"),
        ("注意到每个盒子都是满的。", "observe"),
        ("可能朋友已经有笔了。", "guess"),
        ("代入得到十二。", "compute"),
        ("因此没有空的。", "deduce"),
    ],
)
def test_words_stand_for_patterns(step: str, name: str) -> None:
    assert name_of(step) == name


def test_of_a_step_the_first_sentence_with_words_of_a_rule_decides() -> None:
    assert name_of("Pens are nice. Recall that a sum is free. Perhaps it is.") == "recall"
    assert name_of("Perhaps it is. Recall that a sum is free.") == "guess"
    # what is looked for anywhere comes first
    assert name_of("Perhaps it is. Pens are nice. Now let me double-check.") == "verify"
    # a formula before any of the words
    assert name_of("Then 3 + 4 = 7. Perhaps it is.") == "compute"
    # words of the fourth sentence are not looked at
    assert name_of("Pens. Pens. Pens. Perhaps. Perhaps.") == "remark"


def test_the_beginning_and_the_end_of_a_text_have_rules_of_their_own() -> None:
    end = "many pens she has left when the friend has got the five pens that were promised to him on the second of May"
    need, so = f"I need to find how {end}.", f"Therefore this is how {end}"
    assert [span.name for span in annotate("\n\n".join([need, FIRST, FIRST, need, FIRST]))] == [
        *("restate", "remark", "remark", "plan", "remark")
    ]
    assert [span.name for span in annotate("\n\n".join([FIRST, so + ".", so + "."]))] == ["remark", "deduce", "answer"]
    # a text that was cut off gives no answer
    assert [span.name for span in annotate("\n\n".join([FIRST, so]))] == ["remark", "deduce"]


def test_case_quotes_and_marks_do_not_matter() -> None:
    assert name_of("LET’S BREAK THIS DOWN.") == name_of("let's break this down.") == "plan"
    assert name_of("3. **Note** that it is full.") == "observe"
    assert name_of("- Okay, so now, note that it is full.") == "observe"


def test_the_words_at_the_end_of_a_very_long_step_are_read() -> None:
    assert name_of("\\[ " + "a b " * 2000 + " \\] \\boxed{7}") == "answer"


def test_spans_are_the_steps_of_the_text() -> None:
    draw = random.Random(3)
    words = [
        "Wait",
        "so",
        "İ",
        "x = 3",
        "\\[",
        "\\]",
        ".",
        "\n\n",
        "因此",
        "**",
        "1.",
        "let",
        "ß",
        "$",
        "<think>",
        "?",
        "’",
    ]
    for _ in range(600):
        text = " ".join(draw.choices(words, k=draw.randrange(40)))
        spans = annotate(text)
        assert [(span.start, span.end) for span in spans] == split_steps(text)
        assert spans == annotate(text)
        assert {span.name for span in spans} <= PATTERNS.keys()


def test_a_text_without_steps_has_no_patterns() -> None:
    assert annotate("") == annotate("<think>\n</think>") == []
    assert annotate("7") == [Span("remark", 0, 1)]


# --- the table ---


def test_every_rule_has_a_name_of_the_list_and_every_name_a_rule() -> None:
    assert {rule.name for rule in RULES} | {FALLBACK, FALLBACK_FORMULA} == PATTERNS.keys()
    assert all(rule.english == rule.english.lower() or "\\W" in rule.english or "\\S" in rule.english for rule in RULES)
    assert all(re.compile(rule.words).groups == 0 for rule in RULES)
    assert not any(re.compile(rule.words).match("") for rule in RULES if rule.where != "step")


def test_names_are_far_from_each_other_in_their_letters() -> None:
    """Chains are compared by the letters of names: two rules whose names nearly agree would count as one."""
    nearest = min((distance(one, other, "dice"), one, other) for one, other in combinations(PATTERNS, 2))
    assert nearest[0] > 0.4, nearest
    assert all(re.fullmatch(r"[a-z]+", name) for name in PATTERNS)


def test_rules_of_words_that_never_end_are_no_trap() -> None:
    for unit in ("so ", "- ", "let me ", "maybe ", "(((", "we can ", "i am ", "the ", "so, ", "1. ", "。", "!", "if "):
        text = unit * (100_000 // len(unit))
        assert len(annotate(text)) == len(split_steps(text))


def test_the_version_is_told() -> None:
    assert ANNOTATOR == "rules@1"


def test_neighbours_of_one_name_are_one_stretch() -> None:
    spans = [Span("plan", 0, 3), Span("compute", 4, 6), Span("compute", 7, 9), Span("plan", 9, 12)]
    assert stretches(spans) == [Span("plan", 0, 3), Span("compute", 4, 9), Span("plan", 9, 12)]
    assert stretches([]) == []
