import pytest
from tokenizers import processors

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.core.rows import Problem
from stages.models.conversation import ConversationEncoder, EncodedConversation
from stages.models.truncation import CUT
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import CHAT_TEMPLATE

TOKENIZER = answering_tokenizer()
ASKED = [Message("system", "Be brief."), Message("user", "Is it clear?")]


def encoded(max_tokens: int, messages: list[Message], response: str) -> tuple[str, EncodedConversation]:
    found = ConversationEncoder(TOKENIZER, max_tokens).encode(messages, response)
    assert isinstance(found, EncodedConversation)
    return str(TOKENIZER.decode(found.ids)), found


@pytest.mark.parametrize("response", ["It is clear.", "", "  two\n\nlines "])
def test_tokens_are_those_of_the_chat_template(response: str) -> None:
    chat = [message._asdict() for message in [*ASKED, Message("assistant", response)]]
    expected = TOKENIZER.apply_chat_template(chat, return_dict=False)
    text, found = encoded(2048, ASKED, response)
    assert list(found.ids) == expected
    assert not found.truncated
    assert text.endswith(f"<|im_start|>assistant\n{response}<|im_end|>\n")


def test_template_has_its_own_defaults_and_a_pinned_date() -> None:
    text = "{{ strftime_now('%Y-%m-%d') }} thinks: {{ enable_thinking is not defined or enable_thinking }}\n"
    tokenizer = answering_tokenizer(text + CHAT_TEMPLATE)
    found = ConversationEncoder(tokenizer, 2048).encode(ASKED, "Yes")
    assert isinstance(found, EncodedConversation)
    assert tokenizer.decode(found.ids).startswith("2024-07-26 thinks: True\n")


def test_conversation_that_fits_to_the_last_token_is_whole() -> None:
    _, whole = encoded(2048, ASKED, "It is clear. " * 20)
    assert encoded(len(whole.ids), ASKED, "It is clear. " * 20)[1] == whole
    assert encoded(len(whole.ids) - 1, ASKED, "It is clear. " * 20)[1].truncated


def test_begin_token_is_the_templates_business() -> None:
    tokenizer = answering_tokenizer("<|pad|>" + CHAT_TEMPLATE)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|pad|> $A", special_tokens=[("<|pad|>", 0)]
    )
    assert tokenizer("Yes")["input_ids"][0] == 0
    found = ConversationEncoder(tokenizer, 2048).encode(ASKED, "Yes")
    assert isinstance(found, EncodedConversation)
    assert found.ids[0] == 0 != found.ids[1]


def test_long_conversation_loses_its_oldest_turns_and_then_the_middle_of_the_response() -> None:
    text, found = encoded(100, [Message("user", "old " * 100), Message("assistant", "older"), *ASKED[1:]], "It is.")
    assert found.truncated
    assert text == "<|im_start|>user\nIs it clear?<|im_end|>\n<|im_start|>assistant\nIt is.<|im_end|>\n"
    text, found = encoded(100, ASKED, "begin " + "It is clear. " * 100 + "end")
    assert found.truncated
    assert 90 <= len(found.ids) <= 100
    assert CUT in text
    assert text.endswith("clear. end<|im_end|>\n")


def test_what_cannot_be_written_or_cut_is_a_problem() -> None:
    strict = answering_tokenizer("{% if not messages[1:] %}{{ raise_exception('no user') }}{% endif %}" + CHAT_TEMPLATE)
    refused = ConversationEncoder(strict, 100).encode([], "Yes")
    assert isinstance(refused, Problem)
    assert refused.reason == "bad_chat"
    assert refused.error == "The chat template of tiny cannot write the turns assistant: no user"
    long = ConversationEncoder(TOKENIZER, 100).encode([*ASKED, Message("tool", "x " * 200)], "Yes")
    assert isinstance(long, Problem)
    assert (long.reason, long.field) == ("conversation_too_long", "prompt")


def test_tokenizer_without_a_chat_template_and_a_window_without_room_are_refused() -> None:
    with pytest.raises(ConfigError, match="of tiny has no chat template, which a reward model needs"):
        ConversationEncoder(answering_tokenizer(None), 100)
    with pytest.raises(ConfigError, match=r"window of 10 tokens holds no conversation: an empty one has \d+;"):
        ConversationEncoder(TOKENIZER, 10)
