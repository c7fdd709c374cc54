import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.core.errors import ConfigError, DataError, InputMissing
from stages.extract_principles.embedders import open_embedder
from stages.models.embed import LocalEmbedder
from stages.models.load import load_encoder
from tests.tiny_models import save_tiny_causal_lm, save_tiny_encoder

TEXTS = ["clarity", "accuracy of information", "code", "clarity", "readability of the code and its comments", "ü"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "causal")


def states(folder: Path, text: str) -> torch.Tensor:
    model, tokenizer, _ = load_encoder(str(folder), device="cpu")
    states: torch.Tensor = model(tokenizer(text, return_tensors="pt")["input_ids"]).last_hidden_state[0].detach()
    return states


def unit(vector: torch.Tensor) -> NDArray[np.float32]:
    result: NDArray[np.float32] = (vector / vector.norm()).numpy()
    return result


def test_encoder_is_pooled_by_the_mean_of_each_texts_own_tokens(bert: Path) -> None:
    vectors = LocalEmbedder(str(bert), device="cpu").embed(TEXTS)
    assert vectors.shape == (6, 32)
    assert vectors.dtype == np.float32
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, unit(states(bert, text).mean(dim=0)), atol=1e-5)


def test_causal_model_is_pooled_by_its_last_token(causal: Path) -> None:
    for text, vector in zip(TEXTS, LocalEmbedder(str(causal), device="cpu").embed(TEXTS), strict=True):
        np.testing.assert_allclose(vector, unit(states(causal, text)[-1]), atol=1e-5)


def test_padding_is_told_by_the_mask_also_where_pad_is_eos(causal: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(causal, tmp_path / "no_pad"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    texts = [*TEXTS, "clarity<|im_end|>"]
    expected = LocalEmbedder(str(causal), device="cpu").embed(texts)
    np.testing.assert_allclose(LocalEmbedder(str(folder), device="cpu").embed(texts), expected, atol=1e-6)


def test_vectors_follow_the_texts_whatever_their_order_and_number(bert: Path) -> None:
    embedder = LocalEmbedder(str(bert), device="cpu")
    many = [f"{text} {number}" for text in TEXTS for number in range(30)]
    vectors = embedder.embed(many)
    np.testing.assert_array_equal(embedder.embed(many[::-1])[::-1], vectors)
    np.testing.assert_allclose(embedder.embed(many[70:71])[0], vectors[70], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_prefix_stands_before_every_text(bert: Path) -> None:
    prefixed = LocalEmbedder(str(bert), "query: ", device="cpu").embed(["clarity"])
    np.testing.assert_allclose(prefixed, LocalEmbedder(str(bert), device="cpu").embed(["query: clarity"]), atol=1e-6)


def test_text_longer_than_the_window_is_cut_at_its_end(bert: Path) -> None:
    long, longer = LocalEmbedder(str(bert), device="cpu").embed(["a b c " * 100, "a b c " * 200])
    np.testing.assert_allclose(long, longer, atol=1e-6)


def test_no_text_gives_no_row(bert: Path) -> None:
    assert LocalEmbedder(str(bert), device="cpu").embed([]).shape[0] == 0


def test_name_is_the_folders_last_part_wherever_it_lies(bert: Path) -> None:
    assert re.fullmatch(r"local:bert@[0-9a-f]{8}", open_embedder(f"local:{bert}").name)
    assert open_embedder(f"local:{bert}/").name == open_embedder(f"local:{bert}").name


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="There is no folder"):
        open_embedder(f"local:{tmp_path}/missing")


def test_vector_that_is_not_finite_is_refused(bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    model, tokenizer, _ = load_encoder(str(bert), device="cpu")
    model.embeddings.word_embeddings.weight.data[tokenizer("ü")["input_ids"]] = float("nan")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    embedder = LocalEmbedder(str(folder), device="cpu")
    assert embedder.embed(["clarity"]).shape == (1, 32)
    with pytest.raises(DataError, match="no usable vector for 'ü'"):
        embedder.embed(["clarity", "ü"])


@pytest.fixture(scope="module")
def sentence_model(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same encoder as a sentence-transformers folder that pools by the first token and has a prompt of its own."""
    folder = Path(shutil.copytree(bert, tmp_path_factory.mktemp("models") / "sentences"))
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def test_sentence_transformers_folder_pools_as_it_says_and_without_its_prompt(bert: Path, sentence_model: Path) -> None:
    vectors = LocalEmbedder(str(sentence_model), device="cpu").embed(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, unit(states(bert, text)[0]), atol=1e-5)


def test_sentence_transformers_folder_needs_its_package(sentence_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.models.embed.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"sentence-transformers; in a checkout of rlbff: pip install '\.\[models\]'"):
        LocalEmbedder(str(sentence_model))
