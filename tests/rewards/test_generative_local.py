"""A judge in this process: tiny models that follow a script, and tokenizers that cut words differently."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError, InputMissing, Interrupted
from stages.core.journal import read_journal
from stages.core.rows import Problem
from stages.models.load import load_causal_lm, load_tokenizer
from stages.rewards.generative import open_generative
from stages.rewards.judgement import judgement_odds
from stages.rewards.local_spot import find_spot
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions
from tests.tiny_judges import save_tiny_judge
from tests.tiny_models import CHAT_TEMPLATE

SCRIPT = ("It is so.", " \n", "Final", " Judgement:")
QUERIES = [
    Query((Message("user", "Hi"),), "Hello.", ("clarity", "brevity")),
    Query((Message("system", "Be brief."), Message("user", "Hi")), "", ("clarity",)),
    Query((), "Hello.", ()),
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers Yes over No with log-odds of 1.5."""
    return save_tiny_judge(tmp_path_factory.mktemp("models") / "judge", SCRIPT, [(" Yes", 20.0), (" No", 18.5)])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "part-00000.jsonl"


def ask(
    model: Path, journal: Path, queries: Sequence[Query] = QUERIES, seed: int = 0, **options: Any
) -> tuple[list[list[Any]], dict[str, Any]]:
    """The answers to all queries and the model's facts."""
    chosen = RewardOptions(**({"generative": True, "max_reply_tokens": 12, "precision": "fp32"} | options))
    opened = open_generative(str(model), chosen, seed=seed, journal=journal, notice=lambda text: None)
    try:
        return opened.judge(queries), dict(opened.facts())
    finally:
        opened.close()


def test_the_score_is_the_models_own_log_odds_at_its_judgement(judge: Path, journal: Path) -> None:
    rows, facts = ask(judge, journal)
    assert [len(row) for row in rows] == [2, 1, 0]
    for found in [found for row in rows for found in row]:
        assert found.score == pytest.approx(1.5, abs=1e-4)
        assert found.mass == pytest.approx(1.0, abs=1e-4)
        assert (found.reasoning, found.p_yes, found.truncated) == ("It is so.", None, False)
    assert (facts["votes"], facts["answers_not_listed"], facts["truncated"]) == (3, 0, 0)


