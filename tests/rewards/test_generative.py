"""A judge behind a server whose every answer the test writes."""

import math
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError, EndpointError, Interrupted
from stages.core.journal import read_journal
from stages.core.rows import Problem
from stages.rewards.generative import open_generative, vote_seed
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions
from tests.servers.judging import LABEL, Token, answer_token, judge_tokens, odds_asked
from tests.servers.scripted import Call, Said, completion, judgement, scripted

QUERIES = [
    Query((Message("user", "Hi"),), "Hello.", ("clarity", "brevity")),
    Query((Message("user", "Hi"),), "", ("clarity",)),
    Query((), "Hello.", ()),
]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RLBFF_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "part-00000.jsonl"


@contextmanager
def opened(url: str, journal: Path, notices: list[str] | None = None, **options: Any) -> Any:
    chosen = RewardOptions(**({"generative": True, "timeout": 5.0, "max_retries": 1, "concurrency": 1} | options))
    told = [] if notices is None else notices
    model = open_generative(url, chosen, seed=7, journal=journal, notice=told.append)
    try:
        yield model
    finally:
        model.close()


def echo(call: Call) -> Said:
    """Judge at the odds that the question has by its hash."""
    return judgement(judge_tokens(call.body))


def one(answer: Callable[[Call], Said], journal: Path, **options: Any) -> tuple[Judgement | Problem, dict[str, Any]]:
    """The judgement of one response, and the model's facts."""
    with scripted(answer) as server, opened(server.url, journal, **options) as model:
        ((found,),) = model.judge(QUERIES[1:2])
        return found, model.facts()


def test_each_principle_gets_the_odds_at_its_judgement(journal: Path) -> None:
    told: list[int] = []
    with scripted(echo) as server, opened(server.url, journal) as model:
        assert model.reads_principles
        rows = model.judge(QUERIES, told.append)
        facts = model.facts()
    expected = [odds_asked(call.body["messages"], 7) for call in server.calls]
    assert [found.score for row in rows for found in row] == pytest.approx(expected)
    assert [len(row) for row in rows] == [2, 1, 0]
    assert all(found.reasoning == "It does what is asked." for row in rows for found in row)
    assert all(found.mass == pytest.approx(1.0) and found.p_yes is None for row in rows for found in row)
    assert sum(told) == len(QUERIES)
    assert model.name == "m"
    assert (facts["votes"], facts["votes_without_judgement"], facts["calls"]) == (3, 0, 3)
    assert facts["mass_median"] == pytest.approx(1.0)


def test_what_is_sent(journal: Path) -> None:
    with (
        scripted(echo) as server,
        opened(server.url, journal, max_reply_tokens=99, principle_role="principle") as model,
    ):
        model.judge(QUERIES[1:2])
    assert server.calls[0].body == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": ""},
            {"role": "principle", "content": "clarity"},
        ],
        "temperature": 0.0,
        "max_tokens": 99,
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 20,
    }


