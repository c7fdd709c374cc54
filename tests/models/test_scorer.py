from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.models.answer_tokens import AnswerTokens
from stages.models.encoding import EncodedPair, PairEncoder
from stages.models.log_odds import answer_head
from stages.models.scorer import Item, padded_hidden, score_encoded, score_pairs
from stages.models.template import make_template
from tests.naive.pairs import log_odds_one_by_one, mass_one_by_one
from tests.tiny_families import answering_tokenizer, tiny_model

TOKENIZER = answering_tokenizer()
MODELS = {name: tiny_model(name) for name in ("qwen3", "llama", "gemma2", "gemma3_text", "qwen3_sliding")}
NAMES = pytest.mark.parametrize("name", MODELS)
PRINCIPLES = ["clarity", "no comments", "follows the instructions of the user", "accurate", "x", "errors in the code"]
ITEMS = [
    Item([Message("user", "Is it clear?")], "It is clear and accurate.", PRINCIPLES),
    Item([Message("system", "Be brief."), Message("user", "Hi")], "", PRINCIPLES[:1]),
    Item([Message("user", "Is it clear?")], "No, two errors. " * 6, PRINCIPLES[2:5]),
    Item([Message("user", "Is it clear?")], "It is clear and accurate.", ["clarity", "brevity", "clarity"]),
    Item([Message("user", "Hi")], "Yes", []),
]


def encoder(max_tokens: int = 2048) -> PairEncoder:
    return PairEncoder(make_template(TOKENIZER), TOKENIZER, max_tokens)


def one_by_one(model: Any, own: PairEncoder, items: Sequence[Item]) -> list[list[float]]:
    answers = own.template.answers
    result = []
    for item in items:
        rows = [pair.prefix + pair.suffix for pair in own.encode(*item)]
        with torch.no_grad():
            result.append(log_odds_one_by_one(model, rows, answers.yes, answers.no).tolist() if rows else [])
    return result


@NAMES
@pytest.mark.parametrize("row_tokens", [1, 150, 4096])
def test_scores_equal_single_pairs_in_the_order_given(name: str, row_tokens: int) -> None:
    model = MODELS[name]
    found = score_pairs(model, encoder(), ITEMS, row_tokens=row_tokens)
    expected = one_by_one(model, encoder(), ITEMS)
    assert [len(scores) for scores in found] == [6, 1, 3, 3, 0]
    for scores, numbers in zip(found, expected, strict=True):
        assert [score.log_odds for score in scores] == pytest.approx(numbers, abs=1e-5)
    assert found[3][0] == found[3][2]


@NAMES
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(range(9)), st.integers(1, 9), st.integers(1, 600))
def test_scores_do_not_depend_on_batch_size_order_or_number_of_principles(
    name: str, order: list[int], count: int, row_tokens: int
) -> None:
    model = MODELS[name]
    head = answer_head(model, AnswerTokens(yes=7, no=11, lead="", space=""))
    some = [PAIRS[n] for n in order[:count]]
    found = [score.log_odds for score in score_encoded(model, head, some, row_tokens)]
    assert found == pytest.approx([EXPECTED[name][n] for n in order[:count]], abs=1e-5)


PAIRS = [
    EncodedPair(
        tuple(range(2 + prefix, 2 + prefix + 40 * prefix)), tuple(range(50, 50 + 3 * suffix + prefix)), truncated=False
    )
    for prefix in (1, 2, 5)
    for suffix in (0, 2, 5)
]
EXPECTED = {
    name: log_odds_one_by_one(model, [pair.prefix + pair.suffix for pair in PAIRS], 7, 11).tolist()
    for name, model in MODELS.items()
}


@NAMES
def test_token_that_pads_has_no_meaning(name: str) -> None:
    # the shorter row ends with the token that pads, which is also the end of every turn
    model = MODELS[name]
    rows = [(5, 6, 7, 8, 9, 10, 11, 12), (5, 6, 0, 2, 0), (0,)]
    with torch.no_grad():
        decoder = model.get_decoder()
        together = padded_hidden(decoder, rows, model.device)
        alone = torch.cat([padded_hidden(decoder, [row], model.device) for row in rows])
    assert torch.allclose(together, alone, atol=1e-5)


