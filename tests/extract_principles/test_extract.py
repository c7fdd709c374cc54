"""The whole method on one part, with a scripted extractor: every rule drops what was planted and the counts add up."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stages.core.job import PartOutput
from stages.core.passing import PassThrough
from stages.core.rows import Problem, SourceRow
from stages.extract_principles.consensus import ConsensusRule
from stages.extract_principles.extract import Method, extract_part
from stages.extract_principles.extractors import Text
from stages.extract_principles.mention import Claim
from stages.extract_principles.taxonomy import Cluster


class ScriptedExtractor:
    """Reads claims from the feedback itself, a JSON list of [principle, evidence, verdict].

    The text `fail` fails, and the evidence `INVENTED` becomes words that stand nowhere.
    """

    name: str = "scripted"

    def extract(self, texts: Sequence[Text], part: int, advance: Callable[[int], None]) -> list[list[Claim] | Problem]:
        advance(len(texts))
        return [_claims(text.feedback) for text in texts]


def _claims(feedback: str) -> list[Claim] | Problem:
    if feedback == "fail":
        return Problem("http_500", "feedback", "the server said no.")
    claims = [Claim(*item) for item in json.loads(feedback)]
    return [claim._replace(evidence="zqxj wvkp hhhh") if claim.evidence == "INVENTED" else claim for claim in claims]


class WordEmbedder:
    """One axis a word: principles are equal or orthogonal."""

    name: str = "word"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        words = sorted(set(texts))
        return np.eye(len(words), dtype=np.float32)[[words.index(text) for text in texts]]


def method(*, consensus: bool = True, **changes: object) -> Method:
    settings: dict[str, object] = {
        "layout": "feedback",
        "extractor": ScriptedExtractor(),
        "embedder": WordEmbedder(),
        "evidence_threshold": 60.0,
        "artefact": ("helpfulness",),
        "consensus": ConsensusRule(0.8, "same", "medoid", "component") if consensus else None,
        "everyone": True,
        "taxonomy": {},
        "pass_through": (),
    }
    return Method(**{**settings, **changes})  # type: ignore[arg-type]


def says(*claims: tuple[str, str]) -> str:
    """Feedback that says each (principle, verdict), its evidence being the principle's own name."""
    return json.dumps([[principle, principle, verdict] for principle, verdict in claims])


def rows(*feedback: Sequence[str] | str, **columns: object) -> list[SourceRow]:
    return [
        SourceRow("x.jsonl", n, {"id": f"r{n}", "feedback": list(texts), **columns}, None, b"raw")
        for n, texts in enumerate(feedback, start=1)
    ]


def extract(source: list[SourceRow], how: Method) -> PartOutput:
    told: list[int] = []
    output = extract_part(how, 0, iter(source), told.append)
    assert sum(told) == len(source)
    assert output.kept + output.dropped_rows + len(output.rejected) == len(source)
    return output


def test_each_filter_drops_the_planted_principle() -> None:
    planted = json.dumps(
        [
            ["clarity of the text", "clarity of the text", "yes"],
            ["made up", "INVENTED", "yes"],
            ["helpfulness", "helpfulness", "no"],
            ["depth of it", "depth of it", "partially"],
            ["tone of it", "tone of it", "yes"],
            ["tone of it", "tone of it", "no"],
            ["said by one", "said by one", "yes"],
        ]
    )
    other = says(("clarity of the text", "yes"))
    output = extract(rows([planted, other]), method())
    assert [(row["principle"], row["label"]) for row in output.rows] == [("clarity of the text", True)]
    assert [(row["dropped_by"], row["principle"]) for row in output.dropped] == [
        ("evidence", "made up"),
        ("artefact", "helpfulness"),
        ("partially", "depth of it"),
        ("contradiction", "tone of it"),
        ("contradiction", "tone of it"),
        ("consensus", "said by one"),
    ]
    assert output.counts["raw"] == 8
    assert output.counts["raw"] == len(output.dropped) + output.counts["kept_mentions"]


