"""A model that names patterns, against servers that say and break what the test wants."""

import json
import re
from pathlib import Path

import pytest

from stages.core.errors import ConfigError, EndpointError, InputMissing, Interrupted
from stages.core.options import LlmOptions
from stages.core.rows import Problem
from stages.select_cotp.annotate_prompt import STEPS_A_CALL, prompt_hash
from stages.select_cotp.annotating import ModelAnnotator, PatternAnnotator, RulesAnnotator, open_annotator
from stages.select_cotp.config import ChainOptions, SelectCotpConfig
from stages.select_cotp.markers import Span, annotate
from stages.select_cotp.steps import split_steps
from tests.servers.chat_server import start_server
from tests.servers.scripted import Call, Said, completion, scripted

LINE = (
    "This is line {} of the reasoning, which is as long as a line has to be for it to be a step of its own in a text."
)
SENTENCE = " It says nothing."


def text_of(num_steps: int, word: str = "") -> str:
    text = "\n\n".join(LINE.format(f"{n}{word}") + SENTENCE for n in range(1, num_steps + 1))
    assert len(split_steps(text)) == num_steps
    return text


def configured(url: str | None = None, patterns: str = "llm", **llm: object) -> SelectCotpConfig:
    options = LlmOptions(llm=url, **{"timeout": 5.0, "max_retries": 2, **llm})  # type: ignore[arg-type]
    chains = ChainOptions(patterns=patterns)  # type: ignore[arg-type]
    return SelectCotpConfig(inputs=("x",), core=("y",), chains=chains, llm=options)


def opened(root: Path, url: str | None, **llm: object) -> PatternAnnotator:
    found = open_annotator(configured(url, **llm), root, lambda text: None)
    assert isinstance(found, ModelAnnotator)
    return found


def answered(*named: tuple[int, str]) -> Said:
    return completion(json.dumps({"patterns": [{"step": step, "name": name} for step, name in named]}))


def shown_steps(call: Call) -> int:
    """How many steps a call shows."""
    return int(re.findall(r"the (\d+) steps", call.body["messages"][1]["content"])[-1])


# --- the rules ---


def test_rules_annotate_without_a_model(tmp_path: Path) -> None:
    for config in (configured(patterns="rules"), configured(patterns="auto"), configured("rules")):
        annotator = open_annotator(config, tmp_path, lambda text: None)
        assert isinstance(annotator, RulesAnnotator)
        told: list[int] = []
        texts = ["Wait, no.", "", "So it is 3."]
        assert annotator.annotate([("p", text) for text in texts], 0, told.append) == [annotate(text) for text in texts]
        assert sum(told) == 3
        assert annotator.name == "rules@1"
        assert annotator.identity == {"annotator": "rules@1"}
        annotator.close()
    assert not (tmp_path / ".rlbff").exists()


def test_rows_with_their_own_patterns_need_no_annotator(tmp_path: Path) -> None:
    assert open_annotator(configured("http://127.0.0.1:9/v1", patterns="column"), tmp_path, lambda text: None) is None


# --- a model ---


def test_stretches_of_steps_become_places_of_the_text(tmp_path: Path) -> None:
    text = text_of(5)
    steps = split_steps(text)
    with scripted(lambda call: answered((1, "Restate"), (2, "compute"), (5, "1. answer"))) as server:
        annotator = opened(tmp_path, server.url)
        told: list[int] = []
        (found,) = annotator.annotate([("How many?", text)], 0, told.append)
        annotator.close()
    assert found == [
        Span("restate", steps[0].start, steps[0].end),
        Span("compute", steps[1].start, steps[3].end),
        Span("answer", steps[4].start, steps[4].end),
    ]
    assert told == [1]
    assert "user" in str(server.calls[0].body)
    assert "How many?" in server.calls[0].body["messages"][1]["content"]
    assert server.calls[0].body["temperature"] == 0


def test_windows_are_asked_one_by_one_and_joined_in_order(tmp_path: Path) -> None:
    num = 2 * STEPS_A_CALL + 3
    text = text_of(num)
    steps = split_steps(text)

    def answer(call: Call) -> Said:
        if "This is line 1 " in call.body["messages"][1]["content"]:
            return answered((1, "plan"), (40, "compute"))
        return answered((1, "compute"), (2, "verify")) if shown_steps(call) == STEPS_A_CALL else answered((1, "answer"))

    with scripted(answer) as server:
        annotator = opened(tmp_path, server.url)
        told: list[int] = []
        found, empty = annotator.annotate([("", text), ("", "")], 0, told.append)
        annotator.close()
    assert len(server.calls) == 3
    assert sum(told) == 2
    assert empty == []
    # what goes on behind the end of a window is one pattern
    assert found == [
        Span("plan", steps[0].start, steps[38].end),
        Span("compute", steps[39].start, steps[40].end),
        Span("verify", steps[41].start, steps[79].end),
        Span("answer", steps[80].start, steps[82].end),
    ]


def test_a_model_is_asked_once_and_again_never(tmp_path: Path) -> None:
    texts = [("p", text_of(3)), ("p", text_of(3)), ("q", text_of(3)), ("p", "")]
    with scripted(lambda call: answered((1, "plan"))) as server:
        annotator = opened(tmp_path, server.url)
        told: list[int] = []
        first = annotator.annotate(texts, 0, told.append)
        assert len(server.calls) == 2
        assert sum(told) == len(texts)
        assert annotator.annotate(texts, 0) == first
        annotator.close()
        again = opened(tmp_path, server.url)
        assert again.annotate(texts, 0) == first
        again.close()
        assert len(server.calls) == 2
    assert first[0] == first[1] == first[2]
    journal = tmp_path / ".rlbff" / "journal" / "part-00000.patterns.jsonl"
    assert len(journal.read_text().splitlines()) == 2


