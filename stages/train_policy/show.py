"""What a person reads of a run's metrics: the figures of the latest step, the lines at the end, and what is doubtful.

Nothing is measured here; the figures are telemetry's.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from statistics import fmean
from typing import Final

from stages.train_policy.arrays import Metric
from stages.train_policy.telemetry import ALL, CLASSES, DROPPED_BY, correlation

STILL: Final = 20
"""Generations without a token outside the clip range that are worth a warning."""
MOST_TRUNCATED: Final = 0.25
LEAST_ENTROPY: Final = 0.05
"""In nats a token; below, completions of a prompt hardly differ."""
LARGEST_GAP: Final = 0.05
"""Of the sampler's log-probabilities to the trainer's, in nats a token."""

_STEEP: Final = 2.0
_STEEP_NATS: Final = 0.5
_LENGTHS: Final = (0.5, 1.25)
"""Correlation of reward with length, and growth of length, that together are worth a warning."""

PART: Final = "reward."
"""What the names of the parts of the reward begin with."""
_SHARE: Final = "share"
"""In place of a number's format: a share in percent."""

Series = list[tuple[int, float]]
"""(step, value) of one figure, in the order of steps."""


def live_figures(metrics: Sequence[Metric]) -> dict[str, str]:
    """Return the latest value of each figure that is worth watching, of those that `metrics` have."""
    latest = {one.metric: one.value for one in metrics if one.group == ALL and one.value is not None}
    forms = {
        "reward": ("reward", ".3f"),
        "entropy": ("entropy", ".3f"),
        "clip low": ("clip_low", _SHARE),
        "clip high": ("clip_high", _SHARE),
        "KL": ("approx_kl", ".1e"),
        "length": ("length", ",.0f"),
        "grad norm": ("grad_norm", ".2g"),
    }
    told = {name: _formatted(latest[metric], form) for name, (metric, form) in forms.items() if metric in latest}
    return {"step": f"{max(one.step for one in metrics):,}", **told} if metrics else {}


def summarise(metrics: Sequence[Metric]) -> dict[str, str]:
    """Return a line for each thing to know at the end of a run; from the first generation or update to the last."""
    found = by_name(metrics)
    lines = {
        "reward": _ends(found.get((ALL, "reward"), []), "{:.3f}"),
        **{f"reward of {name.removeprefix(PART)}": _ends(found[ALL, name], "{:.3f}") for name in parts_of(found)},
        "entropy": _ends(found.get((ALL, "entropy"), []), "{:.3f}", " nats a token"),
        "cut off by PPO": _clipped(found),
        "gradient by class": _shares({name: _values(found, name, "gradient_share") for name in CLASSES}, ""),
        "entropy budget": _budget(found),
        "length": _lengths(found),
        "groups": _groups(found),
        "reward goes with": _goes_with(found),
    }
    return {name: line for name, line in lines.items() if line}


def doubts(metrics: Sequence[Metric]) -> list[str]:
    """Return a sentence for each thing that may be wrong with a run; of its ends, by the first and last fifth."""
    found = by_name(metrics)
    sentences = [_never_outside(found), _entropy_doubt(found), _reward_doubt(found), _length_doubt(found)]
    truncated = _values(found, ALL, "truncated")
    if truncated and fmean(truncated) > MOST_TRUNCATED:
        sentences.append(
            f"{_percent(fmean(truncated), 0)} of the completions were cut at the limit of their length; raise "
            "--max-new-tokens, or say with --truncated what such a completion is worth."
        )
    gap = _values(found, ALL, "sampler_gap")
    if gap and max(gap) > LARGEST_GAP:
        sentences.append(
            f"Sampler and trainer disagree: their log-probabilities differ by up to {max(gap):.3g} nats a token on "
            f"average over a generation (should be below {LARGEST_GAP:g})."
        )
    return [sentence for sentence in sentences if sentence]


def tracking(metrics: Sequence[Metric]) -> tuple[float | None, int]:
    """How well the ledger tells the change of entropy from generation to generation: (correlation, changes).

    Compared are the entropies of the first updates of two generations, and the ledgers of the updates between, each
    times its learning rate.
    """
    return _tracking(by_name(metrics))


def by_name(metrics: Iterable[Metric]) -> Mapping[tuple[str, str], Series]:
    """Return the figures that are not null by (group, name), in the order of names, each in the order of steps."""
    found: dict[tuple[str, str], Series] = {}
    for one in metrics:
        if one.value is not None:
            found.setdefault((one.group, one.metric), []).append((one.step, one.value))
    return {name: sorted(found[name]) for name in sorted(found)}


def parts_of(found: Mapping[tuple[str, str], Series]) -> list[str]:
    """Return the figures of the reward's parts; without one that is the reward itself."""
    names = [name for group, name in found if group == ALL and name.startswith(PART)]
    return [name for name in names if found[ALL, name] != found.get((ALL, "reward"))]


def by_generation(found: Mapping[tuple[str, str], Series]) -> list[list[int]]:
    """Return the steps of the updates of each generation that has any; its own step is that before its first update."""
    starts = [step for step, _ in found.get((ALL, "groups"), [])]
    steps = [step for step, _ in found.get((ALL, "outside"), [])]
    return [list(own) for _, own in groupby(steps, key=lambda step: bisect_left(starts, step))]


def _tracking(found: Mapping[tuple[str, str], Series]) -> tuple[float | None, int]:
    entropy, ledger = (dict(found.get((ALL, name), [])) for name in ("entropy", "ledger"))
    rate = dict(found.get((ALL, "learning_rate"), []))
    spans = by_generation(found)
    told = [sum(ledger[step] * rate[step] for step in steps) for steps in spans[:-1]]
    measured = [entropy[after[0]] - entropy[before[0]] for before, after in pairwise(spans)]
    return correlation(told, measured), len(told)


