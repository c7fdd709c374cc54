"""From one feedback text to its claims: mask, scan, judge, merge. It applies no filter of the stage."""

import re

from stages.extract_principles.mention import Claim, Verdict
from stages.extract_principles.rules.findings import Finding
from stages.extract_principles.rules.grammar import judge
from stages.extract_principles.rules.idiom_pass import with_idioms
from stages.extract_principles.rules.scan import mask, normalise, scan
from stages.extract_principles.rules.wordlists import words

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
_CODE_WORDS = words(
    "code, import, imports, imported, cast, function, functions, loop, loops, script, variable, variables, regex, "
    "recursion, recursive, syntax, compile, compiles, compiled, compiler, compilation, python, javascript, "
    "docstring, docstrings, algorithm, array, arrays, if statement, for loop, while loop, else statement, return "
    "statement, return statements, returns, unit test, unit tests, method call, method calls, parameter, "
    "parameters, dictionary, tuple, tuples, string, strings, boolean, index, sql, implementation, undefined, "
    "iterate, iterates, iteration, iterating, elif, input arguments, base case, base cases"
)
_CODE_SIGN = re.compile(r"[a-z]_[a-z]|[=!<>]=|\w\(\)")
_CLOSING = tuple("\")”'")
_EDGES = " \t\r\n,;:-—"


def extract(feedback: str) -> list[Claim]:
    """Claims in reading order; the evidence is a verbatim slice, and each (principle, verdict) is said once."""
    plain = normalise(feedback)
    text = mask(plain, feedback)
    findings: list[Finding] = []
    opening = _OPENING.search(text, 0, 300)
    if opening:
        grade = _OPENING_VERDICT.get(opening.group(1), "yes")
        if opening.group(2):
            grade = "yes" if grade == "no" else "no"
        findings.append(Finding(opening.start(), opening.end(), "helpfulness", grade))
        text = text[: opening.start()] + "_" * (opening.end() - opening.start()) + text[opening.end() :]
    tokens = scan(text)
    code = not (_CODE_WORDS.isdisjoint(tokens.vocabulary) and _CODE_WORDS.isdisjoint(tokens.raw))
    code = code or _CODE_SIGN.search(plain) is not None
    findings += judge(tokens, code=code)
    findings = with_idioms(text, tokens.vocabulary, findings, code=code)
    findings.sort()
    claims: dict[tuple[str, Verdict], Claim] = {}
    for start, end, principle, verdict in findings:
        if (principle, verdict) not in claims:
            claims[principle, verdict] = Claim(principle, _trimmed(feedback[start:end]), verdict)
    return list(claims.values())


def _trimmed(evidence: str) -> str:
    """Without edge punctuation, and without a bracket or quotation mark left over from the sentence before."""
    trimmed = evidence.strip(_EDGES)
    return trimmed[1:].strip(_EDGES) or trimmed if trimmed[:1] in _CLOSING and trimmed[1:2].isspace() else trimmed
