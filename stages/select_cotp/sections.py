"""What a report shows of a selection: its certificate, arms, drops, core rows, and how rows warp onto core rows.

From what the run stored; nothing is selected anew. `STYLE` is what its drawings need beside that of charts.py.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from stages.core.errors import DataError
from stages.core.manifest import hidden, planned_options
from stages.core.rows import Row
from stages.core.sections import Block, Grid, Section
from stages.core.shards import list_parts
from stages.core.shown import cell, chat_text, count, is_number
from stages.core.stored import mapping, stored_json, stored_rows, stored_sums
from stages.select_cotp.arm_blocks import arms_of, core_rows_of, drops_of, histograms_of
from stages.select_cotp.arrays import F64
from stages.select_cotp.dtw import radius_of
from stages.select_cotp.ngrams import MeasureName
from stages.select_cotp.pair_blocks import entropy_lines, entropy_matrix, ladder_of, pattern_matrix, texts_of
from stages.select_cotp.paired import Terms, pair_of, side_of, spread, weighted
from stages.select_cotp.picture_style import CHAINS
from stages.select_cotp.report import TOLD, formula
from stages.select_cotp.show import certificate

STYLE: Final = CHAINS

PAIRS: Final = 2
"""Pairs that are shown: the nearest and the farthest."""
CURVES: Final = 2
"""Core rows whose entropies are drawn, with at most `ROWS` rows each."""
ROWS: Final = 2

_OUTPUT: Final = ("id", "core_id", "rank", "distance", "arm", "prompt", "completion")
_CHAIN: Final = ("id", "question_id", "num_tokens", "correct", "patterns", "bins")
_CORE: Final = (*_CHAIN, "prompt", "completion")


def sections(root: Path) -> list[Section]:
    """Sections on the folder `root`; what is missing or damaged is left out and told among the doubts."""
    trouble: list[str] = []
    told, options = stored_json(hidden(root, "report") / TOLD), planned_options(root)
    core = _read([hidden(root, "core") / "part-00000.parquet"], _CORE, trouble)
    selected = {row["id"]: row for row in _read(list_parts(root), _OUTPUT, trouble)}
    tokens, distances = _arms(root, trouble)
    core_blocks, few = core_rows_of(core, list(selected.values()), _wanted(told, options))
    sums = stored_sums(root)
    parts = [
        Section(title="The selection", blocks=_figures(told), doubts=[*trouble, *_doubts(told)]),
        Section(title="Arms side by side", blocks=arms_of(told)),
        Section(title="Lengths and distances", blocks=histograms_of(tokens, distances, str(told.get("main")))),
        Section(
            title="What was dropped",
            blocks=drops_of(sums["dropped_by"], sums["rows"]["rejected"], sums["rows"]["kept"]),
        ),
        Section(title="Core rows", blocks=core_blocks, doubts=few),
        *_chains(root, core, selected, options, trouble),
    ]
    return [part for part in parts if part.blocks or part.doubts]


def _figures(told: Mapping[str, Any]) -> list[Block]:
    """How the selection came about, one fact a line."""
    scales = told.get("scales")
    proof = mapping(told.get("certificate"))
    lines = {
        "selected": "rows" in told
        and f"{count(told['rows'])} rows for {count(told.get('core_rows'))} core rows, by {cell(told.get('main'))}",
        "distance": isinstance(scales, list)
        and len(scales) == 2
        and all(map(is_number, (*scales, told.get("lambda"))))
        and formula(told["lambda"], scales),
        "assignment": {"distance", "empty", "rounds", "infeasible_rounds", "certified", "gap"} <= proof.keys()
        and f"{certificate(proof)}",
        "patterns": told.get("annotator"),
        "entropies": told.get("entropy_model"),
    }
    rows = [[name, cell(line, 300)] for name, line in lines.items() if line]
    note = (
        "The certificate compares with every assignment of pool rows to core rows, those too that no candidate list "
        "holds: it rests on prices alone (weak duality), not on the solver."
    )
    return [Grid(title="How", head=("", ""), rows=rows, note=note if proof else "")] if rows else []


def _doubts(told: Mapping[str, Any]) -> list[str]:
    found = []
    if not told:
        found.append("Nothing is selected yet: what is shown is what the run has stored so far.")
    proof = mapping(told.get("certificate"))
    if proof and not proof.get("certified"):
        found.append("The assignment is not proven to be the best one; a smaller --max-gap makes the run look further.")
    if shared := told.get("rows_with_a_question_of_the_core"):
        found.append(f"{count(shared)} rows of the pool answer a question of the core set.")
    arms = {arm.get("arm"): arm for arm in told.get("arms") or () if isinstance(arm, dict)}
    means = [arms.get(name, {}).get("mean_tokens") for name in (told.get("main"), "pool")]
    ours, pool = (mean if isinstance(mean, float) else math.nan for mean in means)
    if ours < 0.8 * pool or ours > 1.25 * pool:
        found.append(
            f"Selected completions have {ours:,.0f} tokens on average, those of the pool {pool:,.0f}: compare with the "
            "arm random-length, or length may pass for merit."
        )
    return found


def _wanted(told: Mapping[str, Any], options: Mapping[str, Any]) -> int | None:
    """Rows asked for each core row, where that is one number."""
    each = told.get("per_core")
    return (
        each if isinstance(each, int) and options.get("tokens") is None and options.get("method") == "assign" else None
    )


def _arms(root: Path, trouble: list[str]) -> tuple[dict[str, F64], dict[str, F64]]:
    """Lengths and distances of the rows of each arm; the pool's lengths under its name."""
    tokens: dict[str, list[float]] = {}
    distances: dict[str, list[float]] = {}
    for row in _read([hidden(root, "arms") / "part-00000.parquet"], ("arm", "num_tokens", "distance"), trouble):
        for found, value in ((tokens, row.get("num_tokens")), (distances, row.get("distance"))):
            if value is not None and is_number(value):
                found.setdefault(str(row.get("arm")), []).append(value)
    return {k: np.array(v, np.float64) for k, v in tokens.items()}, {k: np.array(v) for k, v in distances.items()}


