"""Random claims under random options: every claim's fate is the naive twin's, and all counts agree."""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from stages.core.job import PartOutput
from stages.core.rows import Problem, SourceRow
from stages.extract_principles.consensus import ConsensusRule
from stages.extract_principles.extract import Method, extract_part
from stages.extract_principles.extractors import Text
from stages.extract_principles.mention import Claim
from stages.extract_principles.ngram_embedder import NgramEmbedder
from stages.extract_principles.stats import stats_from_json
from stages.extract_principles.summary import facts
from stages.extract_principles.taxonomy import Cluster, Taxonomy, index_members
from tests.naive.extract import Rules, fates

PRINCIPLES = (
    *("clarity", "clarity of the answer", "lucid clarity", "accuracy", "accuracy of information", "depth", "tone"),
    *("information accuracy", "helpfulness", "mostly helpful", "Überprüfung", "😀 tone", "דיוק"),
)
ARTEFACTS = frozenset({"helpfulness", "mostly helpful"})
ACCURACY = Cluster(name="accuracy", members={"accuracy": 1, "accuracy of information": 1, "information accuracy": 1})
TONE = Cluster(name="tone", members={"tone": 2, "😀 tone": 1}, drop=True)
RENAMED = {**dict.fromkeys(ACCURACY.members, "accuracy"), **dict.fromkeys(TONE.members)}
WORDS = (
    *("the", "answer", "is", "clear", "and", "accurate", "😀", "e\u0301tude", "naïve", "דיוק", "“quoted”", "—"),
    *("dash\r\n", "line\ttab", "ß", "İ"),
)


class Planted:
    """Says of each text what was planted for it."""

    name: str = "planted"

    def __init__(self) -> None:
        self.said: dict[str, list[Claim] | Problem] = {}

    def extract(self, texts: Sequence[Text], part: int, advance: Callable[[int], None]) -> list[list[Claim] | Problem]:
        return [self.said[text.feedback] for text in texts]

    def plant(self, rng: random.Random) -> str:
        """A new text of one annotator, sometimes a blank one."""
        if rng.random() < 0.12:
            return rng.choice(["", " \n"])
        text = f"{len(self.said)} " + " ".join(rng.choices(WORDS, k=rng.randint(3, 25)))
        claims = [_claim(rng, text) for _ in range(rng.randint(0, 5))]
        self.said[text] = Problem("http_500", "feedback", "no.") if rng.random() < 0.05 else claims
        return text


def _claim(rng: random.Random, text: str) -> Claim:
    start = rng.randrange(len(text))
    evidence = rng.choice(
        [
            text[start : start + rng.randint(1, 60)],
            text[start : start + 20].upper() + " zz",
            "zqxj wvkp hhhh",
            f"{text} and much beyond it",
        ]
    )
    return Claim(rng.choice(PRINCIPLES), evidence.strip() or text, rng.choice(["yes", "yes", "no", "no", "partially"]))


def _options(rng: random.Random) -> Rules:
    rule = ConsensusRule(
        threshold=rng.choice([0.3, 0.5, 0.8, 0.8]),
        label=rng.choice(["same", "any"]),
        wording=rng.choice(["medoid", "first"]),
        grouping=rng.choice(["component", "clique"]),
    )
    return Rules(
        evidence_threshold=rng.choice([60.0, 60.0, 0.0, 90.0, 100.0]),
        artefact=ARTEFACTS,
        consensus=rng.choice([None, rule, rule, rule]),
        everyone=rng.random() < 0.6,
        renamed=rng.choice([{}, RENAMED]),
    )


@pytest.mark.parametrize("seed", range(200))
def test_every_claim_has_the_fate_that_the_twin_gives_it(seed: int) -> None:
    rng = random.Random(seed)
    planted, options = Planted(), _options(rng)
    rows = [
        SourceRow(
            "x", n, {"id": f"r{n}", "feedback": [planted.plant(rng) for _ in range(rng.randint(1, 4))]}, None, b""
        )
        for n in range(1, 12)
    ]
    method = Method(
        layout="feedback",
        extractor=planted,
        embedder=NgramEmbedder(),
        evidence_threshold=options.evidence_threshold,
        artefact=("helpfulness",),
        consensus=options.consensus,
        everyone=options.everyone,
        taxonomy=index_members(Taxonomy(clusters=(ACCURACY, TONE) if options.renamed else ())),
        pass_through=(),
    )
    output = extract_part(method, 0, iter(rows), lambda count: None)
    written, dropped, rejected = Counter[object](), Counter[object](), set[int]()
    for row in rows:
        assert row.value is not None
        name, feedback = row.value["id"], [text.strip() and text for text in row.value["feedback"]]
        said = {n: planted.said[text] for n, text in enumerate(feedback) if text}
        claims = {n: answer for n, answer in said.items() if not isinstance(answer, Problem)}
        if not said or len(claims) < len(said):
            rejected.add(row.row)
            continue
        expected = fates(feedback, claims, options)
        written.update((name, *fate) for fate in expected.rows)
        dropped.update((name, *fate) for fate in expected.dropped)
    assert Counter(map(_written, output.rows)) == written
    assert Counter((d["id"], d["annotator"], d["principle"], d["dropped_by"]) for d in output.dropped) == dropped
    assert {one.source.row for one in output.rejected} == rejected
    _check_quotes(rows, output)
    _check_counts(output, options)
    assert output.kept + output.dropped_rows + len(output.rejected) == len(rows)


def _written(row: dict[str, object]) -> tuple[object, ...]:
    evidence = tuple((one["annotator"], one["start"], one["end"], one["verdict"]) for one in row["evidence"])  # type: ignore[attr-defined]
    return row["id"], row["principle"], row["label"], evidence, row["agreement"]


def _check_quotes(rows: Sequence[SourceRow], output: PartOutput) -> None:
    feedback = {row.value["id"]: row.value["feedback"] for row in rows if row.value}
    spans = [(row["id"], one) for row in output.rows for one in row["evidence"]]
    spans += [(row["id"], row) for row in output.dropped if row["start"] >= 0]
    assert all(feedback[name][one["annotator"]][one["start"] : one["end"]] == one["quote"] for name, one in spans)
    assert all(row["dropped_by"] == "evidence" for row in output.dropped if row["start"] < 0)


def _check_counts(output: PartOutput, options: Rules) -> None:
    rule = options.consensus
    stats = stats_from_json(json.loads(json.dumps(output.stats)))
    by_rule = Counter(row["dropped_by"] for row in output.dropped)
    total = {"counts": output.counts, "written": len(output.rows), "dropped_by": by_rule}
    told = facts(total, stats, {}, consensus=rule is not None)
    left = {step["name"]: step["left"] for step in told["waterfall"]}  # type: ignore[attr-defined]
    assert left["taxonomy"] == output.counts["kept_mentions"] == sum(len(row["evidence"]) for row in output.rows)
    assert left["partially"] == output.counts["verdict_yes"] + output.counts["verdict_no"]
    assert sum(stats.matches.values()) == left["raw"]
    assert sum(sum(pair) for names in stats.names.values() for pair in names.values()) == len(output.rows)
    if rule is not None and (rule.threshold, rule.grouping) == (0.8, "component") and not options.renamed:
        (point,) = [p for p in told["curve"] if (p["rule"], p["threshold"]) == ("every", 0.8)]  # type: ignore[attr-defined]
        assert (point["matched"], point["label_conflicts"]) == (output.counts["matched"], told["label_conflicts"])
        assert (point["rows"], point["unique_principles"]) == (len(output.rows), told["unique_principles"])
