import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AddedToken

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from stages.models.encoding import EncodedPair, PairEncoder
from stages.models.template import make_template
from stages.models.truncation import CUT
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import CHAT_TEMPLATE

TOKENIZER = answering_tokenizer()
PLAIN = CHAT_TEMPLATE.replace("<|im_start|>", "### ").replace("<|im_end|>", "")
"""A chat template without a special token, whose turns run into one another."""

ASKED = [Message("user", "What does the user say about instructions?")]


def encoder(max_tokens: int = 4096, chat_template: str = CHAT_TEMPLATE) -> PairEncoder:
    tokenizer = answering_tokenizer(chat_template)
    return PairEncoder(make_template(tokenizer), tokenizer, max_tokens)


def text_of(pair: EncodedPair) -> str:
    return str(TOKENIZER.decode(pair.prefix + pair.suffix))


def test_suffix_is_principle_and_cue() -> None:
    pairs = encoder().encode(ASKED, "It is clear.", ["clarity", "no comments"])
    assert pairs[0].prefix == pairs[1].prefix
    assert TOKENIZER.decode(pairs[0].suffix) == "clarity<|im_end|>\n<|im_start|>assistant\n"
    assert TOKENIZER.decode(pairs[1].suffix) == "no comments<|im_end|>\n<|im_start|>assistant\n"
    assert TOKENIZER.decode(pairs[0].prefix).endswith("It is clear.<|im_end|>\n<|im_start|>user\n")
    assert pairs[0].length == len(pairs[0].prefix) + len(pairs[0].suffix)


def test_prefix_does_not_depend_on_the_other_principles() -> None:
    both = encoder().encode(ASKED, "It is clear.", ["clarity", "claritas", "clarity"])
    assert encoder().encode(ASKED, "It is clear.", ["clarity"]) == both[:1]
    assert both[0] == both[2]
    assert encoder().encode(ASKED, "It is clear.", []) == []


WORDS = st.text(st.sampled_from("ab Yes<|im_end|>\n\t.é漢\u0301#'"), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([CHAT_TEMPLATE, PLAIN]), WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_tokens_are_those_of_the_whole_chat(template: str, asked: str, response: str, principles: list[str]) -> None:
    own = encoder(chat_template=template)
    messages = [Message("user", asked)]
    pairs = own.encode(messages, response, principles)
    tokenizer = answering_tokenizer(template)
    for principle, pair in zip(principles, pairs, strict=True):
        text = own.template.render(tokenizer, messages, response, principle)
        assert list(pair.prefix + pair.suffix) == tokenizer(text)["input_ids"]
        assert pair.prefix == pairs[0].prefix
        assert pair.suffix


def test_seam_that_merges_with_a_principle_is_not_cut_through() -> None:
    # here "\n" + "#" would be a token of its own, so that the prefix must end before the line break
    tokenizer = answering_tokenizer(PLAIN)
    tokenizer.add_tokens(["\n#"])
    own = PairEncoder(make_template(tokenizer), tokenizer, 4096)
    one, two = own.encode(ASKED, "It is clear.", ["#1", "clarity"])
    text = own.template.render(tokenizer, ASKED, "It is clear.", "#1")
    assert list(one.prefix + one.suffix) == tokenizer(text)["input_ids"]
    assert one.prefix == two.prefix
    assert tokenizer.decode(one.suffix).startswith("\n#1")


def test_special_token_that_swallows_what_is_before_it_is_noticed() -> None:
    tokenizer = answering_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken("<|im_start|>", lstrip=True, special=True)]})
    assert len(tokenizer("\n<|im_start|>")["input_ids"]) == 1
    own = PairEncoder(make_template(tokenizer), tokenizer, 4096)
    pair = own.encode(ASKED, "It is clear.", ["clarity"])[0]
    text = own.template.render(tokenizer, ASKED, "It is clear.", "clarity")
    assert list(pair.prefix + pair.suffix) == tokenizer(text)["input_ids"]


def test_window_is_kept_and_reserves_room_for_the_principle() -> None:
    own = encoder(300)
    short = own.encode(ASKED, "It is clear. " * 3, ["clarity"])[0]
    assert not short.truncated
    chat = [Message("user", "old " * 100), Message("assistant", "older"), *ASKED]
    pairs = own.encode(chat, "It is clear. " * 3, ["clarity", "x " * 25])
    assert all(pair.truncated for pair in pairs)
    assert all(pair.length <= 300 for pair in pairs)
    assert pairs[0] == short._replace(truncated=True)
    assert pairs[0].prefix == pairs[1].prefix