def test_it_equals_a_plain_forward_pass_over_what_was_written(judge: Path, journal: Path) -> None:
    ((found,),), _ = ask(judge, journal, QUERIES[1:2])
    model, tokenizer, _ = load_causal_lm(str(judge), "cpu")
    # the next token depends on the last alone, so any beginning will do
    ids = tokenizer("".join(SCRIPT), add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        chances = model(ids).logits[0, -1].log_softmax(dim=0)
    yes, no = (float(chances[tokenizer.convert_tokens_to_ids(text)]) for text in (" Yes", " No"))
    assert found.score == pytest.approx(yes - no, abs=1e-5)


def test_a_finished_journal_answers_everything_with_the_same_numbers(judge: Path, journal: Path) -> None:
    first, _ = ask(judge, journal)
    whole = journal.read_bytes()
    again, facts = ask(judge, journal)
    assert again == first
    assert (facts["calls"], facts["from_journal"]) == (0, 3)
    assert journal.read_bytes() == whole


def test_batch_and_order_decide_nothing(judge: Path, tmp_path: Path) -> None:
    queries = [Query((Message("user", "Hi " * n),), "x" * n, ("clarity",)) for n in range(12)]
    forth, _ = ask(judge, tmp_path / "a.jsonl", queries)
    back, _ = ask(judge, tmp_path / "b.jsonl", queries[::-1], row_tokens=1)
    for one, other in zip(forth, back[::-1], strict=True):
        assert one[0].score == pytest.approx(other[0].score, abs=1e-5)


@pytest.mark.parametrize(
    ("script", "then", "reason"),
    [
        (("Hm.",), (), "no_judgement"),
        ((*SCRIPT[:3], " judgment is:"), (), "no_judgement"),
        (SCRIPT, tuple(f" more {n}" for n in range(20)), "cut_off"),
    ],
)
def test_what_has_no_judgement_is_a_problem(
    script: tuple[str, ...], then: tuple[str, ...], reason: str, tmp_path: Path, journal: Path
) -> None:
    model = save_tiny_judge(tmp_path / "model", script, [(" Yes", 20.0), (" No", 18.0)], then)
    ((found,),), facts = ask(model, journal, QUERIES[1:2])
    assert isinstance(found, Problem)
    assert found.reason == reason
    assert facts["votes_without_judgement"] == 1
    (entry,) = read_journal(journal).values()
    assert (len(entry.raw), entry.logprobs) == (1, ())


@pytest.mark.parametrize("then", [("\n\n",), ("\n\n", "Good", " bye."), ("</s>",)])
def test_the_place_does_not_hang_on_what_follows(then: tuple[str, ...], tmp_path: Path, journal: Path) -> None:
    model = save_tiny_judge(tmp_path / "model", SCRIPT, [(" Yes", 17.0), (" No", 20.0)], then)
    ((found,),), _ = ask(model, journal, QUERIES[1:2])
    assert found.score == pytest.approx(-3.0, abs=1e-4)


def test_votes_are_drawn_and_averaged(judge: Path, journal: Path) -> None:
    ((found,),), facts = ask(judge, journal, QUERIES[1:2], votes=6, temperature=1.0)
    assert found.score == pytest.approx(1.5, abs=1e-3)
    assert facts["votes"] == 6
    entries = read_journal(journal).values()
    assert len(entries) == 6
    written = sorted(entry.raw[-1].rpartition(" ")[2] for entry in entries)
    assert {"Yes"} < set(written) <= {"Yes", "No"}  # p(No) = 0.18 a draw; the seed is fixed
    other, _ = ask(judge, journal.with_name("other.jsonl"), QUERIES[1:2], votes=6, temperature=1.0, seed=1)
    assert read_journal(journal).keys() & read_journal(journal.with_name("other.jsonl")).keys() == set()
    assert isinstance(other[0][0], Judgement)


def test_a_spent_budget_interrupts_and_a_higher_one_goes_on(judge: Path, journal: Path) -> None:
    queries = [Query((), str(n), ("clarity",)) for n in range(70)]
    with pytest.raises(Interrupted, match="--max-tokens 50"):
        ask(judge, journal, queries, max_tokens=50)
    assert len(read_journal(journal)) == 64
    rows, facts = ask(judge, journal, queries, max_tokens=10**6)
    assert all(isinstance(found, Judgement) for (found,) in rows)
    assert facts["from_journal"] == 64


def test_long_conversations_are_cut_and_principles_never(judge: Path, journal: Path) -> None:
    turns = [Message(role, f"{role} " * 200) for role in ("user", "assistant", "user")]
    queries = [Query(turns, "r" * 3000, ("clarity", "p" * 3000)), QUERIES[1]]
    rows, facts = ask(judge, journal, queries, max_length=1200)
    long, refused = rows[0]
    assert (long.truncated, rows[1][0].truncated, facts["truncated"]) == (True, False, 1)
    assert isinstance(refused, Problem)
    assert (refused.reason, refused.field) == ("principle_too_long", "principle")
    assert all(entry.tokens[0][0] <= 1200 for entry in read_journal(journal).values())


def test_the_answer_has_its_room_in_the_models_window(tmp_path: Path, journal: Path) -> None:
    model = save_tiny_judge(tmp_path / "model", SCRIPT, [(" Yes", 20.0), (" No", 18.0)], window=1000)
    ((found,),), _ = ask(model, journal, [Query((), "r" * 4000, ("clarity",))])
    assert found.truncated
    assert all(entry.tokens[0][0] <= 988 for entry in read_journal(journal).values())


ROLES = "{% for message in messages %}{% if message.role in ['user', 'assistant'] %}"
NO_OTHERS = ROLES + "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}{% endfor %}"


def with_template(judge: Path, folder: Path, template: str) -> Path:
    copy = Path(shutil.copytree(judge, folder))
    (copy / "chat_template.jinja").write_text(template)
    return copy


def test_the_principles_own_role_is_used_where_the_template_knows_it(judge: Path, journal: Path) -> None:
    ((found,),), _ = ask(judge, journal, QUERIES[1:2], principle_role="principle")
    assert found.score == pytest.approx(1.5, abs=1e-4)
    tokenizer = load_tokenizer(str(judge))
    (entry,) = read_journal(journal).values()
    chat = [("system", "Be brief."), ("user", "Hi"), ("assistant", ""), ("principle", "clarity")]
    text = tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in chat], tokenize=False, add_generation_prompt=True
    )
    assert entry.tokens[0][0] == len(tokenizer(text)["input_ids"])


def test_a_template_that_leaves_out_the_role_is_refused(judge: Path, tmp_path: Path, journal: Path) -> None:
    copy = with_template(judge, tmp_path / "copy", NO_OTHERS + "<|im_start|>assistant\n")
    with pytest.raises(ConfigError, match=r"leaves out messages of the role 'principle'; use --principle-role user"):
        ask(copy, journal, principle_role="principle")


