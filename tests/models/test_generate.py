import shutil
from pathlib import Path

import pytest
import torch
import transformers
from tokenizers.processors import TemplateProcessing

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.models.generate import GumbelSampler, LocalChat, render
from stages.models.load import load_causal_lm
from tests.tiny_models import save_tiny_causal_lm

CHATS = [
    [Message("system", "You read feedback."), Message("user", text)]
    for text in ("Hi.", "The response is clear and accurate, but", "x " * 40, "Hi.", "no comments", "two errors")
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "plain", chat_template=False, window=64)


def test_greedy_answers_equal_one_forward_pass_a_token(tiny: Path) -> None:
    model, tokenizer, _ = load_causal_lm(str(tiny), device="cpu")
    for chat, answer in zip(CHATS, LocalChat(str(tiny), max_new_tokens=12, device="cpu").complete(CHATS), strict=True):
        ids = tokenizer(render(chat, tokenizer), add_special_tokens=False)["input_ids"]
        assert answer.prompt_tokens == len(ids)
        tokens: list[int] = []
        while len(tokens) < 12 and tokenizer.eos_token_id not in tokens:
            tokens.append(int(model(torch.tensor([ids + tokens])).logits[0, -1].argmax()))
        assert answer.text == tokenizer.decode(tokens, skip_special_tokens=True)
        assert answer.completion_tokens == len([token for token in tokens if token != tokenizer.eos_token_id])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_answers_depend_neither_on_order_nor_on_the_batch(temperature: float, tiny: Path) -> None:
    partner = LocalChat(str(tiny), max_new_tokens=16, temperature=temperature, seed=3, batch_size=4)
    alone = LocalChat(str(tiny), max_new_tokens=16, temperature=temperature, seed=3, batch_size=1)
    answers = partner.complete(CHATS)
    assert partner.complete(CHATS[::-1]) == answers[::-1]
    assert alone.complete(CHATS) == answers
    assert partner.complete(CHATS[1:2]) == answers[1:2]
    assert answers[0] == answers[3]
    assert len({answer.text for answer in answers}) == 5


def test_seed_and_temperature_change_what_is_drawn(tiny: Path) -> None:
    def texts(temperature: float, seed: int) -> list[str]:
        partner = LocalChat(str(tiny), max_new_tokens=16, temperature=temperature, seed=seed)
        return [answer.text for answer in partner.complete(CHATS)]

    assert texts(1.0, 0) != texts(1.0, 1)
    assert texts(1.0, 0) != texts(0.0, 0)
    assert texts(1e-6, 0) == texts(1e-6, 1) == texts(0.0, 0)


def test_torchs_own_random_state_is_left_alone(tiny: Path) -> None:
    before = torch.random.get_rng_state()
    LocalChat(str(tiny), max_new_tokens=4, temperature=1.0).complete(CHATS[:1])
    assert torch.equal(before, torch.random.get_rng_state())


def test_sampler_draws_from_the_softmax_at_its_temperature() -> None:
    # logits ln 1, ln 2, ln 5 at temperature 2: weights 1, sqrt 2, sqrt 5
    rows = 6000
    logits = torch.tensor([1.0, 2.0, 5.0]).log().expand(rows, 3)
    sampler = GumbelSampler([[row] for row in range(rows)], 2.0, [0] * rows, torch.device("cpu"))
    drawn = sampler(torch.zeros(rows, 1), logits).argmax(dim=1)
    weights = torch.tensor([1.0, 2.0, 5.0]).sqrt()
    expected = weights / weights.sum()
    shares = torch.bincount(drawn, minlength=3) / rows
    assert torch.all((shares - expected).abs() < 4 * (expected * (1 - expected) / rows).sqrt())


def test_answer_ends_before_the_end_token(tiny: Path) -> None:
    # nearly uniform over 400 tokens, so that 400 draws meet the end with probability 0.63 each
    answers = LocalChat(str(tiny), max_new_tokens=400, temperature=100.0, seed=1).complete(CHATS)
    ended = [answer for answer in answers if answer.finish_reason == "stop"]
    assert ended
    assert all(answer.completion_tokens < 400 for answer in ended)
    assert all(answer.completion_tokens == 400 for answer in answers if answer.finish_reason == "length")
    assert all("<|im_end|>" not in answer.text for answer in answers)


def test_every_end_token_of_the_generation_config_ends_an_answer(tiny: Path, tmp_path: Path) -> None:
    greedy = LocalChat(str(tiny), max_new_tokens=6).complete(CHATS[:1])[0]
    tokenizer = load_causal_lm(str(tiny)).tokenizer
    first = tokenizer(greedy.text)["input_ids"][0]
    folder = Path(shutil.copytree(tiny, tmp_path / "two_ends"))
    config = transformers.GenerationConfig(eos_token_id=[tokenizer.eos_token_id, first])  # type: ignore[no-untyped-call]
    config.save_pretrained(folder)
    answer = LocalChat(str(folder), max_new_tokens=6).complete(CHATS[:1])[0]
    assert (answer.text, answer.completion_tokens, answer.finish_reason) == ("", 0, "stop")


