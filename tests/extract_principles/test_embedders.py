import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ConfigError, EndpointError
from stages.extract_principles.embedders import open_embedder
from tests.servers.answers import embedding
from tests.servers.chat_server import start_server

TEXTS = ["clarity", "accuracy of information", "clarity", "code readability"]


def test_ngram_is_built_in_and_takes_no_prefix() -> None:
    embedder = open_embedder("ngram")
    assert embedder.name == "ngram@1"
    assert embedder.embed(["clarity", "clarity"]).shape[0] == 2
    with pytest.raises(ConfigError, match="--embed-prefix"):
        open_embedder("ngram", prefix="query: ")


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("ngrams", "Did you mean 'ngram'"),
        ("NGRAM", "Did you mean 'ngram'"),
        ("locl:BAAI/bge-m3", "Did you mean 'local:BAAI/bge-m3'"),
        ("local:", "Did you mean 'local:MODEL'"),
        ("BAAI/bge-m3", "Did you mean 'local:BAAI/bge-m3'"),
        ("localhost:8000/v1", "Did you mean 'http://localhost:8000/v1'"),
        ("", "none of ngram"),
        ("http:/host", "none of ngram"),
    ],
)
def test_unknown_embedders_are_refused_with_a_guess(spec: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint.replace("(", r"\(")):
        open_embedder(spec)


@pytest.mark.parametrize("spec", ["ngram", "local:some/model"])
def test_embed_model_is_for_urls_only(spec: str) -> None:
    with pytest.raises(ConfigError, match="--embed-model"):
        open_embedder(spec, model="bge-m3")


def test_server_is_asked_for_its_only_model_and_each_text_is_sent_once() -> None:
    with start_server(faults=0.0) as server:
        embedder = open_embedder(server.url, environ={})
        assert embedder.name == "url:test-model"
        vectors = embedder.embed(TEXTS)
        assert server.stats()["/embeddings"] == 1
    assert vectors.shape == (4, 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [embedding(text) for text in TEXTS], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_prefix_stands_before_every_text() -> None:
    with start_server(faults=0.0) as server:
        vectors = open_embedder(server.url + "/embeddings", prefix="query: ", environ={}).embed(["clarity"])
    np.testing.assert_allclose(vectors[0], embedding("query: clarity"), atol=1e-6)


def test_no_text_asks_nothing() -> None:
    with start_server(faults=0.0) as server:
        embedder = open_embedder(server.url, model="test-model", environ={})
        assert len(embedder.embed([])) == 0
        assert "/embeddings" not in server.stats()


def test_faults_are_tried_again_and_change_no_vector() -> None:
    texts = [f"principle number {number}" for number in range(100)]
    with start_server(faults=1.0, mix="429:1,500:1,truncated:1", max_in_row=2, retry_after="0.01") as server:
        embedder = open_embedder(server.url, model="test-model", environ={})
        vectors = embedder.embed(texts)
        stats = server.stats()
    # 100 texts in batches of 32 are four requests, each of which fails twice before it succeeds
    assert stats["/embeddings"] == 4 * 3
    np.testing.assert_allclose(vectors, [embedding(text) for text in texts], atol=1e-6)


def test_server_that_never_gets_well_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.core.retry.FIRST_DELAY", 0.0)  # so that only Retry-After makes it wait
    with start_server(faults=1.0, mix="429:1", max_in_row=99, retry_after="0.2") as server:
        embedder = open_embedder(server.url, model="test-model", environ={})
        start = time.monotonic()
        with pytest.raises(EndpointError, match=f"{server.url}: HTTP 429: slow down"):
            embedder.embed(["clarity"])
        waited = time.monotonic() - start
        assert server.stats()["/embeddings"] == 7
    assert waited >= 6 * 0.2


def test_requests_of_a_call_run_eight_at_once() -> None:
    texts = [f"principle number {number}" for number in range(32 * 20)]
    with start_server(faults=0.0, latency=0.1) as server:
        vectors = open_embedder(server.url, environ={}).embed(texts)
        stats = server.stats()
    assert (stats["/embeddings"], stats["most_in_flight"]) == (20, 8)
    np.testing.assert_allclose(vectors, [embedding(text) for text in texts], atol=1e-6)


def test_unreachable_server_is_reported_before_anything_is_embedded() -> None:
    with start_server() as server:
        url = server.url
    for model in (None, "test-model"):
        with pytest.raises(
            EndpointError, match=f"{url}: the connection failed .*Start the server or correct --embedder"
        ):
            open_embedder(url, model, environ={})


@pytest.mark.parametrize("models", ["", "one,two"])
def test_server_without_exactly_one_model_needs_a_name(models: str) -> None:
    with start_server(models=models) as server, pytest.raises(ConfigError, match="--embed-model"):
        open_embedder(server.url, environ={})


def test_server_that_lists_nothing_needs_a_name() -> None:
    with answering() as url, pytest.raises(EndpointError, match=r"HTTP 404.*--embed-model"):
        open_embedder(url, environ={})


def test_unknown_model_is_refused_in_the_servers_words() -> None:
    with start_server(faults=0.0) as server:
        embedder = open_embedder(server.url, model="missing", environ={})
        with pytest.raises(EndpointError, match=r"HTTP 404.*`missing` does not exist.*--embed-model.* test-model"):
            embedder.embed(["clarity"])


def test_key_is_sent_and_never_shown() -> None:
    with start_server(faults=0.0, key="sesame-open") as server:
        environ = {"RLBFF_LLM_KEY": "sesame-open", "OPENAI_API_KEY": "other"}
        assert open_embedder(server.url, environ=environ).name == "url:test-model"
        assert open_embedder(server.url, environ={"OPENAI_API_KEY": "sesame-open"}).embed(["a"]).shape == (1, 64)
        with pytest.raises(EndpointError, match="HTTP 401") as problem:
            open_embedder(server.url, environ={"RLBFF_LLM_KEY": "sesame-shut"})
    assert "sesame-shut" not in str(problem.value)
    assert "[key]" in str(problem.value)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([{"index": 0, "embedding": [1.0, 0.0]}], "1 vectors for 2 texts"),
        ([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}], "2 vectors for 2 texts"),
        ([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}], "without a list of numbers"),
        ([{"index": 0, "embedding": [0.0, 0.0]}, {"index": 1, "embedding": [1.0, 2.0]}], "zeros .* for 'first'"),
        (
            [{"index": 0, "embedding": [1.0, 0.0]}, {"index": 1, "embedding": [None, 2.0]}],
            "finite numbers for 'second'",
        ),
        ([{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}], "without a list of numbers"),
        ([{"index": 1}, {"index": 0}], "without a list of numbers"),
        ("nothing", "without a list of numbers"),
    ],
)
def test_wrong_vectors_are_refused(data: Any, complaint: str) -> None:
    with (
        answering({"data": data}) as url,
        pytest.raises(EndpointError, match=f"{complaint}.*run the same command again"),
    ):
        open_embedder(url, model="m", environ={}).embed(["first", "second"])


