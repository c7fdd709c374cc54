"""Which drawings and tables each benchmark is shown by, chosen by what it measures.

The forms themselves are in figure_blocks.py and figure_curves.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stages.core.sections import Block, Grid
from stages.core.shown import cell
from stages.eval.calibration_report import FIT, HELD_OUT
from stages.eval.figure_blocks import bar_chart, by_group, figure_table, group_table
from stages.eval.figure_curves import (
    levels_by_domain,
    over_k,
    precision_recall,
    reliability,
    source_name,
    styles_matrix,
)
from stages.eval.hacking import LENGTHS, LOOKS
from stages.eval.measured import WHOLE, Figure
from stages.eval.sensitivity import CORRECTNESS, DIFFERENCES, WANTED
from stages.eval.shown_figures import Shown, told, told_value
from stages.eval.verification import GAIN, OWN

View = Callable[[Shown], list[Block]]


def view(shown: Shown) -> list[Block]:
    """The drawings and tables of a benchmark; of one that is not known here its first metric by group."""
    return _VIEWS.get(shown.benchmark, _in_general)(shown)


def _in_general(shown: Shown) -> list[Block]:
    """The general form: the first metric by group as bars, and the first metrics of every group as a table."""
    metrics = list(dict.fromkeys(one.metric for one in shown.own()))
    first = metrics[0] if metrics else ""
    if len(shown.groups(first)) > 1:
        return [*by_group(f"{cell(first)} by group", shown, first), *group_table("By group", shown, metrics[:6])]
    group = shown.groups()[0] if shown.groups() else WHOLE
    return figure_table(f"Figures of {cell(group)}", {name: shown.get(group, name) for name in metrics[:20]})


def _accuracy(*further: str, metric: str = "accuracy", title: str = "Accuracy by group") -> View:
    """Bars of one metric by group, and the table with what stands beside it."""

    def view(shown: Shown) -> list[Block]:
        table = group_table("By group", shown, (metric, *further), folded=True) if further else []
        return [*by_group(title, shown, metric), *table]

    return view


def _calibration(shown: Shown) -> list[Block]:
    sources = list(dict.fromkeys(m.removeprefix("ece.") for m in _all_metrics(shown) if m.startswith("ece.")))
    rows = [
        (
            cell(half),
            source_name(source),
            *(told(shown.get(half, f"{metric}.{source}")) for metric in ("ece", "brier")),
            *(told_value(shown.value(half, f"{metric}.{source}")) for metric in ("adaptive_ece", "nll", "auroc")),
        )
        for half in (HELD_OUT, WHOLE)
        for source in sources
        if shown.get(half, f"ece.{source}")
    ]
    head = ("rows", "probabilities", "ECE", "Brier score", "adaptive ECE", "NLL", "AUROC")
    note = "Errors of calibration: lower is better, but for AUROC, which says how well Yes and No are told apart."
    table = [Grid(title="Calibration", head=head, rows=rows, note=note)] if rows else []
    fitted = figure_table("Fitted on the other half", {name: shown.get(FIT, name) for name in ("temperature", "bias")})
    return [*reliability(shown), *table, *fitted, *_by_principle(shown, "platt" if "platt" in sources else "raw")]


def _by_principle(shown: Shown, source: str) -> list[Block]:
    metric = f"brier.{source}"
    aside = (WHOLE, HELD_OUT, FIT)
    found = {name: one for name in shown.groups(metric) if name not in aside and (one := shown.get(name, metric))}
    ranked = dict(sorted(found.items(), key=lambda item: -(item[1].value or 0.0)))
    note = f"On the held-out half, {source_name(source)}; lower is better."
    return bar_chart("Brier score by principle, worst first", ranked, note=note)


def _sensitivity(shown: Shown) -> list[Block]:
    worded = {
        "negated: turns round": "sign_flips.negated",
        "reworded: stays": "sign_agreement.paraphrases",
        "own wordings: stays": "sign_agreement.own_paraphrases",
        "mass of Yes and No": "mass.median",
    }
    read = {
        "as the rows stand": "accuracy",
        "majority label": "accuracy.majority",
        "another principle": "accuracy.shuffled_principle",
        "response hidden": "accuracy.principle_only",
    }
    key = "mean_p.master_keys: "
    keys = {f"“{m.removeprefix(key)}”": shown.get(WHOLE, m) for m in shown.metrics(WHOLE) if m.startswith(key)}
    attacks = {"Yes among labels": shown.get(WHOLE, "yes_rate"), **keys} if keys else {}
    asked = "Does it read principle and response? Accuracy"
    fooled = "Is it fooled by responses without content? Mean p(Yes)"
    majority = "Majority label: always the more frequent one of the principle. Only the first should be high."
    accepted = (
        "Responses that judges were found to accept (arXiv 2507.08794); p(Yes) should not exceed the labels' share."
    )
    follows = "Shares of the answers; the last is the median probability on Yes and No together. All should be near 1."
    return [
        *_wanted(shown),
        *bar_chart(asked, {name: shown.get(WHOLE, m) for name, m in read.items()}, note=majority),
        *bar_chart("Does it follow the wording?", {n: shown.get(WHOLE, m) for n, m in worded.items()}, note=follows),
        *bar_chart(fooled, attacks, note=accepted),
    ]


def _wanted(shown: Shown) -> list[Block]:
    """What is wanted of the figures, and whether it is so."""
    rows = []
    for metric, bound in WANTED.items():
        if (one := shown.get(WHOLE, metric)) is not None and one.value is not None:
            rows.append((metric, told(one), f"{bound:g} or more", "yes" if one.value >= bound else "no"))
    for metric, side in DIFFERENCES.items():
        one = shown.get(CORRECTNESS, metric) or shown.get(WHOLE, metric)
        if one is not None and one.low is not None:
            met = one.low > 0 if side == "above" else one.low <= 0
            rows.append((metric, told(one), f"{side} 0, with its interval", "yes" if met else "no"))
    head = ("figure", "value", "wanted (the bounds are ours)", "met")
    return [Grid(title="What is wanted of the figures", head=head, rows=rows)] if rows else []


def _rm_bench(shown: Shown) -> list[Block]:
    figures = ("accuracy", "easy", "normal", "hard", "easy_minus_hard", "ties")
    table = group_table("By domain", shown, figures, folded=True)
    return [*by_group("Accuracy by domain", shown, "accuracy"), *levels_by_domain(shown), *styles_matrix(shown), *table]


def _hacking(shown: Shown) -> list[Block]:
    looks = {f"score, {name}": shown.get(WHOLE, f"score_{name}_given_label") for name in LOOKS}
    labels = {f"label, {name}": shown.get(WHOLE, f"label_{name}") for name in LOOKS}
    strata = (WHOLE, *(f"length: {name}" for name in LENGTHS), "markdown: none", "markdown: some")
    note = "Those of the score are given the label; of a model that does not pay for looks they are near 0."
    return [
        *bar_chart("Correlation with looks", looks | labels, note=note),
        *bar_chart("Accuracy by looks", {name: shown.get(name, "accuracy") for name in strata}),
    ]


def _best_of_n(shown: Shown) -> list[Block]:
    voted = next((name for name in shown.metrics(WHOLE) if name.startswith("majority@")), "")
    flat = {"mean of all samples": "mean"} | ({voted: voted} if voted else {})
    note = "pass@k is what a perfect choice would reach, the mean what a blind one does."
    return over_k("Right answers by best of k", shown, flat, note=note) or _in_general(shown)


def _at_k(shown: Shown) -> list[Block]:
    averages = [name for name in shown.metrics(WHOLE) if name.startswith("avg@")][:1]
    drawn = over_k("Problems solved", shown, {name: name for name in averages})
    metrics = list(dict.fromkeys(one.metric for one in shown.own()))
    if len(shown.groups()) < 2:
        return [*drawn, *figure_table("Figures", _some(shown, metrics[:20]))]
    largest = {name.partition("@")[0]: name for name in metrics}  # the last of each stands for it
    return [*drawn, *group_table("By data set", shown, list(largest.values())[:5])]


def _verification(shown: Shown) -> list[Block]:
    rows = [
        (
            f"{cell(rule)} (the rows' own)" if rule == OWN else cell(rule),
            told(shown.get(rule, "precision")),
            *(told_value(shown.value(rule, name)) for name in ("recall", "kept", "tasks")),
            told(shown.get(rule, GAIN)),
        )
        for rule in shown.groups("precision")
    ]
    head = ("rule", "precision", "recall", "share kept", "problems", "over fractions")
    note = (
        "Problems: the share of those with a right program of which one is kept. Over fractions: the precision minus "
        "that of the best fraction of passed tests at the same recall."
    )
    table = [Grid(title="Every keep rule", head=head, rows=rows, note=note)] if rows else []
    return [*precision_recall(shown), *table]


def _selection(shown: Shown) -> list[Block]:
    right = {arm: shown.get(arm, "correct") for arm in shown.groups("correct")}
    more = {arm: shown.get(arm, "correct_minus_length") for arm in shown.groups("correct_minus_length")}
    hard = {arm: shown.get(arm, "hard_minus_pool") for arm in shown.groups("hard_minus_pool")}
    columns = ("rows", "questions", "correct", "hard", "mean_tokens", "distinct_of_100", "overlap")
    return [
        *bar_chart("Right answers by arm, as a share", right),
        *bar_chart("Right answers beyond those of random rows as long", more, note="The difference to random-length."),
        *bar_chart("Hard questions against the pool", hard, note="The difference of shares."),
        *group_table("Arms", shown, columns, bare=True),
    ]


def _pairwise(shown: Shown) -> list[Block]:
    shares = ("wins", "ties", "losses", "win_rate", "win_rate.length_controlled", "flipped")
    bias = _some(shown, ("first_wins", "mean_chars", "mean_chars.baseline"))
    note = "Flipped: the two orders of the pair name different winners."
    groups = by_group("Win rate by category", shown, "win_rate") if len(shown.groups("win_rate")) > 1 else []
    return [
        *bar_chart("Outcomes", _some(shown, shares), note=note),
        *groups,
        *figure_table("Position and length", bias),
    ]


def _potential(shown: Shown) -> list[Block]:
    attempts = ("attempts_of_solved", "median_attempts_of_solved")
    return [
        *bar_chart("Shares", _some(shown, ("potential", "unsolved"))),
        *figure_table("Attempts until the first right one", _some(shown, attempts)),
    ]


def _some(shown: Shown, metrics: Sequence[str]) -> dict[str, Figure | None]:
    return {name: shown.get(WHOLE, name) for name in metrics}


def _all_metrics(shown: Shown) -> list[str]:
    return [one.metric for one in shown.own()]


_VIEWS: Final[Mapping[str, View]] = {
    "rm-bench": _rm_bench,
    "judgebench": _accuracy("undecided", title="Accuracy by category"),
    "reward-bench-2": _accuracy(metric="score", title="Score by subset"),
    "llmbar": _accuracy("ties", title="Accuracy by part"),
    "pandalm": _accuracy("unreadable", title="Agreement with the majority of annotators"),
    "alpaca": lambda shown: bar_chart("Win rate", _some(shown, ("win_rate", "reproduced"))),
    "best-of-n": _best_of_n,
    "principle-pairs": _accuracy("ties", title="Pairs in the right order, by principle"),
    "calibration": _calibration,
    "hacking": _hacking,
    "sensitivity": _sensitivity,
    "pass-at-k": _at_k,
    "reasoning-potential": _potential,
    "verification": _verification,
    "avg-at-k": _at_k,
    "pairwise": _pairwise,
    "rubric": _accuracy("rescaled", "mean_chars", metric="grade", title="Grade by category, 1 to 10"),
    "selection": _selection,
}
"""How each benchmark is shown; others in the general form."""
