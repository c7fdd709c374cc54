import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.core.rows import Problem
from stages.models.encoding import PairEncoder
from stages.models.load import load_causal_lm
from stages.models.template import make_template
from stages.rewards.card import CARD, read_card
from stages.rewards.entailment import NUM_MASSES, EntailmentModel, open_entailment
from stages.rewards.model import Judgement, Query, RewardModel
from stages.rewards.options import RewardOptions
from tests.naive.pairs import log_odds_one_by_one, mass_one_by_one
from tests.tiny_families import answering_tokenizer, tiny_model
from tests.tiny_models import CHAT_TEMPLATE, save_tiny_causal_lm
from tests.tiny_rewards import save_entailment_rm

ASKED = [Message("user", "Is it clear?")]
QUERIES = [
    Query(ASKED, "It is clear and accurate.", ["clarity", "no comments", "accurate"]),
    Query([Message("system", "Be brief."), Message("user", "Hi")], "", ["clarity"]),
    Query(ASKED, "Yes", []),
    Query(ASKED, "No, two errors. " * 6, ["errors in the code", "clarity"]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_entailment_rm(tmp_path_factory.mktemp("rewards") / "rm")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def opened(folder: Path, notices: list[str] | None = None, **options: Any) -> EntailmentModel:
    chosen = RewardOptions(**{"precision": "fp32", "device": "cpu"} | options)
    said = [] if notices is None else notices
    return open_entailment(str(folder), read_card(folder), chosen, said.append)


def judgements(model: EntailmentModel, queries: Sequence[Query] = QUERIES) -> list[Judgement]:
    found = [entry for entries in model.judge(queries) for entry in entries]
    assert not any(isinstance(entry, Problem) for entry in found)
    return [entry for entry in found if isinstance(entry, Judgement)]


def naive(folder: Path) -> tuple[list[float], list[float]]:
    """Log-odds and Yes+No mass of every pair, one forward pass each."""
    model, tokenizer, _ = load_causal_lm(str(folder), "cpu", "float32")
    template = make_template(tokenizer)
    texts = [template.render(tokenizer, *query[:2], principle) for query in QUERIES for principle in query.principles]
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    yes, no = template.answers.yes, template.answers.no
    with torch.no_grad():
        return log_odds_one_by_one(model, rows, yes, no).tolist(), mass_one_by_one(model, rows, yes, no)


def test_judgements_equal_single_forward_passes(folder: Path) -> None:
    model: RewardModel = opened(folder)
    assert model.reads_principles
    found = model.judge(QUERIES)
    assert [len(entries) for entries in found] == [3, 1, 0, 2]
    flat = [entry for entries in found for entry in entries if isinstance(entry, Judgement)]
    scores, masses = naive(folder)
    assert [entry.score for entry in flat] == pytest.approx(scores, abs=1e-5)
    # the card's temperature is 2, its bias 0.5
    assert [entry.p_yes for entry in flat] == pytest.approx(
        [1 / (1 + math.exp(-(score / 2 + 0.5))) for score in scores], abs=1e-6
    )
    assert len(flat) <= NUM_MASSES
    assert [entry.mass for entry in flat] == pytest.approx(masses, abs=1e-5)
    assert {entry.reasoning for entry in flat} == {None}
    model.close()


def test_only_a_sample_has_its_mass_computed(folder: Path) -> None:
    query = Query(ASKED, "It is clear.", [f"principle {n}" for n in range(3 * NUM_MASSES)])
    model = opened(folder)
    assert sum(entry.mass is not None for entry in judgements(model, [query])) == NUM_MASSES
    assert model.facts()["mass_pairs"] == NUM_MASSES


@pytest.mark.parametrize("row_tokens", [1, 300, 4096])
def test_scores_do_not_depend_on_the_size_of_forward_passes(folder: Path, row_tokens: int) -> None:
    told: list[int] = []
    model = opened(folder, row_tokens=row_tokens)
    found = [entry for entries in model.judge(QUERIES, told.append) for entry in entries]
    assert [entry.score for entry in found if isinstance(entry, Judgement)] == pytest.approx(naive(folder)[0], abs=1e-5)
    assert sum(told) == len(QUERIES)
    assert (len(told) > 1) == (row_tokens == 1)


def test_name_is_the_folder_and_its_content(folder: Path, copy: Path) -> None:
    assert opened(folder).name.startswith("rm@")
    assert opened(copy).name == opened(folder).name.replace("rm@", "copy@")


def test_chat_model_without_a_card_is_judged_uncalibrated(tmp_path: Path) -> None:
    folder = save_entailment_rm(tmp_path / "plain", with_card=False)
    notices: list[str] = []
    model = opened(folder, notices)
    found = judgements(model)
    assert [entry.score for entry in found] == pytest.approx(naive(folder)[0], abs=1e-5)
    assert {entry.p_yes for entry in found} == {None}
    assert f"{model.name} has no {CARD}: it is asked as it is, with our own template, and without" in notices[0]
    assert model.facts()["calibrated"] is False


def test_uncalibrated_and_demo_models_say_so(tmp_path: Path) -> None:
    notices: list[str] = []
    folder = save_entailment_rm(tmp_path / "rm", calibration=None, fidelity="demo")
    assert {entry.p_yes for entry in judgements(opened(folder, notices))} == {None}
    assert "is a demo" in notices[0]
    assert "is not calibrated: there is no p_yes" in notices[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("qwen3", "principles share the tokens of their response, since all layers have full attention."),
        ("gemma2", "principles are read one by one, since the family gemma2 is not among"),
    ],
)
def test_how_principles_are_read_is_said_once(name: str, words: str, tmp_path: Path) -> None:
    notices: list[str] = []
    model = opened(save_entailment_rm(tmp_path / "rm", name), notices)
    judgements(model)
    judgements(model)
    assert sum(words in notice for notice in notices) == 1
    assert model.facts()["attention"] == ("tree" if name == "qwen3" else "sorted")


def test_other_tokenizer_than_in_training_is_refused_before_the_weights_are_read(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights")
    answering_tokenizer(CHAT_TEMPLATE.replace("<|im_end|>\n", "<|im_end|>\n\n")).save_pretrained(copy)
    with pytest.raises(ConfigError, match="copy renders the entailment template in other tokens than the one that"):
        opened(copy)


@pytest.mark.parametrize("with_card", [True, False])
def test_tokenizer_without_a_chat_template_is_refused_before_the_weights_are_read(copy: Path, with_card: bool) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights")
    (copy / "chat_template.jinja").unlink()
    if not with_card:
        (copy / CARD).unlink()
    with pytest.raises(ConfigError, match="copy has no chat template, which an entailment model needs"):
        opened(copy)


def test_answers_of_several_tokens_are_refused_before_the_weights_are_read(tmp_path: Path) -> None:
    folder = save_tiny_causal_lm(tmp_path / "tiny")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="tiny does not write Yes and No as two distinct single tokens"):
        opened(folder)


def test_padding_token_that_ends_every_turn_changes_nothing(folder: Path, copy: Path) -> None:
    before = judgements(opened(folder))
    tokenizer = answering_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"pad_token_id": config["eos_token_id"]}))
    # the tokens are the same, but the special ones are fewer, which the card notices: so without it
    (copy / CARD).unlink()
    assert [entry.score for entry in judgements(opened(copy))] == [entry.score for entry in before]


