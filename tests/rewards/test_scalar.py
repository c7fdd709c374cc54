import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForSequenceClassification

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from stages.models.load import load_classifier
from stages.rewards.card import CARD, RewardCard, read_card
from stages.rewards.model import Judgement, Query, RewardModel
from stages.rewards.options import RewardOptions
from stages.rewards.scalar import ScalarModel, open_scalar, scalar_scores
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import CHAT_TEMPLATE, save_tiny_classifier
from tests.tiny_rewards import save_scalar_rm, tiny_classifier

NAMES = ("qwen3", "llama", "gemma2", "mistral_sliding")
MODELS = {name: tiny_classifier(name) for name in NAMES}
PAD, EOS = 0, 2
ROWS = [(5, 6, 7, 8, EOS), (9, EOS), (5, 6, 7, 8), (PAD,), (11, PAD, 12, PAD), tuple(range(20, 50)), (9, EOS)]

SCALAR_CARD = RewardCard(
    kind="scalar",
    objective="bradley-terry",
    base="tiny",
    template=None,
    max_length=100,
    calibration=None,
    held_out={"accuracy": 0.5},
    fidelity="demo",
)

ASKED = [Message("user", "Is it clear?")]
QUERIES = [
    Query(ASKED, "It is clear and accurate.", ()),
    Query([Message("system", "Be brief."), Message("user", "Hi")], "", ()),
    Query(ASKED, "No, two errors. " * 6, ()),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_scalar_rm(tmp_path_factory.mktemp("rewards") / "rm")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def opened(folder: Path, notices: list[str] | None = None, **options: Any) -> ScalarModel:
    chosen = RewardOptions(**{"precision": "fp32", "device": "cpu"} | options)
    said = [] if notices is None else notices
    return open_scalar(str(folder), read_card(folder), chosen, said.append)


def scores(model: ScalarModel, queries: Sequence[Query] = QUERIES) -> list[float]:
    found = model.judge(queries)
    assert [len(entries) for entries in found] == [1] * len(queries)
    return [entry.score for entries in found for entry in entries if isinstance(entry, Judgement)]


def one_by_one(model: Any, rows: Sequence[tuple[int, ...]]) -> list[float]:
    """The head at the last token, through transformers' own forward pass of one row, whose config knows no padding."""
    pad = model.config.pad_token_id
    model.config.pad_token_id = None
    with torch.no_grad():
        found = [float(model(input_ids=torch.tensor([list(row)])).logits[0, 0]) for row in rows]
    model.config.pad_token_id = pad
    return found


EXPECTED = {name: one_by_one(model, ROWS) for name, model in MODELS.items()}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(
    st.permutations(range(len(ROWS))),
    st.integers(1, len(ROWS)),
    st.integers(1, 100),
    st.sampled_from([None, PAD, EOS, 7]),
)
def test_scores_depend_neither_on_batch_size_nor_on_order_nor_on_padding(
    name: str, order: list[int], count: int, row_tokens: int, pad: int | None
) -> None:
    model = MODELS[name]
    before = model.config.pad_token_id
    model.config.pad_token_id = pad
    found = scalar_scores(model, [ROWS[n] for n in order[:count]], row_tokens)
    model.config.pad_token_id = before
    assert found == pytest.approx([EXPECTED[name][n] for n in order[:count]], abs=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", NAMES)
def test_scores_equal_a_padded_batch_of_transformers(name: str, side: str) -> None:
    # transformers finds the end of a row by the padding token's value, so that no row may hold it
    model = MODELS[name]
    rows = [row for row in ROWS if PAD not in row]
    width = max(map(len, rows))
    pads = [(PAD,) * (width - len(row)) for row in rows]
    ids = [pad + row if side == "left" else row + pad for row, pad in zip(rows, pads, strict=True)]
    mask = torch.tensor([[int(token != PAD) for token in row] for row in ids])
    with torch.no_grad():
        batch = model(
            input_ids=torch.tensor(ids), attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)
        ).logits
    assert scalar_scores(model, rows, 1000) == pytest.approx(batch[:, 0].tolist(), abs=1e-5)


def test_a_response_has_the_score_that_the_card_of_such_models_shows(folder: Path) -> None:
    model: RewardModel = opened(folder)
    assert not model.reads_principles
    found = model.judge(QUERIES)
    network, tokenizer, _ = load_classifier(str(folder), "cpu", "float32")
    for query, (entry,) in zip(QUERIES, found, strict=True):
        chat = [message._asdict() for message in [*query.messages, Message("assistant", query.response)]]
        with torch.no_grad():
            expected = network(**tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)).logits
        assert entry == Judgement(pytest.approx(float(expected), abs=1e-5))
    assert model.facts()["responses"] == 3
    model.close()


@pytest.mark.parametrize("row_tokens", [1, 60, 4096])
def test_scores_do_not_depend_on_the_size_of_forward_passes(folder: Path, row_tokens: int) -> None:
    told: list[int] = []
    found = opened(folder, row_tokens=row_tokens).judge(QUERIES, told.append)
    flat = [entry.score for entries in found for entry in entries if isinstance(entry, Judgement)]
    assert flat == pytest.approx(scores(opened(folder)), abs=1e-5)
    assert sum(told) == len(QUERIES)


