"""What a report shows of a folder of scores, of best responses or of pairs: scores, probabilities, best and worst.

From what the run stored; where it is not finished, from its finished parts. Asks no model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.core.manifest import hidden, planned_options
from stages.core.sections import Block, Grid, Section
from stages.core.shards import list_parts
from stages.core.shown import cell, count, is_number, percent
from stages.core.stored import finished_parts, mapping, objects, parts_note, stored_facts, stored_stats, stored_sums
from stages.score.distribution_blocks import MOST_ROWS, Scores, distribution_blocks, read_scores, reliability_blocks
from stages.score.pair_blocks import margin_blocks, pair_blocks, ranked_blocks
from stages.score.tally import Tally

_DAMAGED: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What reading sums raises that are not as this version writes them."""

_MOST_PRINCIPLES: Final = 20
_MANY_TIES: Final = 0.1


class _Found(NamedTuple):
    """What there is: what is written, the figures, counts of the finished parts, the scores, and what went wrong."""

    output: str
    facts: Mapping[str, Any]
    counts: Mapping[str, Any]
    scores: Scores
    trouble: tuple[str, ...]


def sections(root: Path) -> list[Section]:
    """Sections on the folder `root`; what is missing or damaged is left out and told among the doubts."""
    options = planned_options(root)
    output = str(options.get("output", "scores"))
    scored = root if output == "scores" else hidden(root, "scores")
    trouble: list[str] = []
    facts = stored_facts(root) or _facts_so_far(scored, trouble)
    scores = read_scores(list_parts(scored), trouble)
    best = read_scores(list_parts(root), trouble) if output == "best-of-n" else None
    examples = pair_blocks(list_parts(root), trouble) if output == "pairs" else ranked_blocks(list_parts(scored), [])
    margins = margin_blocks(list_parts(root), []) if output == "pairs" else []
    counts = mapping(stored_sums(scored).get("counts"))
    found = _Found(output, facts, counts, scores, tuple(trouble))
    parts = [
        Section(
            title="Scores",
            blocks=[*distribution_blocks(scores, best, objects(facts.get("principles"))), *_responses(found, root)],
            note=" ".join(filter(None, (parts_note(scored), _of_which(scores)))),
            doubts=[*trouble, *_doubts(found, str(facts.get("rm") or options.get("rm_name") or "The model"))],
        ),
        Section(
            title="Probabilities against labels",
            blocks=reliability_blocks(scores, raw=options.get("aggregate") == "none"),
        ),
        Section(title="Margins", blocks=margins),
        Section(title="The best and the worst response", blocks=examples, note=_how_chosen(output)),
    ]
    return [part for part in parts if part.blocks or part.doubts]


def _facts_so_far(scored: Path, trouble: list[str]) -> dict[str, Any]:
    tally = Tally()
    try:
        for stored in stored_stats(scored, finished_parts(scored)):
            tally.merge(stored)
        return tally.facts(_MOST_PRINCIPLES) if tally.scored else {}
    except _DAMAGED as error:
        trouble.append(
            f"The sums under .rlbff/stats are damaged ({type(error).__name__}); figures that need them lack."
        )
        return {}


def _of_which(scores: Scores) -> str:
    return f"Drawings are of the first {count(MOST_ROWS)} scores." if len(scores.score) == MOST_ROWS else ""


def _how_chosen(output: str) -> str:
    what = "Pairs" if output == "pairs" else "Prompts with several responses"
    return f"{what} whose margin is the largest, the middle and the smallest of those among the first 5,000 rows."


def _responses(found: _Found, root: Path) -> list[Block]:
    """What was counted: responses, judgements, ties, and prompts that made no pair."""
    names = {
        "responses": "responses",
        "judgements": "judgements",
        "queries": "different responses that the model read",
        "truncated": "responses whose conversation was cut to fit",
        "left_out": "judgements that could not be made",
    }
    rows = [(told, count(found.counts[name])) for name, told in names.items() if found.counts.get(name)]
    pairs, ties = found.facts.get("compared_pairs"), found.facts.get("tied_pairs")
    if is_number(pairs) and is_number(ties):
        rows.append(("pairs of responses to one prompt", count(pairs)))
        rows.append(("of these with equal scores", f"{count(ties)} ({percent(ties / pairs if pairs else None)})"))
    own = mapping(stored_sums(root).get("counts")) if found.output != "scores" else {}
    rows += [
        ("prompts that make no pair: " + cell(name.removeprefix("groups_").replace("_", " ")), count(number))
        for name, number in sorted(own.items())
        if name.startswith("groups_")
    ]
    if "compared" in own:
        rows.append(("prompts (with their principle) that were compared", count(own["compared"])))
    return [Grid(title="Counted", head=("what", "how many"), rows=rows)] if rows else []


def _doubts(found: _Found, model: str) -> list[str]:
    """What a reader should know of these scores before comparing them."""
    sentences = []
    scores, counts = found.scores, found.counts
    if len(scores.score) and not scores.has_p:
        sentences.append(
            f"{cell(model)} is not calibrated: there are scores but no probabilities, and scores of principles with "
            "different shares of Yes are not comparable."
        )
    if counts.get("combined_raw"):
        sentences.append(f"{count(counts['combined_raw'])} scores combine raw log-odds of several principles.")
    if counts.get("truncated"):
        sentences.append(f"{count(counts['truncated'])} responses were judged on a part of their conversation.")
    if counts.get("left_out"):
        sentences.append(f"{count(counts['left_out'])} judgements could not be made and are left out.")
    if scores.odd:
        sentences.append(f"{count(scores.odd)} scores are no finite numbers and are left out of the drawings.")
    pairs, ties = found.facts.get("compared_pairs"), found.facts.get("tied_pairs")
    if is_number(pairs) and is_number(ties) and pairs and ties / pairs > _MANY_TIES:
        sentences.append(
            f"{percent(ties / pairs)} of the pairs of responses to one prompt have equal scores, so that the order of "
            "the input decides between them."
        )
    return sentences
