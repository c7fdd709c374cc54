from pathlib import Path

import pytest
from tokenizers.normalizers import Replace

from stages.core.errors import ConfigError
from stages.models.answer_tokens import find_answer_tokens
from stages.models.load import load_causal_lm
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import save_tiny_causal_lm

ASKED = "<|im_start|>assistant\n"


def test_tokens_are_those_that_the_whole_text_has_after_the_cue() -> None:
    tokenizer = answering_tokenizer()
    answers = find_answer_tokens(tokenizer, ASKED, ASKED + "Yes<|im_end|>\n")
    assert tokenizer.convert_ids_to_tokens([answers.yes, answers.no]) == ["Yes", "No"]
    assert (answers.lead, answers.space) == ("", "")
    prefix = tokenizer(ASKED)["input_ids"]
    assert tokenizer(ASKED + "Yes")["input_ids"] == [*prefix, answers.yes]
    assert tokenizer(ASKED + "No")["input_ids"] == [*prefix, answers.no]


def test_space_that_a_template_writes_belongs_to_the_answer() -> None:
    tokenizer = answering_tokenizer()
    answers = find_answer_tokens(tokenizer, "ASSISTANT:", "ASSISTANT: Yes")
    assert tokenizer.convert_ids_to_tokens([answers.yes, answers.no]) == ["ĠYes", "ĠNo"]
    assert (answers.lead, answers.space) == ("", " ")


@pytest.mark.parametrize(
    ("asked", "answered", "lead"),
    [
        ("A<think>\n\n</think>\n\n", "A<think>\n\n</think>\n\nYes!", ""),
        ("A<think>\n", "AYes", "\n</think>\n\n"),
        ("A<think>", None, "\n</think>\n\n"),
        ("A", "A<channel>final:\nYes", "<channel>final:\n"),
        ("A\n", "B\nYes", ""),
    ],
)
def test_what_comes_between_cue_and_answer_is_found(asked: str, answered: str | None, lead: str) -> None:
    answers = find_answer_tokens(answering_tokenizer(), asked, answered)
    assert answers.lead == lead
    assert answers.yes != answers.no


@pytest.mark.parametrize("cue", ["ASSISTANT: ", "Answer:\n "])
def test_cue_whose_last_token_the_answer_would_change_is_refused(cue: str) -> None:
    with pytest.raises(ConfigError, match="tokenizer of tiny does not write Yes and No as two distinct single tokens"):
        find_answer_tokens(answering_tokenizer(), cue, cue + "Yes")


def test_answer_that_changes_a_token_before_it_is_refused() -> None:
    tokenizer = answering_tokenizer()
    tokenizer.add_tokens(["\nYe", "\nN"])  # so that both answers add one token and change the one before
    with pytest.raises(ConfigError, match="single tokens"):
        find_answer_tokens(tokenizer, ASKED, None)


def test_answers_of_several_tokens_are_refused(tmp_path: Path) -> None:
    tokenizer = load_causal_lm(str(save_tiny_causal_lm(tmp_path / "tiny"))).tokenizer
    assert len(tokenizer("Yes")["input_ids"]) == 2
    with pytest.raises(ConfigError, match=r"tokenizer of .*tiny does not write Yes and No as two distinct single"):
        find_answer_tokens(tokenizer, ASKED, None)


def test_answers_with_the_same_token_are_refused() -> None:
    tokenizer = answering_tokenizer()
    tokenizer.backend_tokenizer.normalizer = Replace("No", "Yes")
    with pytest.raises(ConfigError, match="distinct"):
        find_answer_tokens(tokenizer, ASKED, None)
