"""A few principles beside what annotators said, with the words that decided marked: yes, no, and dropped mentions.

The feedback comes from the run's input where that still has every quote in its place. Elsewhere it is put together from
the quotes that any mention of the same response left, and what lies between them is not known. Which examples are shown
depends on the rows alone.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.core.sections import Mark, Pair, Passage
from stages.core.shards import list_parts
from stages.core.shown import cell, chat_text, decimal, excerpt, is_number
from stages.core.stored import objects, stored_rows
from stages.extract_principles.feedback_texts import feedback_texts

_SCANNED: Final = 10_000
"""Rows among which examples are looked for."""

_EACH: Final = 2
"""Examples of each label."""

_MOST_RULES: Final = 4
_MOST_ANNOTATORS: Final = 3
_QUOTE: Final = 220
"""The most characters of one quote; as many at the most stand before and behind it together."""

_SHORT: Final = 2
"""Characters between two quotes that are no words: a full stop and a space."""

_KEPT: Final = ("id", "principle", "label", "evidence", "domain", "agreement", "prompt", "completion")
_DROPPED: Final = ("id", "annotator", "principle", "verdict", "quote", "start", "end", "dropped_by", "score", "domain")


class Example(NamedTuple):
    """A principle of one response: `rule` is what dropped it, "" where it was kept with `label`."""

    id: str
    principle: str
    label: bool
    rule: str


class _Span(NamedTuple):
    """Characters [start:end] of an annotator's feedback, and what they are; start is -1 where that is not known."""

    annotator: int
    start: int
    end: int
    quote: str


def evidence_blocks(root: Path, layout: object, trouble: list[str]) -> list[Pair]:
    """Pairs of a response and the feedback on it: some with yes, some with no, one for each rule that dropped any.

    `layout` is that of the input, in which the feedback is looked up.
    """
    kept, dropped = list_parts(root), list_parts(root, "dropped")
    examples = _examples(kept, dropped, trouble)
    ids = {example.id for example in examples}
    rows = _of(kept, _KEPT, ids, trouble)
    mentions = _of(dropped, _DROPPED, ids, trouble)
    texts = feedback_texts(root, layout, ids)
    pairs = [_pair(example, rows, mentions, texts.get(example.id, ())) for example in examples]
    return [pair for pair in pairs if pair is not None]


def _examples(kept: Sequence[Path], dropped: Sequence[Path], trouble: list[str]) -> list[Example]:
    """What is shown, such that principles and responses repeat as little as may be."""
    pools: dict[tuple[str, bool], dict[str, Example]] = {}
    for row in _rows(kept, ("id", "principle", "label", "evidence"), trouble):
        if row.get("evidence"):
            _offer(pools, Example(str(row.get("id")), str(row.get("principle")), row.get("label") is True, ""))
    for row in _rows(dropped, ("id", "principle", "quote", "dropped_by"), trouble):
        if row.get("quote"):
            _offer(pools, Example(str(row.get("id")), str(row.get("principle")), False, str(row.get("dropped_by"))))
    wanted = [("", True), ("", False)] * _EACH + sorted(key for key in pools if key[0])[:_MOST_RULES]
    chosen: list[Example] = []
    for key in wanted:
        left = [one for one in pools.get(key, {}).values() if one not in chosen]
        if left:
            chosen.append(min(left, key=_novelty(chosen)))
    return sorted(chosen, key=lambda one: (bool(one.rule), not one.label))


def _rows(paths: Sequence[Path], columns: Sequence[str], trouble: list[str]) -> Iterator[dict[str, Any]]:
    for batch in stored_rows(paths, columns, trouble, most=_SCANNED):
        yield from batch


def _of(paths: Sequence[Path], columns: Sequence[str], ids: set[str], trouble: list[str]) -> list[dict[str, Any]]:
    # what is wrong with these files was told when the examples were looked for
    batches = stored_rows(paths, columns, [], most=_SCANNED, ids=ids) if ids else ()
    return [row for batch in batches for row in batch]


def _offer(pools: dict[tuple[str, bool], dict[str, Example]], one: Example) -> None:
    """Keep one example of each principle in each pool: that of the least hash, which no order of rows changes."""
    pool = pools.setdefault((one.rule, one.label), {})
    if one.principle not in pool or _hash(one) < _hash(pool[one.principle]):
        pool[one.principle] = one


def _hash(one: Example) -> bytes:
    return hashlib.sha256(f"{one.id}\n{one.principle}".encode(errors="backslashreplace")).digest()


def _novelty(chosen: Sequence[Example]) -> Callable[[Example], tuple[bool, bool, bytes]]:
    ids, principles = {one.id for one in chosen}, {one.principle for one in chosen}
    return lambda one: (one.principle in principles, one.id in ids, _hash(one))