@pytest.mark.parametrize("row_tokens", [1, 11, 25, 1000])
def test_forward_passes_hold_at_most_their_tokens_with_padding(row_tokens: int) -> None:
    shapes: list[tuple[int, int]] = []
    model = tiny_classifier()
    model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    scalar_scores(model, ROWS, row_tokens)
    assert all(rows == 1 or rows * length <= row_tokens for rows, length in shapes)
    assert sum(rows for rows, _ in shapes) == len(set(ROWS))
    assert sorted(length for _, length in shapes) == [length for _, length in shapes]


@pytest.mark.parametrize("pad_token", [None, "<|im_end|>"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_of_the_tokenizer_has_no_meaning(folder: Path, copy: Path, pad_token: str | None, side: str) -> None:
    tokenizer = answering_tokenizer()
    tokenizer.pad_token, tokenizer.padding_side = pad_token, side
    tokenizer.save_pretrained(copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"pad_token_id": tokenizer.pad_token_id}))
    assert scores(opened(copy)) == scores(opened(folder))


def test_principles_are_ignored_with_one_notice(folder: Path) -> None:
    notices: list[str] = []
    model = opened(folder, notices)
    assert notices == []
    asked = [query._replace(principles=["clarity", "accurate"]) for query in QUERIES]
    assert scores(model, asked) == scores(model, asked) == scores(opened(folder))
    assert notices == [f"{model.name} knows no principles: each response has one score, principles are ignored."]


def test_padding_token_that_ends_chats_is_told_of(copy: Path, tmp_path: Path) -> None:
    answering_tokenizer(CHAT_TEMPLATE.replace("<|im_end|>\n", "<|im_end|>")).save_pretrained(copy)
    notices: list[str] = []
    opened(copy, notices)
    assert notices == []
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"pad_token_id": config["eos_token_id"]}))
    opened(copy, notices)
    assert "pads with the token that ends its chats" in notices[0]
    notices.clear()
    opened(save_tiny_classifier(tmp_path / "tiny", pad_is_eos=True), notices)
    assert notices == []  # a line end follows that token
    (copy / CARD).write_text(SCALAR_CARD.to_json())
    opened(copy, notices)
    assert len(notices) == 1
    assert "is a demo" in notices[0]


def test_folder_of_train_rm_is_no_stranger(copy: Path) -> None:
    (copy / CARD).write_text(SCALAR_CARD.to_json())
    notices: list[str] = []
    model = opened(copy, notices)
    assert "is a demo" in notices[0]
    assert model.facts()["max_length"] == 100
    found = model.judge([Query(ASKED, "It is clear. " * 40, ()), QUERIES[0]])
    assert [entry.truncated for (entry,) in found if isinstance(entry, Judgement)] == [True, False]
    assert model.facts()["truncated"] == 1


def test_what_cannot_be_judged_is_a_problem_of_its_own(copy: Path) -> None:
    strict = "{% if messages | length > 3 %}{{ raise_exception('too many turns') }}{% endif %}" + CHAT_TEMPLATE
    answering_tokenizer(strict).save_pretrained(copy)
    model = opened(copy, max_length=100)
    bad = [Query(ASKED * 3, "Yes", ()), Query([*ASKED, Message("tool", "x " * 100)], "Yes", ()), QUERIES[0]]
    found = model.judge(bad)
    assert [entry.reason for (entry,) in found if isinstance(entry, Problem)] == ["bad_chat", "conversation_too_long"]
    assert isinstance(found[2][0], Judgement)


def test_damaged_weights_give_problems_not_scores(copy: Path) -> None:
    broken = tiny_classifier()
    with torch.no_grad():
        broken.score.weight.fill_(math.inf)
    broken.save_pretrained(copy)
    assert [entry.reason for (entry,) in opened(copy).judge(QUERIES) if isinstance(entry, Problem)] == [
        "not_finite"
    ] * 3


def test_several_labels_are_refused_before_the_weights_are_read(tmp_path: Path) -> None:
    folder = save_scalar_rm(tmp_path / "five", num_labels=5)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"five is a classifier of 5 labels; a reward model has one label"):
        opened(folder)


def test_tokenizer_without_a_chat_template_is_refused_before_the_weights_are_read(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights")
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match="copy has no chat template, which a reward model needs"):
        opened(copy)


def test_missing_head_is_refused_not_made_up(copy: Path) -> None:
    tiny_classifier().model.save_pretrained(copy)
    with pytest.raises(DataError, match=r"lacks the weights score\.weight"):
        opened(copy)


def test_encoder_is_refused(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=400, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_labels=1
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path / "bert")
    answering_tokenizer().save_pretrained(tmp_path / "bert")
    with pytest.raises(ConfigError, match="bert is a BertForSequenceClassification, which has no linear head on its"):
        opened(tmp_path / "bert")