def test_a_run_that_stops_goes_on_where_it_stopped(tmp_path: Path) -> None:
    texts = [("p", text_of(2, word)) for word in "abcdef"]
    with scripted(lambda call: answered((1, "plan"))) as server:
        annotator = opened(tmp_path, server.url, max_tokens=40, concurrency=1)
        with pytest.raises(Interrupted):
            annotator.annotate(texts, 0)
        annotator.close()
        asked = len(server.calls)
        assert 0 < asked < 6
        annotator = opened(tmp_path, server.url, concurrency=1)
        found = annotator.annotate(texts, 0)
        annotator.close()
        assert len(server.calls) == 6
    assert all(isinstance(spans, list) and len(spans) == 1 for spans in found)


def test_what_cannot_be_read_is_asked_once_more_with_the_complaint(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        return answered((1, "plan")) if len(call.body["messages"]) > 2 else answered((2, "plan"))

    with scripted(answer) as server:
        annotator = opened(tmp_path, server.url)
        (found,) = annotator.annotate([("", text_of(3))], 0)
        annotator.close()
    assert isinstance(found, list)
    assert "must begin with step 1" in server.calls[1].body["messages"][3]["content"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(500, {"error": "broken"}), "http_500"),
        (Said(200, b"<html><body>Bad gateway</body></html>"), "broken_reply"),
        (Said(429, {"error": "slow down"}, {"Retry-After": "0.01"}), "rate_limited"),
        (Said(400, {"error": {"message": "context length exceeded"}}), "http_400"),
        (completion('{"patterns": [', "length"), "cut_off"),
        (completion(None, refusal="I cannot."), "refused"),
        (completion('{"patterns": []}'), "bad_answer"),
        # a step that the window does not have
        (answered((1, "plan"), (9, "compute")), "bad_answer"),
    ],
)
def test_a_row_whose_call_fails_is_a_problem_and_never_an_empty_chain(tmp_path: Path, said: Said, reason: str) -> None:
    texts = [("", text_of(3)), ("", text_of(STEPS_A_CALL + 2, "odd")), ("", text_of(2))]
    # the others are answered, so that the server is not taken for broken
    with scripted(
        lambda call: said if "line 42odd" in call.body["messages"][1]["content"] else answered((1, "plan"))
    ) as server:
        annotator = opened(tmp_path, server.url, max_retries=1, concurrency=1)
        first, odd, last = annotator.annotate(texts, 0)
        annotator.close()
    assert isinstance(first, list)
    assert isinstance(last, list)
    assert isinstance(odd, Problem)
    assert odd.reason == reason
    assert odd.field == "patterns"
    assert odd.error.startswith("m gave no patterns for steps 41 to 42 of 42: ")
    assert "--patterns rules" in odd.error


def test_faults_in_three_calls_of_ten_never_make_up_a_chain(tmp_path: Path) -> None:
    texts = [("", text_of(2, str(n))) for n in range(60)]
    answer = json.dumps({"patterns": [{"step": 1, "name": "plan"}, {"step": 2, "name": "compute"}]})
    with start_server(
        faults=0.3, mix="429:6,500:6,truncated:3,length:4,schema:4", retry_after="0.01", answer=answer
    ) as server:
        annotator = opened(tmp_path, server.url, max_retries=6)
        found = annotator.annotate(texts, 0)
        stats = server.stats()
        annotator.close()
    for (_, text), spans in zip(texts, found, strict=True):
        one, two = split_steps(text)
        if isinstance(spans, Problem):
            assert spans.reason in ("cut_off", "bad_answer", "http_500", "rate_limited", "broken_reply")
        else:
            assert spans == [Span("plan", one.start, one.end), Span("compute", two.start, two.end)]
    assert sum(isinstance(spans, list) for spans in found) > 50
    for kind in ("429", "500", "truncated", "length", "schema"):
        assert stats[f"fault {kind}"] > 0, stats


def test_a_dead_server_or_a_wrong_name_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EndpointError):
        opened(tmp_path, "http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(ConfigError, match="local:MODEL"):
        opened(tmp_path, "ftp://host")
    with pytest.raises(InputMissing):
        opened(tmp_path, f"local:{tmp_path / 'nowhere'}")


def test_what_decides_a_models_chains_is_known(tmp_path: Path) -> None:
    with scripted(lambda call: answered((1, "plan"))) as server:
        annotator = opened(tmp_path, server.url)
        annotator.close()
    assert annotator.name == "m"
    assert annotator.identity == {
        "annotator": "m",
        "annotator_prompt": prompt_hash(),
        "annotator_language": "en",
        "temperature": 0.0,
        "max_reply_tokens": 2048,
    }
    json.dumps(annotator.identity)


def test_nothing_to_annotate_asks_nothing(tmp_path: Path) -> None:
    with scripted(lambda call: answered((1, "plan"))) as server:
        annotator = opened(tmp_path, server.url)
        told: list[int] = []
        assert annotator.annotate([], 0, told.append) == []
        assert annotator.annotate([("", ""), ("", "<think></think>")], 0, told.append) == [[], []]
        annotator.close()
    assert server.calls == []
    assert sum(told) == 2
