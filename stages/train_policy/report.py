"""Writes the page that a person looks at after a run: its curves, and completions of one prompt side by side.

The page needs nothing beside itself. It holds what is stored, rows of the metrics and of the rollouts; completions are
whatever a policy wrote, so none of their text is markup.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from stages.core.page import page, table
from stages.core.shards import write_text
from stages.core.svg import escaped
from stages.train_policy.arrays import Metric
from stages.train_policy.curves import MOST_LINES, STYLE, bars, class_legend, line_legend, lines
from stages.train_policy.show import PART, Series, by_generation, by_name, doubts, parts_of, summarise
from stages.train_policy.telemetry import ALL, CLASSES

EXCERPT: Final = 1200
"""Characters of a prompt or completion that are shown, half of them from the end where it is longer."""
GROUPS: Final = 4
"""Groups that are shown, half of them of the first generation and half of the last."""

_OF_UPDATES: Final = [(ALL, name) for name in ("entropy", "clip_low", "clip_high", "dual", "approx_kl")]
"""Drawn as means of generations: within one they begin anew with each sampling, as a saw does."""

_ROWS: Final = 12
"""Of the table beside a drawing."""
LIMITS: Final = (
    "First order, of plain gradient ascent on the logits of each context: compare shares and signs, not sizes."
)

Row = Mapping[str, Any]


def write_report(path: Path, *, title: str, metrics: Sequence[Row], rollouts: Sequence[Row]) -> None:
    """Write the page to `path`, whole or not at all.

    `metrics` are rows of the metrics table (step, group, metric, value, n), `rollouts` of the rollouts table, of as
    many generations as are at hand: shown are groups of the first and of the last whose rewards differ most. Figures
    that know of no generations, such as those of TRL, are drawn update by update.
    """
    figures = [Metric(row["step"], row["group"], row["metric"], row["value"], row["n"]) for row in metrics]
    found = by_name(figures)
    sentences = doubts(figures)
    doubted = "".join(f"<li>{escaped(sentence)}</li>" for sentence in sentences)
    parts = [
        f"<h2>What may be wrong</h2>\n<ul>{doubted}</ul>" if sentences else "",
        *_curves(means_of_generations(found)),
        *_groups(rollouts),
    ]
    write_text(path, page(title, STYLE, summarise(figures), parts), path.parent)


def means_of_generations(found: Mapping[tuple[str, str], Series]) -> dict[tuple[str, str], Series]:
    """The figures, with means of generations in place of those of updates that begin anew with each sampling."""
    steps = by_generation(found)
    return {key: _means(own, steps) if steps and key in _OF_UPDATES else own for key, own in found.items()}


def chosen_groups(rollouts: Sequence[Row]) -> list[list[Row]]:
    """The groups worth a look, each from its best to its worst completion: of the first generation and of the last."""
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in rollouts:
        if row["reward"] is not None:
            groups.setdefault((row["generation"], row["group"]), []).append(row)
    ranked = {key: sorted(rows, key=lambda row: (-row["reward"], row["number"])) for key, rows in groups.items()}
    generations = sorted({generation for generation, _ in ranked})
    keys: list[tuple[int, int]] = []
    for generation in dict.fromkeys([*generations[:1], *generations[-1:]]):
        own = [key for key in ranked if key[0] == generation and len(ranked[key]) > 1]
        own.sort(key=lambda key: (ranked[key][-1]["reward"] - ranked[key][0]["reward"], key))
        keys += own[: GROUPS // 2]
    return [ranked[key] for key in keys]


def _curves(found: Mapping[tuple[str, str], Series]) -> list[str]:
    """All drawings for which there are figures."""
    parts = {name: name.removeprefix(PART) for name in parts_of(found)}
    drawn = [
        _figure(found, "Reward", {"reward": "reward", **parts}, "Mean of each generation; parts before their weights."),
        _figure(found, "Entropy", {"entropy": "entropy"}, "Nats a token, mean of each generation's updates."),
        _figure(
            found,
            "Outside the clip range",
            {"clip_low": "left, bad tokens", "clip_high": "right, good tokens", "dual": "past the dual clip"},
            "Shares of tokens whose gradient PPO would cut off, mean of each generation's updates, of which the first "
            "has none.",
        ),
        _figure(
            found,
            "Length",
            {"length": "mean", "length_p50": "median", "length_p90": "90 %"},
            "Tokens of completions, of each generation.",
        ),
        _figure(
            found, "Cut at the limit", {"truncated": "cut", "no_answer": "without answer"}, "Shares of completions."
        ),
        _figure(
            found,
            "KL",
            {"approx_kl": "KL(old || new)"},
            "Nats a token from the policy that sampled (k3 estimate), mean of each generation's updates.",
        ),
        _stack(found, "Where the gradient comes from", "gradient_share", "Shares of the norms of the logit gradients."),
        _stack(found, "What moves entropy", "ledger", f"Up: tokens that raise it; down: that lower it. {LIMITS}"),
    ]
    shown = [one for one in drawn if one]
    if not shown:
        return []
    legend = (
        "PA, NA: tokens of completions better or worse than their group. LP: tokens so unlikely that pushing them up "
        "raises entropy; HP: the others. Out: outside the clip range; pale, with a frame."
    )
    return ["<h2>Curves</h2>", f'<div class="two">{"".join(shown)}</div>', f'<p class="note">{legend}</p>']


def _means(series: Series, generations: Sequence[Sequence[int]]) -> Series:
    """The mean over the updates of each generation, at the step of the last."""
    values = dict(series)
    return [(steps[-1], fmean(values[step] for step in steps)) for steps in generations]


def _figure(found: Mapping[tuple[str, str], Series], title: str, names: Mapping[str, str], note: str) -> str:
    """Some figures as lines, under the names they are shown by; those that are 0 throughout only if they are first."""
    series = {shown: found[ALL, metric] for metric, shown in names.items() if (ALL, metric) in found}
    first = next(iter(series), None)
    series = {name: own for name, own in series.items() if name == first or any(value for _, value in own)}
    series = dict(list(series.items())[:MOST_LINES])
    if not series:
        return ""
    legend = line_legend(list(series)) if len(series) > 1 else ""
    return _framed(title, note, f"{legend}{lines(title, series)}", series)


def _stack(found: Mapping[tuple[str, str], Series], title: str, metric: str, note: str) -> str:
    """A figure of each class, stacked."""
    series = {name: found[name, metric] for name in CLASSES if any(value for _, value in found.get((name, metric), []))}
    if not series:
        return ""
    return _framed(title, note, f"{class_legend(list(series))}{bars(title, series)}", series)


def _framed(title: str, note: str, drawn: str, series: Mapping[str, Series]) -> str:
    """A drawing with its title, its explanation, and some of its numbers for those who do not see it."""
    values = [dict(own) for own in series.values()]
    steps = sorted(set().union(*values))
    kept = [steps[k * (len(steps) - 1) // max(min(len(steps), _ROWS) - 1, 1)] for k in range(min(len(steps), _ROWS))]
    rows = [[f"{step:,}", *(f"{own[step]:.4g}" if step in own else "\N{EN DASH}" for own in values)] for step in kept]
    numbers = table(["step", *map(escaped, series)], rows)
    return (
        f"<figure><h3>{escaped(title)}</h3>{drawn}<figcaption>{escaped(note)}</figcaption>"
        f"<details><summary>As a table</summary>{numbers}</details></figure>"
    )


def _groups(rollouts: Sequence[Row]) -> list[str]:
    """The best and the worst completion of some groups."""
    chosen = chosen_groups(rollouts)
    note = "The best and the worst completion of groups whose rewards differ most."
    return ["<h2>Completions</h2>", f'<p class="note">{note}</p>', *map(_group, chosen)] if chosen else []


def _group(rows: Sequence[Row]) -> str:
    """One prompt with its best and worst completion; `rows` from the best to the worst."""
    first = rows[0]
    rewards = ", ".join(f"{row['reward']:.4g}" for row in rows)
    turns = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in first["prompt"])
    return (
        f"<article>\n<h3>{escaped(first['prompt_id'])} "
        f'<span class="soft">(generation {first["generation"]}, step {first["step"]:,})</span></h3>\n'
        f"<blockquote>{_excerpt(turns)}</blockquote>\n"
        f'<p class="note">Rewards of the group: {rewards}</p>\n'
        f'<div class="two">{_completion(first, "best")}{_completion(rows[-1], "worst")}</div>\n</article>'
    )


def _completion(row: Row, place: str) -> str:
    parts = "".join(f", {part['name']} {part['value']:.4g}" for part in row["parts"] or ())
    advantage = (
        row["dropped_by"] or "not trained on" if row["advantage"] is None else f"advantage {row['advantage']:.3g}"
    )
    cut = ", cut at the limit" if row["finish"] == "length" else ""
    about = f"reward {row['reward']:.4g}{parts}, {advantage}, {len(row['completion_ids']):,} tokens{cut}"
    text = "\n".join(turn["content"] for turn in row["completion"])
    return (
        f'<div><p class="note"><b>{place}</b>: {escaped(about)}</p>'
        f"<blockquote>{_excerpt(text) or '(nothing)'}</blockquote></div>"
    )


def _excerpt(text: str) -> str:
    """The text for the page; of a long one the beginning and the end, where the answer is."""
    if len(text) <= EXCERPT:
        return escaped(text)
    half = EXCERPT // 2
    return f"{escaped(text[:half])}\n\N{HORIZONTAL ELLIPSIS}\n{escaped(text[-half:])}"
