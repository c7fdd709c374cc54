"""A judge as what rows are measured by: it is asked everything about all rows, once; afterwards replies are looked up.

Which words it is asked with is the benchmark's business. A reply that cannot be read rejects its row, with the reason.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from stages.core.budget import Budget
from stages.core.chat import ChatRequest, Reply
from stages.core.journal import Journal
from stages.core.options import LlmOptions
from stages.core.progress import Progress
from stages.core.rows import Problem, Row, SourceRow
from stages.core.usage import recorded_usage
from stages.eval.fields import Unfit
from stages.eval.interviewer import Rows
from stages.eval.judge_model import Judge
from stages.eval.measured import Figure
from stages.eval.questions import Questions

_BATCH: Final = 1024
"""Rows whose calls are handed to the client at once; their texts are held together."""

_SHOWN: Final = ("calls", "from_journal", "repairs", "failed", "prompt_tokens", "completion_tokens", "cost_usd")


class Judged:
    """One judge, not open yet. See Prepared."""

    def __init__(
        self,
        name: str,
        open_judge: Callable[[], Judge],
        questions: Questions,
        read: Callable[[Row, str], Any],
        options: LlmOptions,
        *,
        seed: int,
        journal: Path,
    ) -> None:
        self.name: Final = name
        self.wording: Final = questions.wording
        self.noticed: Mapping[str, object] = {}
        self._open_judge = open_judge
        self._questions = questions
        self._read = read
        self._options = options
        self._seed = seed
        self._journal = journal
        self._said: dict[str, str | Problem] = {}
        self._replies = self._failed = 0

    def prepare(self, rows: Rows, total: int, progress: Progress) -> list[Figure]:
        """Ask everything; raises EndpointError and Interrupted, with finished calls kept in the journal."""
        progress.start(f"asking {self.name}", None)
        wanted = (self._requests(item) for item in self._items(rows))
        with closing(self._open_judge()) as judge, Journal(self._journal) as journal:
            while batch := [request for requests in islice(wanted, _BATCH) for request in requests]:
                fresh = [request for request in batch if request.key not in self._said]
                outcomes = judge.complete(fresh, self._questions.check, journal, progress.advance)
                for request, outcome in zip(fresh, outcomes, strict=True):
                    if isinstance(outcome, Reply):
                        self._said[request.key] = _ending(outcome.text)
                    else:
                        self._said[request.key] = _problem(outcome.reason, outcome.error, request)
            journal.compact()
            self.noticed = {
                name: value for name, value in judge.facts().items() if name in _SHOWN and value not in ({}, 0)
            }
        progress.finish()
        return []

    def score(self, item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        """The item with the judge's replies; Unfit where one of them is of no use."""
        replies: list[str] = []
        for request in self._requests(item):
            said = self._said[request.key]
            if isinstance(said, Problem):
                self._failed += 1
                raise Unfit(*said)
            replies.append(said)
        self._replies += len(replies)
        return self._questions.with_replies(item, replies)

    def facts(self) -> dict[str, object]:
        """The judge, its words, and how many replies the figures rest on; what all calls for this folder came to."""
        return {
            "name": self.name,
            "prompt": self.wording,
            "replies": self._replies,
            "rows_without_verdict": self._failed,
            **recorded_usage(self._journal.parent, Budget.of(self._options)),
        }

    def remarks(self) -> Iterator[str]:
        """What may be wrong with the figures."""
        if self._failed:
            yield f"{self.name} gave no verdict on {self._failed:,} rows, which are rejected: no figure rests on them."

    def _items(self, rows: Rows) -> Iterator[Any]:
        for row in rows():
            if (item := self._item(row)) is not None:
                yield item

    def _item(self, row: SourceRow) -> Any:  # noqa: ANN401 - an item of the benchmark
        try:
            return None if row.value is None else self._read(row.value, row.file)
        except Unfit:
            return None

    def _requests(self, item: Any) -> list[ChatRequest]:  # noqa: ANN401
        return [
            ChatRequest(
                messages=chat,
                model=self.name,
                temperature=self._options.temperature,
                max_reply_tokens=self._options.max_reply_tokens,
                seed=self._seed,
            )
            for chat in self._questions.chats(item)
        ]


def _ending(text: str) -> str:
    """The last line, which is all that is read: reasons stay in the journal."""
    return text.rstrip().splitlines()[-1]


def _problem(reason: str, error: str, request: ChatRequest) -> Problem:
    # the key leads from the rejected row to the raw answers in the journal
    remedy = " Raise --max-reply-tokens." if reason == "cut_off" else ""
    named = "no_verdict" if reason == "bad_answer" else reason
    return Problem(named, None, f"{error} (call {request.key[:16]} in the journal).{remedy}")
