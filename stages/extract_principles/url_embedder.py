"""An embedder behind an OpenAI-compatible URL: batches, retries, and checks of what comes back.

The key is sent and never shown, not even where a server repeats it. Vectors are not stored.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import numpy as np
import orjson
from numpy.typing import NDArray

from stages.core.errors import ConfigError, EndpointError
from stages.core.retry import backoff, retry_after

# The smallest limit among common servers (text-embeddings-inference) is 32 texts a request.
BATCH: Final = 32
MAX_RETRIES: Final = 6
TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)


class UrlEmbedder:
    """The model `model` at `url`, or the only one that the server lists; `prefix` goes before every text."""

    def __init__(self, url: str, model: str | None, prefix: str = "", key: str | None = None) -> None:
        self._url = url.rstrip("/").removesuffix("/embeddings")
        self._key = key
        self._prefix = prefix
        self._reached = False
        self._dimension = 0
        self._random = random.Random()  # spreads clients in time; decides no result
        self._certificates = httpx.create_ssl_context()  # reading them takes longer than many a request
        if not _is_well_formed(self._url):
            raise ConfigError(f"--embedder {url!r} is not well formed; write http://HOST:PORT/v1.")
        if key and not (key.isascii() and key.isprintable()):
            raise ConfigError("The key in RLBFF_LLM_KEY or OPENAI_API_KEY has characters that an HTTP header may not.")
        self._model = model if model is not None else self._only_model()
        self.name = f"url:{self._model}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one L2-normalised row a text (N x D); equal texts are sent once. No text at all gives 0 x 0.

        Raises EndpointError when the server refuses, stays away, or answers with vectors of wrong number or size.
        """
        unique = list(dict.fromkeys(texts))
        if not unique:
            return np.zeros((0, 0), np.float32)
        with self._connect() as client:
            rows = [self._batch(client, unique[at : at + BATCH]) for at in range(0, len(unique), BATCH)]
        place = {text: row for row, text in enumerate(unique)}
        return np.concatenate(rows)[[place[text] for text in texts]]

    def _batch(self, client: httpx.Client, texts: list[str]) -> NDArray[np.float32]:
        body = {"model": self._model, "input": [self._prefix + text for text in texts]}
        answer = self._ask(client, "POST", "/embeddings", body)
        try:
            items = sorted(answer["data"], key=lambda item: item["index"])
            indices = [item["index"] for item in items]
            rows = np.array([item["embedding"] for item in items], np.float64)
        except (KeyError, TypeError, ValueError):
            raise self._error("answered /embeddings without a list of numbers for each text") from None
        if indices != list(range(len(texts))) or rows.ndim != 2:
            raise self._error(f"sent {len(items)} vectors for {len(texts)} texts, or of several sizes")
        self._dimension = self._dimension or rows.shape[1]
        if rows.shape[1] != self._dimension:
            raise self._error(f"sent vectors of {rows.shape[1]} numbers after vectors of {self._dimension}")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            bad = texts[int(np.argmin(np.where(np.isfinite(lengths), lengths, 0)))]
            raise self._error(f"sent a vector of zeros or without finite numbers for {bad!r}")
        unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
        return unit

    def _only_model(self) -> str:
        try:
            with self._connect() as client:
                names = [str(item["id"]) for item in self._ask(client, "GET", "/models")["data"]]
        except (KeyError, TypeError):
            raise self._error("does not list its models; name one with --embed-model") from None
        if len(names) != 1:
            listed = ", ".join(names) or "no model"
            raise ConfigError(f"{self._url} lists {listed}; name the one to embed with by --embed-model.")
        return names[0]

    def _connect(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx.Client(timeout=TIMEOUT, headers=headers, verify=self._certificates)

    def _ask(self, client: httpx.Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send one request, again after 429, 5xx, a broken connection or a cut answer, and return its JSON."""
        failure = ""
        for attempt in range(MAX_RETRIES + 1):
            asked: float | None = None
            try:
                reply = client.request(method, self._url + path, json=body)
                self._reached = True
                if reply.status_code < 400:
                    return orjson.loads(reply.content)
                failure = f"HTTP {reply.status_code}: {' '.join(self._hide(reply.text).split())[:300]}"
                asked = retry_after(reply.headers.get("Retry-After"), datetime.now(UTC))
                if reply.status_code != 429 and reply.status_code < 500:
                    raise self._error(f"refuses {path} with {failure}; check the URL, the key and --embed-model")
            except httpx.ConnectError as problem:
                if not self._reached:
                    raise self._error(f"cannot be reached ({problem}); is the server running?") from None
                failure = str(problem)
            except httpx.TransportError as problem:
                failure = f"{type(problem).__name__} {problem}"
            except orjson.JSONDecodeError:
                failure = "an answer that is not JSON"
            if attempt < MAX_RETRIES:
                time.sleep(backoff(attempt, self._random) if asked is None else asked)
        raise self._error(f"failed {MAX_RETRIES + 1} times on {path}, last with {failure}; run again when it is well")

    def _error(self, what: str) -> EndpointError:
        return EndpointError(self._hide(f"The embedding server {self._url} {what}."))

    def _hide(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _is_well_formed(url: str) -> bool:
    try:
        return bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        return False