def test_evidence_is_the_feedbacks_own_text() -> None:
    feedback = says(("clarity of the text", "no"))
    (row,) = extract(rows([feedback, feedback]), method()).rows
    assert [mention["annotator"] for mention in row["evidence"]] == [0, 1]
    for mention in row["evidence"]:
        assert feedback[mention["start"] : mention["end"]] == mention["quote"] == "clarity of the text"
    assert (row["label"], row["agreement"], row["extractor"]) == (False, 0.0, "scripted")


def test_an_annotator_who_says_nothing_vetoes_only_if_everyone_counts() -> None:
    clear = says(("clarity of the text", "yes"))
    source = rows([clear, clear, "[]"])
    assert extract(source, method()).rows == []
    assert len(extract(source, method(everyone=False)).rows) == 1


def test_a_failed_text_rejects_its_row_and_no_other() -> None:
    clear = says(("clarity of the text", "yes"))
    output = extract(rows([clear, "fail"], [clear, clear]), method())
    assert [row["id"] for row in output.rows] == ["r2"]
    (rejected,) = output.rejected
    assert (rejected.source.row, rejected.problem.reason) == (1, "http_500")
    assert rejected.problem.error == "feedback of annotator 1: the server said no."


def test_the_taxonomy_renames_merges_and_drops() -> None:
    clear = Cluster(name="clarity", members={"clearness": 1, "lucidity": 1})
    gone = Cluster(name="tone", members={"tone": 1}, drop=True)
    taxonomy = {"clearness": clear, "lucidity": clear, "tone": gone}
    said = says(("clearness", "yes"), ("lucidity", "yes"), ("tone", "yes"), ("depth", "no"))
    output = extract(rows([said]), method(consensus=False, taxonomy=taxonomy))
    assert [(row["principle"], len(row["evidence"])) for row in output.rows] == [("clarity", 2), ("depth", 1)]
    assert [(row["dropped_by"], row["principle"]) for row in output.dropped] == [("taxonomy", "tone")]


def test_given_principles_pass_through_without_evidence() -> None:
    value = {"id": "a", "context": "q", "response": "r", "principle": " Clarity. ", "fulfilment": "Yes"}
    output = extract([SourceRow("x", 1, value, None, None)], method(layout="helpsteer3-principle"))
    (row,) = output.rows
    assert (row["principle"], row["label"], row["evidence"], row["agreement"]) == ("Clarity", True, [], None)
    assert row["extractor"] == "given"


def test_a_given_principle_that_the_taxonomy_drops_keeps_its_own_name_and_its_domain() -> None:
    value = {"id": "a", "response": "r", "principle": "Lucidity", "fulfilment": "No", "domain": "code", "language": "c"}
    taxonomy = {"lucidity": Cluster(name="clarity", members={"lucidity": 1}, drop=True)}
    output = extract([SourceRow("x", 1, value, None, None)], method(layout="helpsteer3-principle", taxonomy=taxonomy))
    (row,) = output.dropped
    assert (row["principle"], row["verdict"], row["dropped_by"]) == ("Lucidity", "no", "taxonomy")
    assert (row["domain"], row["language"], row["extractor"]) == ("code", "c", "given")


def test_further_columns_pass_through_under_their_output_name() -> None:
    further = (PassThrough("label", "input_label", pa.int64()), PassThrough("meta", "meta", pa.string()))
    source = rows([says(("clarity", "yes"))], label=3, meta={"b": 1})
    (row,) = extract(source, method(consensus=False, pass_through=further)).rows
    assert (row["label"], row["input_label"], row["meta"]) == (True, 3, '{"b":1}')


def test_evidence_that_stands_in_the_prompt_is_counted() -> None:
    source = rows([says(("clarity of the text", "yes"), ("depth", "no"))], prompt="Mind Clarity of the text, please")
    assert extract(source, method(consensus=False)).counts["evidence_in_prompt"] == 1
