"""By which principles a row is scored: those of the options, of a file (perhaps by domain), or of the row itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from stages.core.rows import Problem, Row

DEFAULT: Final = "default"
"""Key of the principles for rows whose domain has none of its own."""


class Principle(NamedTuple):
    """A principle, and its weight where principles are weighted."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PrincipleSet:
    """Where principles come from.

    `by_domain` holds those of the options or the file, under DEFAULT where they are for all rows; it is empty where
    each row names its own. `weighted` says that the file gave weights. `name` is what a remedy names.
    """

    source: Literal["option", "file", "column"]
    by_domain: Mapping[str, tuple[Principle, ...]]
    weighted: bool = False
    name: str = ""

    def of_row(self, row: Row) -> tuple[Principle, ...] | Problem:
        """The principles of one row, at least one and each once, or why there is none."""
        if self.source == "column":
            return _own(row)
        domain = row.get("domain")
        if domain is not None and not isinstance(domain, str) and set(self.by_domain) != {DEFAULT}:
            return Problem("bad_type", "domain", f"field 'domain' is {domain!r}; it must be a text.")
        found = self.by_domain.get(domain or DEFAULT) or self.by_domain.get(DEFAULT)
        if found is None:
            which = f"for the domain {domain!r}" if domain else "for a row without a domain"
            error = f"{self.name} has no principles {which}; add them there, or the key {DEFAULT!r}."
            return Problem("no_principle", "domain", error)
        return found


def from_options(texts: tuple[str, ...]) -> PrincipleSet:
    """The principles of `--principle`, or those of the rows where there is none."""
    if not texts:
        return PrincipleSet(source="column", by_domain={})
    return PrincipleSet(source="option", by_domain={DEFAULT: tuple(Principle(text) for text in texts)})


def _own(row: Row) -> tuple[Principle, ...] | Problem:
    value = row.get("principle")
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return Problem("bad_type", "principle", "field 'principle' must be a text or a list of texts.")
    found = tuple(Principle(text) for text in dict.fromkeys(texts) if text.strip())
    if not found:
        remedy = "name one with --principle, --principles-file or --map principle=COLUMN."
        return Problem("no_principle", "principle", f"the row has no principle to score by; {remedy}")
    return found
