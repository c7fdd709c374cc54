"""A reward model that is asked in words: a judge that reasons first, in this process or behind a server, or one word.

Its score is the log-odds of Yes over No at the answer's own token. What is asked is in judge_prompt.py, how an answer
is read in judgement.py. A response without a judgement is a Problem, never a score.
"""

import hashlib
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from stages.core.chat import CallFailure, ChatRequest, Outcome, Reply
from stages.core.errors import RlbffError
from stages.core.journal import Journal
from stages.core.rows import Problem
from stages.rewards.judgement import Odds, find_judgement
from stages.rewards.judging import ONE_WORD, TOP_LOGPROBS, Chat, Form, Judge, judgement_form
from stages.rewards.model import Judgement, Query, RewardModel
from stages.rewards.open import is_url
from stages.rewards.options import RewardOptions
from stages.rewards.server_judge import ServerJudge

LOW_MASS: Final = 0.9
"""Median of p(Yes) + p(No) below which a user is warned."""


def open_generative(
    rm: str, options: RewardOptions, *, seed: int, journal: Path, notice: Callable[[str], None]
) -> RewardModel:
    """Open a judge: a URL, or with `options.generative` a folder or a hub id. Its calls go to the file `journal`.

    Without `options.generative` the model at the URL is one of train-rm's, and answers in one word.

    Raises:
        ConfigError: no single model, or a chat template without the principle's role. EndpointError: no server.
        InputMissing, DataError: the folder holds no model that can be used.
    """
    form = judgement_form(options.principle_role) if options.generative else ONE_WORD
    if not is_url(rm):
        from stages.rewards.local_judge import LocalJudge

        return GenerativeModel(LocalJudge(rm, options, form), form, options, seed, journal, notice)
    judge = ServerJudge(options.llm(rm), form, notice)
    try:
        return GenerativeModel(judge, form, options, seed, journal, notice)
    except RlbffError:  # the first contact failed
        judge.close()
        raise