def _pair(
    example: Example, rows: Sequence[dict[str, Any]], mentions: Sequence[dict[str, Any]], texts: Sequence[str]
) -> Pair | None:
    """One example, or None if its rows could not be read again."""
    own = [row for row in rows if row.get("id") == example.id]
    others = [row for row in mentions if row.get("id") == example.id]
    known = [span for row in own for span in _spans(objects(row.get("evidence")))] + list(_spans(others))
    source = next((row for row in (others if example.rule else own) if _is_of(row, example)), None)
    if source is None:
        return None
    deciding = (
        [row for row in others if _is_of(row, example)] if example.rule else objects(source.get("evidence"))
    )  # of a dropped principle, each mention is a row
    response = own[0] if own else {}
    whole = _whole(texts, known)
    return Pair(
        title=f"{cell(example.principle)}: {_outcome(example)}",
        above=excerpt(chat_text(response.get("prompt"))),
        left=Passage(title="Response", pieces=[(excerpt(chat_text(response.get("completion"))), "")], about=example.id),
        right=Passage(
            title="Feedback" if whole else "Feedback, from its quotes",
            pieces=list(_pieces(deciding, [*known, *whole], example)),
            about=_about(example, source),
        ),
    )


def _is_of(row: dict[str, Any], example: Example) -> bool:
    return str(row.get("principle")) == example.principle and (not example.rule or row["dropped_by"] == example.rule)


def _outcome(example: Example) -> str:
    return f"dropped by {cell(example.rule)}" if example.rule else "yes" if example.label else "no"


def _about(example: Example, source: dict[str, Any]) -> str:
    number = source.get("score") if example.rule else source.get("agreement")
    said = [cell(source["domain"])] if source.get("domain") else []
    if is_number(number):
        said.append(f"{'the rule compared' if example.rule else 'share of yes'} {decimal(number, 2)}")
    return ", ".join(said)


def _spans(mentions: Iterable[dict[str, Any]]) -> Iterator[_Span]:
    """Where quotes stand; those whose place is not known, or does not fit, have the start -1."""
    for one in mentions:
        quote, annotator = str(one.get("quote") or ""), one.get("annotator")
        start, end = one.get("start"), one.get("end")
        placed = isinstance(start, int) and isinstance(end, int) and start >= 0 and end - start == len(quote)
        if quote:
            number = annotator if isinstance(annotator, int) else -1
            yield _Span(number, start, end, quote) if placed else _Span(number, -1, -1, quote)  # type: ignore[arg-type]


def _whole(texts: Sequence[str], known: Sequence[_Span]) -> list[_Span]:
    """The texts as spans of their own, if every quote whose place is known stands there; else none."""
    placed = [one for one in known if one.start >= 0 and one.annotator >= 0]
    if not all(one.annotator < len(texts) and texts[one.annotator][one.start : one.end] == one.quote for one in placed):
        return []
    return [_Span(number, 0, len(text), text) for number, text in enumerate(texts) if placed and text]


def _pieces(deciding: Sequence[dict[str, Any]], known: Sequence[_Span], example: Example) -> Iterator[tuple[str, Mark]]:
    """Each annotator's words that decided, marked, between what else is known of the same feedback."""
    shown: set[int] = set()
    for mention, span in ((one, span) for one in deciding for span in _spans([one])):
        if span.annotator in shown or len(shown) == _MOST_ANNOTATORS:
            continue
        verdict = mention.get("verdict")
        mark: Mark = "note" if example.rule else "yes" if verdict == "yes" else "no" if verdict == "no" else "note"
        who = f"Annotator {span.annotator + 1}: " if span.annotator >= 0 else "An annotator: "
        yield (("\n" if shown else "") + who, "")
        shown.add(span.annotator)
        if span.start < 0 or span.annotator < 0:
            yield excerpt(span.quote, _QUOTE), mark
        else:
            yield from _in_place(span, [one for one in known if one.annotator == span.annotator], mark)


def _in_place(span: _Span, known: Sequence[_Span], mark: Mark) -> Iterator[tuple[str, Mark]]:
    """The span, marked, with the known letters around it; dots stand for what is not known or not shown."""
    spans = [one for one in (*known, span) if one.start >= 0]
    low, high = _window(span)
    letters: dict[int, str] = {}
    for one in spans:
        first, last = max(one.start, low), min(one.end, high)
        if first < last:
            letters.update(zip(range(first, last), one.quote[first - one.start : last - one.start], strict=True))
    if any(one.start < low < one.end for one in spans):
        _drop_half_word(letters, low, span.start)
    text, kind, at = "", False, 0
    for place in sorted(letters):
        inside = span.start <= place < span.end
        gap = "" if place == at else " … " if place - at > _SHORT else " · " if at else ""
        if gap and (inside or kind):
            yield from _piece(text, kind, mark)
            yield gap, ""
            text, gap = "", ""
        elif inside != kind:
            yield from _piece(text, kind, mark)
            text = ""
        text, kind, at = text + gap + letters[place], inside, place + 1
    yield from _piece(text, kind, mark)
    if any(one.end > high for one in spans):
        yield " …", ""


def _window(span: _Span) -> tuple[int, int]:
    """The characters that are shown of a feedback; a beginning that is near is shown too."""
    around = _QUOTE // 2
    low, high = span.start - around, min(span.end, span.start + _QUOTE) + around
    return (low if low > _SHORT * 10 else 0), high


def _drop_half_word(letters: dict[int, str], place: int, end: int) -> None:
    """Take letters away from `place` up to a space or the `end`."""
    while place < end and not letters.pop(place, " ").isspace():
        place += 1


def _piece(text: str, inside: bool, mark: Mark) -> Iterator[tuple[str, Mark]]:
    if text:
        yield text, mark if inside else ""
