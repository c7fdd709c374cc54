"""What a report shows of a reward model's folder: its card, how training went, how good it is, and what was held out.

From what the run stored; of a run that is still training, from the log of its steps. Loads no model.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from stages.core.manifest import hidden
from stages.core.sections import Block, Grid, Section
from stages.core.shards import ROWS_BESIDE
from stages.core.shown import cell, count, decimal, percent
from stages.core.stored import finished_parts, mapping, stored_facts, stored_json, stored_rows, stored_stats
from stages.train_rm.held_out_blocks import accuracy_blocks, figure_blocks, rival_blocks
from stages.train_rm.training_blocks import steps_in_log, training_blocks

CARD: Final = "reward_model.json"
"""As stages/rewards/card.py names it, which needs the packages of models."""

_HELD_OUT: Final = ("calibration", "test")
_COLUMNS: Final = ("benchmark", "step", "group", "metric", "value", "low", "high", "n")


def sections(root: Path) -> list[Section]:
    """Sections on the folder `root`; what is missing or damaged is left out and told among the doubts."""
    trouble: list[str] = []
    card = stored_json(root / CARD)
    if (root / CARD).exists() and not card:
        trouble.append(f"{CARD} is damaged: this is no model that can be opened.")
    facts = stored_facts(root) or next(stored_stats(root, finished_parts(root)), {})
    paths = sorted((root / ROWS_BESIDE).glob("part-*.parquet"))
    steps, figures = _metrics(paths, trouble)
    unfinished = [] if paths else steps_in_log(hidden(root, "training"))
    held_out = _held_out(root, trouble)
    parts = [
        Section(title="The reward model", blocks=_card(card, facts), doubts=[*trouble, *_warnings(facts, card)]),
        Section(
            title="Training",
            blocks=training_blocks(steps or unfinished),
            note="Accuracy is measured on held-out rows after training; single steps have none.",
            doubts=["Training is not finished: these are the steps so far."] if unfinished else [],
        ),
        Section(
            title="How good it is on conversations that it never saw",
            blocks=[*accuracy_blocks(figures), *rival_blocks(figures), *figure_blocks(figures, card)],
        ),
        Section(title="What was held out", blocks=held_out),
    ]
    return [part for part in parts if part.blocks or part.doubts]


def _metrics(paths: Sequence[Path], trouble: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines of the metrics table: those of steps, and those of held-out rows."""
    steps: list[dict[str, Any]] = []
    figures: list[dict[str, Any]] = []
    for batch in stored_rows(paths, _COLUMNS, trouble):
        for row in batch:
            (figures if row.get("step") is None else steps).append(row)
    return steps, figures


def _warnings(facts: Mapping[str, Any], card: Mapping[str, Any]) -> list[str]:
    stored = facts.get("warnings")
    told = [cell(text, 400) for text in stored] if isinstance(stored, list) else []
    if card.get("fidelity") == "demo":
        told.append("The base is the built-in tiny model: it shows how things work, and is of no use beyond that.")
    return told


def _card(card: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Block]:
    """Facts about the model, one a line."""
    trained, calibration = mapping(facts.get("trained_on")), mapping(card.get("calibration"))
    lines = {
        "kind": card.get("kind"),
        "objective": card.get("objective"),
        "base": card.get("base") or facts.get("base"),
        "prompt template": mapping(card.get("template")).get("name"),
        "longest text": card.get("max_length") and f"at most {count(card['max_length'])} tokens",
        "trained on": trained and _trained(trained),
        "calibration": calibration and _calibration(calibration),
    }
    rows = [(name, cell(value, 200)) for name, value in lines.items() if value]
    notes = [(cell(name), count(number)) for name, number in mapping(facts.get("notes")).items()]
    grids = [
        Grid(title="The model's card", head=("", ""), rows=rows, note=f"As {CARD} has it." if card else ""),
        Grid(title="Noted about the rows", head=("note", "rows"), rows=notes),
    ]
    return [grid for grid in grids if grid.rows]


def _trained(trained: Mapping[str, Any]) -> str:
    units = ("rows", "pairs", "responses", "conversations", "tokens", "updates")
    return ", ".join(f"{unit} {count(trained[unit])}" for unit in units if trained.get(unit))


def _calibration(calibration: Mapping[str, Any]) -> str:
    numbers = f"temperature {decimal(calibration.get('temperature'))}, bias {decimal(calibration.get('bias'))}"
    rows, conversations = count(calibration.get("rows")), count(calibration.get("conversations"))
    return f"{numbers}, fitted on {rows} rows of {conversations} conversations"


def _held_out(root: Path, trouble: list[str]) -> list[Block]:
    """How many rows of which labels and conversations each held-out split has."""
    rows = [line for split in _HELD_OUT if (line := _split(root / "held_out" / split, split, trouble)) is not None]
    note = (
        "Whole conversations are held out: none of them was trained on. The calibration split is there to fit "
        "temperature and bias; rlbff score can read the test split, such as for a comparison with other models."
    )
    head = ("split", "rows", "conversations", "yes", "principles")
    return [Grid(title="Rows that were not trained on", head=head, rows=rows, note=note)] if rows else []


def _split(folder: Path, split: str, trouble: list[str]) -> tuple[str, ...] | None:
    rows = labelled = yes = 0
    prompts, principles = set(), set()
    paths = sorted(folder.glob("part-*.parquet"))
    for batch in stored_rows(paths, ("prompt", "label", "principle"), trouble):
        rows += len(batch)
        for row in batch:
            labelled += row.get("label") is not None
            yes += row.get("label") is True
            prompts.add(blake2b(repr(row.get("prompt")).encode(errors="replace"), digest_size=12).digest())
            principles.add(row.get("principle"))
    if not rows:
        return None
    named = len(principles - {None})
    return split, count(rows), count(len(prompts)), percent(yes / labelled if labelled else None), count(named)
