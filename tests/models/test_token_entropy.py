import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers.processors import TemplateProcessing

from stages.core.chat import Message
from stages.core.errors import ConfigError, InputMissing
from stages.core.rows import Problem
from stages.models.load import Loaded, load_tokenizer, model_name
from stages.models.token_entropy import Asked, EntropyModel, ModelIdentity, open_entropy_model
from tests.naive.token_entropy import token_entropies
from tests.stories260k import load_stories
from tests.tiny_families import OWN, answering_tokenizer, tiny_model
from tests.tiny_models import SENTENCES, save_tiny_causal_lm

QUESTION = [Message("system", "Be brief."), Message("user", "How clear is it?")]
PAIRS = [
    (QUESTION, "The response is clear and accurate."),
    (QUESTION, ""),
    (QUESTION[1:], "no"),
    (QUESTION, SENTENCES[0] * 3),
    (QUESTION[1:], "principles and errors: two arithmetic errors"),
    ([], "clarity"),
]
IDENTITY = ModelIdentity("tiny", None, "float32", 1.0)


def of_family(family: str, pack_tokens: int = 64, **changes: Any) -> EntropyModel:
    model = tiny_model(family, **changes)
    return EntropyModel(Loaded(model, answering_tokenizer(), model.device), IDENTITY, pack_tokens=pack_tokens)


