"""The client through which every stage asks a language model: many calls at once, a journal, a budget.

It knows neither what is asked nor how an answer is checked. One call with its repair is in `ask.py`, HTTP and its
retries in `http.py`, the protocol in `wire.py`.
"""

import asyncio
import difflib
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from stages.core.ask import Asker, Check, Finished, Keep, remembered
from stages.core.background import BackgroundLoop
from stages.core.budget import Budget, Spent, SpentOnDisk, spent_on
from stages.core.chat import ChatRequest, Outcome
from stages.core.errors import ConfigError, EndpointError, Interrupted
from stages.core.http import Endpoint, HttpFailure
from stages.core.journal import Journal
from stages.core.options import LlmOptions
from stages.core.usage import Usage

GIVE_UP_AFTER: Final = 20
"""Calls that fail one after the other, each with all its retries, before the server is taken for broken."""

FIRST_CONTACT_RETRIES: Final = 3

LISTED: Final = 20
"""Model names that a message lists at most."""

T = TypeVar("T")


class ChatClient:
    """Asks the OpenAI-compatible server of `options`, whose `llm` must be a URL; not for use by several threads.

    `notice` is called, in the caller's thread, with what a user should read once; `option` and `model_option` are the
    flags that name the server and its model.
    """

    def __init__(
        self,
        options: LlmOptions,
        *,
        notice: Callable[[str], None] = lambda text: None,
        option: str = "--llm",
        model_option: str = "--llm-model",
    ) -> None:
        assert options.llm is not None
        self._options = options
        self._endpoint = Endpoint(
            options.llm,
            api_key(os.environ),
            option=option,
            key_name="RLBFF_LLM_KEY",
            concurrency=options.concurrency,
            timeout=options.timeout,
        )
        self._model_option = model_option
        self._notices: list[str] = []
        self._notice = notice
        self._asker = Asker(self._endpoint, max_retries=options.max_retries, notice=self._notices.append)
        self._budget = Budget.of(options)
        self._on_disk = SpentOnDisk()
        self._background: BackgroundLoop | None = None
        self._listed: tuple[str, ...] = ()
        self._model: str | None = None
        self._ever_answered = False
        self._failed_in_row = 0
        self._last_failure: HttpFailure | None = None
        self._usage = Usage()

    @property
    def model(self) -> str:
        """The model's name: that of the options, else the only one that the server lists.

        The first use contacts the server. Raises EndpointError if there is none, ConfigError if it lists no model or
        several.
        """
        if self._model is None:
            self._listed = self._list_models()
            self._model = self._options.llm_model or self._only_one()
        return self._model

    def complete(
        self,
        requests: Sequence[ChatRequest],
        check: Check,
        journal: Journal,
        advance: Callable[[int], None] = lambda calls: None,
        keep: Keep = tuple,
    ) -> list[Outcome]:
        """Ask all requests, equal ones once, and return their outcomes in order; blocks.

        `check` raises ValueError for an answer that is of no use; `keep` chooses among the log-probabilities of an
        answer that were asked for. What `journal` holds is not asked again, failures
        are. `advance` is told now and then how many more calls have finished. Raises EndpointError if the server is
        unusable and Interrupted if the budget is reached; finished calls are in the journal by then, as after any
        other exception. All journals in the journal's folder count towards the budget.
        """
        wanted = {request.key: request for request in requests}
        outcomes: dict[str, Outcome] = dict(remembered(wanted, check, journal, keep))
        self._usage.from_journal += len(outcomes)
        self._ever_answered = self._ever_answered or bool(outcomes)
        missing = [request for key, request in wanted.items() if key not in outcomes]
        told = 0

        def tick() -> None:
            nonlocal told
            journal.sync()
            advance(len(outcomes) - told)
            told = len(outcomes)
            self._tell()

        try:
            if missing:
                _ = self.model
                self._run(self._ask_all(missing, check, journal, outcomes, keep), tick)
        finally:
            tick()
        return [outcomes[request.key] for request in requests]

    def facts(self) -> dict[str, object]:
        """What this client did so far, for a run's summary: calls, requests, repairs, failures, tokens, cost."""
        return self._usage.facts(self._budget)

    def close(self) -> None:
        """Close connections and thread."""
        if self._background is not None:
            self._background.run(self._endpoint.close())
            self._background.close()
            self._background = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _ask_all(
        self, missing: Sequence[ChatRequest], check: Check, journal: Journal, outcomes: dict[str, Outcome], keep: Keep
    ) -> None:
        queue = iter(missing)
        spent = self._on_disk.total(journal.path.parent) if self._budget.limited else Spent()
        over: str | None = None

        async def work() -> None:
            nonlocal spent, over
            for request in queue:
                if (reached := self._budget.reached(spent)) is not None:
                    over = reached
                    return
                finished = await self._asker.ask(request, check, keep)
                journal.add(finished.entry)
                outcomes[request.key] = finished.outcome
                spent = spent.plus(spent_on(finished.entry))
                self._usage.count(finished)
                self._judge(finished, request.model)

        await _all_or_none([work() for _ in range(min(self._options.concurrency, len(missing)))])
        if over is not None:
            raise Interrupted(over)
        if not self._ever_answered and self._last_failure is not None and self._last_failure.transient:
            raise self._endpoint.error(self._last_failure)

    def _judge(self, finished: Finished, model: str) -> None:
        """Raise EndpointError once it is clear that the server, and not the one call, is at fault."""
        failure = self._last_failure = finished.failure
        if failure is None:
            self._ever_answered, self._failed_in_row = True, 0
            return
        # a server that has answered others refuses a call for the call's own sake: its length, or with 403 its content
        forbidden = failure.status == 403
        if failure.hopeless and not (forbidden and self._ever_answered):
            raise self._unusable(failure, model)
        self._failed_in_row += failure.transient or forbidden or not self._ever_answered
        if self._failed_in_row >= GIVE_UP_AFTER:
            raise self._endpoint.error(failure)

    def _unusable(self, failure: HttpFailure, model: str) -> EndpointError:
        error = self._endpoint.error(failure)
        if failure.status == 404 and self._listed and model not in self._listed:
            return EndpointError(f"{error} Or correct {self._model_option}: {_choice(self._listed, model)}")
        return error

    def _list_models(self) -> tuple[str, ...]:
        reply = self._run(self._endpoint.get("/models", max_retries=FIRST_CONTACT_RETRIES, check=_model_names))
        if isinstance(reply, HttpFailure):
            # a gateway without /models is fine as long as it answers and need not be asked for a name
            if reply.status == 0 or self._options.llm_model is None:
                raise self._endpoint.error(reply)
            return ()
        return _model_names(reply.payload)

    def _only_one(self) -> str:
        url = self._endpoint.url
        if len(self._listed) == 1:
            return self._listed[0]
        if not self._listed:
            raise ConfigError(f"{url} lists no model; name one with {self._model_option}.")
        offer = f"{url} offers {len(self._listed)} models; name one with {self._model_option}"
        raise ConfigError(f"{offer}: {_choice(self._listed, None)}")

    def _run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None] = lambda: None) -> T:
        self._background = self._background or BackgroundLoop()
        return self._background.run(work, tick)

    def _tell(self) -> None:
        while self._notices:
            self._notice(self._notices.pop(0))


def api_key(environ: Mapping[str, str]) -> str | None:
    """The key of the server: RLBFF_LLM_KEY, else OPENAI_API_KEY, else none."""
    return environ.get("RLBFF_LLM_KEY", "").strip() or environ.get("OPENAI_API_KEY", "").strip() or None


async def _all_or_none(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all to the end; the first exception cancels the others and propagates."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _model_names(payload: Mapping[str, object]) -> tuple[str, ...]:
    data = payload.get("data")
    if not isinstance(data, list):
        raise ValueError("no list of models under 'data'")
    return tuple(str(item["id"]) for item in data if isinstance(item, dict) and "id" in item)


def _choice(listed: Sequence[str], wish: str | None) -> str:
    shown = ", ".join(listed[:LISTED]) + (" ..." if len(listed) > LISTED else "")
    near = difflib.get_close_matches(wish, listed, n=1, cutoff=0.4) if wish else []
    return f"{shown}. Did you mean {near[0]}?" if near else f"{shown}."