def test_what_cannot_be_judged_is_a_problem_of_its_own(folder: Path) -> None:
    model = opened(folder, max_length=400)
    bad = [
        Query(ASKED, "It is clear.", ["clarity", "zq " * 300, "accurate"]),
        Query([*ASKED, Message("tool", "x " * 400)], "It is clear.", ["clarity"]),
        QUERIES[1],
    ]
    found = model.judge(bad)
    reasons = [[entry.reason if isinstance(entry, Problem) else "" for entry in entries] for entries in found]
    assert reasons == [["", "principle_too_long", ""], ["conversation_too_long"], [""]]
    assert isinstance(found[2][0], Judgement)
    assert found[2][0].score == pytest.approx(judgements(model, QUERIES[1:2])[0].score, abs=1e-5)


def test_damaged_weights_give_problems_not_scores(copy: Path) -> None:
    broken = tiny_model("qwen3")
    with torch.no_grad():
        broken.lm_head.weight.fill_(float("nan"))
    broken.save_pretrained(copy)
    model = opened(copy)
    flat = [entry for entries in model.judge(QUERIES) for entry in entries]
    assert [entry.reason for entry in flat if isinstance(entry, Problem)] == ["not_finite"] * 6
    assert model.facts()["mass_median"] is None


def test_cut_conversations_are_flagged_and_counted(folder: Path) -> None:
    model = opened(folder, max_length=300)
    old = [Message("user", "old " * 200), Message("assistant", "older"), *ASKED]
    found = judgements(model, [Query(old, "It is clear.", ["clarity", "x"]), QUERIES[1]])
    assert [entry.truncated for entry in found] == [True, True, False]
    whole = judgements(model, [Query(ASKED, "It is clear.", ["clarity"])])[0]
    assert found[0].score == pytest.approx(whole.score, abs=1e-5)
    assert (model.facts()["truncated"], model.facts()["pairs"]) == (2, 4)


