"""The client against a server whose every answer the test writes."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.chat import CallFailure, ChatRequest, Message, Outcome, Reply
from stages.core.errors import ConfigError, EndpointError, Interrupted
from stages.core.journal import Journal, read_journal
from stages.core.llm import ChatClient, api_key
from stages.core.options import LlmOptions
from tests.servers.scripted import Call, Said, completion, scripted

GOOD = '{"good": true}'
SCHEMA = {"type": "object"}
KEY = "sk-test-0123456789"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RLBFF_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def check(text: str) -> None:
    if not isinstance(json.loads(text), dict):
        raise ValueError("it is not an object")


def ask(text: str) -> ChatRequest:
    return ChatRequest(messages=(Message("user", text),), model="m", schema=SCHEMA)


def complete(url: str, tmp_path: Path, *texts: str, **options: object) -> list[Outcome]:
    chosen = LlmOptions(llm=url, **({"max_retries": 1, "timeout": 5.0} | options))  # type: ignore[arg-type]
    with ChatClient(chosen) as client, Journal(tmp_path / "part.jsonl") as journal:
        return client.complete([ask(text) for text in texts], check, journal)


def one(answer: Callable[[Call], Said], tmp_path: Path, **options: object) -> Outcome:
    with scripted(answer) as server:
        return complete(server.url, tmp_path, "hello", **options)[0]


def test_results_keep_the_order_and_equal_requests_are_asked_once(tmp_path: Path) -> None:
    def slower_first(call: Call) -> Said:
        text = call.body["messages"][0]["content"]
        time.sleep(0.1 if text == "a" else 0.0)
        return completion(json.dumps({"echo": text}))

    with scripted(slower_first) as server:
        outcomes = complete(server.url, tmp_path, "a", "b", "a", "c")
    assert [json.loads(reply.text)["echo"] for reply in outcomes if isinstance(reply, Reply)] == ["a", "b", "a", "c"]
    assert len(server.calls) == 3


def test_the_request_says_what_the_options_say(tmp_path: Path) -> None:
    request = ChatRequest(
        messages=(Message("system", "s"), Message("user", "ü")),
        model="m",
        schema=SCHEMA,
        temperature=0.5,
        max_reply_tokens=77,
        seed=3,
    )
    with (
        scripted(lambda call: completion(GOOD)) as server,
        ChatClient(LlmOptions(llm=server.url + "/")) as client,
        Journal(tmp_path / "part.jsonl") as journal,
    ):
        (reply,) = client.complete([request], check, journal)
    assert reply == Reply(text=GOOD, prompt_tokens=10, completion_tokens=5, finish_reason="stop", attempts=1)
    assert server.calls[0].body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "ü"}],
        "temperature": 0.5,
        "max_tokens": 77,
        "seed": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }
    assert "Authorization" not in server.calls[0].headers


def test_reasoning_and_fence_are_taken_off_but_kept_in_the_journal(tmp_path: Path) -> None:
    raw = f"<think>well</think>\n```json\n{GOOD}\n```"
    outcome = one(lambda call: completion(raw), tmp_path)
    assert isinstance(outcome, Reply)
    assert outcome.text == GOOD
    (entry,) = read_journal(tmp_path / "part.jsonl").values()
    assert entry.raw == (raw,)


def test_a_bad_answer_is_repaired_once_with_the_complaint(tmp_path: Path) -> None:
    with scripted(lambda call: completion("[1]" if call.number == 0 else GOOD)) as server:
        (outcome,) = complete(server.url, tmp_path, "hello")
    assert isinstance(outcome, Reply)
    assert outcome.attempts == 2
    turns = server.calls[1].body["messages"]
    assert turns[:2] == [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "[1]"}]
    assert "it is not an object" in turns[2]["content"]
    (entry,) = read_journal(tmp_path / "part.jsonl").values()
    assert (entry.raw, entry.tokens) == (("[1]", GOOD), ((10, 5), (10, 5)))


@pytest.mark.parametrize(
    ("said", "reason", "calls"),
    [
        (completion("[2]"), "bad_answer", 2),
        (completion("not json"), "bad_answer", 2),
        (completion(None), "bad_answer", 2),
        (completion(GOOD, "length"), "cut_off", 2),
        (completion(None, refusal="I will not"), "refused", 1),
        (completion("", "content_filter"), "refused", 1),
        (Said(400, {"error": {"message": "too long"}}), "http_400", 1),
        (Said(500, b"<html>boom</html>"), "http_500", 2),
        (Said(429, {}, {"Retry-After": "0"}), "rate_limited", 2),
        (Said(200, b'{"choices": ['), "broken_reply", 2),
        (Said(200, b"[" * 100_000), "broken_reply", 2),
        (Said(200, {"error": "upstream is away"}), "broken_reply", 2),
    ],
)
def test_what_becomes_a_failure_and_how_often_it_is_asked(tmp_path: Path, said: Said, reason: str, calls: int) -> None:
    def answer(call: Call) -> Said:
        return completion(GOOD) if call.body["messages"][0]["content"] == "fine" else said

    with scripted(answer) as server:
        fine, outcome = complete(server.url, tmp_path, "fine", "hello", concurrency=1)
    assert isinstance(fine, Reply)
    assert isinstance(outcome, CallFailure)
    assert outcome.reason == reason
    assert outcome.error
    assert len(server.calls) == 1 + calls
    if reason in ("bad_answer", "cut_off"):
        assert outcome.raw == (said.payload["choices"][0]["message"]["content"] or "")  # type: ignore[index]


def test_a_failed_repair_keeps_the_bad_answer(tmp_path: Path) -> None:
    outcome = one(lambda call: completion("[1]") if call.number == 0 else Said(400, {"error": "too long"}), tmp_path)
    assert outcome == CallFailure(
        reason="bad_answer",
        error="it is not an object; the request to repair it failed: HTTP 400: too long",
        raw="[1]",
    )


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    start = time.monotonic()
    outcome = one(lambda call: Said(429, {}, {"Retry-After": "1"}) if call.number == 0 else completion(GOOD), tmp_path)
    assert isinstance(outcome, Reply)
    assert outcome.attempts == 2
    assert time.monotonic() - start >= 1.0


def test_one_rate_limit_makes_the_others_wait_too(tmp_path: Path) -> None:
    times: list[float] = []

    def answer(call: Call) -> Said:
        times.append(time.monotonic())
        if call.number == 0:
            return Said(429, {}, {"Retry-After": "1"})
        time.sleep(0.05)
        return completion(GOOD)

    with scripted(answer) as server:
        complete(server.url, tmp_path, *"abcdefghij", concurrency=2)
    assert len([moment for moment in times if moment < times[0] + 0.9]) <= 3
    assert len(times) == 11


def test_those_who_were_limited_together_do_not_come_back_together(tmp_path: Path) -> None:
    all_here = threading.Barrier(12)
    limited: list[float] = []
    again: list[float] = []

    def answer(call: Call) -> Said:
        if call.number >= 12:
            again.append(time.monotonic())
            return completion(GOOD)
        all_here.wait(timeout=10)
        limited.append(time.monotonic())
        return Said(429, {}, {"Retry-After": "0.5"})

    with scripted(answer) as server:
        complete(server.url, tmp_path, *"abcdefghijkl")
    assert len(again) == 12
    assert again[0] - limited[0] >= 0.5
    assert again[-1] - again[0] > 0.15


def test_a_slow_answer_is_a_timeout(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        time.sleep(0.5 if call.body["messages"][0]["content"] == "slow" else 0.0)
        return completion(GOOD)

    with scripted(answer) as server:
        fine, slow = complete(server.url, tmp_path, "fine", "slow", timeout=0.2, concurrency=1)
    assert isinstance(fine, Reply)
    assert isinstance(slow, CallFailure)
    assert slow.reason == "timeout"


def test_what_the_journal_holds_is_not_asked_again_and_failures_are(tmp_path: Path) -> None:
    def first(call: Call) -> Said:
        return completion("[]" if call.body["messages"][0]["content"] == "b" else GOOD)

    with scripted(first) as server:
        before = complete(server.url, tmp_path, "a", "b")
    with scripted(lambda call: completion('{"second": 1}')) as server:
        after = complete(server.url, tmp_path, "b", "a")
    assert [call.body["messages"][0]["content"] for call in server.calls] == ["b"]
    assert isinstance(before[1], CallFailure)
    assert [reply.text for reply in after if isinstance(reply, Reply)] == ['{"second": 1}', GOOD]


def test_a_full_journal_needs_no_server(tmp_path: Path) -> None:
    with scripted(lambda call: completion(GOOD)) as server:
        complete(server.url, tmp_path, "a")
    (reply,) = complete(server.url, tmp_path, "a")
    assert isinstance(reply, Reply)
    assert reply.attempts == 0


def test_an_old_answer_that_no_longer_passes_is_asked_again(tmp_path: Path) -> None:
    with scripted(lambda call: completion(GOOD)) as server:
        complete(server.url, tmp_path, "a")
        options = LlmOptions(llm=server.url)
        with ChatClient(options) as client, Journal(tmp_path / "part.jsonl") as journal:
            (outcome,) = client.complete([ask("a")], _never, journal)
    assert isinstance(outcome, CallFailure)
    assert len(server.calls) == 3


def _never(text: str) -> None:
    raise ValueError("never good")


@pytest.mark.parametrize(
    ("refused", "formats"),
    [
        ({"json_schema"}, ["json_schema", "json_object", "json_object"]),
        ({"json_schema", "json_object"}, ["json_schema", "json_object", None, None]),
    ],
)
def test_a_refused_response_format_steps_down_once(tmp_path: Path, refused: set[str], formats: list[str]) -> None:
    def answer(call: Call) -> Said:
        kind = call.body.get("response_format", {}).get("type")
        return Said(400, {"error": f"response_format {kind} unknown"}) if kind in refused else completion(GOOD)

    notices: list[str] = []
    with (
        scripted(answer) as server,
        ChatClient(LlmOptions(llm=server.url, concurrency=1), notice=notices.append) as client,
        Journal(tmp_path / "part.jsonl") as journal,
    ):
        outcomes = client.complete([ask("a"), ask("b")], check, journal)
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    assert [call.body.get("response_format", {}).get("type") for call in server.calls] == formats
    assert len(notices) == 1
    assert "json_schema" in notices[0]


def test_a_complaint_that_only_quotes_the_request_does_not_step_down(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        if call.body["messages"][0]["content"] == "long":
            return Said(400, {"error": "too long: {'response_format': {'type': 'json_schema'}}"})
        return completion(GOOD)

    with scripted(answer) as server:
        long, fine = complete(server.url, tmp_path, "long", "fine", concurrency=1)
    assert isinstance(long, CallFailure)
    assert isinstance(fine, Reply)
    assert server.calls[-1].body["response_format"]["type"] == "json_schema"


def test_the_other_name_of_the_length_limit_is_found(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        if "max_tokens" in call.body:
            return Said(400, {"error": {"message": "'max_tokens' is unsupported. Use 'max_completion_tokens'."}})
        return completion(GOOD)

    with scripted(answer) as server:
        (outcome,) = complete(server.url, tmp_path, "a")
    assert isinstance(outcome, Reply)
    assert server.calls[-1].body["max_completion_tokens"] == 2048


def test_the_only_listed_model_is_used(tmp_path: Path) -> None:
    with scripted(lambda call: completion(GOOD)) as server, ChatClient(LlmOptions(llm=server.url)) as client:
        assert client.model == "m"


@pytest.mark.parametrize(("names", "words"), [(["a", "b"], "2 models; name one with --llm-model: a, b"), ([], "none")])
def test_no_single_model_is_a_configuration_error(names: list[str], words: str) -> None:
    models = Said(200, {"data": [{"id": name} for name in names]})
    with (
        scripted(lambda call: completion(GOOD), models) as server,
        ChatClient(LlmOptions(llm=server.url)) as client,
        pytest.raises(ConfigError, match=words if names else "lists no model"),
    ):
        _ = client.model


def test_a_gateway_without_a_list_of_models_works_with_a_name(tmp_path: Path) -> None:
    with scripted(lambda call: completion(GOOD), Said(404, {})) as server:
        (outcome,) = complete(server.url, tmp_path, "a", llm_model="m")
        assert isinstance(outcome, Reply)
        with pytest.raises(EndpointError, match=r"HTTP 404.*Check --llm"):
            complete(server.url, tmp_path, "b")


def test_an_unknown_model_ends_the_run_with_a_suggestion(tmp_path: Path) -> None:
    models = Said(200, {"data": [{"id": "qwen3-32b"}, {"id": "llama"}]})
    with scripted(lambda call: Said(404, {"error": {"message": "no model"}}), models) as server:
        client = ChatClient(LlmOptions(llm=server.url, llm_model="qwen-32b"))
        request = ChatRequest(messages=(Message("user", "x"),), model="qwen-32b")
        with (
            client,
            Journal(tmp_path / "part.jsonl") as journal,
            pytest.raises(EndpointError, match=r"no model.*--llm-model: qwen3-32b, llama. Did you mean qwen3-32b\?"),
        ):
            client.complete([request], check, journal)
    assert len(server.calls) == 1


def test_a_redirection_is_shown_and_not_followed(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="redirected to https://elsewhere"):
        one(lambda call: Said(301, b"", {"Location": "https://elsewhere/v1"}), tmp_path)


def test_a_key_is_sent_and_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLBFF_LLM_KEY", f" {KEY}\n")

    def answer(call: Call) -> Said:
        assert call.headers["Authorization"] == f"Bearer {KEY}"
        text = call.body["messages"][0]["content"]
        return completion(json.dumps({"key": KEY})) if text == "leak" else Said(400, {"error": f"bad {KEY}"})

    with scripted(answer) as server:
        leak, failure = complete(server.url, tmp_path, "leak", "other")
    assert KEY not in str((leak, failure))
    assert KEY not in (tmp_path / "part.jsonl").read_text()
    with pytest.raises(EndpointError, match="Set the server's key in RLBFF_LLM_KEY") as caught:
        one(lambda call: Said(401, {"error": f"wrong key {KEY}"}), tmp_path)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("placeholder", ["EMPTY", "ollama", "true"])
def test_a_placeholder_for_a_key_leaves_answers_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, placeholder: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", placeholder)
    answer = json.dumps({"good": True, "said": f"it is {placeholder} here"})
    reply = one(lambda call: completion(answer), tmp_path)
    assert isinstance(reply, Reply)
    assert reply.text == answer


def test_which_key_is_taken() -> None:
    assert api_key({"RLBFF_LLM_KEY": "a", "OPENAI_API_KEY": "b"}) == "a"
    assert api_key({"RLBFF_LLM_KEY": "", "OPENAI_API_KEY": "b"}) == "b"
    assert api_key({}) is None


@pytest.mark.parametrize(
    "url",
    [
        *("http://user:secret@h/v1", "ftp://h/v1", "localhost:8000/v1", "http:///v1", "http://a..b/v1"),
        *(f"http://{'a' * 64}.org/v1", "http://h/v1?key=secret", "http://h/v1#secret"),
    ],
)
def test_a_url_that_cannot_work_or_would_store_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--llm") as caught:
        ChatClient(LlmOptions(llm=url))
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        EndpointError, match=r"^http://127.0.0.1:1/v1: the connection failed .*Start the server"
    ) as caught:
        complete("http://127.0.0.1:1/v1", tmp_path, "a")
    assert "\n" not in str(caught.value)


def test_a_server_that_fails_every_call_ends_the_run(tmp_path: Path) -> None:
    with scripted(lambda call: Said(500, {"error": "out of memory"})) as server:
        with pytest.raises(EndpointError, match=r"HTTP 500: out of memory"):
            complete(server.url, tmp_path, "a", "b", max_retries=0)
        with pytest.raises(EndpointError):
            complete(server.url, tmp_path, *map(str, range(1000)), max_retries=0)
    assert len(server.calls) < 100


def test_a_server_that_refuses_every_call_ends_the_run_but_not_one_that_answered(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        return completion(GOOD) if call.body["messages"][0]["content"] == "fine" else Said(400, {"error": "no"})

    texts = [str(number) for number in range(60)]
    with scripted(answer) as server:
        with pytest.raises(EndpointError, match="HTTP 400: no"):
            complete(server.url, tmp_path, *texts, concurrency=4)
        outcomes = complete(server.url, tmp_path, "fine", *texts, concurrency=1)
    assert [isinstance(outcome, Reply) for outcome in outcomes] == [True] + [False] * 60


def test_a_403_about_one_text_fails_that_call_and_one_about_all_ends_the_run(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        flagged = call.body["messages"][0]["content"].startswith("bad")
        return Said(403, {"error": {"message": "the input was flagged"}}) if flagged else completion(GOOD)

    with scripted(answer) as server:
        outcomes = complete(server.url, tmp_path, "a", "bad", "b", concurrency=1)
        with pytest.raises(EndpointError, match="HTTP 403"):
            complete(server.url, tmp_path, "c", *(f"bad {n}" for n in range(60)), concurrency=1)
    assert [isinstance(outcome, Reply) for outcome in outcomes] == [True, False, True]
    assert len(server.calls) < 40


@pytest.mark.parametrize(
    "said", [completion(None, refusal="no \ud83d"), Said(400, {"error": {"message": "the text 'x\ud83d' is too long"}})]
)
def test_half_a_surrogate_pair_in_a_refusal_can_be_stored(tmp_path: Path, said: Said) -> None:
    outcome = one(lambda call: said, tmp_path)
    assert isinstance(outcome, CallFailure)
    assert "\\ud83d" in outcome.error
    outcome.error.encode()


def test_the_token_budget_stops_the_run_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    texts = [str(number) for number in range(10)]
    with scripted(lambda call: completion(GOOD)) as server:
        with pytest.raises(Interrupted, match=r"45 tokens of --max-tokens 40\. Raise the limit"):
            complete(server.url, tmp_path, *texts, max_tokens=40, concurrency=1)
        assert len(server.calls) == 3
        with pytest.raises(Interrupted, match=r"45 tokens"):
            complete(server.url, tmp_path, *texts, max_tokens=45, concurrency=1)
        assert len(server.calls) == 3, "what the journal holds counts"
        outcomes = complete(server.url, tmp_path, *texts, max_tokens=150, concurrency=1)
    assert len(server.calls) == 10
    assert all(isinstance(outcome, Reply) for outcome in outcomes)


def test_journals_of_other_parts_count_towards_the_cost(tmp_path: Path) -> None:
    prices = {"price_in": 1.0, "price_out": 2.0, "concurrency": 1}
    with scripted(lambda call: completion("[1]" if call.number == 0 else GOOD)) as server:
        complete(server.url, tmp_path, "a", **prices)
        (tmp_path / "part.jsonl").rename(tmp_path / "part-00000.jsonl")
        with pytest.raises(Interrupted, match=r"USD 4e-05 of --max-cost 3e-05"):
            complete(server.url, tmp_path, "b", max_cost=3e-5, **prices)
        assert len(server.calls) == 2, "a repair makes two calls of 20e-6 USD each"
        complete(server.url, tmp_path, "b", max_cost=4.1e-5, **prices)
    assert len(server.calls) == 3


def test_tokens_are_estimated_where_the_server_does_not_count(tmp_path: Path) -> None:
    uncounted = Said(200, {"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]})
    with (
        scripted(lambda call: uncounted) as server,
        ChatClient(LlmOptions(llm=server.url, price_in=1.0, price_out=1.0)) as client,
        Journal(tmp_path / "part.jsonl") as journal,
    ):
        (reply,) = client.complete([ask("x" * 9)], check, journal)
        facts = client.facts()
    assert isinstance(reply, Reply)
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 4)
    assert facts["calls_with_estimated_tokens"] == 1
    assert facts["cost_usd"] == 7e-6


def test_facts_and_progress_add_up(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        text = call.body["messages"][-1]["content"]
        return Said(400, {"error": "no"}) if text == "bad" else completion("[]" if text == "fix" else GOOD)

    steps: list[int] = []
    with scripted(answer) as server, ChatClient(LlmOptions(llm=server.url, concurrency=1)) as client:
        with Journal(tmp_path / "part.jsonl") as journal:
            client.complete([ask(text) for text in ("fine", "fix", "bad")], check, journal, steps.append)
        with Journal(tmp_path / "part.jsonl") as journal:
            client.complete([ask(text) for text in ("fine", "fix", "more")], check, journal, steps.append)
        facts = client.facts()
    assert sum(steps) == 6
    assert facts == {
        "calls": 4,
        "from_journal": 2,
        "http_requests": 5,
        "repairs": 1,
        "failed": {"http_400": 1},
        "prompt_tokens": 40,
        "completion_tokens": 20,
        "calls_with_estimated_tokens": 0,
    }