def _formatted(value: float, form: str) -> str:
    return _percent(value, 2) if form == _SHARE else format(value, form)


def _percent(share: float, digits: int, sign: str = "") -> str:
    return f"{100 * share:{sign}.{digits}f} %"


def _values(found: Mapping[tuple[str, str], Series], group: str, metric: str) -> list[float]:
    return [value for _, value in found.get((group, metric), [])]


def _ends(series: Series, form: str, unit: str = "") -> str:
    if not series:
        return ""
    first, last = (form.format(series[place][1]) for place in (0, -1))
    return f"{first} -> {last}{unit}"


def _fifths(values: Sequence[float]) -> tuple[float, float]:
    """Means of the first and of the last fifth, at least one value each."""
    size = max(1, len(values) // 5)
    return fmean(values[:size]), fmean(values[-size:])


def _clipped(found: Mapping[tuple[str, str], Series]) -> str:
    low, high, dual = (_values(found, ALL, name) for name in ("clip_low", "clip_high", "dual"))
    if not low:
        return ""
    more = f", past the dual clip {_percent(fmean(dual), 2)}" if any(dual) else ""
    sides = f"left {_percent(fmean(low), 2)}, right {_percent(fmean(high), 2)} of tokens"
    return f"{sides}{more}, mean of {len(low):,} updates"


def _budget(found: Mapping[tuple[str, str], Series]) -> str:
    """What raised and lowered entropy, as shares of all pushes of classes."""
    sums = {name: sum(_values(found, name, "ledger")) for name in CLASSES}
    total = sum(map(abs, sums.values()))
    if not total:
        return ""
    shares = _shares({name: [value / total] for name, value in sums.items()}, "+")
    value, changes = _tracking(found)
    told = "" if value is None else f"; correlation {value:.2f} with the measured change over {changes:,} generations"
    return f"{shares} (first order){told}"


def _shares(values: Mapping[str, Sequence[float]], sign: str) -> str:
    """Means by class, the largest first, those that round to nothing left out."""
    means = {name: fmean(own) for name, own in values.items() if own}
    ordered = sorted(means.items(), key=lambda one: -abs(one[1]))
    return ", ".join(f"{name} {_percent(value, 0, sign)}" for name, value in ordered if abs(value) >= 0.005)


def _lengths(found: Mapping[tuple[str, str], Series]) -> str:
    series = found.get((ALL, "length"), [])
    truncated = _values(found, ALL, "truncated")
    return (
        f"{_ends(series, '{:,.0f}', ' tokens')}, {_percent(fmean(truncated), 1)} cut at the limit" if truncated else ""
    )


def _groups(found: Mapping[tuple[str, str], Series]) -> str:
    groups, kept = (sum(_values(found, ALL, name)) for name in ("groups", "groups_kept"))
    dropped = {name: sum(_values(found, ALL, f"groups_dropped.{name}")) for name in DROPPED_BY}
    told = "".join(f", {name.replace('_', ' ')} {n:,.0f}" for name, n in dropped.items() if n)
    return f"{kept:,.0f} of {groups:,.0f} trained on{told}" if groups else ""


def _goes_with(found: Mapping[tuple[str, str], Series]) -> str:
    told = []
    for name in ("length", "list_items", "markdown"):
        values = _values(found, ALL, f"reward_with_{name}")
        if values:
            told.append(f"{name.replace('_', ' ')} {fmean(values):+.2f}")
    return f"{', '.join(told)} (mean correlation within groups)" if told else ""


def _never_outside(found: Mapping[tuple[str, str], Series]) -> str | None:
    outside = dict(found.get((ALL, "outside"), []))
    generations = by_generation(found)
    streaks = [
        len(list(own)) for still, own in groupby(generations, lambda steps: not any(map(outside.get, steps))) if still
    ]
    if max(streaks, default=0) < STILL:
        return None
    rate = _values(found, ALL, "learning_rate")
    updates = len(outside) / len(generations)
    return (
        f"No token left the clip range in {max(streaks)} generations in a row, so nothing was clipped there: "
        f"learning rate {max(rate):g}, {updates:.3g} updates a generation. Raise --learning-rate, or make more updates "
        "by a smaller --prompts-per-update or by --passes."
    )


def _entropy_doubt(found: Mapping[tuple[str, str], Series]) -> str | None:
    values = _values(found, ALL, "entropy")
    if not values:
        return None
    first, last = _fifths(values)
    if last < LEAST_ENTROPY:
        return (
            f"Entropy ended at {last:.3g} nats a token: completions of a prompt hardly differ any more. A smaller "
            "--beta1 or a larger --beta2 keeps more of it."
        )
    if last > _STEEP * first and last - first > _STEEP_NATS:
        return f"Entropy rose from {first:.3g} to {last:.3g} nats a token; a larger --beta1 lowers it faster."
    return None


def _reward_doubt(found: Mapping[tuple[str, str], Series]) -> str | None:
    values = _values(found, ALL, "reward")
    if len(values) < 2:
        return None
    first, last = _fifths(values)
    return None if last > first else f"The reward did not rise: {first:.4g} at the start, {last:.4g} at the end."


def _length_doubt(found: Mapping[tuple[str, str], Series]) -> str | None:
    lengths, pulls = _values(found, ALL, "length"), _values(found, ALL, "reward_with_length")
    if len(lengths) < 2 or not pulls:
        return None
    (first, last), pull = _fifths(lengths), fmean(pulls)
    if pull < _LENGTHS[0] or last < _LENGTHS[1] * first:
        return None
    return (
        f"The reward may be for length: completions grew from {first:,.0f} to {last:,.0f} tokens, and within groups "
        f"reward and length correlate by {pull:.2f}."
    )