def test_response_loses_its_middle_and_the_principle_nothing() -> None:
    response = "begin " + "It is clear. " * 100 + "end"
    pair = encoder(300).encode(ASKED, response, ["clarity"])[0]
    assert pair.truncated
    assert 230 <= len(pair.prefix) <= 236
    text = text_of(pair)
    assert ASKED[0].content in text
    assert "<|im_start|>assistant\nbegin It is" in text
    assert CUT in text
    assert "clear. end<|im_end|>\n<|im_start|>user\nclarity<|im_end|>\n<|im_start|>assistant\n" in text
    assert encoder().template.instruction in text


def test_what_is_cut_does_not_depend_on_the_other_principles() -> None:
    response = "It is clear. " * 100
    principles = ["clarity", "no comments " * 30, "x"]
    together = encoder(400).encode(ASKED, response, principles)
    assert together == [encoder(400).encode(ASKED, response, [principle])[0] for principle in principles]
    assert together[0].prefix == together[2].prefix != together[1].prefix
    assert all(pair.length <= 400 for pair in together)


def test_pair_that_fits_to_the_last_token_is_whole() -> None:
    pair = encoder().encode(ASKED, "It is clear. " * 20, ["clarity"])[0]
    assert encoder(pair.length).encode(ASKED, "It is clear. " * 20, ["clarity"]) == [pair]
    assert encoder(pair.length - 1).encode(ASKED, "It is clear. " * 20, ["clarity"])[0].truncated


def test_principle_longer_than_the_window_is_rejected() -> None:
    with pytest.raises(DataError, match=r"principle 'zq zq .*' needs \d+ tokens and leaves no room .* window of 300"):
        encoder(300).encode(ASKED, "It is clear.", ["clarity", "zq " * 200])


def test_principle_longer_than_the_window_is_a_problem_of_its_own() -> None:
    own = encoder(300)
    first, problem, last = own.encode_each(ASKED, "It is clear.", ["clarity", "zq " * 200, "accurate"])
    assert [first, last] == own.encode(ASKED, "It is clear.", ["clarity", "accurate"])
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.field) == ("principle_too_long", "principle")


def test_turns_that_cannot_be_cut_are_a_problem_of_the_conversation() -> None:
    chat = [*ASKED, Message("tool", "x " * 300)]
    problem = encoder(300).encode_each(chat, "It is clear.", ["clarity"])[0]
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.field) == ("conversation_too_long", "prompt")
    assert "window of 300 tokens" in problem.error


STRICT = "{% if messages | length > 6 %}{{ raise_exception('too many turns') }}{% endif %}" + CHAT_TEMPLATE


def test_chat_that_the_template_refuses_is_a_problem_of_every_principle() -> None:
    own = encoder(chat_template=STRICT)
    chat = [*ASKED, Message("assistant", "Hi"), *ASKED, Message("assistant", "Hi"), *ASKED]
    problems = own.encode_each(chat, "It is clear.", ["clarity", "x"])
    for problem in problems:
        assert isinstance(problem, Problem)
        assert (problem.reason, problem.field) == ("bad_chat", "prompt")
        assert "cannot write the turns system, user, assistant, user, " in problem.error
        assert problem.error.endswith(": too many turns")
    assert len(problems) == 2
    assert isinstance(own.encode_each(ASKED, "It is clear.", ["clarity"])[0], EncodedPair)
    with pytest.raises(DataError, match="too many turns"):
        own.encode(chat, "It is clear.", ["clarity"])


def test_window_without_room_for_a_conversation_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"window of 90 tokens holds no conversation beside the \d+ tokens"):
        encoder(90)


def test_empty_completion_and_empty_principle_are_encoded() -> None:
    empty = encoder().encode(ASKED, "", ["", "clarity"])
    assert "assistant\n<|im_end|>\n<|im_start|>user\n<|im_end|>\n" in text_of(empty[0])
    assert "assistant\n<|im_end|>\n<|im_start|>user\nclarity<|im_end|>\n" in text_of(empty[1])


def test_tokenizer_that_renders_otherwise_is_refused() -> None:
    with pytest.raises(ConfigError, match="renders the entailment template in other tokens"):
        PairEncoder(make_template(TOKENIZER), answering_tokenizer(PLAIN), 4096)
