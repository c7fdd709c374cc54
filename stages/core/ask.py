"""One question to a language model until there is an answer that passes its check, or a reason why not.

One repair request at most, none for a sample, which is taken as it is; whether a server understands response_format
is learned here. Retries of HTTP are not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from stages.core.chat import (
    CallFailure,
    ChatRequest,
    Message,
    Outcome,
    Reply,
    TokenLogprobs,
    bare_answer,
    reasoning_block,
)
from stages.core.errors import EndpointError
from stages.core.http import Endpoint, HttpFailure, HttpReply
from stages.core.journal import OK, Entry, Journal
from stages.core.wire import Answer, Dialect, read_answer, request_body, simpler

Check = Callable[[str], object]
"""Takes an answer without reasoning and fences; raises ValueError that says what is wrong with it."""

Keep = Callable[[Sequence[TokenLogprobs]], Sequence[TokenLogprobs]]
"""Takes the log-probabilities of all tokens of an answer and returns those that its caller needs, for the journal;
given these, it returns them unchanged. Raises ValueError if they do not hold what is needed."""

REPAIR_SHOWS: Final = 8000
"""Characters of a bad answer that the repair request repeats, so that an endless one does not fill the context."""


class Finished(NamedTuple):
    """A call's outcome, the journal's line about it, its HTTP requests, and the HTTP failure that ended it, if any."""

    outcome: Outcome
    entry: Entry
    attempts: int
    failure: HttpFailure | None = None


class Problem(NamedTuple):
    """Why an answer is of no use: a CallFailure's reason and a sentence that a model can act on."""

    reason: str
    error: str


@dataclass(frozen=True)
class _Exchanged:
    result: Answer | HttpFailure
    attempts: int


