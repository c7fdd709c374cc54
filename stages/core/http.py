"""JSON over HTTP with one server: keep-alive pool, retries, Retry-After. What the JSON means is not known here.

Everything but the constructor runs on one event loop. The key is sent as a bearer token and taken out of what the
server sends back.
"""

import asyncio
import json
import random
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from stages.core.errors import ConfigError, EndpointError
from stages.core.retry import backoff, retry_after

if TYPE_CHECKING:
    import aiohttp

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept; uvicorn, which vLLM and others run under, closes it after 5."""

SHOWN: Final = 300
"""Characters of a server's words that an error message quotes."""

SHORTEST_SECRET: Final = 16
"""Characters of a key that is taken out of answers too; a shorter one (EMPTY, ollama) may be a word of an answer."""

PayloadCheck = Callable[[dict[str, object]], object]
"""Raises ValueError for a reply that is JSON but not what was asked for."""


@dataclass(frozen=True)
class HttpReply:
    """A 2xx answer that is a JSON object and passed its check, and how many requests it took."""

    payload: dict[str, object]
    attempts: int = 1


@dataclass(frozen=True)
class HttpFailure:
    """No such answer. `status` is 0 where there was none; `text` is what the server said; `error` a sentence's part."""

    status: int
    reason: str
    error: str
    text: str
    attempts: int = 1
    retry_after: float | None = None

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (0, 408, 425, 429) or self.status >= 500 or self.reason == "broken_reply"

    @property
    def hopeless(self) -> bool:
        """Whether every other request to this server would fail likewise: wrong key, path, model or redirection."""
        return self.status in (401, 403, 404) or 300 <= self.status < 400


class Endpoint:
    """One server; `option` is the flag that names it, `key_name` the environment variable with its key."""

    def __init__(
        self, url: str, key: str | None, *, option: str, key_name: str, concurrency: int, timeout: float
    ) -> None:
        check_url(url, option, key_name)
        if key and not (key.isascii() and key.isprintable()):
            raise ConfigError(f"The key in {key_name} has characters that an HTTP header may not carry; set it anew.")
        self.url: Final = url.rstrip("/")
        self._key = key
        self._option = option
        self._key_name = key_name
        self._concurrency = concurrency
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._open_at = 0.0
        self._rng = random.Random()

    async def get(self, path: str, *, max_retries: int, check: PayloadCheck) -> HttpReply | HttpFailure:
        """GET `path`; what may pass, an answer that `check` refuses included, is tried again `max_retries` times."""
        return await self._request("GET", path, None, max_retries, check)

    async def post(self, path: str, body: bytes, *, max_retries: int, check: PayloadCheck) -> HttpReply | HttpFailure:
        """POST JSON to `path`, with retries as in `get`."""
        return await self._request("POST", path, body, max_retries, check)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def error(self, failure: HttpFailure) -> EndpointError:
        """The one line for a failure that ends the run, with its remedy."""
        if failure.status in (401, 403):
            remedy = f"Set the server's key in {self._key_name}."
        elif failure.status == 0:
            remedy = f"Start the server or correct {self._option}, then run the same command again."
        elif failure.hopeless:
            remedy = f"Check {self._option}; the URL usually ends in /v1."
        else:
            remedy = "See the server's log, then run the same command again; finished calls are kept."
        return EndpointError(f"{self.url}: {failure.error}. {remedy}")

    async def _request(
        self, method: str, path: str, body: bytes | None, max_retries: int, check: PayloadCheck
    ) -> HttpReply | HttpFailure:
        attempt = 0
        while True:
            await self._until_open()
            result = await self._exchange(method, path, body, check)
            if isinstance(result, HttpReply) or not result.transient or attempt >= max_retries:
                return replace(result, attempts=attempt + 1)
            delay = backoff(attempt, self._rng)
            if result.status in (429, 503):
                # a limit holds for the key, not for the one call that met it: the others wait as well
                pause = delay if result.retry_after is None else result.retry_after
                self._open_at = max(self._open_at, asyncio.get_running_loop().time() + pause)
            await asyncio.sleep(delay + (result.retry_after or 0.0))
            attempt += 1

    async def _until_open(self) -> None:
        clock = asyncio.get_running_loop().time
        while (wait := self._open_at - clock()) > 0:
            await asyncio.sleep(wait)

    async def _exchange(
        self, method: str, path: str, body: bytes | None, check: PayloadCheck
    ) -> HttpReply | HttpFailure:
        import aiohttp

        session = self._session = self._session or self._new_session()
        try:
            async with session.request(method, self.url + path, data=body, allow_redirects=False) as response:
                data = await response.read()
        except TimeoutError:
            return HttpFailure(0, "timeout", f"no answer within {self._timeout:g} s", "")
        except (aiohttp.ClientError, OSError) as error:
            words = self._clean(str(error)) or type(error).__name__
            return HttpFailure(0, "unreachable", f"the connection failed ({words})", "")
        text = data.decode("utf-8", "replace")
        if 200 <= response.status < 300:
            is_secret = len(self._key or "") >= SHORTEST_SECRET
            return _parsed(self._clean(text) if is_secret else text, response.status, check)
        text = self._clean(text)
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        reason = "rate_limited" if response.status == 429 else f"http_{response.status}"
        words = " ".join(_server_words(text, response.headers.get("Location"))[:SHOWN].split())
        return HttpFailure(response.status, reason, f"HTTP {response.status}: {words}", text, retry_after=wait)

    def _new_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        headers = {"Content-Type": "application/json", "User-Agent": "rlbff"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency, keepalive_timeout=KEEP_ALIVE),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers=headers,
            # looked up once: aiohttp's own trust_env does it for every request, at three times the CPU time of a call
            proxy=_proxy(self.url),
        )

    def _clean(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def check_url(url: str, option: str, key_name: str) -> None:
    """Raise ConfigError unless `url` is an http(s) URL with a host, and has neither credentials nor a query."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        well_formed = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:  # an open bracket, a port that is no number, an empty or endless part of the host's name
        well_formed = False
    if not well_formed:
        raise ConfigError(f"{option} {url!r} is not a URL such as http://localhost:8000/v1.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{option} carries a user name or password, which would be stored; set {key_name} instead.")
    if parts.query or parts.fragment:
        raise ConfigError(f"{option} has more than a path after the host; leave out what follows `?` or `#`.")


def _parsed(text: str, status: int, check: PayloadCheck) -> HttpReply | HttpFailure:
    try:
        payload = json.loads(text)
        if not isinstance(payload, dict):
            raise ValueError("not a JSON object")
        check(payload)
    except (ValueError, RecursionError) as error:
        return HttpFailure(status, "broken_reply", f"the server's reply cannot be read ({error})", text)
    return HttpReply(payload)


def _server_words(text: str, location: str | None) -> str:
    """The message inside the usual error object, else the text as it is."""
    if location is not None:
        return f"redirected to {location}"
    try:
        error = json.loads(text)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return text


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