def _chains(
    root: Path, core: Sequence[Row], selected: Mapping[str, Row], options: Mapping[str, Any], trouble: list[str]
) -> list[Section]:
    """Entropy curves of some core rows, and the pairs with their alignments."""
    by_id = {row["id"]: row for row in _weighted(core, options)}
    near = {core_id: _nearest(core_id, selected) for core_id in list(by_id)[:CURVES]}
    wanted = [pair for pair in spread(selected, PAIRS) if pair[1] in by_id]
    ids = {pool for pool, _ in wanted}.union(*near.values())
    places = {row["id"]: row for row in _read(list_parts(hidden(root, "chains")), _CHAIN, trouble, ids)} if ids else {}
    curves: list[Block] = []
    for core_id, pool_ids in near.items():
        own = [(side_of(places[one], ""), _bins(places[one])) for one in pool_ids if places.get(one, {}).get("bins")]
        if own and by_id[core_id]["bins"]:
            curves.append(entropy_lines(side_of(by_id[core_id], ""), _bins(by_id[core_id]), own))
    pairs: list[Block] = []
    for pool_id, core_id in wanted:
        if pool_id in places:
            pairs += _pair(by_id[core_id], places[pool_id], selected[pool_id], options)
    return [
        Section(title="Entropies along the completions", blocks=curves),
        Section(
            title="How rows warp onto their core rows",
            blocks=pairs,
            note="The nearest and the farthest of the selected rows, each beside the core row it was selected for.",
        ),
    ]


def _pair(core: Row, pool: Row, written: Row, options: Mapping[str, Any]) -> list[Block]:
    measure: MeasureName = options.get("name_distance", "dice")
    band = options.get("band")
    terms = Terms(patterns="weights" in core, entropy=True, name_distance=measure, band=band)
    pair = pair_of(core, pool, chat_text(written["completion"]), written, terms)
    prompts = chat_text(core["prompt"]), chat_text(written["prompt"])
    blocks = [texts_of(pair, prompts), *ladder_of(pair), *pattern_matrix(pair, measure)]
    if pair.entropy is not None:
        ours, theirs, _ = pair.entropy
        radius = radius_of(band, len(ours)) if len(ours) == len(theirs) else None
        blocks += [*entropy_matrix(pair, radius), entropy_lines(pair.core, ours, [(pair.pool, theirs)])]
    return blocks


def _weighted(core: Sequence[Row], options: Mapping[str, Any]) -> list[Row]:
    """Core rows with their text, and with the weights of their patterns if the run used any."""
    rows = [row | {"text": chat_text(row.get("completion"))} for row in core]
    shares = [options.get("lambda"), *str(",".join(options.get("sweep") or ())).split(",")]
    if not rows or not all(row["patterns"] for row in rows) or not any(map(_positive, shares)):
        return rows
    try:
        return weighted(rows, idf=options.get("idf", "smooth"), weights=options.get("weights", "tfidf"))
    except DataError:
        return rows


def _positive(share: object) -> bool:
    try:
        return float(str(share)) > 0
    except ValueError:
        return False


def _nearest(core_id: str, selected: Mapping[str, Row]) -> list[str]:
    own = [row for row in selected.values() if row["core_id"] == core_id and is_number(row["distance"])]
    return [row["id"] for row in sorted(own, key=lambda row: (row["distance"], row["id"]))[:ROWS]]


def _bins(row: Row) -> F64:
    return np.array(row["bins"], dtype=np.float64)


def _read(paths: Sequence[Path], columns: Sequence[str], trouble: list[str], ids: set[str] | None = None) -> list[Row]:
    """Rows of the shards that there are."""
    there = [path for path in paths if path.exists()]
    rows = (row for batch in stored_rows(there, columns, trouble, ids=ids) for row in batch)
    return [row for row in rows if row.keys() == set(columns)]
