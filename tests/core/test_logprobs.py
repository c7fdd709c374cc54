"""Requests for log-probabilities: what is sent, read, kept and remembered, and what is said where a server has none."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply, TokenLogprobs, absent_mark
from stages.core.errors import EndpointError
from stages.core.journal import Entry, Journal, read_journal
from stages.core.llm import ChatClient
from stages.core.options import LlmOptions
from stages.core.wire import LEAST_LOGPROB, read_answer
from tests.servers.judging import Token
from tests.servers.scripted import Call, Said, completion, judgement, scripted

PLAIN = ChatRequest(messages=(Message("user", "hello"),), model="m")
ASKED = replace(PLAIN, top_logprobs=20)
TOKENS = [Token("So"), Token(" Yes", -0.25, ((" Yes", -0.25), (" No", -1.5))), Token("<|im_end|>", 0.0)]
KEPT = (TokenLogprobs(" Yes", -0.25, ((" Yes", -0.25), (" No", -1.5))),)


def keep(tokens: Sequence[TokenLogprobs]) -> Sequence[TokenLogprobs]:
    """Those that say Yes."""
    found = [token for token in tokens if token.token == " Yes"]
    if not found:
        raise ValueError("nothing says Yes")
    return found


def complete(
    url: str, path: Path, *requests: ChatRequest, notices: list[str] | None = None, **options: object
) -> list[Outcome]:
    chosen = LlmOptions(llm=url, **({"max_retries": 1, "timeout": 5.0, "concurrency": 1} | options))  # type: ignore[arg-type]
    told = [] if notices is None else notices
    with ChatClient(chosen, notice=told.append, option="--rm") as client, Journal(path) as journal:
        return client.complete(requests, str, journal, keep=keep)


def one(answer: Callable[[Call], Said], path: Path, request: ChatRequest = ASKED) -> Outcome:
    with scripted(answer) as server:
        return complete(server.url, path, request)[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "part.jsonl"


def test_keys_of_requests_without_log_probabilities_are_those_of_older_journals() -> None:
    assert PLAIN.key == "9efb7745a2dec2b28ff8604db5680e5cb99868bfda53aed9234ee21f2035c9db"
    assert len({PLAIN.key, ASKED.key, replace(PLAIN, top_logprobs=5).key, replace(PLAIN, thinking=False).key}) == 4


def test_they_are_asked_for_and_otherwise_nothing_new_is_sent(path: Path) -> None:
    with scripted(lambda call: judgement(TOKENS)) as server:
        complete(server.url, path, ASKED, replace(ASKED, thinking=False))
        complete(server.url, path, PLAIN)
    bodies = [call.body for call in server.calls]
    assert (bodies[0]["logprobs"], bodies[0]["top_logprobs"]) == (True, 20)
    assert bodies[1]["chat_template_kwargs"] == {"enable_thinking": False}
    assert bodies[2].keys() == {"model", "messages", "temperature", "max_tokens"}


def test_what_is_kept_comes_with_the_reply_and_from_the_journal_alike(path: Path) -> None:
    with scripted(lambda call: judgement(TOKENS)) as server:
        (first,) = complete(server.url, path, ASKED)
        (again,) = complete(server.url, path, ASKED)
    assert len(server.calls) == 1
    assert isinstance(first, Reply)
    assert (first.text, first.logprobs) == ("So Yes", KEPT)
    assert again == replace(first, attempts=0)
    Journal(path).compact()
    assert read_journal(path)[ASKED.key].logprobs == KEPT


def test_a_journal_line_without_log_probabilities_is_what_it_was_with_its_checksum(path: Path) -> None:
    entry = Entry(key="a", outcome="ok", finish_reason="stop", raw=("x",), tokens=((1, 2),))
    with Journal(path) as journal:
        journal.add(entry)
    line = (
        '{"key":"a","outcome":"ok","finish_reason":"stop","error":"","raw":["x"],"tokens":[[1,2]],"estimated":false}\n'
    )
    written = json.loads(path.read_text())
    assert int(written.pop("crc32"), 16) >= 0
    assert written == json.loads(line)
    assert read_journal(path) == {"a": entry}
    # as an earlier version wrote it
    path.write_text(line)
    assert read_journal(path) == {"a": entry}


def test_kept_log_probabilities_that_no_longer_do_are_asked_for_again(path: Path) -> None:
    with Journal(path) as journal:
        other = (TokenLogprobs(" Maybe", -1.0),)
        journal.add(Entry(key=ASKED.key, outcome="ok", raw=("old",), tokens=((1, 1),), logprobs=other))
    outcome = one(lambda call: judgement(TOKENS), path)
    assert isinstance(outcome, Reply)
    assert outcome.text == "So Yes"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (judgement([Token("Hm")]), "bad_answer"),
        (judgement(TOKENS, reason="length"), "cut_off"),
        (judgement([], text="", refusal="I will not"), "refused"),
    ],
)
def test_an_answer_of_no_use_is_not_repaired(path: Path, said: Said, reason: str) -> None:
    with scripted(lambda call: said) as server:
        (outcome,) = complete(server.url, path, ASKED)
    assert isinstance(outcome, CallFailure)
    assert outcome.reason == reason
    assert len(server.calls) == 1
    assert read_journal(path)[ASKED.key].logprobs == ()


def test_one_token_is_not_cut_off_where_one_was_asked_for(path: Path) -> None:
    outcome = one(lambda call: judgement(TOKENS[1:2], reason="length"), path, replace(ASKED, max_reply_tokens=1))
    assert isinstance(outcome, Reply)
    assert outcome.logprobs == KEPT


def test_reasoning_that_the_server_takes_out_is_put_back(path: Path) -> None:
    said = judgement([Token("why"), Token("</think>"), *TOKENS], text="So Yes", reasoning_content="why")
    outcome = one(lambda call: said, path)
    assert isinstance(outcome, Reply)
    assert (outcome.reasoning, outcome.text) == ("why", "So Yes")
    (entry,) = read_journal(path).values()
    assert entry.raw == ("<think>\nwhy\n</think>\n\nSo Yes",)


def test_a_server_that_ignores_the_wish_ends_the_run(path: Path) -> None:
    with (
        scripted(lambda call: completion("So Yes")) as server,
        pytest.raises(EndpointError, match=r"gives no log-probabilities with its answers, .*vLLM"),
    ):
        complete(server.url, path, ASKED)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_server_that_refuses_the_wish_ends_the_run_with_its_words(path: Path, status: int) -> None:
    def answer(call: Call) -> Said:
        if call.body.get("top_logprobs", 0) > 5:
            return Said(status, {"error": {"message": "top_logprobs must be at most 5"}})
        return completion("So Yes")

    with (
        scripted(answer) as server,
        pytest.raises(EndpointError, match=r"\(HTTP 4\d\d: top_logprobs must be at most 5\)"),
    ):
        complete(server.url, path, ASKED)
    assert len(server.calls) == 2


def test_a_complaint_that_only_quotes_the_wish_is_the_calls_own(path: Path) -> None:
    def answer(call: Call) -> Said:
        if call.body["messages"][0]["content"] == "long":
            return Said(400, {"error": "too long: {'logprobs': True}"})
        return judgement(TOKENS)

    long = replace(ASKED, messages=(Message("user", "long"),))
    with scripted(answer) as server:
        outcomes = complete(server.url, path, ASKED, long)
    assert isinstance(outcomes[0], Reply)
    assert isinstance(outcomes[1], CallFailure)
    assert outcomes[1].reason == "http_400"


def test_one_answer_without_them_among_others_is_its_own_failure(path: Path) -> None:
    other = replace(ASKED, messages=(Message("user", "other"),))
    with scripted(lambda call: completion("So Yes") if call.number else judgement(TOKENS)) as server:
        outcomes = complete(server.url, path, ASKED, other)
    assert isinstance(outcomes[0], Reply)
    assert isinstance(outcomes[1], CallFailure)
    assert outcomes[1].reason == "no_logprobs"


def test_arguments_for_the_chat_template_are_left_out_where_they_are_refused(path: Path) -> None:
    def answer(call: Call) -> Said:
        refused = "chat_template_kwargs" in call.body
        return Said(422, {"error": "extra field chat_template_kwargs"}) if refused else judgement(TOKENS)

    notices: list[str] = []
    quick = replace(ASKED, thinking=False)
    with scripted(answer) as server:
        outcomes = complete(server.url, path, quick, replace(quick, seed=1), notices=notices)
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    assert len(server.calls) == 3
    assert len(notices) == 1
    assert "chat_template_kwargs" in notices[0]


def read(logprobs: object) -> tuple[TokenLogprobs, ...]:
    message = {"content": "x"}
    return read_answer({"choices": [{"message": message, "logprobs": logprobs}]}, ASKED).logprobs


def test_what_servers_send_is_read() -> None:
    assert read({"content": [{"token": "a", "logprob": -1}]}) == (TokenLogprobs("a", -1.0),)
    assert read({"content": [{"token": "a", "logprob": -math.inf}]}) == (TokenLogprobs("a", LEAST_LOGPROB),)
    assert read({"content": [{"token": "a", "logprob": 0.0, "top_logprobs": None}]}) == (TokenLogprobs("a", 0.0),)
    for nothing in (None, {}, {"content": None}, {"tokens": ["a"], "token_logprobs": [-1.0]}):
        assert read(nothing) == ()


def test_probabilities_are_turned_into_logarithms_and_marked() -> None:
    chances = [{"token": "a", "prob": 0.5, "top_probs": [{"token": "a", "prob": 0.5}, {"token": "b", "prob": 0.0}]}]
    half = math.log(0.5)
    assert read({"content": chances}) == (TokenLogprobs("a", half, (("a", half), ("b", LEAST_LOGPROB)), exact=False),)


@pytest.mark.parametrize(
    "item",
    [
        "a",
        {"logprob": -1.0},
        {"token": "a"},
        {"token": "a", "logprob": math.nan},
        {"token": "a", "prob": -0.1},
        {"token": "a", "logprob": -1.0, "top_logprobs": {"b": -1.0}},
    ],
)
def test_what_cannot_be_read_is_a_broken_reply(item: object) -> None:
    with pytest.raises(ValueError, match=r"token|top_logprobs"):
        read({"content": [item]})


def test_a_broken_reply_is_tried_again(path: Path) -> None:
    def answer(call: Call) -> Said:
        said = judgement(TOKENS)
        if call.number == 0:
            said.payload["choices"][0]["logprobs"]["content"][0] = "?"  # type: ignore[index]
        return said

    outcome = one(answer, path)
    assert isinstance(outcome, Reply)
    assert outcome.attempts == 2


def test_a_mark_is_in_none_of_the_texts() -> None:
    first = absent_mark(["a", "b"])
    assert absent_mark(["a", "b"]) == first
    assert absent_mark(["a", "b", first]) not in first
    assert len(json.loads(f'"{first}"')) == 8
