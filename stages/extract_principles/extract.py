"""One part of the input through the whole method: read, extract, four filters, taxonomy, rows.

The steps themselves live in modules of their own; this one leads rows from one to the next. It touches no file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stages.core.chat import transcript
from stages.core.job import PartOutput
from stages.core.passing import PassThrough, copied
from stages.core.rows import Problem, Rejected, Row, SourceRow
from stages.extract_principles.consensus import Consensus, ConsensusRule, Group, find_consensus, without_consensus
from stages.extract_principles.curve import response_curve
from stages.extract_principles.embedding import Embedder
from stages.extract_principles.extractors import Extractor, Text
from stages.extract_principles.filters import drop_contradictions, filter_mentions, to_mention
from stages.extract_principles.matching import cosine_matrix
from stages.extract_principles.mention import Claim, Mention
from stages.extract_principles.normalise import normalise_principle
from stages.extract_principles.reading import Chat, Response, read_responses
from stages.extract_principles.stats import Stats
from stages.extract_principles.taxonomy import Cluster, apply_taxonomy

GIVEN: Final = "given"
"""The extractor of principles that the input brought ready-made."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """All that decides what a part becomes.

    `consensus` is None where filter 4 is off. `everyone`: all who gave feedback count as other annotators, else only
    those with principles left. `taxonomy` maps a member's key to its cluster.
    """

    layout: str
    extractor: Extractor
    embedder: Embedder
    evidence_threshold: float
    artefact: tuple[str, ...]
    consensus: ConsensusRule | None
    everyone: bool
    taxonomy: Mapping[str, Cluster]
    pass_through: tuple[PassThrough, ...]


def extract_part(method: Method, part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
    """Do one part. A row that cannot be read, or one of whose texts cannot be extracted, is rejected as a whole."""
    cases, rejected = _read(method.layout, rows, advance)
    failed = _extract(method.extractor, part, cases, advance)
    rejected += [Rejected(case.source, problem) for case, problem in failed.values()]
    output = _Output(method)
    good = [case for case in cases if case.source.row not in failed]
    for case in good:
        output.filter_claims(case)
    output.settle(good)
    read = len({case.source.row for case in good})
    return PartOutput(
        rows=output.rows,
        kept=len(output.kept),
        dropped_rows=read - len(output.kept),
        rejected=rejected,
        dropped=output.dropped,
        counts=output.counts,
        stats=output.stats.to_json(),
    )


@dataclass
class _Case:
    """One response on its way, and the input row that it stands in."""

    source: SourceRow
    response: Response
    claims: dict[int, list[Claim]] = field(default_factory=dict)
    mentions: list[Mention] = field(default_factory=list)


def _read(layout: str, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> tuple[list[_Case], list[Rejected]]:
    cases: list[_Case] = []
    rejected: list[Rejected] = []
    for source in rows:
        assert source.value is not None
        found = read_responses(source.value, layout)
        if isinstance(found, Problem):
            rejected.append(Rejected(source, found))
            advance(1)
        else:
            cases += [_Case(source, response) for response in found]
    return cases, rejected


def _extract(
    extractor: Extractor, part: int, cases: Sequence[_Case], advance: Callable[[int], None]
) -> dict[int, tuple[_Case, Problem]]:
    """Fill in the claims of all cases; return the input rows, by number, one of whose texts failed."""
    places = [(case, n, text) for case in cases for n, text in enumerate(case.response.feedback) if text]
    texts = [
        Text(text, _transcript(case.response.prompt), _transcript(case.response.completion)) for case, _, text in places
    ]
    meter = _RowMeter(len({case.source.row for case in cases}), len(texts), advance)
    failed: dict[int, tuple[_Case, Problem]] = {}
    for (case, annotator, _), answer in zip(places, extractor.extract(texts, part, meter.texts_done), strict=True):
        if isinstance(answer, Problem):
            error = f"feedback of annotator {annotator}: {answer.error}"
            failed.setdefault(case.source.row, (case, answer._replace(error=error)))
        else:
            case.claims[annotator] = answer
    meter.close()
    return failed


def _transcript(chat: Chat | None) -> str:
    return transcript(chat) if chat else ""


class _RowMeter:
    """Turns finished texts into finished rows, in proportion, since that is the unit that progress counts."""

    def __init__(self, rows: int, texts: int, advance: Callable[[int], None]) -> None:
        self._rows, self._texts, self._advance = rows, texts, advance
        self._done = self._told = 0

    def texts_done(self, count: int) -> None:
        self._done += count
        now = self._rows * self._done // max(1, self._texts)
        if now > self._told:
            self._advance(now - self._told)
            self._told = now

    def close(self) -> None:
        self._advance(self._rows - self._told)


class _Output:
    """Rows, dropped mentions, counts and statistics of one part, as they come together."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self.rows: list[Row] = []
        self.dropped: list[Row] = []
        self.kept: set[int] = set()
        self.counts = Counter[str]()
        self.stats = Stats()

    def filter_claims(self, case: _Case) -> None:
        """Filters 1 to 3 over all annotators of one response."""
        method = self._method
        for annotator, claims in case.claims.items():
            feedback = case.response.feedback[annotator]
            self.counts["feedbacks"] += 1
            self.counts["raw"] += len(claims)
            mentions = [
                to_mention(claim, annotator, feedback, evidence_threshold=method.evidence_threshold) for claim in claims
            ]
            self.stats.matches.update(_bin(mention.match) for mention in mentions)
            filtered = filter_mentions(mentions, evidence_threshold=method.evidence_threshold, artefact=method.artefact)
            consistent = drop_contradictions(filtered.kept)
            case.mentions += consistent.kept
            self.counts.update(f"verdict_{mention.verdict}" for mention in filtered.kept)
            for mention, rule, score in (*filtered.dropped, *consistent.dropped):
                self._drop(case, mention, rule, score)
        asked = _transcript(case.response.prompt).casefold()
        self.counts["evidence_in_prompt"] += sum(mention.quote.casefold() in asked for mention in case.mentions)

    def settle(self, cases: Sequence[_Case]) -> None:
        """Filter 4 and the taxonomy over all responses."""
        names = list(dict.fromkeys(mention.principle for case in cases for mention in case.mentions))
        consensus = self._method.consensus
        vectors = self._method.embedder.embed(names) if consensus and names else None
        place = {name: n for n, name in enumerate(names)}
        for case in cases:
            if case.response.given is not None:
                self._write_given(case, *case.response.given)
                continue
            if consensus is None or vectors is None:
                result = without_consensus(case.mentions)
            else:
                cosines = cosine_matrix(vectors[[place[mention.principle] for mention in case.mentions]])
                result = self._agree(case, cosines, consensus)
            self._record(case, result)

    def _agree(self, case: _Case, cosines: list[list[float]], rule: ConsensusRule) -> Consensus:
        said = {n for n, text in enumerate(case.response.feedback) if text}
        others = said if self._method.everyone else {mention.annotator for mention in case.mentions}
        curve = response_curve(case.mentions, cosines, others, label=rule.label, wording=rule.wording)
        self.stats.add_curve(curve)
        return find_consensus(case.mentions, cosines, others, rule)

    def _record(self, case: _Case, result: Consensus) -> None:
        for dropped in result.dropped:
            self._drop(case, case.mentions[dropped.mention], dropped.rule, dropped.score)
        self.stats.add_votes(case.response.domain, result.units)
        for name in ("matched", "label_conflicts", "chains", "ties"):
            self.counts[name] += getattr(result, name)
        self._write(case, result.groups)

    def _write(self, case: _Case, groups: Sequence[Group]) -> None:
        """One row a group; groups that the taxonomy gives the same name, and that have the same label, become one."""
        merged: dict[tuple[str, bool], list[Group]] = {}
        for group in groups:
            applied = apply_taxonomy(self._method.taxonomy, group.principle, case.response.id)
            if applied.fate == "kept":
                merged.setdefault((applied.principle, group.label), []).append(group)
            else:
                for member in group.members:
                    self._drop(case, case.mentions[member], "taxonomy", None)
        for (principle, label), same in merged.items():
            members = sorted({member for group in same for member in group.members})
            yes = sum(case.mentions[member].verdict == "yes" for member in members)
            evidence = [_evidence(case.mentions[member]) for member in members]
            self.counts["kept_mentions"] += len(members)
            self._add_row(case, principle, label, evidence, yes / len(members), self._method.extractor.name)

    def _write_given(self, case: _Case, wording: str, label: bool) -> None:
        self.counts["raw"] += 1
        response, principle, verdict = case.response, normalise_principle(wording), "yes" if label else "no"
        applied = apply_taxonomy(self._method.taxonomy, principle, response.id)
        if applied.fate == "kept":
            self.counts["kept_mentions"] += 1
            self._add_row(case, applied.principle, label, [], None, GIVEN)
            return
        row = {"id": response.id, "annotator": -1, "principle": principle, "wording": wording, "verdict": verdict}
        where = {"domain": response.domain, "language": response.language}
        self.dropped.append({**row, **where, "dropped_by": "taxonomy", "extractor": GIVEN})

    def _add_row(
        self, case: _Case, principle: str, label: bool, evidence: list[Row], agreement: float | None, extractor: str
    ) -> None:
        response = case.response
        self.kept.add(case.source.row)
        self.stats.add_row(response.domain, principle, label)
        row: Row = {
            "id": response.id,
            "prompt": response.prompt,
            "completion": response.completion,
            "principle": principle,
            "label": label,
            "evidence": evidence,
            "agreement": agreement,
            "domain": response.domain,
            "language": response.language,
            "extractor": extractor,
        }
        self.rows.append(row | copied(self._method.pass_through, case.source.value or {}))

    def _drop(self, case: _Case, mention: Mention, rule: str, score: float | None) -> None:
        self.dropped.append(
            {
                "id": case.response.id,
                "annotator": mention.annotator,
                "principle": mention.principle,
                "wording": mention.wording,
                "verdict": mention.verdict,
                "quote": mention.quote,
                "start": mention.start,
                "end": mention.end,
                "match": mention.match,
                "dropped_by": rule,
                "score": score,
                "domain": case.response.domain,
                "language": case.response.language,
                "extractor": self._method.extractor.name,
            }
        )


def _bin(match: float) -> str:
    """The lower bound of the ten-wide bin that a match of 0 to 100 falls in; 100 has one of its own."""
    return str(int(match // 10) * 10)


def _evidence(mention: Mention) -> Row:
    names = ("annotator", "quote", "start", "end", "match", "verdict")
    return {name: getattr(mention, name) for name in names}