class Asker:
    """Asks one endpoint; `notice` is told when a part of the protocol is given up for the rest of the run.

    An answer whose log-probabilities are asked for is never repaired: the complaint would make it an answer to another
    question. Raises EndpointError where the first such answer has none.
    """

    def __init__(self, endpoint: Endpoint, *, max_retries: int, notice: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._max_retries = max_retries
        self._notice = notice
        self._dialect = Dialect()
        self._had_logprobs = False

    async def ask(self, request: ChatRequest, check: Check, keep: Keep = tuple) -> Finished:
        """Ask, and ask once more with the complaint if the answer is cut off or does not pass `check`."""
        exchanged = await self._exchange(request)
        first, attempts = exchanged.result, exchanged.attempts
        if request.top_logprobs:
            return await self._with_logprobs(request, exchanged, check, keep)
        if isinstance(first, HttpFailure):
            return _failed(request, (), Problem(first.reason, first.error), attempts, first)
        problem = _declined(first) if request.sampled else problem_of(first, check)
        if problem is None or problem.reason == "refused":
            return conclude(request, (first,), problem, attempts)
        exchanged = await self._exchange(repaired(request, first.text, problem))
        second, attempts = exchanged.result, attempts + exchanged.attempts
        if isinstance(second, HttpFailure):
            told = Problem(problem.reason, f"{problem.error}; the request to repair it failed: {second.error}")
            return _failed(request, (first,), told, attempts, second)
        return conclude(request, (first, second), problem_of(second, check), attempts)

    async def _with_logprobs(self, request: ChatRequest, exchanged: _Exchanged, check: Check, keep: Keep) -> Finished:
        answer, attempts = exchanged.result, exchanged.attempts
        if isinstance(answer, HttpFailure):
            if answer.status in (400, 403, 422) and "logprobs" in answer.text and await self._answers_without(request):
                raise self._no_logprobs(f" ({answer.error})")
            return _failed(request, (), Problem(answer.reason, answer.error), attempts, answer)
        self._had_logprobs = self._had_logprobs or bool(answer.logprobs)
        if answer.text and not self._had_logprobs:
            raise self._no_logprobs("")
        problem = problem_of(answer, check, may_end=request.max_reply_tokens == 1) or _unkept(answer, keep)
        if problem is None:
            answer = answer._replace(logprobs=tuple(keep(answer.logprobs)))
        return conclude(request, (answer,), problem, attempts)

    async def _answers_without(self, request: ChatRequest) -> bool:
        """Whether the server answers once no log-probabilities are asked for; it may have quoted the request only."""
        plain = await self._exchange(replace(request, top_logprobs=0, max_reply_tokens=1))
        return isinstance(plain.result, Answer)

    def _no_logprobs(self, words: str) -> EndpointError:
        return EndpointError(
            f"{self._endpoint.url}: the server gives no log-probabilities with its answers{words}, and a score is made "
            "of them. Use a server that knows logprobs and top_logprobs up to 20 (vLLM does), or a model in this "
            "process."
        )

    async def _exchange(self, request: ChatRequest) -> _Exchanged:
        dialect, attempts = self._dialect, 0
        while True:
            result = await self._endpoint.post(
                "/chat/completions",
                request_body(request, dialect),
                max_retries=self._max_retries,
                check=lambda payload: read_answer(payload, request),
            )
            attempts += result.attempts
            if isinstance(result, HttpReply):
                # only now: a server may quote the request in a complaint about something else
                self._adopt(dialect)
                return _Exchanged(read_answer(result.payload, request), attempts)
            following = simpler(dialect, result.text) if result.status in (400, 422) else None
            if following is None:
                return _Exchanged(result, attempts)
            dialect = following

    def _adopt(self, dialect: Dialect) -> None:
        if dialect.rank <= self._dialect.rank:
            return
        if dialect.response_format != self._dialect.response_format:
            self._notice(
                f"The server refuses response_format {self._dialect.response_format}; going on with "
                f"{dialect.response_format}. Every answer is checked all the same."
            )
        if dialect.template_kwargs != self._dialect.template_kwargs:
            self._notice(
                "The server refuses chat_template_kwargs, so a model that reasons first cannot be told to leave it out."
            )
        self._dialect = dialect


def answer_of(entry: Entry, *, sampled: bool = False) -> Reply:
    """The reply that a successful journal entry records; `sampled` as in ChatRequest."""
    prompt_tokens, completion_tokens = entry.tokens[-1]
    return Reply(
        text=entry.raw[-1] if sampled else bare_answer(entry.raw[-1]),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish_reason=entry.finish_reason,
        attempts=0,
        reasoning="" if sampled else reasoning_block(entry.raw[-1]),
        logprobs=entry.logprobs,
    )


def remembered(requests: Mapping[str, ChatRequest], check: Check, journal: Journal, keep: Keep) -> dict[str, Reply]:
    """The journal's answers, by key, that still pass; samples are not checked."""
    result: dict[str, Reply] = {}
    for key, request in requests.items():
        entry = journal.answered(key)
        if entry is None:
            continue
        reply = answer_of(entry, sampled=request.sampled)
        if request.sampled or _passes(reply, request, check, keep):
            result[key] = reply
    return result


def _passes(reply: Reply, request: ChatRequest, check: Check, keep: Keep) -> bool:
    try:
        check(reply.text)
        if request.top_logprobs:
            keep(reply.logprobs)
    except ValueError:
        return False
    return True


def problem_of(answer: Answer, check: Check, *, may_end: bool = False) -> Problem | None:
    """What is wrong with an answer, None if it passes; with `may_end`, it may be cut off at the limit of its length."""
    if (declined := _declined(answer)) is not None:
        return declined
    if answer.finish_reason == "length" and not may_end:
        return Problem("cut_off", "the answer was cut off at the limit of its length")
    try:
        check(bare_answer(answer.text))
    except ValueError as error:
        return Problem("bad_answer", str(error))
    return None


def _declined(answer: Answer) -> Problem | None:
    return None if answer.refusal is None else Problem("refused", f"the model declined: {answer.refusal}")


def _unkept(answer: Answer, keep: Keep) -> Problem | None:
    if not answer.logprobs and answer.text:
        return Problem("no_logprobs", "the server gave no log-probabilities with this answer")
    try:
        keep(answer.logprobs)
    except ValueError as error:
        return Problem("bad_answer", str(error))
    return None


def repaired(request: ChatRequest, bad: str, problem: Problem) -> ChatRequest:
    """The request that shows a bad answer and says what is wrong with it."""
    wish = "Answer again, more briefly." if problem.reason == "cut_off" else "Answer again without this mistake."
    complaint = (
        f"That answer cannot be used: {problem.error}. {wish} Give nothing but the answer, in the form asked for."
    )
    turns = (Message("assistant", bad[:REPAIR_SHOWS] or "(no answer)"), Message("user", complaint))
    return replace(request, messages=(*request.messages, *turns))


def conclude(request: ChatRequest, answers: tuple[Answer, ...], problem: Problem | None, attempts: int) -> Finished:
    """What a call with these answers, the one before a repair first, comes to; `problem` is that of the last."""
    if problem is not None:
        return _failed(request, answers, problem, attempts, None)
    entry = _entry(request, answers, OK, "")
    return Finished(replace(answer_of(entry, sampled=request.sampled), attempts=attempts), entry, attempts)


def _failed(
    request: ChatRequest, answers: tuple[Answer, ...], problem: Problem, attempts: int, failure: HttpFailure | None
) -> Finished:
    raw = answers[-1].text if answers else failure.text if failure is not None else ""
    # a server that cuts a text may leave half a surrogate pair, which no UTF-8 file can hold
    error = problem.error.encode("utf-8", "backslashreplace").decode()
    outcome = CallFailure(reason=problem.reason, error=error, raw=raw)
    return Finished(outcome, _entry(request, answers, problem.reason, error), attempts, failure)


def _entry(request: ChatRequest, answers: tuple[Answer, ...], outcome: str, error: str) -> Entry:
    return Entry(
        key=request.key,
        outcome=outcome,
        finish_reason=answers[-1].finish_reason if answers else "",
        error=error,
        raw=tuple(answer.text for answer in answers),
        tokens=tuple((answer.prompt_tokens, answer.completion_tokens) for answer in answers),
        estimated=any(answer.estimated for answer in answers),
        logprobs=answers[-1].logprobs if outcome == OK else (),
    )
