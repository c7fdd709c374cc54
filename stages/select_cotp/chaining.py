"""Rows to chains: pattern names, binned entropies and all else that decides about a row, for the pool and the core set.

What is decided over several rows is not known here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from stages.core.rows import Problem, Row, canonical
from stages.select_cotp.annotating import COLUMN, PatternAnnotator
from stages.select_cotp.arrays import F32
from stages.select_cotp.bins import bin_chain, check_entropies, per_step, step_boundaries
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.contamination import Benchmarks
from stages.select_cotp.duplicates import digest_of, word_signature
from stages.select_cotp.entropies import EntropySource
from stages.select_cotp.markers import Span
from stages.select_cotp.patterns import LONGEST_CHAIN, normalise_chain, too_many
from stages.select_cotp.reading import Cot


@dataclass(frozen=True)
class Chain:
    """A row of the table `chains` (columns.py)."""

    id: str
    row: int
    question_id: str
    type: str | None
    stratum: str
    correct: bool | None
    success_rate: float | None
    difficulty: float | None
    num_tokens: int
    chars: int
    digest: int
    signature: bytes | None
    patterns: tuple[str, ...] = ()
    unnamed: int = 0
    pattern_spans: tuple[Mapping[str, int], ...] | None = None
    annotator: str | None = None
    bins: F32 | None = None
    entropy: Any = None
    entropy_model: str | None = None
    dropped_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Method:
    """All that decides the chains of a row. Without `annotator` or `entropies`, its own columns are read."""

    config: SelectCotpConfig
    annotator: PatternAnnotator | None
    entropies: EntropySource | None
    benchmarks: Benchmarks | None
    mapping: Mapping[str, str]

    @property
    def runs_models(self) -> bool:
        """Whether models are asked, which one process does for all parts."""
        return self.entropies is not None or (self.config.llm.llm is not None and self.annotator is not None)


Found = list[Chain | Problem]
Item = tuple[int, Row, Cot]
"""A row: its number in the file, its columns, and what was read of them."""


def chains_of(method: Method, items: Sequence[Item], part: int, advance: Callable[[int], None]) -> Found:
    """The chains of rows, in their order; a Problem rejects a row."""
    found: Found = [_begun(method, item) for item in items]
    if method.config.needs_patterns:
        _add_patterns(method, found, items, part)
    if method.config.uses_entropy:
        _add_entropies(method, found, items, part)
    advance(len(items))
    return found


def _begun(method: Method, item: Item) -> Chain:
    """What a row says without its chains."""
    number, row, cot = item
    config, text = method.config, cot.completion_text
    hit = None if method.benchmarks is None else method.benchmarks.hit(cot.prompt_text)
    near = config.near_duplicates is not None and config.near_duplicates < 1
    return Chain(
        id=cot.id,
        row=number,
        question_id=cot.question_id,
        type=cot.type,
        stratum=canonical([row.get(name) for name in config.matched]).decode() if config.matched else "",
        correct=cot.correct,
        success_rate=cot.success_rate,
        difficulty=cot.difficulty,
        num_tokens=len(text.split()) if cot.entropy is None else len(cot.entropy),
        chars=len(text),
        digest=digest_of(text),
        signature=word_signature(text) if near else None,
        dropped_by=None if hit is None or hit.share < config.benchmark_share else "contaminated",
    )


def _running(found: Found) -> list[tuple[int, Chain]]:
    """The rows that may still be selected, with their places."""
    return [(p, chain) for p, chain in enumerate(found) if isinstance(chain, Chain) and chain.dropped_by is None]


def _add_patterns(method: Method, found: Found, items: Sequence[Item], part: int) -> None:
    running = _running(found)
    if method.annotator is None:
        for place, chain in running:
            _, row, cot = items[place]
            own = _own_spans(row) if cot.patterns else None  # places without names are not looked at
            found[place] = _named(method, chain, cot.patterns or (), own, COLUMN)
        return
    texts = [(items[place][2].prompt_text, items[place][2].completion_text) for place, _ in running]
    annotated = method.annotator.annotate(texts, part, lambda rows: None)
    for (place, chain), spans in zip(running, annotated, strict=True):
        if isinstance(spans, Problem):
            found[place] = spans
        else:
            names = [span.name for span in spans]
            found[place] = _named(method, chain, names, spans, method.annotator.name)


def _own_spans(row: Row) -> Sequence[Span] | None:
    """Where the row itself says that its patterns stand, as our own output does."""
    given = row.get("pattern_spans")
    return None if given is None else [Span("", int(one["start"]), int(one["end"])) for one in given]


def _named(
    method: Method, chain: Chain, names: Sequence[str], spans: Sequence[Span] | None, annotator: str
) -> Chain | Problem:
    """The row with its normalised names; names that are nothing but numbering go, with their spans."""
    kept, places = normalise_chain(names, method.mapping)
    if len(kept) > LONGEST_CHAIN:
        return too_many(len(kept))
    chain = replace(chain, unnamed=len(names) - len(kept))
    if not kept:
        return replace(chain, annotator=annotator, dropped_by="no_patterns")
    where = None if spans is None else tuple({"start": spans[p].start, "end": spans[p].end} for p in places)
    return replace(chain, patterns=kept, pattern_spans=where, annotator=annotator)


def _add_entropies(method: Method, found: Found, items: Sequence[Item], part: int) -> None:
    running = _running(found)
    cots = [items[place][2] for place, _ in running]
    if method.entropies is None:
        values: Sequence[F32 | Problem | None] = [cot.entropy for cot in cots]
        vocabulary, name = None, None
    else:
        values = method.entropies.entropies(cots, part, lambda rows: None)
        vocabulary, name = method.entropies.vocabulary, method.entropies.name
    for (place, chain), series in zip(running, values, strict=True):
        model = name or items[place][1].get("entropy_model") or COLUMN
        found[place] = _binned(method, replace(chain, entropy_model=str(model)), series, vocabulary)


_UNUSABLE: Final = ("no_entropy", "bad_entropy")
"""Problems of entropies for which a row is dropped, not rejected: its text is sound."""


def _binned(method: Method, chain: Chain, series: F32 | Problem | None, vocabulary: int | None) -> Chain | Problem:
    """The row with the entropy chain that is compared, made of the float16 values that the output holds."""
    if series is not None and not isinstance(series, Problem):
        series = check_entropies(series, vocabulary)
    if series is None:
        return replace(chain, dropped_by="no_entropy")
    if isinstance(series, Problem):
        return replace(chain, dropped_by=series.reason) if series.reason in _UNUSABLE else series
    stored = series.astype(np.float16)
    values = stored.astype(np.float32)
    chain = replace(chain, num_tokens=len(values), entropy=stored)
    bins = method.config.chains.bins
    if bins == "none":
        return replace(chain, bins=values)
    if bins != "per-step":
        return replace(chain, bins=bin_chain(values, int(bins)))
    if chain.pattern_spans is None:
        text = "--bins per-step needs to know where patterns stand; let them be annotated, or give pattern_spans."
        return Problem("no_spans", "pattern_spans", text)
    spans = [(one["start"], one["end"]) for one in chain.pattern_spans]
    return replace(chain, bins=per_step(values, step_boundaries(spans, chain.chars, len(values))))


def stored_row(chain: Chain, *, with_entropy: bool) -> dict[str, Any]:
    """The row of the table `chains`; entropies that the input brought are there already, and need no copy."""
    row = {name: getattr(chain, name) for name in _NAMES}
    return row if with_entropy else row | {"entropy": None}


_NAMES: Final = tuple(field.name for field in fields(Chain))
