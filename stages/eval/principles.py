"""Which principle each domain of a benchmark is judged on: given, from a file, or ours.

Which principles published figures rest on is not said in the sources that we read; those here are our own choice. How
one of several is chosen on held-out rows is the business of choice.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from stages.core.errors import ConfigError, DataError
from stages.eval.config import BenchmarkName

DEFAULT: Final = "default"
"""In a file of principles: what holds for every domain that is not named."""

_INSTRUCTIONS: Final = "following the user's instructions"

OURS: Final[Mapping[BenchmarkName, Mapping[str, str]]] = {
    "rm-bench": {
        "chat": "relevance and clarity",
        "math": "correctness",
        "code": "correctness of the code",
        "safety": "safety of the response",
    },
    "judgebench": {
        "knowledge": "accuracy of information",
        "reasoning": "correctness of the reasoning",
        "math": "correctness",
        "coding": "correctness of the code",
    },
    "reward-bench-2": {
        "Factuality": "accuracy of information",
        "Focus": "relevance to the question",
        "Math": "correctness",
        "Precise IF": _INSTRUCTIONS,
        "Safety": "safety of the response",
        "Ties": "correctness",
    },
    "llmbar": {DEFAULT: _INSTRUCTIONS},
    "pandalm": {DEFAULT: _INSTRUCTIONS},
    "best-of-n": {DEFAULT: "correctness"},
}
"""Our principles by benchmark and domain."""


@dataclass(frozen=True)
class Principles:
    """Principles by domain, one or more each, and where they come from, as a person would say it."""

    by_domain: Mapping[str, tuple[str, ...]]
    origin: str

    def of(self, domain: str) -> tuple[str, ...]:
        """The principles of a domain. Raises DataError if there is none."""
        found = self.by_domain.get(domain) or self.by_domain.get(DEFAULT)
        if found is None:
            raise DataError(
                f"The rows have the domain {domain!r}, for which there is no principle ({self.origin}: "
                f"{', '.join(self.by_domain)}); give one with --principle, or in --principles-file with the key "
                f"{domain!r} or {DEFAULT!r}."
            )
        return found

    @property
    def several(self) -> bool:
        """Whether any domain has more than one."""
        return any(len(found) > 1 for found in self.by_domain.values())


def given_principles(texts: tuple[str, ...]) -> Principles:
    """The same principles for every domain."""
    return Principles({DEFAULT: texts}, "--principle")


def our_principles(benchmark: BenchmarkName) -> Principles:
    """The built-in ones; none where rows bring their own."""
    return Principles({domain: (text,) for domain, text in OURS.get(benchmark, {}).items()}, "built in, ours")


def parse_principles(text: str, name: str) -> Principles:
    """The principles of a file: YAML, a list for every domain, or domain to one text or a list; else one a line.

    `name` says by its ending whether it is YAML, and opens error messages. Of other files, lines that begin with # are
    skipped.

    Raises:
        ConfigError: it is none of that.
    """
    if not name.lower().endswith((".yaml", ".yml")):
        lines = [line.strip() for line in text.splitlines()]
        return Principles({DEFAULT: _texts("it", [line for line in lines if line and line[0] != "#"], name)}, name)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {error}.") from None
    if isinstance(document, list):
        return Principles({DEFAULT: _texts("it", document, name)}, name)
    if not isinstance(document, dict) or not document:
        raise ConfigError(f"{name} must hold a list of principles, or lines of the form domain: principle.")
    return Principles({_domain(key, name): _texts(key, value, name) for key, value in document.items()}, name)


def _domain(key: object, name: str) -> str:
    if not isinstance(key, str):
        raise ConfigError(f"{name}: the domain {key!r} is not a text; put it into quotation marks.")
    return key


def _texts(key: object, value: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401 - any YAML value
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one.strip() for one in texts):
        raise ConfigError(f"{name}: {key} is {value!r}; it must be a principle, or a list of principles (no weights).")
    if len(set(texts)) < len(texts):
        raise ConfigError(f"{name}: {key} names a principle twice.")
    return tuple(texts)
