"""From one feedback text to its claims: mask, scan, judge, merge. It applies no filter of the stage."""

import re

from stages.extract_principles.mention import Claim, Verdict
from stages.extract_principles.rules.findings import Finding
from stages.extract_principles.rules.grammar import judge
from stages.extract_principles.rules.idiom_pass import with_idioms
from stages.extract_principles.rules.scan import mask, normalise, scan

_OPENING = re.compile(
    r"(?:(?<![^.!?:\n,])|(?<=[.!?:\n,] )|(?<=think )|(?<=feel )|(?<=that ))"
    r"(?:the|this|that)\s+(?:\w+'s\s+)?(?:response|answer|reply|output|completion)\s+(?:is|was|seems)\s+"
    r"(?:(not|un|slightly|somewhat|partially|mostly|perfectly|very|extremely|fully|completely|quite|only)\s+){0,2}"
    r"(un)?helpful\b"
)
_OPENING_VERDICT: dict[str | None, Verdict] = {
    "not": "no",
    "slightly": "no",
    "partially": "partially",
    "somewhat": "partially",
    "only": "partially",
}
_CODE_WORD = re.compile(
    r"\b(?:code|functions?|loop|script|variables?|regex|recursion|recursive|syntax|compil\w+|python|javascript"
    r"|docstring"
    r"|algorithm|array|(?:if|for)[- ]statement|(?:if|for)[- ](?:loop|condition)|return statement|returns|unit tests?"
    r"|methods? calls?|parameters?|dictionary|tuple|strings?|boolean|index|integer|sql|class|implementation|undefined"
    r"|iterat\w+|argument type|elif|input arguments?|base cases?)\b|\b[a-z]+_[a-z_]+\b|[=!<>]=|\w\(\)"
)
_EDGES = " \t\r\n,;:-—"


def extract(feedback: str) -> list[Claim]:
    """Claims in reading order; the evidence is a verbatim slice, and each (principle, verdict) is said once."""
    plain = normalise(feedback)
    text = mask(plain)
    findings: list[Finding] = []
    opening = _OPENING.search(text, 0, 300)
    if opening:
        grade: Verdict = "no" if opening.group(2) else _OPENING_VERDICT.get(opening.group(1), "yes")
        findings.append(Finding(opening.start(), opening.end(), "helpfulness", grade))
        text = text[: opening.start()] + "_" * (opening.end() - opening.start()) + text[opening.end() :]
    code = _CODE_WORD.search(plain) is not None
    tokens = scan(text)
    findings += judge(tokens, code=code)
    findings = with_idioms(text, tokens.vocabulary, findings, code=code)
    findings.sort()
    claims: dict[tuple[str, Verdict], Claim] = {}
    for start, end, principle, verdict in findings:
        if (principle, verdict) not in claims:
            claims[principle, verdict] = Claim(principle, feedback[start:end].strip(_EDGES), verdict)
    return list(claims.values())
