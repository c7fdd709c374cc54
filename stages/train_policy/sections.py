"""What a report shows of a policy's folder: what the run came to, its curves, and completions side by side.

From what the run stored; of a run that is still training, from the log of its events. Loads no model. `STYLE` is what
its drawings need beside that of charts.py.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stages.core.manifest import hidden
from stages.core.rows import Row
from stages.core.sections import Block, Grid, Pair, Passage, Section
from stages.core.shards import ROWS_BESIDE
from stages.core.shown import cell, chat_text, count, is_number
from stages.core.stored import finished_parts, mapping, stored_facts, stored_rows, stored_stats
from stages.train_policy.arrays import Metric
from stages.train_policy.curve_blocks import curve_blocks
from stages.train_policy.curves import CLASSES_STYLE
from stages.train_policy.metric_log import read_events
from stages.train_policy.report import chosen_groups
from stages.train_policy.show import by_name, doubts, summarise

STYLE: Final = CLASSES_STYLE

LOG: Final = "metrics.jsonl"
EXCERPT: Final = 900
"""Characters of a completion that are shown, half of them from its end where it is longer."""

_PROMPT: Final = 300
_ROLLOUTS: Final = "rollouts"
_METRICS: Final = ("benchmark", "step", "group", "metric", "value", "n")
_ROLLOUT: Final = (
    *("id", "step", "generation", "group", "number", "prompt_id", "prompt", "completion", "completion_ids", "finish"),
    *("reward", "parts", "advantage", "dropped_by"),
)


def sections(root: Path) -> list[Section]:
    """Sections on the folder `root`; what is missing or damaged is left out and told among the doubts."""
    trouble: list[str] = []
    paths = sorted((root / ROWS_BESIDE).glob("part-*.parquet"))
    figures = _stored(paths, trouble) if paths else _logged(hidden(root, "training"))
    facts = stored_facts(root) or next(stored_stats(root, finished_parts(root)), {})
    shards = sorted((root / _ROLLOUTS).glob("part-*.parquet"))
    rollouts = [
        row
        for path in dict.fromkeys([*shards[:1], *shards[-1:]])
        for batch in stored_rows([path], _ROLLOUT, trouble)
        for row in batch
        if row.keys() == set(_ROLLOUT)
    ]
    going = ["Training is not finished: these are the updates so far."] if figures and not paths else []
    told = [*going, *([cell(facts["ended"], 300)] if facts.get("ended") else []), *doubts(figures)]
    parts = [
        Section(title="What the run came to", blocks=_summary(figures, facts), doubts=[*trouble, *told]),
        *curve_blocks(by_name(figures)),
        _completions(rollouts),
    ]
    return [part for part in parts if part.blocks or part.doubts]


def _stored(paths: Sequence[Path], trouble: list[str]) -> list[Metric]:
    """The figures of the metrics table."""
    rows = [row for batch in stored_rows(paths, _METRICS, trouble) for row in batch]
    return [
        Metric(row["step"], row["group"], row["metric"], row["value"], row.get("n") or 0)
        for row in rows
        if row.get("step") is not None and {"group", "metric", "value"} <= row.keys()
    ]


def _logged(training: Path) -> list[Metric]:
    """The figures of the newest log of a run that is not finished."""
    logs = sorted(training.glob(f"*/{LOG}"), key=lambda path: path.stat().st_mtime)
    return [metric for event in read_events(logs[-1]) for metric in event.metrics] if logs else []


def _summary(figures: Sequence[Metric], facts: Mapping[str, Any]) -> list[Block]:
    """A line for each thing to know at the end, and the settings of the loss."""
    about = {
        "base": facts.get("base"),
        "engine": facts.get("engine"),
        "generations": is_number(facts.get("generations")) and count(facts["generations"]),
        "updates": is_number(facts.get("steps")) and count(facts["steps"]),
    }
    rows = [[name, cell(value, 400)] for name, value in (about | summarise(figures)).items() if value]
    loss = [[name.replace("_", " "), cell(value, 60)] for name, value in mapping(facts.get("loss")).items()]
    grids = [
        Grid(title="From the first generation or update to the last", head=("", ""), rows=rows),
        Grid(title="Settings of the loss", head=("setting", "value"), rows=loss, folded=True),
    ]
    return [grid for grid in grids if grid.rows]


def _completions(rollouts: Sequence[Row]) -> Section:
    """The best and the worst completion of groups of the first and of the last generation."""
    return Section(
        title="Completions side by side",
        blocks=[_group(rows) for rows in chosen_groups(rollouts)],
        note="The best and the worst of the groups whose rewards differ most, of the first generation and of the last.",
    )


def _group(rows: Sequence[Mapping[str, Any]]) -> Pair:
    """One prompt with its best and worst completion; `rows` from the best to the worst."""
    first = rows[0]
    rewards = ", ".join(f"{row['reward']:.4g}" for row in rows[:32]) + (
        ", \N{HORIZONTAL ELLIPSIS}" if rows[32:] else ""
    )
    return Pair(
        title=f"{cell(first['prompt_id'])}, generation {first['generation']}, step {first['step']:,}",
        above=f"{_ends(chat_text(first['prompt']), _PROMPT)}\n\nRewards of the group: {rewards}",
        left=_completion(first, "Best"),
        right=_completion(rows[-1], "Worst"),
    )


def _completion(row: Mapping[str, Any], title: str) -> Passage:
    parts = "".join(f", {cell(part['name'], 40)} {part['value']:.4g}" for part in row.get("parts") or ())
    advantage = row.get("advantage")
    learned = f"advantage {advantage:.3g}" if advantage is not None else cell(row.get("dropped_by") or "not trained on")
    cut = ", cut at the limit" if row.get("finish") == "length" else ""
    about = f"reward {row['reward']:.4g}{parts}, {learned}, {len(row.get('completion_ids') or ()):,} tokens{cut}"
    return Passage(title=title, pieces=[(_ends(chat_text(row.get("completion")), EXCERPT), "")], about=about)


def _ends(text: str, most: int) -> str:
    """The text; of a long one the beginning and the end, where the answer is."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}\n\N{HORIZONTAL ELLIPSIS}\n{text[-half:]}"
