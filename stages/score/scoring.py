"""One part through the reward model: rows in, scores out, every row kept or rejected with its reason.

Responses that are equal, in equal conversations, are asked about once with all their principles, so that the model
reads them once.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stages.core.job import PartOutput
from stages.core.passing import PassThrough, copied
from stages.core.rows import Problem, Rejected, SourceRow
from stages.rewards.item import RewardItem
from stages.rewards.model import Judgement, Query, RewardModel
from stages.rewards.reference import find_reference
from stages.rewards.weighted import content_key
from stages.score.aggregate import Combined, combine
from stages.score.columns import SOURCE_ROW
from stages.score.config import Aggregate
from stages.score.principles import Principle, PrincipleSet
from stages.score.reading import CONSUMED, SEVERAL, Response, read_responses
from stages.score.tally import Tally

Answer = Judgement | Problem


@dataclass(frozen=True, kw_only=True)
class Method:
    """What is done with a row. `needs_prompt`: responses are compared later, so each must have a prompt.

    `reads_rows`: the model looks at what else a row has.
    """

    model: RewardModel
    layout: str
    principles: PrincipleSet
    aggregate: Aggregate
    skip_missing: bool
    needs_prompt: bool
    pass_through: tuple[PassThrough, ...]
    reads_rows: bool = False


def score_part(method: Method, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
    """Do one part. A row one of whose responses cannot be scored is rejected as a whole, unless that may be skipped."""
    cases, rejected = _read(method, rows, advance)
    questions = _Questions()
    for case in cases:
        questions.add(case)
    meter = _RowMeter(len(cases), len(questions.queries), advance)
    answers = questions.ask(method.model, meter.queries_done)
    meter.close()
    output = _Output(method)
    for case in cases:
        problem = output.add(case, answers.of(case))
        if problem is not None:
            rejected.append(Rejected(case.source, problem))
    counts = output.counts | {"queries": len(questions.queries)}
    return PartOutput(
        rows=output.rows,
        kept=output.kept,
        dropped_rows=0,
        rejected=rejected,
        counts=counts,
        stats=output.tally.to_json(),
    )


@dataclass(frozen=True)
class Case:
    """One input row on its way: its responses, and its principles, none where the model reads none.

    `items` are the responses with what else the row has, where the model looks at it.
    """

    source: SourceRow
    responses: list[Response]
    principles: tuple[Principle, ...]
    items: tuple[RewardItem, ...] | None = None

    def queries(self) -> Iterator[tuple[Hashable, Query]]:
        """For each response a query without principles, and what it shares with equal ones."""
        for place, response in enumerate(self.responses):
            asked = response.messages(), response.completion[-1]["content"]
            if self.items is None:
                yield asked, Query(*asked, ())
            else:
                yield content_key(self.items[place]), Query(*asked, (), self.items[place])


def read_case(
    source: SourceRow, layout: str, principles: PrincipleSet | None, *, needs_prompt: bool = False
) -> Case | Problem:
    """The responses of a row with its principles (None: the model reads none), or why the row cannot be scored."""
    assert source.value is not None
    responses = read_responses(source.value, layout)
    if isinstance(responses, Problem):
        return responses
    if needs_prompt and any(response.prompt is None for response in responses):
        return Problem("no_prompt", "prompt", "the row has no prompt, and responses to one prompt are to be compared.")
    found = () if principles is None else principles.of_row(source.value)
    return found if isinstance(found, Problem) else Case(source, responses, found)


def _read(
    method: Method, rows: Iterator[SourceRow], advance: Callable[[int], None]
) -> tuple[list[Case], list[Rejected]]:
    cases: list[Case] = []
    rejected: list[Rejected] = []
    principles = method.principles if method.model.reads_principles else None
    for source in rows:
        case = read_case(source, method.layout, principles, needs_prompt=method.needs_prompt)
        if isinstance(case, Case) and method.reads_rows:
            case = _with_items(case, method.layout)
        if isinstance(case, Case):
            cases.append(case)
        else:
            rejected.append(Rejected(source, case))
            advance(1)
    return cases, rejected


def _with_items(case: Case, layout: str) -> Case | Problem:
    row = case.source.value
    assert row is not None
    reference = find_reference(row)
    if isinstance(reference, Problem):
        return reference
    principle = row.get("principle")
    consumed = (*CONSUMED[layout], "principle")
    items = tuple(
        RewardItem(
            id=f"{row['id']}#{place}",
            messages=response.messages(),
            completion=response.completion[-1]["content"],
            reference=reference.value,
            principle=principle if isinstance(principle, str) else None,
            extra={name: value for name, value in row.items() if name not in consumed},
        )
        for place, response in enumerate(case.responses)
    )
    return replace(case, items=items)


class _Questions:
    """What a part asks of the model: a query for each distinct response, with every principle that any row asks for."""

    def __init__(self) -> None:
        self._principles: dict[Hashable, dict[str, int]] = {}
        self._asked: dict[Hashable, Query] = {}

    @property
    def queries(self) -> list[Query]:
        return [
            query._replace(principles=tuple(principles))
            for query, principles in zip(self._asked.values(), self._principles.values(), strict=True)
        ]

    def add(self, case: Case) -> None:
        for key, query in case.queries():
            self._asked.setdefault(key, query)
            places = self._principles.setdefault(key, {})
            for principle in case.principles:
                places.setdefault(principle.text, len(places))

    def ask(self, model: RewardModel, advance: Callable[[int], None]) -> "_Answers":
        return _Answers(self._principles, dict(zip(self._principles, model.judge(self.queries, advance), strict=True)))


@dataclass(frozen=True)
class _Answers:
    places: dict[Hashable, dict[str, int]]
    judged: dict[Hashable, list[Answer]]

    def of(self, case: Case) -> list[list[Answer]]:
        """For each response one answer a principle of the row; one in all where the model reads none."""
        return [self._answers(case, key) for key, _ in case.queries()]

    def _answers(self, case: Case, key: Hashable) -> list[Answer]:
        if not case.principles:
            (only,) = self.judged[key]
            return [only]
        return [self.judged[key][self.places[key][principle.text]] for principle in case.principles]


class _RowMeter:
    """Turns finished queries into finished rows, in proportion, since rows are the unit that progress counts."""

    def __init__(self, rows: int, queries: int, advance: Callable[[int], None]) -> None:
        self._rows, self._queries, self._advance = rows, queries, advance
        self._done = self._told = 0

    def queries_done(self, count: int) -> None:
        self._done += count
        now = self._rows * self._done // max(1, self._queries)
        if now > self._told:
            self._advance(now - self._told)
            self._told = now

    def close(self) -> None:
        self._advance(self._rows - self._told)


@dataclass
class _Output:
    """The rows, counts and statistics of one part, as they come together."""

    method: Method
    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)

    def add(self, case: Case, answers: Sequence[Sequence[Answer]]) -> Problem | None:
        """Write the rows of one input row, or say why there are none."""
        lost = [
            (place, answer) for one in answers for place, answer in enumerate(one) if not isinstance(answer, Judgement)
        ]
        if lost and (not self.method.skip_missing or len(lost) == sum(map(len, answers))):
            return _named(case, *lost[0])
        self.counts["left_out"] += len(lost)
        self.kept += 1
        for sample, (response, one) in enumerate(zip(case.responses, answers, strict=True)):
            texts: Sequence[Principle | None] = case.principles or [None]
            pairs = [(text, answer) for text, answer in zip(texts, one, strict=True) if isinstance(answer, Judgement)]
            self._respond(case, sample, response, pairs)
        return None

    def _respond(
        self, case: Case, sample: int, response: Response, pairs: Sequence[tuple[Principle | None, Judgement]]
    ) -> None:
        if not pairs:
            return
        self.counts["responses"] += 1
        self.counts["judgements"] += len(pairs)
        self.counts["truncated"] += pairs[0][1].truncated
        frame = self._frame(case, sample, response)
        for principle, judgement in pairs:
            text = principle.text if principle else None
            self.tally.add(text, judgement.score, judgement.p_yes)
            if self.method.aggregate == "none":
                self._write(response, frame | {"principle": text} | judgement._asdict())
        if self.method.aggregate != "none":
            self._write(response, frame | self._combined(pairs))

    def _combined(self, pairs: Sequence[tuple[Principle | None, Judgement]]) -> dict[str, Any]:
        rule = self.method.aggregate
        assert rule != "none"
        parts = [(principle, judgement) for principle, judgement in pairs if principle is not None]
        judgements = [judgement for _, judgement in parts]
        result: Combined = combine(judgements, [principle.weight for principle, _ in parts], rule)
        self.counts["combined_raw"] += result.p_yes is None and len(parts) > 1
        return {
            **result._asdict(),
            "truncated": any(judgement.truncated for judgement in judgements),
            "parts": [
                {"principle": principle.text, "score": judgement.score, "p_yes": judgement.p_yes}
                for principle, judgement in parts
            ],
        }

    def _write(self, response: Response, row: dict[str, Any]) -> None:
        self.rows.append(row)
        if response.prompt is not None:
            self.tally.compare(row["prompt"], row["completion"], row.get("principle"), row["score"])

    def _frame(self, case: Case, sample: int, response: Response) -> dict[str, Any]:
        assert case.source.value is not None
        frame = copied(self.method.pass_through, case.source.value) | {
            "id": case.source.value["id"],
            "prompt": response.prompt,
            "completion": response.completion,
            "rm": self.method.model.name,
            SOURCE_ROW: case.source.row,
        }
        return frame | ({"sample": sample} if self.method.layout in SEVERAL else {})


def _named(case: Case, place: int, problem: Problem) -> Problem:
    """The problem with the principle it is about, where there are several to choose from."""
    if len(case.principles) < 2:
        return problem
    return problem._replace(error=f"principle {case.principles[place].text!r}: {problem.error}")