def test_window_is_the_least_of_what_bounds_it(folder: Path, tmp_path: Path) -> None:
    assert opened(folder).facts()["max_length"] == 1024  # of the card
    assert opened(folder, max_length=600).facts()["max_length"] == 600
    plain = save_entailment_rm(tmp_path / "plain", with_card=False)
    assert opened(plain).facts()["max_length"] == 2048  # positions of the model
    with pytest.raises(ConfigError, match="A window of 80 tokens holds no conversation"):
        opened(folder, max_length=80)


def test_precision_is_that_of_the_options(folder: Path) -> None:
    exact = opened(folder)
    coarse = opened(folder, precision="bf16")
    assert (exact.facts()["dtype"], coarse.facts()["dtype"]) == ("float32", "bfloat16")
    scores = [entry.score for entry in judgements(coarse)]
    assert scores == pytest.approx([entry.score for entry in judgements(exact)], abs=0.2)
    assert scores != [entry.score for entry in judgements(exact)]


def test_model_that_would_say_something_else_is_told_of_once(folder: Path) -> None:
    notices: list[str] = []
    model = opened(folder, notices)
    before = len(notices)
    masses = [entry.mass for entry in judgements(model)]
    judgements(model)
    assert len(notices) == before + 1
    assert f"of {len(masses)} sampled pairs" in notices[-1]
    # each pair was sampled twice, so that the median is that of the six
    low, high = sorted(mass for mass in masses if mass is not None)[2:4]
    assert model.facts()["mass_median"] == pytest.approx((low + high) / 2, rel=1e-5)
    assert model.facts()["mass_low"] == pytest.approx(min(masses), rel=0.2)


def test_model_that_says_yes_or_no_is_not_warned_of(copy: Path) -> None:
    tokenizer = answering_tokenizer()
    sure = tiny_model("qwen3")
    yes = PairEncoder(make_template(tokenizer), tokenizer, 1024).template.answers.yes
    last = tokenizer("assistant\n")["input_ids"][-1]
    with torch.no_grad():
        for layer in sure.model.layers:
            layer.self_attn.o_proj.weight.zero_()  # the last token alone decides, and it is the same for all pairs
        state = sure.model(torch.tensor([[last]])).last_hidden_state[0, 0]
        sure.lm_head.weight.zero_()
        sure.lm_head.weight[yes] = 10 * state
    sure.save_pretrained(copy)
    notices: list[str] = []
    model = opened(copy, notices)
    judgements(model)
    assert not any("median probability" in notice for notice in notices)
    assert model.facts()["mass_median"] == pytest.approx(1)
    assert model.facts()["mass_low"] == pytest.approx(1)