def test_one_word_is_read_at_the_first_token(journal: Path) -> None:
    with scripted(echo) as server, opened(server.url, journal, generative=False) as model:
        rows = model.judge(QUERIES)
    bodies = [call.body for call in server.calls]
    assert [found.score for row in rows for found in row] == pytest.approx(
        [odds_asked(body["messages"], None) for body in bodies]
    )
    assert all(found.reasoning is None for row in rows for found in row)
    assert {body["max_tokens"] for body in bodies} == {1}
    assert bodies[0]["messages"][-1] == {"role": "user", "content": "clarity"}
    assert bodies[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "seed" not in bodies[0]


def test_a_finished_journal_answers_everything(journal: Path) -> None:
    with scripted(echo) as server:
        with opened(server.url, journal) as model:
            first = model.judge(QUERIES)
        asked = len(server.calls)
        with opened(server.url, journal) as model:
            again = model.judge(QUERIES)
            facts = model.facts()
    assert again == first
    assert len(server.calls) == asked == 3
    assert (facts["calls"], facts["from_journal"]) == (0, 3)
    # and without a server, if the model's name is given
    with opened(server.url, journal, rm_model="m") as model:
        assert model.judge(QUERIES) == first


def test_equal_questions_are_asked_once(journal: Path) -> None:
    with scripted(echo) as server, opened(server.url, journal) as model:
        first, second = model.judge([QUERIES[0], QUERIES[0]])
        third = model.judge([QUERIES[0]])
    assert first == second == third[0]
    assert len(server.calls) == 2


def test_the_journal_holds_one_list_a_call_and_is_sorted(journal: Path) -> None:
    with scripted(echo) as server, opened(server.url, journal) as model:
        model.judge(QUERIES)
    entries = read_journal(journal)
    assert list(entries) == sorted(entries)
    assert all(sum(bool(token.top) for token in entry.logprobs) == 1 for entry in entries.values())


@pytest.mark.parametrize(
    ("said", "reason", "words"),
    [
        (judgement([Token("Hm.")]), "no_judgement", 'no last line "Final Judgement: Yes" or'),
        (judgement([*map(Token, LABEL), Token(" Maybe")]), "no_judgement", "no last line"),
        (judgement([*map(Token, LABEL), Token(" Yes", -9999.0)]), "no_judgement", "neither Yes nor No"),
        (judgement([*map(Token, LABEL), answer_token(1.0)], reason="length"), "cut_off", "Raise --max-reply-tokens"),
        (completion(None, refusal="I will not"), "refused", "I will not"),
        (Said(400, {"error": "context too long"}), "http_400", "context too long"),
    ],
)
def test_what_has_no_judgement_is_a_problem_and_never_a_score(
    journal: Path, said: Said, reason: str, words: str
) -> None:
    found, facts = one(lambda call: said, journal)
    assert isinstance(found, Problem)
    assert (found.reason, found.field) == (reason, None)
    assert words in found.error
    (key,) = read_journal(journal)
    assert f"call {key[:16]} in the journal" in found.error
    assert (facts["votes"], facts["votes_without_judgement"], facts["share_without_judgement"]) == (1, 1, 1.0)


def test_a_first_word_that_is_no_answer_is_a_problem(journal: Path) -> None:
    found, _ = one(lambda call: judgement([Token("<think>", -0.1)], reason="length"), journal, generative=False)
    assert isinstance(found, Problem)
    assert found.reason == "no_judgement"
    assert found.error.endswith("A model that reasons first needs --generative.")


def test_an_answer_that_is_not_listed_counts_minus_fifty(journal: Path) -> None:
    tokens = [*map(Token, LABEL), Token(" No", -0.5, ((" No", -0.5), (" Perhaps", -1.0)))]
    found, facts = one(lambda call: judgement(tokens), journal)
    assert isinstance(found, Judgement)
    assert found.score == -49.5
    assert found.mass == pytest.approx(math.exp(-0.5))
    assert facts["answers_not_listed"] == 1


def test_probabilities_are_clamped_and_counted(journal: Path) -> None:
    def answer(call: Call) -> Said:
        chances = [{"token": " Yes", "prob": 1.0}, {"token": " No", "prob": 1e-12}]
        label = [{"token": text, "prob": 1.0} for text in LABEL]
        said = completion("Final Judgement: Yes")
        content = [*label, {"token": " Yes", "prob": 1.0, "top_probs": chances}]
        said.payload["choices"][0]["logprobs"] = {"content": content}  # type: ignore[index]
        return said

    found, facts = one(answer, journal)
    assert isinstance(found, Judgement)
    assert (found.score, facts["clamped"]) == (16.0, 1)


def test_reasoning_is_what_stands_before_the_judgement_the_block_first(journal: Path) -> None:
    block = [Token("hm"), Token("</think>"), Token("So")]
    said = judgement([*block, *map(Token, LABEL), answer_token(1.5)], text="So\nFinal Judgement: Yes", reasoning="hm")
    found, _ = one(lambda call: said, journal)
    assert isinstance(found, Judgement)
    assert found.score == pytest.approx(1.5)
    assert found.reasoning == "hm\n\nSo"
    again, _ = one(lambda call: said, journal)
    assert again == found


def test_votes_are_drawn_with_seeds_of_their_own_and_averaged(journal: Path) -> None:
    with scripted(echo) as server, opened(server.url, journal, votes=3, temperature=0.7) as model:
        told: list[int] = []
        ((found,),) = model.judge(QUERIES[1:2], told.append)
        facts = model.facts()
    assert told == [1]
    seeds = [call.body["seed"] for call in server.calls]
    assert seeds == [vote_seed(7, vote) for vote in range(3)]
    assert len(set(seeds)) == 3
    odds = [odds_asked(call.body["messages"], call.body["seed"]) for call in server.calls]
    assert found.score == pytest.approx(sum(odds) / 3)
    assert facts["votes"] == 3
    assert not {vote_seed(8, vote) for vote in range(1000)} & {vote_seed(7, vote) for vote in range(1000)}


def test_votes_without_a_judgement_are_left_out_and_counted(journal: Path) -> None:
    def answer(call: Call) -> Said:
        return judgement([Token("Hm.")]) if call.number == 1 else echo(call)

    with scripted(answer) as server, opened(server.url, journal, votes=3, temperature=0.7) as model:
        ((found,),) = model.judge(QUERIES[1:2])
        facts = model.facts()
    odds = [odds_asked(call.body["messages"], call.body["seed"]) for call in server.calls]
    assert found.score == pytest.approx((odds[0] + odds[2]) / 2)
    assert (facts["votes_without_judgement"], facts["failed"]) == (1, {"bad_answer": 1})
    assert facts["share_without_judgement"] == pytest.approx(1 / 3)


def test_no_vote_with_a_judgement_is_a_problem(journal: Path) -> None:
    found, facts = one(lambda call: judgement([Token("Hm.")]), journal, votes=2, temperature=1.0)
    assert isinstance(found, Problem)
    assert found.reason == "no_judgement"
    assert facts["votes_without_judgement"] == 2


def test_a_spent_budget_interrupts_and_a_higher_one_goes_on(journal: Path) -> None:
    queries = [Query((), str(n), ("clarity",)) for n in range(10)]
    with scripted(echo) as server:
        with (
            opened(server.url, journal, max_tokens=45) as model,
            pytest.raises(Interrupted, match="--max-tokens 45"),
        ):
            model.judge(queries)
        assert len(read_journal(journal)) == 3
        with opened(server.url, journal, max_tokens=1000) as model:
            rows = model.judge(queries)
        assert len(server.calls) == 10
    assert all(isinstance(found, Judgement) for (found,) in rows)


def test_a_server_without_log_probabilities_is_named_with_the_remedy(journal: Path) -> None:
    with pytest.raises(EndpointError, match=r"gives no log-probabilities .* Use a server that knows logprobs"):
        one(lambda call: completion("Final Judgement: Yes"), journal)


def test_a_model_that_would_say_something_else_is_warned_about(journal: Path) -> None:
    tokens = [Token("The", -0.1, (("The", -0.1), ("Yes", -3.0), ("No", -4.0)))]
    notices: list[str] = []
    with (
        scripted(lambda call: judgement(tokens, reason="length")) as server,
        opened(server.url, journal, notices, generative=False) as model,
    ):
        model.judge(QUERIES)
        model.judge(QUERIES)
    assert len(notices) == 1
    assert "median probability of 0.068" in notices[0]


def test_options_are_named_as_the_user_knows_them(journal: Path) -> None:
    several = Said(200, {"data": [{"id": "a"}, {"id": "b"}]})
    with (
        scripted(echo, several) as server,
        pytest.raises(ConfigError, match=r"2 models; name one with --rm-model: a, b"),
        opened(server.url, journal),
    ):
        pass
    with pytest.raises(EndpointError, match=r"Start the server or correct --rm,"), opened(server.url, journal):
        pass
    with pytest.raises(ConfigError, match=r"^--rm carries a user name"), opened("http://a:b@c/v1", journal):
        pass


def test_a_server_needs_no_models_in_this_process(
    journal: Path, root: Path, run_python: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    code = (
        "import sys\nfor name in ('torch', 'transformers', 'jinja2'): sys.modules[name] = None\n"
        "from pathlib import Path\nfrom stages.core.chat import Message\n"
        "from stages.rewards.model import Query\nfrom stages.rewards.generative import open_generative\n"
        "from stages.rewards.options import RewardOptions\n"
        "options = RewardOptions(generative=True)\n"
        "model = open_generative(sys.argv[1], options, seed=0, journal=Path('j/a.jsonl'), notice=print)\n"
        "print(model.judge([Query((), 'Hello.', ('clarity',))])[0][0].score)\nmodel.close()"
    )
    with scripted(echo) as server:
        done = run_python("-c", code, server.url, PYTHONPATH=str(root))
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(odds_asked(server.calls[0].body["messages"], 0))
