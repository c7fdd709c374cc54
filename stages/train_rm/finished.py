"""From a trained model to the folder of a reward model: examined as it is stored, carded, moved into place.

What is measured is the stored model, opened as `score` opens it, not the one that was in memory.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from stages.core.manifest import hidden
from stages.core.shards import to_table, write_part, write_text
from stages.core.tables import Table
from stages.models.conversation import ConversationEncoder
from stages.models.encoding import PairEncoder
from stages.models.load import find_device, load_causal_lm, load_classifier
from stages.models.precision import fast_dtype
from stages.rewards.card import CARD, Calibration, Fidelity, RewardCard
from stages.rewards.entailment import EntailmentModel
from stages.rewards.model import RewardModel
from stages.rewards.scalar import ScalarModel
from stages.train_rm.base import Base
from stages.train_rm.config import TINY, TrainRmConfig
from stages.train_rm.figures import Figure
from stages.train_rm.lesson import Examined
from stages.train_rm.step_log import StepRecord, read_steps

HELD_OUT: Final = "held_out"
"""Subfolder of the rows that were not trained on: one folder of shards for each split."""

TRAINING: Final = "training"
"""The benchmark under which the metrics table has the figures of single steps."""

ROW_TOKENS: Final = 4096


def open_stored(folder: Path, base: Base) -> RewardModel:
    """Open the model that was just stored in `folder`, without calibration, to measure it."""
    device = find_device(None)
    dtype = fast_dtype(device)
    if isinstance(base.encoder, PairEncoder):
        loaded = load_causal_lm(str(folder), str(device), dtype, base.tokenizer)
        return EntailmentModel(base.name, loaded, base.encoder, None, row_tokens=ROW_TOKENS, notice=lambda text: None)
    assert isinstance(base.encoder, ConversationEncoder)
    loaded = load_classifier(str(folder), str(device), dtype, base.tokenizer)
    return ScalarModel(base.name, loaded, base.encoder, row_tokens=ROW_TOKENS, notice=lambda text: None)


def make_card(config: TrainRmConfig, base: Base, examined: Examined, calibrated_on: Sequence[str]) -> RewardCard:
    """The model's card; `calibrated_on` names the conversation of each row that calibrated it."""
    fidelity: Fidelity = "demo" if config.model == TINY else "model"
    template = base.encoder.template if isinstance(base.encoder, PairEncoder) else None
    calibration = examined.platt and Calibration(
        temperature=examined.platt.temperature,
        bias=examined.platt.bias,
        rows=len(calibrated_on),
        conversations=len(set(calibrated_on)),
    )
    return RewardCard(
        kind="scalar" if template is None else "entailment",
        objective=config.objective if template is None else f"{config.objective}/{config.loss}",
        base=base.name,
        template=template,
        max_length=base.encoder.max_tokens,
        calibration=calibration,
        held_out=examined.headline,
        fidelity=fidelity,
    )


def move_into_place(draft: Path, root: Path, card: RewardCard) -> list[str]:
    """Put the files of a stored model and its card into the folder, and return their names; the card comes last."""
    names = sorted(path.name for path in draft.iterdir())
    for name in names:
        os.replace(draft / name, root / name)
    write_text(root / CARD, card.to_json(), hidden(root, "tmp"))
    return [*names, CARD]


def write_held_out(root: Path, splits: dict[str, list[dict[str, object]]], table: Table, seed: int) -> list[str]:
    """Write the rows of each split as a folder of shards, and return the names of the files; no rows, no folder.

    What a killed run of another configuration left there without a record goes first.
    """
    shutil.rmtree(root / HELD_OUT, ignore_errors=True)
    names = []
    for split, rows in splits.items():
        if rows:
            name = f"{HELD_OUT}/{split}/part-00000.parquet"
            footer = {"stage": "train-rm", "table": table.name, "split": split, "seed": seed}
            write_part(root / name, to_table(rows, table.schema()), footer, hidden(root, "tmp"))
            names.append(name)
    return names


def metric_rows(figures: Iterable[Figure], steps: Path) -> Iterator[dict[str, Any]]:
    """Lines of the metrics table: those of every step, then those of the held-out rows."""
    for record in read_steps(steps):
        for metric, value, count in _of_step(record):
            yield {
                "stage": "train-rm",
                "benchmark": TRAINING,
                "step": record.step,
                "group": "all",
                "metric": metric,
                "value": value,
                "n": count,
            }
    for figure in figures:
        yield {"stage": "train-rm", **figure._asdict()}


def _of_step(record: StepRecord) -> Iterator[tuple[str, float, int]]:
    """Figures of a step with the number of rows or pairs that each rests on."""
    if record.loss is not None:
        yield "loss", record.loss, record.rows
    if record.pair_loss is not None:
        yield "pair_loss", record.pair_loss, record.pairs
    units = record.rows + record.pairs
    yield "grad_norm", record.grad_norm, units
    yield "learning_rate", record.learning_rate, units
    yield "unique_tokens", float(record.tokens), units
