"""Requests for samples: what a model wrote is the result, as it is, and no call is made twice for it."""

from collections import Counter
from pathlib import Path

import pytest

from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply
from stages.core.journal import Journal, read_journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from tests.servers.chat_server import start_server
from tests.servers.scripted import Said, completion, scripted


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RLBFF_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def sample(number: int, model: str = "m") -> ChatRequest:
    message = Message("user", f"<feedback-0>\n{number} is not correct.\n</feedback-0>")
    return ChatRequest(messages=(message,), model=model, temperature=1.0, top_p=0.9, sampled=True, seed=number)


def never(text: str) -> object:
    raise AssertionError("a sample is not checked")


def complete(url: str, path: Path, *requests: ChatRequest) -> list[Outcome]:
    with ChatClient(LlmOptions(llm=url, timeout=5, max_retries=6)) as client, Journal(path) as journal:
        outcomes = client.complete(requests, never, journal)
        journal.compact()
    return outcomes


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (completion("half a sent", "length"), "half a sent"),
        (completion("```json\n{}\n```"), "```json\n{}\n```"),
        (completion(" <think>a</think> b\n"), " <think>a</think> b\n"),
        (completion("odd end", "eos"), "odd end"),
        (completion(""), ""),
        # reasoning that the server took out
        (completion("7", reasoning_content="6 or 7?"), "7"),
        (completion(None, "length", reasoning_content="6 or"), ""),
        (completion(None, "stop", reasoning_content="The answer is 7."), "The answer is 7."),
        (completion("", "stop", reasoning="The answer is 7."), "The answer is 7."),
    ],
)
def test_what_was_written_is_the_result_and_is_remembered(said: Said, text: str, tmp_path: Path) -> None:
    with scripted(lambda call: said) as server:
        (reply,) = complete(server.url, tmp_path / "j.jsonl", sample(0))
        (again,) = complete(server.url, tmp_path / "j.jsonl", sample(0))
    assert len(server.calls) == 1
    assert isinstance(reply, Reply)
    assert isinstance(again, Reply)
    assert (reply.text, reply.reasoning, reply.attempts) == (text, "", 1)
    assert reply.finish_reason == said.payload["choices"][0]["finish_reason"]  # type: ignore[index]
    assert (again.text, again.finish_reason, again.attempts) == (text, reply.finish_reason, 0)


def test_what_a_server_declined_to_write_is_no_sample(tmp_path: Path) -> None:
    with scripted(lambda call: completion("As I w", "content_filter")) as server:
        (outcome,) = complete(server.url, tmp_path / "j.jsonl", sample(0))
    assert isinstance(outcome, CallFailure)
    assert (outcome.reason, outcome.raw, len(server.calls)) == ("refused", "As I w", 1)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (sample(0), 0.9),
        (ChatRequest(messages=(Message("user", "x"),), model="m", sampled=True), 1.0),
        (ChatRequest(messages=(Message("user", "x"),), model="m", top_p=0.5), 0.5),
        (ChatRequest(messages=(Message("user", "x"),), model="m"), None),
    ],
)
def test_a_server_is_told_top_p_of_every_sample(request_: ChatRequest, told: float | None, tmp_path: Path) -> None:
    def check(text: str) -> None:
        pass

    with (
        scripted(lambda call: completion("x")) as server,
        ChatClient(LlmOptions(llm=server.url)) as client,
        Journal(tmp_path / "j.jsonl") as journal,
    ):
        client.complete([request_], check, journal)
    assert server.calls[0].body.get("top_p") == told
    assert "sampled" not in server.calls[0].body


def test_a_sample_and_an_answer_are_two_calls(tmp_path: Path) -> None:
    plain = ChatRequest(messages=(Message("user", "x"),), model="m")
    asked = ChatRequest(messages=(Message("user", "x"),), model="m", sampled=True)
    with (
        scripted(lambda call: completion("```\nx\n```")) as server,
        ChatClient(LlmOptions(llm=server.url)) as client,
        Journal(tmp_path / "j.jsonl") as journal,
    ):
        outcomes = client.complete([plain, asked], str, journal)
    assert [one.text for one in outcomes if isinstance(one, Reply)] == ["x", "```\nx\n```"]
    assert len(server.calls) == 2


def test_nothing_but_transport_is_tried_again_on_a_server_with_faults(tmp_path: Path) -> None:
    mix, path = "429:3,500:3,truncated:2,length:4,schema:4", tmp_path / "j.jsonl"
    wanted = [sample(number, "test-model") for number in range(80)]
    with start_server(faults=0.6, mix=mix, retry_after="0.01") as server:
        outcomes = complete(server.url, path, *wanted)
        stats = server.stats()
        assert complete(server.url, path, *wanted) != []
        assert server.stats()["/chat/completions"] == stats["/chat/completions"]
    replies = [outcome for outcome in outcomes if isinstance(outcome, Reply)]
    assert len(replies) == stats["distinct"] == 80
    finishes = Counter(reply.finish_reason for reply in replies)
    assert finishes == {"length": stats["fault length"], "stop": 80 - stats["fault length"]}
    assert all(stats[f"fault {kind}"] for kind in ("429", "500", "truncated", "schema"))
    assert all(len(entry.raw) == 1 and entry.outcome == "ok" for entry in read_journal(path).values())


def test_a_sample_has_no_form() -> None:
    with pytest.raises(AssertionError, match="no form"):
        ChatRequest(messages=(), model="m", sampled=True, schema={})
