from stages.sandbox.verdict import CaseResult, Outcome, Status, Verdict, escaped, printable

NOISE = "a\x1b[2J\ud800\u202e\0\r\nb é"
SHOWN = "a\\x1b[2J\\ud800\\u202e\\x00\\r\nb é"


def test_foreign_texts_are_escaped_wherever_they_stand() -> None:
    result = CaseResult(test=NOISE, outcome=Outcome.FAIL, detail=NOISE)
    verdict = Verdict(status=Status.DONE, results=(result,), mode="data", level="standard", layers=(), detail=NOISE)
    assert (result.test, result.detail, verdict.detail, escaped(NOISE)) == (SHOWN,) * 4
    assert printable(b"\x1b\xff\n") == "\\x1b\\xff\n"
    verdict.detail.encode()


def test_details_stay_short_when_escaped() -> None:
    assert len(CaseResult(test="", outcome=Outcome.FAIL, detail="\x1b" * 500).detail) == 500
    assert escaped("plain é \U0001f600") == "plain é \U0001f600"
