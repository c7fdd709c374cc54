from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply
from stages.core.errors import Interrupted
from stages.core.journal import Entry, Journal, read_journal
from stages.core.options import LlmOptions
from stages.models.client import LocalClient
from tests.tiny_models import save_tiny_answering_lm

ANSWER = '{"principles": []}'


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_answering_lm(tmp_path_factory.mktemp("models") / "answering", ANSWER, window=1024)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "part-00000.jsonl"


def request(text: str) -> ChatRequest:
    return ChatRequest(messages=(Message("user", text),), model="answering", max_reply_tokens=8)


def complete(
    client: LocalClient, requests: list[ChatRequest], path: Path, check: Callable[[str], object] = str
) -> list[Outcome]:
    with Journal(path) as journal:
        return client.complete(requests, check, journal, lambda finished: None)


def client(model: Path, **options: int) -> LocalClient:
    return LocalClient(LlmOptions(llm=f"local:{model}", max_reply_tokens=8, **options), seed=0)


def complain(text: str) -> None:
    raise ValueError("there is no principle in it")


def test_equal_requests_are_asked_once_and_what_the_journal_holds_never_again(answering: Path, journal: Path) -> None:
    local = client(answering)
    outcomes = complete(local, [request("a"), request("b"), request("a")], journal)
    assert [outcome.text for outcome in outcomes if isinstance(outcome, Reply)] == [ANSWER] * 3
    complete(local, [request("b"), request("c")], journal)
    facts = local.facts()
    assert (facts["calls"], facts["from_journal"], facts["repairs"]) == (3, 1, 0)
    assert len(read_journal(journal)) == 3


def test_answer_that_fails_its_check_is_repaired_once_and_both_are_kept(answering: Path, journal: Path) -> None:
    (outcome,) = complete(client(answering), [request("a")], journal, complain)
    assert isinstance(outcome, CallFailure)
    assert (outcome.reason, outcome.error, outcome.raw) == ("bad_answer", "there is no principle in it", ANSWER)
    (entry,) = read_journal(journal).values()
    assert entry.raw == (ANSWER, ANSWER)


def test_journals_answer_that_no_longer_passes_is_asked_for_again(answering: Path, journal: Path) -> None:
    with Journal(journal) as old:
        old.add(Entry(key=request("a").key, outcome="ok", finish_reason="stop", raw=("old",), tokens=((9, 1),)))

    def check(text: str) -> None:
        if text == "old":
            raise ValueError("it is old")

    (outcome,) = complete(client(answering), [request("a")], journal, check)
    assert isinstance(outcome, Reply)
    assert outcome.text == ANSWER


def test_prompt_without_room_for_an_answer_is_named_and_not_repaired(answering: Path, journal: Path) -> None:
    long, short = complete(client(answering), [request("x " * 2000), request("a")], journal)
    assert isinstance(short, Reply)
    assert isinstance(long, CallFailure)
    assert long.reason == "too_long"
    assert "and the 8 of --max-reply-tokens are more than the model's window" in long.error
    assert read_journal(journal)[request("x " * 2000).key].raw == ()


def test_repair_without_room_leaves_the_first_complaint(answering: Path, journal: Path) -> None:
    # by itself the prompt fits the window of 1024 tokens, with the complaint about its answer it does not
    text = "x " * 480
    (outcome,) = complete(client(answering), [request(text)], journal, complain)
    assert isinstance(outcome, CallFailure)
    assert outcome.reason == "bad_answer"
    assert "there is no principle in it; the request to repair it failed: the prompt's" in outcome.error
    (entry,) = read_journal(journal).values()
    assert entry.raw == (ANSWER,)


def test_budget_ends_the_run_between_two_batches_and_a_higher_one_goes_on(answering: Path, journal: Path) -> None:
    requests = [request(str(number)) for number in range(100)]
    with pytest.raises(Interrupted, match="--max-tokens 50"):
        complete(client(answering, max_tokens=50), requests, journal)
    assert len(read_journal(journal)) == 64
    outcomes = complete(client(answering, max_tokens=50_000), requests, journal)
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