def test_sampling_settings_of_the_model_are_not_used(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "opinionated"))
    config = transformers.GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=True, temperature=0.1, top_k=2, repetition_penalty=9.0, eos_token_id=2
    )
    config.save_pretrained(folder)
    expected = LocalChat(str(tiny), max_new_tokens=12).complete(CHATS)
    assert LocalChat(str(folder), max_new_tokens=12).complete(CHATS) == expected


def test_chat_without_template_is_rendered_plainly(plain: Path) -> None:
    tokenizer = load_causal_lm(str(plain)).tokenizer
    chat = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yes?"), Message("tool", "3")]
    assert render(chat, tokenizer) == "System: Be brief.\n\nUser: Hi\n\nAssistant: Yes?\n\ntool: 3\n\nAssistant:"


def test_chat_template_of_the_tokenizer_is_used(tiny: Path) -> None:
    text = render([Message("user", "Hi")], load_causal_lm(str(tiny)).tokenizer)
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


REFUSES = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
LEAVES_OUT = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"
TURNS = "{% for message in messages %}[{{ message.role }}]{{ message.content | trim }}{% endfor %}"


@pytest.mark.parametrize("template", [REFUSES + TURNS, LEAVES_OUT + TURNS])
def test_system_turn_that_a_template_does_not_take_opens_the_first_user_turn(template: str, tiny: Path) -> None:
    tokenizer = load_causal_lm(str(tiny)).tokenizer
    tokenizer.chat_template = template
    chat = [Message("system", "Be brief.\n"), Message("user", "Hi"), Message("assistant", "Yes?")]
    assert render(chat, tokenizer) == "[user]Be brief.\n\n\nHi[assistant]Yes?"
    assert render(chat[1:], tokenizer) == "[user]Hi[assistant]Yes?"
    tokenizer.chat_template = TURNS
    assert render(chat, tokenizer) == "[system]Be brief.[user]Hi[assistant]Yes?"


@pytest.mark.parametrize(
    ("template", "words"), [("{{ raise_exception('no\nchats') }}", "no chats"), ("{% for", "unexpected|[Ee]xpected")]
)
def test_template_that_cannot_write_a_chat_is_bad_data_in_one_line(template: str, words: str, copy: Path) -> None:
    (copy / "chat_template.jinja").write_text(template)
    with pytest.raises(DataError, match=f"template in {copy} cannot write a chat: .*({words})") as problem:
        LocalChat(str(copy), max_new_tokens=1).complete(CHATS[:1])
    assert "\n" not in str(problem.value)


def test_reasoning_is_switched_off_where_the_template_knows_the_switch(tiny: Path) -> None:
    tokenizer = load_causal_lm(str(tiny)).tokenizer
    tokenizer.chat_template = "{{ messages[0]['content'] }}{% if not enable_thinking %} /quiet{% endif %}"
    assert render([Message("user", "Hi")], tokenizer) == "Hi /quiet"


@pytest.mark.parametrize("has_template", [True, False])
def test_opening_token_is_added_once_by_template_or_tokenizer(has_template: bool, tiny: Path, tmp_path: Path) -> None:
    # as Llama's: the tokenizer puts a token before every text, and a template writes it too
    opening = TemplateProcessing(single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)])
    tokenizer = load_causal_lm(str(tiny)).tokenizer
    tokenizer.backend_tokenizer.post_processor = opening
    tokenizer.chat_template = "<|im_start|>{{ messages[0]['content'] }}" if has_template else None
    folder = Path(shutil.copytree(tiny, tmp_path / "opening"))
    (folder / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(folder)
    text = "Hi" if has_template else "User: Hi\n\nAssistant:"
    expected = len(tokenizer(text, add_special_tokens=False)["input_ids"]) + 1
    answer = LocalChat(str(folder), max_new_tokens=1).complete([[Message("user", "Hi")]])[0]
    assert answer.prompt_tokens == expected


def test_prompt_that_leaves_no_room_is_reported_and_others_are_answered(plain: Path) -> None:
    partner = LocalChat(str(plain), max_new_tokens=8)
    answers = partner.complete([[Message("user", "x " * 200)], [Message("user", "Hi")]])
    assert answers[0].finish_reason == "too_long"
    assert (answers[0].text, answers[0].completion_tokens) == ("", 0)
    assert answers[0].prompt_tokens > 64
    assert answers[1].completion_tokens > 0


def test_no_chat_gives_no_answer(plain: Path) -> None:
    assert LocalChat(str(plain), max_new_tokens=8).complete([]) == []