def values_of(model: EntropyModel, pairs: Sequence[tuple[Sequence[Message], str]]) -> list[np.ndarray]:
    found = model.entropies(pairs)
    assert len(found) == len(pairs)
    assert all(isinstance(one, np.ndarray) and one.dtype == np.float32 for one in found)
    return [one for one in found if not isinstance(one, Problem)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.mark.parametrize("family", OWN)
def test_each_entropy_is_that_of_what_comes_after_the_tokens_before_it(family: str) -> None:
    model = of_family(family)
    for (messages, completion), values in zip(PAIRS[:3], values_of(model, PAIRS)[:3], strict=True):
        asked = model.encode(messages, completion)
        assert isinstance(asked, Asked)
        assert len(values) == len(asked.completion)
        expected = token_entropies(model._model, asked.prompt, asked.completion)
        assert values.tolist() == pytest.approx(expected, abs=3e-5)


def test_the_last_token_decides_nothing_and_the_first_all_but_its_own_place() -> None:
    model = of_family("qwen3")
    same, other = values_of(model, [(QUESTION, "accurate and clear"), (QUESTION, "accurate and no")])
    first, _ = values_of(model, [(QUESTION, "no and clear"), (QUESTION, "")])
    shared = min(len(same), len(other)) - 1
    assert same[:shared].tolist() == pytest.approx(other[:shared].tolist(), abs=1e-5)
    assert first[0] == pytest.approx(same[0], abs=1e-5)
    assert abs(first[1] - same[1]) > 1e-3


@pytest.mark.parametrize("family", ["qwen3", "llama", "gemma2"])
@pytest.mark.parametrize("pack_tokens", [1, 30, 10_000])
def test_what_shares_a_forward_pass_changes_rounding_only(family: str, pack_tokens: int) -> None:
    alone = [values_of(of_family(family), [pair])[0] for pair in PAIRS]
    for one, other in zip(values_of(of_family(family, pack_tokens), PAIRS), alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)


def test_same_pairs_give_the_same_bytes() -> None:
    first, second = (values_of(of_family("qwen3"), PAIRS) for _ in range(2))
    assert [one.tobytes() for one in first] == [one.tobytes() for one in second]


def test_order_within_a_share_changes_no_byte() -> None:
    model = of_family("qwen3")
    rows: list[list[int]] = []
    model._model.get_decoder().register_forward_pre_hook(
        lambda layer, given, named: rows.extend(named["input_ids"].tolist()), with_kwargs=True
    )
    forwards = values_of(model, PAIRS)
    backwards = values_of(model, PAIRS[::-1])[::-1]
    assert [one.tobytes() for one in forwards] == [one.tobytes() for one in backwards]
    assert len(rows) > 2
    assert rows[: len(rows) // 2] == rows[len(rows) // 2 :]


def test_many_shares_are_as_one_and_progress_adds_up() -> None:
    pairs = PAIRS * 20
    told: list[int] = []
    found = of_family("qwen3", pack_tokens=8).entropies(pairs, told.append)
    assert len(told) > 3
    assert sum(told) == len(pairs)
    for one, other in zip(found, values_of(of_family("qwen3"), pairs), strict=True):
        assert isinstance(one, np.ndarray)
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)


def test_empty_completion_has_no_entropies_and_no_pair_no_result() -> None:
    model = of_family("llama")
    assert values_of(model, [(QUESTION, "")])[0].shape == (0,)
    assert model.entropies([]) == []


def test_temperature_is_that_of_the_identity() -> None:
    loaded = Loaded(tiny_model("llama"), answering_tokenizer(), torch.device("cpu"))
    hot = EntropyModel(loaded, IDENTITY._replace(temperature=1e6), pack_tokens=64)
    assert values_of(hot, PAIRS[:1])[0].tolist() == pytest.approx([math.log(400)] * 8, abs=1e-4)


def test_text_longer_than_the_window_is_a_problem_of_its_own() -> None:
    model = of_family("qwen3", max_position_embeddings=64)
    assert model.window == 64
    found = model.entropies([PAIRS[0], (QUESTION, SENTENCES[0] * 9), PAIRS[2]])
    problem = found[1]
    assert isinstance(problem, Problem)
    assert problem[:2] == ("too_long", "completion")
    assert "window of tiny is 64" in problem.error
    assert isinstance(found[0], np.ndarray)
    assert isinstance(found[2], np.ndarray)
    prompt = model.encode(QUESTION, "")
    assert isinstance(prompt, Asked)
    room = 64 - len(prompt.prompt)
    assert isinstance(model.encode(QUESTION, "\n" * room), Asked)
    assert isinstance(model.encode(QUESTION, "\n" * (room + 1)), Problem)


def test_turns_that_a_template_refuses_are_a_problem() -> None:
    model = of_family("qwen3")
    model._tokenizer.chat_template = "{% if messages | length > 1 %}{{ raise_exception('no system') }}{% endif %}x"
    found = model.entropies(PAIRS[:3])
    assert [isinstance(one, Problem) for one in found] == [True, True, False]
    assert found[0][:2] == ("bad_chat", "prompt")


def text_of(model: EntropyModel, messages: Sequence[Message], completion: str) -> tuple[str, str]:
    asked = model.encode(messages, completion)
    assert isinstance(asked, Asked)
    before, after = (model._tokenizer.decode(ids) for ids in asked)
    return before, after


def test_prompt_ends_where_the_assistants_turn_begins() -> None:
    model = of_family("qwen3")
    assert text_of(model, QUESTION[1:], " no") == (
        "<|im_start|>user\nHow clear is it?<|im_end|>\n<|im_start|>assistant\n",
        " no",
    )


def test_without_a_template_prompt_and_completion_are_lines_of_a_document() -> None:
    model = of_family("qwen3")
    model._tokenizer.chat_template = None
    assert text_of(model, QUESTION[1:], "no") == ("How clear is it?\n", "no")
    assert text_of(model, QUESTION, "no") == ("Be brief.\nHow clear is it?\n", "no")
    assert text_of(model, [], "no") == ("\n", "no")


def test_token_that_opens_every_text_stands_once_before_the_prompt() -> None:
    tokenizer = answering_tokenizer(chat_template=None)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A <|im_end|>", special_tokens=[("<|im_start|>", 1), ("<|im_end|>", 2)]
    )
    tokenizer.bos_token = "<|im_start|>"
    loaded = Loaded(tiny_model("llama"), tokenizer, torch.device("cpu"))
    model = EntropyModel(loaded, IDENTITY, pack_tokens=64)
    assert text_of(model, QUESTION[1:], "no") == ("<|im_start|>How clear is it?\n", "no")


@pytest.mark.parametrize(("completion", "ends"), [("<think>\nHm", "</s>\n"), ("Hm", "<think>\n")])
def test_thought_that_template_and_completion_open_is_opened_once(completion: str, ends: str) -> None:
    model = of_family("qwen3")
    model._tokenizer.chat_template = "{{ messages[0].content }}</s>{{ '\n<think>\n' }}"
    before, after = text_of(model, QUESTION[1:], completion)
    assert before.endswith(ends)
    assert (before + after).count("<think>") == 1


