from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch

from stages.core.chat import Message
from stages.models.attention_plan import plan_attention
from stages.models.encoding import PairEncoder
from stages.models.load import load_causal_lm
from stages.models.scorer import Item, score_pairs
from stages.models.template import make_template
from stages.models.tiny import VOCABULARY, WINDOW, make_tiny, save_tiny

TEXTS = ["How do I dry herbs?", "Hang them in a dark, airy place. Yesterday Nobody dried any.", "polite tone"]
CHAT = [Message("user", TEXTS[0])]


def test_takes_the_template_and_attends_in_trees() -> None:
    model, tokenizer = make_tiny(TEXTS, seed=0)
    answers = make_template(tokenizer).answers
    assert tokenizer.convert_ids_to_tokens([answers.yes, answers.no]) == ["Yes", "No"]
    assert (answers.lead, answers.space) == ("", "")
    assert plan_attention(model.config).kind == "tree"
    assert model.config.max_position_embeddings == WINDOW == 4096
    assert not model.training


@pytest.mark.parametrize("texts", [[], [""], ["Yes No"], TEXTS], ids=["no text", "empty text", "answers", "texts"])
def test_scores_whatever_it_was_made_from(texts: list[str]) -> None:
    model, tokenizer = make_tiny(texts, seed=0)
    encoder = PairEncoder(make_template(tokenizer), tokenizer, WINDOW)
    scores = score_pairs(model, encoder, [Item(CHAT, TEXTS[1], ["polite tone", "clarity", "Écris en 日本語"])])
    assert len({score.log_odds for score in scores[0]}) == 3


def test_the_words_around_a_text_in_a_chat_are_few_tokens() -> None:
    _, tokenizer = make_tiny(TEXTS, seed=0)
    assert len(tokenizer("<|im_start|>assistant\n")["input_ids"]) == 3


@pytest.mark.parametrize("text", ["Écris\n\n  ceci  ", "日本語 🙂\t\x00", "Yes, No. Yesterday", "<|im_start|>user\n"])
def test_every_text_comes_back_from_its_tokens(text: str) -> None:
    _, tokenizer = make_tiny(TEXTS, seed=0)
    assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == text


def test_vocabulary_and_weights_stay_small_and_leave_room_for_the_answers() -> None:
    texts = [f"word{n} and thing{n} again " * 20 for n in range(3000)]
    model, tokenizer = make_tiny(texts, seed=0)
    assert VOCABULARY - 2 <= len(tokenizer) == model.config.vocab_size <= VOCABULARY
    assert max(tokenizer.get_vocab().values()) == len(tokenizer) - 1
    assert max(make_template(tokenizer).answers[:2]) < len(tokenizer)
    assert sum(weight.numel() for weight in model.parameters()) < 1_000_000


def test_texts_in_any_order_make_the_same_and_a_seed_other_weights(tmp_path: Path) -> None:
    first = hashes(save_tiny(tmp_path / "a", TEXTS, seed=1))
    assert hashes(save_tiny(tmp_path / "b", iter(TEXTS[::-1]), seed=1)) == first
    other = hashes(save_tiny(tmp_path / "c", TEXTS, seed=2))
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_another_process_makes_the_same_bytes(
    tmp_path: Path, root: Path, run_python: Callable[..., CompletedProcess[str]]
) -> None:
    code = (
        "from pathlib import Path; from stages.models.tiny import save_tiny; "
        f"save_tiny(Path('there'), {TEXTS!r}, seed=3)"
    )
    done = run_python("-c", code, PYTHONPATH=str(root), PYTHONHASHSEED="5")
    assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "there") == hashes(save_tiny(tmp_path / "here", TEXTS, seed=3))


def test_the_state_of_other_random_numbers_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    make_tiny(TEXTS, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_saved_one_is_loaded_and_scores_the_same(tmp_path: Path) -> None:
    model, tokenizer = make_tiny(TEXTS, seed=0)
    loaded = load_causal_lm(str(save_tiny(tmp_path / "tiny", TEXTS, seed=0)), device="cpu", dtype="float32")
    items = [Item(CHAT, TEXTS[1], ["polite tone", "clarity"])]
    template = make_template(tokenizer)
    assert score_pairs(loaded.model, PairEncoder(template, loaded.tokenizer, WINDOW), items) == score_pairs(
        model, PairEncoder(template, tokenizer, WINDOW), items
    )


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
