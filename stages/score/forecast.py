"""What a run would ask of the reward model, counted from the rows without opening the model."""

from collections.abc import Iterator

from stages.core.rows import Problem, SourceRow
from stages.score.principles import PrincipleSet
from stages.score.scoring import Case, read_case
from stages.score.tally import digest


class Forecast:
    """Counts over parts. A query is one distinct response of a part; a judgement, a query under one principle."""

    def __init__(self, layout: str, principles: PrincipleSet) -> None:
        self._layout, self._principles = layout, principles
        self._counts = dict.fromkeys(("queries", "judgements", "rows_without_principle", "rows_not_readable"), 0)

    def add_part(self, rows: Iterator[SourceRow]) -> None:
        """Count one part."""
        queries, judgements = set[bytes](), set[bytes]()
        for row in rows:
            case = read_case(row, self._layout, None) if row.value is not None else None
            if not isinstance(case, Case) or row.value is None:
                self._counts["rows_not_readable"] += 1
                continue
            principles = self._principles.of_row(row.value)
            if isinstance(principles, Problem):
                self._counts["rows_without_principle"] += 1
                principles = ()
            for response in case.responses:
                asked = [response.messages(), response.completion[-1]["content"]]
                queries.add(digest(asked))
                judgements |= {digest([asked, principle.text]) for principle in principles}
        self._counts["queries"] += len(queries)
        self._counts["judgements"] += len(judgements)

    def facts(self) -> dict[str, int]:
        """The counts; a model without principles needs only the queries, and no row is rejected for want of one."""
        return dict(self._counts)
