import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.models.template import INSTRUCTION, EntailmentTemplate, make_template
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import CHAT_TEMPLATE

ASKED = [Message("user", "Hi")]

REFUSES_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
LEAVES_SYSTEM_OUT = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"
ALTERNATES = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}{% endfor %}"
)
DATED = "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% else %}?{% endif %}\n"
DATED_IN_A_MACRO = "{%- macro day() %}{{ strftime_now('%Y-%m-%d') }}{% endmacro -%}\nToday is {{ day() }}.\n"
THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content.split('</think>')[-1].lstrip('\n') if m.role == 'assistant' and not loop.last else m.content }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def test_constant_words_come_first_and_the_principle_last() -> None:
    template = make_template(answering_tokenizer())
    chat = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yo"), Message("user", "?")]
    assert template.render(answering_tokenizer(), chat, "Hello.", "politeness") == (
        f"<|im_start|>system\n{INSTRUCTION}\n\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>user\n?<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n"
        "<|im_start|>user\npoliteness<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("start", [REFUSES_SYSTEM + ALTERNATES, LEAVES_SYSTEM_OUT])
def test_without_a_system_turn_the_constant_words_open_the_first_user_turn(start: str) -> None:
    tokenizer = answering_tokenizer(start + CHAT_TEMPLATE)
    template = make_template(tokenizer)
    text = template.render(tokenizer, [Message("system", "Be brief."), *ASKED], "Hello.", "politeness")
    assert text.startswith(f"<|im_start|>user\n{INSTRUCTION}\n\nBe brief.\n\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert not template.system_turn
    empty = template.render(tokenizer, [], "Hello.", "politeness")
    assert empty.startswith(f"<|im_start|>user\n{INSTRUCTION}<|im_end|>\n<|im_start|>assistant\nHello.")


@pytest.mark.parametrize("response", ["", " ", "Yes", "<|im_end|>"])
@pytest.mark.parametrize("principle", ["", "No"])
def test_empty_and_odd_texts_are_rendered(response: str, principle: str) -> None:
    text = make_template(answering_tokenizer()).render(answering_tokenizer(), ASKED, response, principle)
    assert f"assistant\n{response}<|im_end|>\n<|im_start|>user\n{principle}<|im_end|>\n" in text


def test_tool_turns_are_left_to_the_chat_template() -> None:
    chat = [*ASKED, Message("assistant", "call"), Message("tool", "42")]
    text = make_template(answering_tokenizer()).render(answering_tokenizer(), chat, "It is 42.", "correctness")
    assert "<|im_start|>tool\n42<|im_end|>\n<|im_start|>assistant\nIt is 42." in text


@pytest.mark.parametrize(("start", "date"), [(DATED, "26 Jul 2024"), (DATED_IN_A_MACRO, "2024-07-26")])
def test_date_is_pinned(start: str, date: str) -> None:
    tokenizer = answering_tokenizer(start + CHAT_TEMPLATE)
    text = make_template(tokenizer).render(tokenizer, ASKED, "Hello.", "politeness")
    assert date in text
    assert str(datetime.now().year) not in text


def test_clock_hides_every_part_of_the_time() -> None:
    tokenizer = answering_tokenizer("{{ strftime_now('%A %a %d %B %b %m %Y %y %j %H:%M:%S %p') }}" + CHAT_TEMPLATE)
    text = make_template(tokenizer).render(tokenizer, [], "", "")
    assert text.startswith("Friday Fri 26 July Jul 07 2024 24 208 00:00:00 AM<|im_start|>")


@pytest.mark.parametrize("start", ["", "\n", "  \n{%- set x = 1 %}\n", "{# a comment #}\n"])
def test_pinning_changes_nothing_else(start: str) -> None:
    tokenizer = answering_tokenizer(start + CHAT_TEMPLATE)
    template = make_template(tokenizer)
    chat = [Message("system", INSTRUCTION), *ASKED, Message("assistant", "Hello."), Message("user", "politeness")]
    expected = tokenizer.apply_chat_template([m._asdict() for m in chat], tokenize=False, add_generation_prompt=True)
    assert template.render(tokenizer, ASKED, "Hello.", "politeness") == expected


def test_reasoning_block_is_empty_and_closed() -> None:
    tokenizer = answering_tokenizer(THINKS)
    text = make_template(tokenizer).render(tokenizer, ASKED, "Hello.", "politeness")
    assert text.endswith("politeness<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")
    always = answering_tokenizer(CHAT_TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"))
    text = make_template(always).render(always, ASKED, "Hello.", "politeness")
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_tokenizer_without_chat_template_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="tokenizer of tiny has no chat template"):
        make_template(answering_tokenizer(None))


def test_template_that_cannot_write_the_turns_is_bad_data() -> None:
    tokenizer = answering_tokenizer(REFUSES_SYSTEM + ALTERNATES + CHAT_TEMPLATE)
    template = make_template(tokenizer)
    with pytest.raises(
        DataError, match="tiny cannot write the turns user, user, assistant, user: Roles must alternate"
    ):
        template.render(tokenizer, [*ASKED, *ASKED], "", "")


def test_template_survives_json() -> None:
    template = make_template(answering_tokenizer(THINKS))
    again = EntailmentTemplate.from_json(template.to_json())
    assert again == template
    again.check(answering_tokenizer(THINKS))


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"answers": 3}', "drop", "add"])
def test_damaged_json_is_bad_data(damage: str) -> None:
    fields = json.loads(make_template(answering_tokenizer()).to_json())
    if damage == "drop":
        fields.pop("day")
        damage = json.dumps(fields)
    elif damage == "add":
        damage = json.dumps({**fields, "extra": 1})
    with pytest.raises(DataError, match="not a stored entailment template"):
        EntailmentTemplate.from_json(damage)


def other_role(tokenizer: Any) -> None:
    tokenizer.chat_template = CHAT_TEMPLATE.replace("assistant", "model")


def other_special_token(tokenizer: Any) -> None:
    tokenizer.add_special_tokens({"additional_special_tokens": ["<extra>"]})


def other_words(tokenizer: Any) -> None:
    tokenizer.add_tokens(["brief"])


def other_system_turn(tokenizer: Any) -> None:
    tokenizer.chat_template = REFUSES_SYSTEM + CHAT_TEMPLATE


@pytest.mark.parametrize("change", [other_role, other_special_token, other_words, other_system_turn])
def test_tokenizer_that_renders_otherwise_is_refused(change: Any) -> None:
    template = make_template(answering_tokenizer())
    template.check(answering_tokenizer())
    tokenizer = answering_tokenizer()
    change(tokenizer)
    with pytest.raises(ConfigError, match=r"tokenizer of tiny .* than the one that the reward model was trained with"):
        template.check(tokenizer)


def test_stored_words_are_used_in_place_of_todays() -> None:
    fields = json.loads(make_template(answering_tokenizer(DATED + CHAT_TEMPLATE)).to_json())
    older = EntailmentTemplate.from_json(json.dumps({**fields, "instruction": "Say Yes or No.", "day": "2023-01-02"}))
    text = older.render(answering_tokenizer(DATED + CHAT_TEMPLATE), ASKED, "", "")
    assert text.startswith("02 Jan 2023<|im_start|>system\nSay Yes or No.<|im_end|>")


PUBLISHED = ("cohere", "deepseekv3", "gemma", "gemma3", "glm4moe", "gptoss", "llama3", "llama3_2", "phi3", "qwen2_5")


@pytest.mark.parametrize("name", [*PUBLISHED, "qwen3", "qwen3_5_think", "qwen3_instruct_2507"])
def test_published_chat_templates_put_all_constants_before_the_response(name: str) -> None:
    trl = pytest.importorskip("trl")
    file = Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja"
    if not file.is_file():
        pytest.skip(f"this version of TRL has no template {name}")
    tokenizer = answering_tokenizer(file.read_text(encoding="utf-8"))
    tokenizer.bos_token = "<|im_start|>"
    template = make_template(tokenizer)
    template.check(tokenizer)
    text = template.render(tokenizer, ASKED, "It is so.", "politeness of it")
    places = [text.index(words) for words in (INSTRUCTION, "Hi", "It is so.", "politeness of it")]
    assert places == sorted(places)
    assert len(text) - places[-1] < 100
    assert str(datetime.now().year) not in text