def test_turns_that_the_template_refuses_are_one_querys_problem(judge: Path, tmp_path: Path, journal: Path) -> None:
    refuses = "{% if messages[0].content == 'bad' %}{{ raise_exception('bad turn') }}{% endif %}" + CHAT_TEMPLATE
    copy = with_template(judge, tmp_path / "copy", refuses)
    bad = Query((Message("user", "bad"),), "Hello.", ("clarity",))
    rows, _ = ask(copy, journal, [bad, QUERIES[1]], principle_role="principle")
    assert isinstance(rows[0][0], Problem)
    assert (rows[0][0].reason, rows[0][0].field) == ("bad_chat", "prompt")
    assert isinstance(rows[1][0], Judgement)


def test_reasoning_is_left_to_the_chat_template(judge: Path, tmp_path: Path, journal: Path) -> None:
    # as Qwen3's: without the switch the model reasons, with it there is an empty block before the answer
    quiet = "{% if enable_thinking is defined %}quiet{% endif %}"
    copy = with_template(judge, tmp_path / "copy", CHAT_TEMPLATE + quiet)
    ((found,),), _ = ask(copy, journal, QUERIES[1:2])
    assert isinstance(found, Judgement)


def test_a_model_without_a_chat_template_is_asked_plainly(tmp_path: Path, journal: Path) -> None:
    model = save_tiny_judge(tmp_path / "model", SCRIPT, [(" Yes", 20.0), (" No", 18.0)], template=None)
    ((found,),), _ = ask(model, journal, QUERIES[1:2])
    assert found.score == pytest.approx(2.0, abs=1e-4)


def test_a_folder_that_is_not_there_is_named(journal: Path) -> None:
    with pytest.raises(InputMissing, match="nowhere"):
        ask(Path("nowhere/to/be/found"), journal)


class Cutter:
    """A tokenizer of which only what `find_spot` uses is there: the pieces of a vocabulary, joined."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_vocab(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def decode(self, ids: list[int], **_: object) -> str:
        return "".join(self.names[n] for n in ids).replace("Ġ", " ").replace("Ċ", "\n").replace("▁", " ")


LABEL = ("Hm.", "Ċ", "Final", "ĠJudgement", ":")


@pytest.mark.parametrize(
    ("pieces", "others", "place", "pair", "other"),
    [
        ((*LABEL, "ĠYes"), ("ĠNo", "No"), 5, ("ĠYes", "ĠNo"), " No"),
        ((*LABEL, "ĠNo"), ("ĠYes", "Yes"), 5, ("ĠYes", "ĠNo"), " Yes"),
        (("Hm.", "\n", "Final", "▁Judgement", ":", "▁Yes"), ("▁No",), 5, ("▁Yes", "▁No"), " No"),
        ((*LABEL, "Ġ", "Yes"), ("No", "ĠNo"), 6, ("Yes", "No"), "No"),
        ((*LABEL, "Ġ", "Y", "es"), ("N", "o"), 6, ("Y", "N"), "No"),
        ((*LABEL, "Ġ", "Y", "es"), ("N", "No"), 6, ("Y", "No"), "No"),
        ((*LABEL, "Ġ", "N", "o"), ("Y", "Ye", "es"), 6, ("Ye", "N"), "Yes"),
        ((*LABEL, "ĠYes", "Ċ", "Bye"), ("ĠN",), 5, ("ĠYes", "ĠN"), " No"),
        ((*LABEL, "ĠYes."), ("ĠNo.", "ĠNo"), 5, ("ĠYes.", "ĠNo."), " No."),
        (("Hm.\nFinal Judgement: Yes",), ("Hm.\nFinal Judgement: No",), 0, None, "Hm.\nFinal Judgement: No"),
    ],
)
def test_the_deciding_token_is_found_however_words_are_cut(
    pieces: tuple[str, ...], others: tuple[str, ...], place: int, pair: tuple[str, str] | None, other: str
) -> None:
    cutter = Cutter(*dict.fromkeys((*pieces, *others)))
    vocabulary = cutter.get_vocab()
    ids = tuple(vocabulary[piece] for piece in pieces)
    spot = find_spot((7, 8), ids, cutter)
    assert spot is not None
    assert spot.choice.row == (7, 8, *ids[:place])
    expected = pair or (pieces[0], others[0])
    assert (spot.choice.yes, spot.choice.no) == tuple(vocabulary[name] for name in expected)
    assert spot.other == other
    odds = judgement_odds(spot.tokens(-0.5, -3.0))
    assert (odds.log_odds, odds.listed) == (2.5, True)


def test_a_tokenizer_that_cannot_begin_the_other_answer_gives_no_judgement() -> None:
    cutter = Cutter(*LABEL, "ĠYes", "no")
    assert find_spot((), tuple(range(6)), cutter) is None
    assert find_spot((), (0, 1), cutter) is None
