"""One clause of tagged tokens and the questions that every frame asks of it: who is judged, what stands before."""

import re

from stages.extract_principles.mention import Verdict
from stages.extract_principles.rules.scan import Scan
from stages.extract_principles.rules.wordlists import words

Found = tuple[str, Verdict] | None

_SUBJECT = re.compile(r"[RTNnKEXZ]")
# A comma ends the evidence unless it goes on listing adjectives.
_EVIDENCE_END = re.compile(r",(?![&iht]{0,3}[AWGQ])")
_SPEECH = words(
    "says, states, said, stated, claims, claimed, suggests, suggested, infers, implies, concludes, writes, "
    "thinks, believes, argues, mentions, mentioned, told, saying, stating, claiming, assumes, assumed, say, "
    "state, prove, accept, conclude, deduce, knows, know, asks, that the hypothesis,"
)

_TELLS = words("explains, explain, explained, shows, show, argues, notes, points out, describes")


class Clause:
    """Tokens [low:high] of a scan.

    `code` says that the feedback is about code, `inherited` is the tag of the noun that the clause before spoke of.
    """

    __slots__ = ("code", "high", "inherited", "low", "raw", "scan", "tags")

    def __init__(self, scan: Scan, low: int, high: int, *, code: bool, inherited: str) -> None:
        self.scan, self.tags, self.raw, self.low, self.high = scan, scan.tags, scan.raw, low, high
        self.code, self.inherited = code, inherited

    def first_noun(self) -> str:
        """Tag of the first noun of any list, "" if there is none."""
        found = _SUBJECT.search(self.tags, self.low, self.high)
        return ("X" if found.group() == "Z" else found.group()) if found else ""

    def subject(self, position: int) -> tuple[str, int]:
        """Tag and index of the noun that governs `position`: "u" for a noun of no list, "" with -1 for none."""
        tags, stop = self.tags, position
        while True:
            start = max(self.low, tags.rfind(",", self.low, stop) + 1)
            found = _SUBJECT.search(tags, start, stop)
            if found:
                return self._head(found.start(), stop)
            if "u" in tags[start:stop]:
                return "u", start
            if start <= self.low:
                return "", -1
            stop = start - 1

    def governor(self, position: int) -> str:
        """Tag of the subject, or of the one inherited from the clause before."""
        return self.subject(position)[0] or self.inherited

    def window(self, position: int, size: int) -> str:
        """Tags of up to `size` tokens before `position`, not beyond a comma or the clause."""
        start = max(self.low, position - size, self.tags.rfind(",", self.low, position) + 1)
        return self.tags[start:position]

    def chunk(self, position: int) -> int:
        """Where the comma-free stretch that holds `position` starts."""
        return max(self.low, self.tags.rfind(",", self.low, position) + 1)

    def after(self, position: int) -> str:
        """The text of the token that follows `position`, also beyond the clause."""
        return self.raw[position + 1] if position + 1 < len(self.raw) else ""

    def reported(self, stop: int) -> bool:
        """Whether what comes at `stop` is only what the response or the source said ("it says that ... is wrong")."""
        for at in range(self.chunk(stop), stop):
            word = self.raw[at]
            if (word in _SPEECH and self.tags[at] not in "nN") or (word in _TELLS and self.after(at) == "that"):
                return True
        return False

    def evidence(self, position: int) -> tuple[int, int]:
        """Characters [start:end] of the comma-free stretch around `position`, with the subject if that is earlier."""
        tags = self.tags
        start = self.chunk(position)
        if start > self.low and not _SUBJECT.search(tags, start, position):
            start = self.chunk(start - 1)
        end = _EVIDENCE_END.search(tags, position, self.high)
        stop = end.start() if end else self.high
        return self.scan.starts[start], self.scan.ends[stop - 1]

    def _head(self, index: int, stop: int) -> tuple[str, int]:
        tags = self.tags
        if tags[index] == "R":
            after = index + 2 if tags[index + 1 : index + 2] == "d" else index + 1
            if after < stop and tags[after] in "Nn":
                return tags[after], after
        return ("X" if tags[index] == "Z" else tags[index]), index
