"""What a report shows of a folder of verdicts: how programs did, what was kept, what tests are worth, what was run how.

Finished or not; what is counted is in survey.py, drawings are in shown_programs.py, shown_rules.py, shown_tests.py.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stages.core.manifest import hidden, planned_options
from stages.core.sections import Block, Grid, Section
from stages.core.shown import MISSING, cell, count, is_number, percent
from stages.core.stored import mapping, stored_facts, stored_json
from stages.verify_code.shown_programs import MOST_MATRICES, MOST_READ, consensus, examples, matrices, rates, timings
from stages.verify_code.shown_rules import all_or_nothing, fitted, further, rules
from stages.verify_code.shown_tests import strength
from stages.verify_code.stored_programs import NOT_RUN, Program, programs
from stages.verify_code.survey import Survey, survey

_MOST_STATUSES: Final = 12
_MANY: Final = 0.05
_WEAK_TESTS: Final = 0.8
_FINE: Final = ("done", "no_reference", "no_suite")
"""Ends of a reference that are not worth a word."""


def sections(root: Path) -> list[Section]:
    """Programs, what was kept, tests, and how programs were run; sections without anything to show are left out."""
    trouble: list[str] = []
    facts = {**stored_json(hidden(root, "report") / "decided.json"), **stored_facts(root)}
    found = survey(programs(root, trouble))
    looked_at = _looked_at(root, found)
    parts = [
        Section(
            title=f"Programs: {found.programs:,}{_kept(found)}",
            blocks=[*rates(found), *_ends(found, facts), *matrices(looked_at, found.telling(MOST_MATRICES))],
            note=_undecided(found),
            doubts=[*trouble, *_doubts(found, facts, root)],
        ),
        Section(
            title=f"What is kept, and how well: {_rule(root, facts)}",
            blocks=[*rules(facts), *all_or_nothing(found), *fitted(facts), *consensus(found), *further(facts)],
        ),
        Section(title="Programs to look at", blocks=examples(looked_at, found)),
    ]
    late: list[str] = []
    parts.append(Section(title="Strength of the tests", blocks=strength(root, facts, late), doubts=late))
    late = []
    parts.append(Section(title="How programs were run", blocks=[*_layers(found), *timings(root, late)], doubts=late))
    return [parts[0], *(part for part in parts[1:] if part.blocks or part.doubts)]


def _looked_at(root: Path, found: Survey) -> list[Program]:
    """The programs, with their texts, that are drawn or shown: read until all of them are there."""
    problems = {name: min(found.problems[name].programs, MOST_READ) for name in found.telling(MOST_MATRICES)}
    names, read = set(found.examples.values()), Counter[str]()
    shown: list[Program] = []
    for one in programs(root, [], texts=True) if problems or names else ():
        wanted = (one.problem, one.id) in names
        drawn = bool(one.total) and read[one.problem] < problems.get(one.problem, 0)
        if wanted or drawn:
            shown.append(one if wanted else one._replace(solution="", detail=""))
            read[one.problem] += drawn
            names.discard((one.problem, one.id))
            if not names and all(read[name] == number for name, number in problems.items()):
                break
    return shown


def _kept(found: Survey) -> str:
    return f", {found.kept:,} kept" if found.undecided < found.programs else ""


def _rule(root: Path, facts: Mapping[str, Any]) -> str:
    rule = mapping(facts.get("kept")).get("rule") or planned_options(root).get("keep") or "no rule yet"
    return cell(rule, 60)


def _undecided(found: Survey) -> str:
    if found.programs and found.undecided == found.programs:
        return "Nothing is decided yet: rates are those of the runs, before tests are measured."
    return ""


def _ends(found: Survey, facts: Mapping[str, Any]) -> list[Block]:
    """How programs ended, and what became of their tests."""
    rows = [
        (cell(name, 40), f"{number:,}", percent(number / found.programs))
        for name, number in found.statuses.most_common(_MOST_STATUSES)
    ]
    outcomes = {name: value for name, value in mapping(facts.get("outcomes")).items() if is_number(value)}
    cells, ranked = sum(outcomes.values()), sorted(outcomes, key=lambda name: -outcomes[name])
    tested = [(cell(name, 40), count(outcomes[name]), percent(outcomes[name] / cells)) for name in ranked if cells]
    blocks = [
        ("How programs ended", ("status", "programs", "share"), rows),
        ("What became of tests", ("outcome", "times", "share"), tested),
    ]
    return [Grid(title=title, head=head, rows=lines) for title, head, lines in blocks if lines]


def _layers(found: Survey) -> list[Block]:
    """Which layers of the sandbox were around the programs, and which programs differed between runs."""
    rows = [
        (cell(level, 30), cell(", ".join(layers), 120) or MISSING, f"{number:,}")
        for (level, layers), number in found.layers.most_common(_MOST_STATUSES)
    ]
    blocks: list[Block] = []
    if rows:
        head = ("level", "layers that were on", "programs")
        trusted = ", ".join(f"{cell(name, 20)} {number:,}" for name, number in found.trust.most_common(5))
        blocks.append(Grid(title="Isolation", head=head, rows=rows, note=f"Trust in their results: {trusted}."))
    if found.flaky_named:
        named = [(cell(name, 60), cell(problem, 60), f"{tests:,}") for name, problem, tests in found.flaky_named]
        note = f"The first {len(named)} of {found.flaky:,}." if found.flaky > len(named) else ""
        blocks.append(Grid(title="Flaky programs", head=("id", "problem", "flaky tests"), rows=named, note=note))
    return blocks


def _doubts(found: Survey, facts: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What may be wrong with the verdicts, a sentence each."""
    if not found.programs:
        yield "No programs are stored in this folder."
        return
    if found.undecided < found.programs and not found.kept:
        yield "No program is kept."
    if found.untested:
        yield f"No test counts for {_some(found.untested, 'program')} of {found.programs:,}: no rate speaks for them."
    for name in ("timeout", "memory", "crash", "protocol_error", "tester_error", "no_code"):
        number = found.statuses[name]
        if number > _MANY * found.programs:
            yield f"{percent(number / found.programs)} of the programs ended with {name}."
    if lost := mapping(facts.get("outcomes")).get("not_plain"):
        yield f"{count(lost)} tests failed because a value cannot leave the program's process (not_plain)."
    bad = {name: n for name, n in mapping(facts.get("references")).items() if name not in _FINE and is_number(n)}
    if bad:
        told = ", ".join(f"{cell(name, 30)} {count(number)}" for name, number in bad.items())
        some = _some(sum(bad.values()), "reference")
        yield f"{some} did not run to the end ({told}); little is known of their tests."
    score = mapping(facts.get("tests")).get("mutation_score", 1.0)
    if isinstance(score, float) and score < _WEAK_TESTS:
        yield (
            f"Tests notice {percent(score)} of the mutants of the references; below {percent(_WEAK_TESTS)}, a bound "
            "of ours, many a wrong program may pass."
        )
    yield from _doubts_of_running(found, root)


def _doubts_of_running(found: Survey, root: Path) -> Iterator[str]:
    wanted = planned_options(root).get("level")
    weaker = sum(number for (level, _), number in found.layers.items() if level == "weak")
    if weaker:
        yield f"{_some(weaker, 'program')} ran under limits alone (level weak): a hostile one could have done harm."
    other = sum(number for (level, _), number in found.layers.items() if wanted and level not in (wanted, NOT_RUN))
    if other:
        yield f"{_some(other, 'program')} ran under another level than the {cell(wanted, 20)} that was asked for."
    if found.trust["inproc"]:
        yield f"{_some(found.trust['inproc'], 'program')} could have forged the result (trust inproc)."
    if found.flaky:
        yield f"{_some(found.flaky, 'program')} gave another result when run again; such tests count for nothing."


def _some(number: float, what: str) -> str:
    return f"{number:,.0f} {what}{'' if number == 1 else 's'}"
