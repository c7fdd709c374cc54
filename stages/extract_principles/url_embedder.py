"""An embedder behind an OpenAI-compatible URL: batches, several at once, and checks of what comes back.

HTTP and its retries are in core/http.py. Vectors are not stored.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.core.background import BackgroundLoop
from stages.core.errors import ConfigError, EndpointError
from stages.core.http import Endpoint, HttpFailure

# The smallest limit among common servers (text-embeddings-inference) is 32 texts a request.
BATCH: Final = 32
CONCURRENCY: Final = 8
MAX_RETRIES: Final = 6
FIRST_CONTACT_RETRIES: Final = 3
TIMEOUT: Final = 120.0

LISTED: Final = 20
"""Model names that a message lists at most."""

T = TypeVar("T")


class UrlEmbedder:
    """The model `model` at `url`, or the only one that the server lists; `prefix` goes before every text.

    Raises EndpointError if there is no server, ConfigError for a URL or key that cannot be one, or where a model has
    to be named. The key is sent and never shown, not even where a server repeats it.
    """

    def __init__(self, url: str, model: str | None, prefix: str = "", key: str | None = None) -> None:
        self._url = url.rstrip("/").removesuffix("/embeddings")
        self._key = key
        self._prefix = prefix
        self._dimension = 0
        self._listed = self._list_models(must_list=model is None)
        self._model = model if model is not None else self._only_model()
        self.name = f"url:{self._model}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one L2-normalised row a text (N x D); equal texts are sent once. No text at all gives 0 x 0.

        Raises EndpointError when the server refuses, stays away, or answers with vectors of wrong number or size.
        """
        unique = list(dict.fromkeys(texts))
        if not unique:
            return np.zeros((0, 0), np.float32)
        batches = [unique[at : at + BATCH] for at in range(0, len(unique), BATCH)]
        rows = self._run(lambda endpoint: self._embed_all(endpoint, batches))
        place = {text: row for row, text in enumerate(unique)}
        return np.concatenate(rows)[[place[text] for text in texts]]

    async def _embed_all(self, endpoint: Endpoint, batches: Sequence[list[str]]) -> list[NDArray[np.float32]]:
        rows: dict[int, NDArray[np.float32]] = {}
        queue = iter(enumerate(batches))

        async def work() -> None:
            for number, batch in queue:
                rows[number] = await self._embed_batch(endpoint, batch)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(CONCURRENCY, len(batches))):
                    group.create_task(work())
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        return [rows[number] for number in range(len(batches))]

    async def _embed_batch(self, endpoint: Endpoint, texts: list[str]) -> NDArray[np.float32]:
        body = {"model": self._model, "input": [self._prefix + text for text in texts]}
        reply = await endpoint.post(
            "/embeddings", json.dumps(body).encode(), max_retries=MAX_RETRIES, check=_any_object
        )
        if isinstance(reply, HttpFailure):
            raise self._refused(endpoint, reply)
        return self._unit_rows(reply.payload, texts)

    def _unit_rows(self, payload: Mapping[str, Any], texts: list[str]) -> NDArray[np.float32]:
        try:
            items = sorted(payload["data"], key=lambda item: item["index"])
            indices = [item["index"] for item in items]
            rows = np.array([item["embedding"] for item in items], np.float64)
        except (KeyError, TypeError, ValueError):
            raise self._wrong("answered /embeddings without a list of numbers for each text") from None
        if indices != list(range(len(texts))) or rows.ndim != 2:
            raise self._wrong(f"sent {len(items)} vectors for {len(texts)} texts, or of several sizes")
        self._dimension = self._dimension or rows.shape[1]
        if rows.shape[1] != self._dimension:
            raise self._wrong(f"sent vectors of {rows.shape[1]} numbers after vectors of {self._dimension}")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            bad = texts[int(np.argmin(np.where(np.isfinite(lengths), lengths, 0)))]
            raise self._wrong(f"sent a vector of zeros or without finite numbers for {bad!r}")
        unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
        return unit

    def _list_models(self, *, must_list: bool) -> tuple[str, ...]:
        async def ask(endpoint: Endpoint) -> tuple[str, ...]:
            reply = await endpoint.get("/models", max_retries=FIRST_CONTACT_RETRIES, check=_any_object)
            if not isinstance(reply, HttpFailure):
                return _model_names(reply.payload)
            # a gateway without /models is fine as long as it answers and need not be asked for a name
            if must_list and reply.status == 404:
                raise EndpointError(f"{endpoint.error(reply)} Or name the model with --embed-model.")
            if must_list or reply.status == 0:
                raise endpoint.error(reply)
            return ()

        return self._run(ask)

    def _only_model(self) -> str:
        if len(self._listed) == 1:
            return self._listed[0]
        raise ConfigError(f"{self._url} lists {self._names()}; name the one to embed with by --embed-model.")

    def _names(self) -> str:
        more = " ..." if len(self._listed) > LISTED else ""
        return (", ".join(self._listed[:LISTED]) or "no model") + more

    def _run(self, work: Callable[[Endpoint], Coroutine[Any, Any, T]]) -> T:
        """Do `work` on connections that live no longer than it does, since nobody closes an embedder."""
        endpoint = Endpoint(
            self._url,
            self._key,
            option="--embedder",
            key_name="RLBFF_LLM_KEY",
            concurrency=CONCURRENCY,
            timeout=TIMEOUT,
        )
        background = BackgroundLoop()
        try:
            return background.run(work(endpoint))
        finally:
            background.run(endpoint.close())
            background.close()

    def _refused(self, endpoint: Endpoint, failure: HttpFailure) -> EndpointError:
        error = endpoint.error(failure)
        if failure.status in (400, 404) and self._listed and self._model not in self._listed:
            return EndpointError(f"{error} Or correct --embed-model; the server lists {self._names()}.")
        return error

    def _wrong(self, what: str) -> EndpointError:
        return EndpointError(
            f"The embedding server {self._url} {what}. See the server's log, then run the same command again, "
            "or choose another --embedder."
        )


def _any_object(payload: Mapping[str, object]) -> None:
    """Accept every JSON object: a vector that is wrong now is wrong at the next try as well."""


def _model_names(payload: Mapping[str, object]) -> tuple[str, ...]:
    data = payload.get("data")
    items = data if isinstance(data, list) else []
    return tuple(str(item["id"]) for item in items if isinstance(item, dict) and "id" in item)