def test_vectors_in_any_order_and_length_go_to_their_texts_as_unit_vectors() -> None:
    # two distinct texts: vector 0 belongs to "first", (0, 3) and (6, 8) have lengths 3 and 10
    data = [{"index": 1, "embedding": [0, 3]}, {"index": 0, "embedding": [6, 8]}]
    with answering({"data": data}) as url:
        vectors = open_embedder(url, model="m", environ={}).embed(["first", "second", "first"])
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, 1.0], [0.6, 0.8]], atol=1e-7)


def test_size_of_the_vectors_may_not_change() -> None:
    answers = [{"data": [{"index": 0, "embedding": [1.0] * size}]} for size in (2, 3)]
    with answering(*answers) as url:
        embedder = open_embedder(url, model="m", environ={})
        assert embedder.embed(["first"]).shape == (1, 2)
        with pytest.raises(EndpointError, match="3 numbers after vectors of 2"):
            embedder.embed(["second"])


@pytest.mark.parametrize("url", ["http://", "http://[::1/v1", "http://host:port/v1"])
def test_malformed_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"--embedder .* is not a URL"):
        open_embedder(url, model="m", environ={})


@pytest.mark.parametrize("key", ["schlüssel", "schloss\n"])
def test_key_that_no_header_can_hold_is_a_configuration_error(key: str) -> None:
    with pytest.raises(ConfigError, match="RLBFF_LLM_KEY") as problem:
        open_embedder("http://127.0.0.1:1/v1", model="m", environ={"RLBFF_LLM_KEY": key})
    assert "schl" not in str(problem.value)


def test_key_is_hidden_before_a_long_message_is_cut() -> None:
    # "HTTP 401: wrong key: Bearer ..." is cut at 300 characters, here in the middle of the key
    key = "k" * 400
    with start_server(faults=0.0, key="another") as server, pytest.raises(EndpointError) as problem:
        open_embedder(server.url, environ={"RLBFF_LLM_KEY": key})
    assert "kk" not in str(problem.value)


@contextmanager
def answering(*payloads: object) -> Iterator[str]:
    """Serve the payloads, one a POST, whatever is asked, and list no models."""
    left = iter(payloads)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)  # as a gateway without /models

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(next(left)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