def test_template_that_asks_for_the_day_gets_the_same_one_every_day() -> None:
    model = of_family("qwen3")
    model._tokenizer.chat_template = "{{ strftime_now('%Y-%m-%d') }}"
    assert text_of(model, QUESTION, "no")[0] == "2024-07-26"


def test_model_of_a_folder_is_named_by_its_content(tiny: Path) -> None:
    model = open_entropy_model(str(tiny), device="cpu", pack_tokens=64)
    assert model.identity == ModelIdentity(model_name(str(tiny)), None, "float32", 1.0)
    assert str(model.identity) == f"{model_name(str(tiny))} float32 T=1"
    assert model.vocabulary == 400
    half = open_entropy_model(str(tiny), device="cpu", dtype="bfloat16", pack_tokens=64)
    assert str(half.identity).endswith(" bfloat16 T=1")
    rough, fine = values_of(half, PAIRS[:1])[0], values_of(model, PAIRS[:1])[0]
    np.testing.assert_allclose(rough, fine, rtol=0, atol=0.05)
    assert rough.tobytes() != fine.tobytes()


def test_hub_id_is_named_with_its_revision() -> None:
    assert str(ModelIdentity("a/b", "v1", "bfloat16", 1.0)) == "a/b@v1 bfloat16 T=1"


def test_revision_goes_to_the_hub(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    asked: list[str | None] = []

    def load(name: str, device: str | None, dtype: str | None, *, revision: str | None) -> Loaded:
        asked.append(revision)
        model = tiny_model("llama")
        model.config._commit_hash = None if revision is None else "c0ffee"
        return Loaded(model, load_tokenizer(str(tiny)), model.device)

    monkeypatch.setattr("stages.models.token_entropy.load_causal_lm", load)
    assert open_entropy_model("a/b", pack_tokens=64).identity.revision == "main"
    assert open_entropy_model("a/b", revision="v1", pack_tokens=64).identity.revision == "c0ffee"
    assert asked == [None, "v1"]


def test_revision_of_what_is_not_on_the_hub_is_a_mistake(tiny: Path) -> None:
    for name in (str(tiny), "tiny"):
        with pytest.raises(ConfigError, match=f"--revision is about models on the hub, and {name} is none"):
            open_entropy_model(name, revision="v1", pack_tokens=64)


def test_model_that_is_not_there_is_missing() -> None:
    with pytest.raises(InputMissing, match=r"no folder '\./nowhere'"):
        open_entropy_model("./nowhere", pack_tokens=64)


def test_tiny_model_is_made_of_its_texts_and_seed() -> None:
    def opened(texts: Sequence[str], seed: int) -> EntropyModel:
        return open_entropy_model("tiny", device="cpu", pack_tokens=64, tiny_texts=texts, seed=seed)

    first, again = opened(SENTENCES, 1), opened(SENTENCES, 1)
    assert first.identity == again.identity
    assert values_of(first, PAIRS)[0].tobytes() == values_of(again, PAIRS)[0].tobytes()
    names = {str(model.identity) for model in (first, opened(SENTENCES, 2), opened([SENTENCES[0]] * 9, 1))}
    assert len(names) == 3
    assert all(name.startswith("tiny@") and name.endswith(" float32 T=1") for name in names)


class Numbers:
    """A tokenizer to which tokens are decimal numbers, with a token before every text."""

    chat_template = None
    bos_token_id = 1

    def __call__(self, text: str, *, add_special_tokens: bool = True, verbose: bool = False) -> dict[str, list[int]]:
        return {"input_ids": [self.bos_token_id] * add_special_tokens + [int(word) for word in text.split()]}


def test_trained_model_gives_its_reference_entropy(shared_data: Path) -> None:
    model, reference = load_stories(shared_data / "stories260k")
    greedy: list[int] = reference["greedy_ids_from_bos"]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[1, *greedy]])).logits[0]
    assert logits.argmax(dim=1)[:-1].tolist() == greedy
    opened = EntropyModel(Loaded(model, Numbers(), model.device), IDENTITY, pack_tokens=512)
    (values,) = values_of(opened, [([], " ".join(map(str, greedy)))])
    assert len(values) == 200
    assert values.mean() == pytest.approx(reference["mean_entropy_nats"], abs=1e-3)