def test_tokenizer_that_pads_with_its_end_scores_alike() -> None:
    before = score_pairs(MODELS["gemma2"], encoder(), ITEMS)
    tokenizer = answering_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    own = PairEncoder(make_template(tokenizer), tokenizer, 2048)
    assert score_pairs(MODELS["gemma2"], own, ITEMS) == before


@NAMES
def test_mass_of_a_sample_is_that_of_the_full_head(name: str) -> None:
    model = MODELS[name]
    answers = encoder().template.answers
    found = score_pairs(model, encoder(), ITEMS[:3], num_masses=3)
    flat = [score for scores in found for score in scores]
    rows = [pair.prefix + pair.suffix for item in ITEMS[:3] for pair in encoder().encode(*item)]
    with torch.no_grad():
        expected = mass_one_by_one(model, rows, answers.yes, answers.no)
    # 3 of the 10 pairs: the first of each third
    assert [n for n, score in enumerate(flat) if score.mass is not None] == [0, 3, 6]
    assert [flat[n].mass for n in (0, 3, 6)] == pytest.approx([expected[n] for n in (0, 3, 6)], abs=1e-6)
    assert score_pairs(model, encoder(), [], num_masses=3) == []


def test_cut_conversations_are_flagged() -> None:
    long = Item([Message("user", "old " * 50), Message("assistant", "a"), *ITEMS[0].messages], "It is.", ["x"])
    assert [scores[0].truncated for scores in score_pairs(MODELS["qwen3"], encoder(200), [long, ITEMS[1]])] == [
        True,
        False,
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_score_that_is_no_number_is_a_problem_of_its_pair(value: float) -> None:
    model = tiny_model("qwen3")
    with torch.no_grad():
        model.lm_head.weight[encoder().template.answers.yes] = value
    flat = [score for scores in score_pairs(model, encoder(), ITEMS) for score in scores]
    assert len(flat) == sum(len(item.principles) for item in ITEMS)
    assert {problem.reason for problem in flat if isinstance(problem, Problem)} == {"not_finite"}
    pairs = encoder().encode(*ITEMS[0])
    with pytest.raises(DataError, match=r"The model gives pair 0 the score (nan|inf)"):
        score_encoded(model, answer_head(model, encoder().template.answers), pairs)


@NAMES
def test_score_that_is_no_number_takes_no_other_pair_with_it(name: str) -> None:
    model = tiny_model(name)
    poison = TOKENIZER(" errors", add_special_tokens=False)["input_ids"][-1]
    with torch.no_grad():
        model.get_input_embeddings().weight[poison] = float("nan")
    found = [score for scores in score_pairs(model, encoder(), ITEMS) for score in scores]
    healthy = [score for scores in score_pairs(MODELS[name], encoder(), ITEMS) for score in scores]
    pairs = [pair for item in ITEMS for pair in encoder().encode(*item)]
    bad = [poison in pair.prefix + pair.suffix for pair in pairs]
    assert [isinstance(score, Problem) for score in found] == bad
    assert 0 < sum(bad) < len(bad)
    for score, before, is_bad in zip(found, healthy, bad, strict=True):
        if not is_bad:
            assert score.log_odds == pytest.approx(before.log_odds, abs=1e-5)


def test_pair_that_cannot_be_encoded_takes_no_other_with_it() -> None:
    model = MODELS["qwen3"]
    own = encoder(300)
    long = ITEMS[0]._replace(principles=["clarity", "zq " * 200, "accurate"])
    told: list[int] = []
    found = score_pairs(model, own, [long, ITEMS[1]], advance=told.append)
    expected = score_pairs(model, own, [long._replace(principles=["clarity", "accurate"]), ITEMS[1]])
    assert [found[0][0], found[0][2], found[1]] == [*expected[0], expected[1]]
    assert isinstance(found[0][1], Problem)
    assert found[0][1].reason == "principle_too_long"
    assert told == [2]


def test_advance_is_told_of_every_item() -> None:
    told: list[int] = []
    score_pairs(MODELS["qwen3"], encoder(), ITEMS, row_tokens=20, advance=told.append)
    assert sum(told) == len(ITEMS)
    assert len(told) > 1


def test_model_in_training_mode_is_not_scored() -> None:
    with pytest.raises(AssertionError):
        score_pairs(tiny_model("qwen3").train(), encoder(), ITEMS)