class GenerativeModel:
    """A RewardModel made of a judge and the form of its answers; `seed` decides what is drawn.

    With several votes the scores are averages of log-odds over the votes that have a judgement.
    """

    reads_principles: Final = True

    def __init__(
        self,
        judge: Judge,
        form: Form,
        options: RewardOptions,
        seed: int,
        journal: Path,
        notice: Callable[[str], None],
    ) -> None:
        self.name: Final = judge.model
        self._judge = judge
        self._form = form
        self._options = options
        self._seeds = [vote_seed(seed, vote) for vote in range(options.votes)]
        self._journal = Journal(journal)
        self._notice = notice
        self._counts = Counter[str]()
        self._masses: list[float] = []
        self._warned = False

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        """Judge all queries; see RewardModel. Raises EndpointError and Interrupted, with finished calls kept."""
        chats = [[self._judge.prepare(*query[:2], text) for text in query.principles] for query in queries]
        asked = [chat for row in chats for chat in row if isinstance(chat, Chat)]
        requests = [request for chat in asked for request in self._requests(chat)]
        meter = _Meter(len(queries), len({request.key for request in requests}), advance)
        outcomes = self._judge.complete(requests, self._journal, meter.calls_done)
        meter.close()
        calls = zip(requests, outcomes, strict=True)
        votes = self._options.votes
        answers = [
            [self._judgement(chat, _take(calls, votes)) if isinstance(chat, Chat) else chat for chat in row]
            for row in chats
        ]
        self._warn()
        return answers

    def facts(self) -> dict[str, object]:
        """What was noticed so far.

        Beside the calls and their cost: `votes` drawn, and how many and what share had no judgement; how many votes
        have an answer that the server did not list, or were clamped; and the median of p(Yes) + p(No) over votes.
        """
        votes = self._counts["votes"]
        own = {
            "kind": "generative" if self._form.reasons else "one word",
            "pairs": self._counts["pairs"],
            "truncated": self._counts["truncated"],
            "votes": votes,
            "votes_without_judgement": self._counts["without"],
            "share_without_judgement": self._counts["without"] / votes if votes else None,
            "answers_not_listed": self._counts["not_listed"],
            "clamped": self._counts["clamped"],
            "mass_median": statistics.median(self._masses) if self._masses else None,
        }
        return own | self._judge.facts()

    def close(self) -> None:
        """Sort the journal and close connections."""
        self._journal.compact()
        self._judge.close()

    def _requests(self, chat: Chat) -> Iterator[ChatRequest]:
        if not self._form.reasons:
            yield ChatRequest(
                messages=chat.messages, model=self.name, max_reply_tokens=1, top_logprobs=TOP_LOGPROBS, thinking=False
            )
            return
        for seed in self._seeds:
            yield ChatRequest(
                messages=chat.messages,
                model=self.name,
                temperature=self._options.temperature,
                max_reply_tokens=self._options.max_reply_tokens,
                seed=seed,
                top_logprobs=TOP_LOGPROBS,
            )

    def _judgement(self, chat: Chat, votes: Sequence[tuple[ChatRequest, Outcome]]) -> Judgement | Problem:
        replies = [outcome for _, outcome in votes if isinstance(outcome, Reply)]
        odds = [self._form.odds(reply.logprobs) for reply in replies]
        self._count(chat, len(votes), odds)
        if not odds:
            return self._problem(*votes[0])
        return Judgement(
            score=statistics.fmean(one.log_odds for one in odds),
            mass=statistics.fmean(one.mass for one in odds),
            truncated=chat.truncated,
            reasoning=_reasoning(replies[0]) if self._form.reasons else None,
        )

    def _count(self, chat: Chat, votes: int, odds: Sequence[Odds]) -> None:
        self._counts["pairs"] += 1
        self._counts["votes"] += votes
        self._counts["without"] += votes - len(odds)
        self._counts["truncated"] += chat.truncated
        self._counts["not_listed"] += sum(not one.listed for one in odds)
        self._counts["clamped"] += sum(one.clamped for one in odds)
        self._masses += [one.mass for one in odds]

    def _warn(self) -> None:
        if not self._warned and self._masses and (median := statistics.median(self._masses)) < LOW_MASS:
            self._warned = True
            self._notice(
                f"{self.name} gives Yes and No together a median probability of {median:.3f}: it would rather say "
                "something else, and its scores mean little."
            )

    def _problem(self, request: ChatRequest, outcome: Outcome) -> Problem:
        assert isinstance(outcome, CallFailure)
        reason = "no_judgement" if outcome.reason == "bad_answer" else outcome.reason
        remedy = {
            "cut_off": " Raise --max-reply-tokens.",
            "no_judgement": "" if self._form.reasons else " A model that reasons first needs --generative.",
        }.get(reason, "")
        # the key leads from the rejected row to the raw answers in the journal
        return Problem(reason, None, f"{outcome.error} (call {request.key[:16]} in the journal).{remedy}")


def vote_seed(seed: int, vote: int) -> int:
    """The seed of one vote: that of the run for the first, for the others numbers that no other run's seed leads to."""
    if vote == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {vote}".encode()).digest()[:4]) >> 1  # servers want 32 signed bits


def _reasoning(reply: Reply) -> str:
    """What was written before the judgement, the block of reasoning first."""
    found = find_judgement(reply.text)
    visible = reply.text if found is None else reply.text[: found.start]
    return "\n\n".join(filter(None, [reply.reasoning, visible.strip()]))


def _take(calls: Iterator[tuple[ChatRequest, Outcome]], count: int) -> list[tuple[ChatRequest, Outcome]]:
    return [next(calls) for _ in range(count)]


class _Meter:
    """Turns finished calls into finished queries, in proportion."""

    def __init__(self, queries: int, calls: int, advance: Callable[[int], None]) -> None:
        self._queries, self._calls, self._advance = queries, calls, advance
        self._done = self._told = 0

    def calls_done(self, count: int) -> None:
        self._done += count
        now = self._queries * self._done // max(1, self._calls)
        if now > self._told:
            self._advance(now - self._told)
            self._told = now

    def close(self) -> None:
        if self._told < self._queries:
            self._advance(self._queries - self._told)
