"""genrm:self on models whose odds of Yes and No are known: sign, size, missing verdicts, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.models.load import load_causal_lm
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.own_judge import OwnJudge, check_judge
from stages.rewards.spec import parse_specs
from stages.rewards.weighted import Source, WeightedReward
from tests.tiny_judges import save_tiny_judge
from tests.tiny_models import CHAT_TEMPLATE
from tests.toy_policy import toy_tokenizer

SCRIPT = ("It is so.", " \n", "Final", " Judgement:")
Loaded = tuple[Any, Any]


def load(folder: Path, yes: float, no: float) -> Loaded:
    """A judge that writes SCRIPT and then Yes and No at these logits, as it stands in training."""
    save_tiny_judge(folder, SCRIPT, [(" Yes", yes), (" No", no)])
    model, tokenizer, _ = load_causal_lm(str(folder), "cpu", "float32")
    return model.train(), tokenizer


@pytest.fixture(scope="module")
def leaning(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Log-odds of Yes of 1.5."""
    return load(tmp_path_factory.mktemp("judge"), 20.0, 18.5)


def item(loaded: Loaded, written: str, label: bool, *, ended: bool = True) -> RewardItem:
    _, tokenizer = loaded
    prompt = tokenizer("assistant\n", add_special_tokens=False)["input_ids"]
    ids = tokenizer(written, add_special_tokens=False)["input_ids"]
    ids += [tokenizer.eos_token_id] if ended else []
    return RewardItem("r1", (Message("user", "?"),), written, label, "clarity", {}, tuple(prompt), tuple(ids))


def judge(loaded: Loaded, spec: str = "genrm:self") -> OwnJudge:
    return OwnJudge(parse_specs([spec])[0], *loaded, row_tokens=64)


def score(loaded: Loaded, written: str, label: bool, spec: str = "genrm:self") -> RewardResult:
    (found,) = judge(loaded, spec).score([item(loaded, written, label)])
    return found


@pytest.mark.parametrize("word", [" Yes", " No"])
@pytest.mark.parametrize("label", [True, False])
def test_the_log_odds_count_for_yes_and_against_no(leaning: Loaded, word: str, label: bool) -> None:
    found = score(leaning, "".join(SCRIPT) + word, label)
    assert found.value == pytest.approx(1.5 if label else -1.5, abs=1e-4)
    assert found.status == "ok"
    assert found.parts == {"verdict": 1.0, "right": float(label), "yes": float(word == " Yes")}


@pytest.mark.parametrize("word", [" Yes", " No"])
@pytest.mark.parametrize("label", [True, False])
def test_the_sign_counts_the_word_that_was_written(leaning: Loaded, word: str, label: bool) -> None:
    found = score(leaning, "".join(SCRIPT) + word, label, "genrm:self-sign")
    right = (word == " Yes") == label
    assert (found.value, found.status) == (1.0 if right else -1.0, "ok")
    assert found.parts == {"verdict": 1.0, "right": float(right), "yes": float(word == " Yes")}


@pytest.mark.parametrize(("spec", "value"), [("genrm:self", -20.0), ("genrm:self-sign", -1.0)])
@pytest.mark.parametrize("written", ["It is so.", "", " Yes", "Final Judgement: Yes \nFinal Judgement: It is so."])
def test_no_verdict_is_worth_the_least(leaning: Loaded, spec: str, value: float, written: str) -> None:
    for label in (True, False):
        found = score(leaning, written, label, spec)
        assert (found.value, found.status, found.parts) == (value, "no_answer", {"verdict": 0.0})
        assert "Final Judgement" in found.detail


def test_beyond_twenty_it_is_worth_no_more(tmp_path: Path) -> None:
    sure = load(tmp_path, 60.0, 10.0)
    assert [score(sure, "".join(SCRIPT) + " Yes", label).value for label in (True, False)] == [20.0, -20.0]


def test_it_equals_the_whole_softmax_of_a_plain_forward_pass(leaning: Loaded) -> None:
    model, tokenizer = leaning
    written = item(leaning, "".join(SCRIPT) + " No", True)
    with torch.inference_mode():
        row = torch.tensor([[*written.prompt_ids, *written.completion_ids[:-2]]])
        chances = model(row).logits[0, -1].double().log_softmax(dim=0)
    yes, no = (float(chances[tokenizer.convert_tokens_to_ids(word)]) for word in (" Yes", " No"))
    (found,) = judge(leaning).score([written])
    assert found.value == pytest.approx(yes - no, abs=1e-5)


def test_the_model_stays_in_training_without_gradient_and_is_read_as_it_is_now(tmp_path: Path) -> None:
    loaded = load(tmp_path, 20.0, 18.5)
    model, tokenizer = loaded
    own = judge(loaded)
    asked = [item(loaded, "".join(SCRIPT) + " Yes", True, ended=ended) for ended in (True, False)]
    first = own.score(asked)
    assert first[0].value == pytest.approx(first[1].value, abs=1e-6)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())
    with torch.no_grad():
        model.lm_head.weight[tokenizer.convert_tokens_to_ids(" No")] = 0
    again = own.score(asked)
    assert again[0].value is not None
    assert again[0].value > 10
    assert own.facts() == {"items": 4, "verdict": 4, "right": 4, "yes": 4}
    assert own.best is None


def test_weights_without_numbers_are_an_error_and_no_reward(tmp_path: Path) -> None:
    loaded = load(tmp_path, 20.0, 18.5)
    with torch.no_grad():
        loaded[0].lm_head.weight.fill_(torch.nan)
    found = score(loaded, "".join(SCRIPT) + " Yes", True)
    assert (found.value, found.status) == (None, "error")
    assert "diverged" in found.detail


def test_items_keep_their_order_and_what_is_noticed_stands_under_the_sources_name(leaning: Loaded) -> None:
    texts = ["nothing", "".join(SCRIPT) + " Yes", "x" + "".join(SCRIPT) + " No"]
    asked = [item(leaning, text, True) for text in texts]
    told: list[int] = []
    found = WeightedReward([Source("genrm", 0.5, judge(leaning))]).score(asked, told.append)
    assert sum(told) == 3
    assert [result.value for result in found] == pytest.approx([-10.0, 0.75, 0.75], abs=1e-4)
    assert dict(found[0].parts) == {"genrm": -20.0, "genrm.verdict": 0.0}
    assert {name: value for name, value in found[2].parts.items() if name != "genrm"} == {
        "genrm.verdict": 1.0,
        "genrm.right": 1.0,
        "genrm.yes": 0.0,
    }


def test_yes_and_no_must_be_single_tokens(leaning: Loaded) -> None:
    check_judge(leaning[1], "user")
    for refused in (lambda: check_judge(toy_tokenizer(), "user"), lambda: judge((leaning[0], toy_tokenizer()))):
        with pytest.raises(ConfigError, match="does not write Yes and No as one token each"):
            refused()


def test_the_template_must_show_the_principle(leaning: Loaded) -> None:
    _, tokenizer = leaning
    check_judge(tokenizer, "principle")
    tokenizer.chat_template = CHAT_TEMPLATE.replace(
        "{{ message['content'] }}", "{% if message['role'] != 'principle' %}{{ message['content'] }}{% endif %}"
    )
    try:
        check_judge(tokenizer, "user")
        with pytest.raises(ConfigError, match="leaves out messages of the role 'principle'"):
            check_judge(tokenizer, "principle")
    finally:
        tokenizer.chat_template = CHAT_TEMPLATE
