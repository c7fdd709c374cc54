"""What a report shows of a folder of verdicts: counted again from the rows, and of unfinished and hostile folders."""

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.manifest import hidden
from stages.core.sections import Drawing, Grid, Section
from stages.core.sections_html import section_markup
from stages.core.tables import TESTS, TIMINGS, VERDICTS
from stages.programs.matrix import OUTCOMES
from stages.verify_code import shown_rules
from stages.verify_code.sections import sections
from stages.verify_code.shown_programs import MOST_MATRICES, MOST_PROGRAMS, MOST_READ, MOST_TESTS
from stages.verify_code.stored_programs import NOT_RUN, Program, programs
from stages.verify_code.survey import survey, tenth
from tests.extract_principles.commands import ROOT, rlbff, rows_of
from tests.verify_code.programs import NEARLY, OTHER, RANDOM, RIGHT, WRONG, row, verify, write

HOSTILE = '</svg><script>alert(1)</script>"\u202e\x00\n' + "long " * 400


def drawn_row(draw: random.Random, number: int, tests: int = 4) -> dict[str, Any]:
    """A row of verdicts that nobody has run."""
    cells = [draw.choice(OUTCOMES) for _ in range(tests)]
    total = len(cells) - cells.count("flaky")
    passed = cells.count("pass")
    kept = draw.random() < 0.5
    return {
        "id": f"{number}",
        "problem_id": f"problem {number // 6}",
        "solution": draw.choice([RIGHT, HOSTILE, None]),
        "test_results": [{"test_id": f"T.t{k}", "outcome": one, "detail": HOSTILE} for k, one in enumerate(cells)],
        "passed": passed,
        "total": total,
        "pass_rate": passed / total if total else None,
        "consensus": draw.choice([None, draw.random()]),
        "status": draw.choice(["done", "timeout", "crash", "no_code"]),
        "kept": kept,
        "keep_reason": HOSTILE,
        "truth": draw.choice([None, True, False]),
        "flaky": cells.count("flaky"),
        "trust": draw.choice(["full", "inproc", None]),
        "isolation": draw.choice(["standard", "weak", None]),
        "layers": draw.choice([["limits"], [], None]),
        "detail": HOSTILE,
    }


def folder_of(root: Path, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any] | None = None) -> Path:
    root.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=VERDICTS.schema()), root / "part-00000.parquet")
    if facts is not None:
        hidden(root, "report").mkdir(parents=True, exist_ok=True)
        (hidden(root, "report") / "decided.json").write_text(json.dumps(facts))
    return root


def block(found: Iterable[Section], title: str) -> Any:
    (one,) = [one for section in found for one in section.blocks if one.title == title]
    return one


def titles(found: Iterable[Section]) -> list[str]:
    return [one.title for section in found for one in section.blocks]


def size(found: Iterable[Section]) -> int:
    """Bytes of the sections on a page."""
    return sum(len(section_markup(one, "x").encode()) for one in found)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of one input: `all` with strength, and `kept`, by the command line, which holds kept ones alone."""
    path = tmp_path_factory.mktemp("made")
    rows = [
        row("d", WRONG, truth=False, reference=RIGHT),
        row("a", RIGHT, truth=True, reference=RIGHT),
        row("b", OTHER, truth=True, reference=RIGHT),
        row("c", NEARLY, truth=True, reference=RIGHT),
        row("e", "no program here", truth=False, reference=RIGHT),
        row("f", RANDOM, truth=False, reference=RIGHT),
    ]
    write(path / "p.jsonl", rows)
    verify(path / "p.jsonl", path / "all", strength=True, mutants=4, keep="frac:0.7")
    options = ("--output", "kept", "--machine-factor", 1, "--workers", 1)
    done = rlbff("verify-code", "p.jsonl", "-o", "kept", *options, cwd=path)
    assert done.returncode == 0, done.stderr
    return path


def test_counts_are_those_of_the_rows(made: Path) -> None:
    found, rows = sections(made / "all"), rows_of(made / "all")
    kept = sum(one["kept"] for one in rows)
    assert found[0].title == f"Programs: {len(rows)}, {kept} kept"
    statuses = Counter(one["status"] for one in rows)
    assert {line[0]: int(line[1]) for line in block(found, "How programs ended").rows} == statuses
    cells = Counter(result["outcome"] for one in rows for result in one["test_results"])
    shown = {line[0]: int(line[1]) for line in block(found, "What became of tests").rows}
    assert {name: shown[name] for name in ("fail", "error")} == {name: cells[name] for name in ("fail", "error")}
    rates = block(found, "Share of tests passed")
    bins = Counter((tenth(one["passed"] / one["total"]), one["kept"]) for one in rows if one["total"])
    assert [tuple(map(int, line[1:])) for line in rates.numbers.rows[:-1]] == [
        (bins[place, True], bins[place, False]) for place in range(10)
    ]
    full = Counter(one["kept"] for one in rows if one["total"] and one["passed"] == one["total"])
    assert rates.numbers.rows[-1][1:] == (str(full[True]), str(full[False]))
    tested = sum(bins.values())
    assert f"{sum(full.values())} of {tested} pass all of them" in rates.said


def test_truth_rules_and_examples(made: Path) -> None:
    found, rows = sections(made / "all"), rows_of(made / "all")
    table = {line[0]: list(map(int, line[1:])) for line in block(found, "All tests or nothing, against the truth").rows}
    for name, truth in (("right", True), ("wrong", False)):
        own = [one for one in rows if one["truth"] is truth]
        full = sum(one["total"] > 0 and one["passed"] == one["total"] for one in own)
        kept = sum(one["kept"] for one in own)
        assert table[name] == [len(own), full, kept, len(own) - full, len(own) - kept]
    assert "frac:0.7 (this run's rule)" in [line[0] for line in block(found, "Keep rules").rows]
    assert "100.0 %" in block(found, "Keep rules against the truth").said
    # c passes three of four tests, is right and kept: an example that all tests or nothing would lose
    shown = block(found, "Kept, though it fails tests")
    assert shown.about.startswith("c, a solution to add: 3 of 4 tests passed, in truth right.")
    assert shown.pieces[0] == (NEARLY.strip(), "")
    assert shown.pieces[-1][1] == "no"
    assert shown.pieces[-1][0].startswith("test 3: error")


def test_the_matrix_holds_every_cell(made: Path) -> None:
    found, rows = sections(made / "all"), rows_of(made / "all")
    drawing = block(found, "Tests of add")
    ranked = sorted((one for one in rows if one["total"]), key=lambda one: -one["passed"] / one["total"])
    assert [(line[1], line[3]) for line in drawing.numbers.rows] == [
        (one["id"], f"{one['passed']} of {one['total']}") for one in ranked
    ]
    standing = {True: "kept", False: "not kept"}
    assert [line[0] for line in drawing.numbers.rows] == [
        f"{place}. {standing[one['kept']]}, {'right' if one['truth'] else 'wrong'}"
        for place, one in enumerate(ranked, start=1)
    ]
    signs = {line[1]: line[4] for line in drawing.numbers.rows}
    assert {name: signs[name] for name in "abcd"} == {"a": "+ + + +", "b": "+ + + +", "c": "+ + + !", "d": "- + - !"}
    assert drawing.markup.count("<path") >= 2


def test_where_only_kept_programs_are_written_the_others_come_from_the_runs(made: Path) -> None:
    rows = rows_of(made / "kept")
    kept = {one["id"] for one in rows}
    stored = list(programs(made / "kept", []))
    assert [one.id for one in stored] == ["d", "a", "b", "c", "e", "f"]
    assert {one.id for one in stored if one.kept} == kept
    assert {"a", "b"} <= kept < {"a", "b", "c", "d", "e", "f"}
    passed = {one.id: (one.passed, one.total) for one in stored}
    assert passed["c"] == (3, 4)
    assert passed["d"] == (1, 4)
    found = sections(made / "kept")
    assert found[0].title == f"Programs: 6, {len(kept)} kept"
    assert "Right, but not kept" in titles(found)  # c
    assert "How far programs agree" not in titles(found)


def test_strength_isolation_costs_and_flaky_programs(made: Path) -> None:
    found = sections(made / "all")
    facts = {line[0]: line[1] for line in block(found, "Tests").rows}
    tests = pq.read_table(hidden(made / "all", "tests") / "part-00000.parquet").to_pylist()
    assert facts["tests"] == str(len(tests))
    kills = [one["kill_rate"] for one in tests if one["kill_rate"] is not None]
    assert f"of {len(kills)} tests kill" in block(found, "Mutants killed by single tests").said
    layers = block(found, "Isolation").rows
    assert layers[0][0] == "standard"
    assert layers[0][1] == "limits, capabilities, landlock, seccomp"
    assert int(layers[0][2]) == sum(one["isolation"] == "standard" for one in rows_of(made / "all"))
    costs = pq.read_table(hidden(made / "all", "timings") / "part-00000.parquet").to_pylist()
    most = max(one["cpu_ms"] for one in costs)
    assert block(found, "What it cost").rows[0][4] == f"{most:,.1f}"
    flaky = [one["id"] for one in rows_of(made / "all") if one["flaky"]]
    if flaky:
        assert [line[0] for line in block(found, "Flaky programs").rows] == flaky
        assert any("gave another result" in text for text in found[0].doubts)


def test_suspicious_tests_are_named_by_their_gravest_fault(tmp_path: Path) -> None:
    plain = {
        "problem_id": "p",
        "suite_sha": "s",
        "origin": "input",
        "validity": 1.0,
        "kill_rate": 0.5,
        "estimated": False,
    }
    tests = [
        plain | {"test_id": "fine", "correlation": 0.3},
        plain | {"test_id": "flaky", "flaky": True, "validity": 0.0},
        plain | {"test_id": "wrong", "validity": 0.0, "correlation": -1.0},
        plain | {"test_id": "guess", "validity": 0.2, "estimated": True},
        plain | {"test_id": "against", "correlation": -0.1, "kill_rate": 0.0},
        *(plain | {"test_id": f"idle {k}", "kill_rate": 0.0} for k in range(9)),
    ]
    root = folder_of(tmp_path / "v", [drawn_row(random.Random(0), 0)])
    hidden(root, "tests").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(tests, schema=TESTS.schema()), hidden(root, "tests") / "part-00000.parquet")
    table = block(sections(root), "Tests to look at")
    assert [(line[1], line[3]) for line in table.rows] == [
        ("flaky", "two runs of the reference disagree"),
        ("wrong", "the reference fails it"),
        ("guess", "seems wrong: solutions that agree fail it"),
        ("against", "programs that pass it pass fewer of the others"),
        *((f"idle {k}", "it notices no mutant of the reference") for k in range(3)),
    ]
    assert "9 times: it notices no mutant of the reference. Some of each are shown." in table.note


def test_an_unfinished_folder_shows_its_runs(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "half"
    shutil.copytree(made / "all", root)
    (root / "part-00000.parquet").unlink()
    hidden(root, "manifest.json").unlink()
    shutil.rmtree(hidden(root, "report"))
    found = sections(root)
    assert found[0].title == "Programs: 6"
    assert "Nothing is decided yet" in found[0].note
    assert {one.kept for one in programs(root, [])} == {None}
    assert "not kept" not in block(found, "Share of tests passed").markup
    assert "Programs to look at" not in [section.title for section in found]


def test_kept_alone_with_a_part_missing_claims_nothing_about_the_others(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "half"
    shutil.copytree(made / "kept", root)
    plan = json.loads(hidden(root, "plan.json").read_text())
    hidden(root, "plan.json").write_text(json.dumps(plan | {"parts": 2}))
    assert {one.kept for one in programs(root, [])} == {True}


def test_empty_and_damaged_folders_say_so(made: Path, tmp_path: Path) -> None:
    (empty,) = sections(tmp_path)
    assert empty.doubts == ["No programs are stored in this folder."]
    root = tmp_path / "damaged"
    shutil.copytree(made / "all", root)
    for path in (
        root / "part-00000.parquet",
        *(hidden(root, name) / "part-00000.parquet" for name in ("tests", "timings")),
    ):
        path.write_bytes(path.read_bytes()[:100])
    (hidden(root, "report") / "decided.json").write_text('{"kept": 3, "rules": [1], "tests": []')
    hidden(root, "manifest.json").write_text("[]")
    found = sections(root)
    assert sum("cannot be read" in text for section in found for text in section.doubts) == 3
    hidden(root, "manifest.json").write_text(json.dumps({"facts": {name: [1, "x", None] for name in FACTS}}))
    assert sections(root)
    hidden(root, "manifest.json").write_text(json.dumps({"facts": {name: {"a": {}} for name in FACTS}}))
    assert sections(root)


FACTS = ("kept", "rules", "tests", "decision", "outcomes", "references", "judge", "arm", "augmented", "diversity")


@pytest.mark.parametrize("seed", range(6))
def test_hostile_rows_are_shown_within_bounds(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    rows = [drawn_row(draw, number, tests=draw.choice([0, 3, 60])) for number in range(draw.choice([1, 40, 300]))]
    if seed % 2:
        rows = [one | {"problem_id": HOSTILE, "id": HOSTILE + one["id"]} for one in rows]
    rule = {"rule": HOSTILE, "programs": 3, "tasks": 1, "precision": 0.5, "recall": None, "labelled": 4}
    facts = {"kept": rule, "rules": [rule | {"rule": f"{HOSTILE}{k}", "recall": 0.3} for k in range(30)]}
    facts |= {"outcomes": {HOSTILE: 3, "not_plain": 2}, "references": {HOSTILE: 1}}
    found = sections(folder_of(tmp_path / "v", rows, facts))
    assert size(found) < 60_000
    for section in found:
        assert all(len(text) < 400 for text in (section.title, *section.doubts))
        for one in section.blocks:
            if isinstance(one, Drawing):
                assert "<script" not in one.markup
                assert "\x00" not in one.markup
            grid = one.numbers if isinstance(one, Drawing) else one
            if isinstance(grid, Grid):
                assert {len(line) for line in grid.rows} == {len(grid.head)}
    shown = [one for section in found for one in section.blocks if one.title.startswith("Tests of ")]
    assert len(shown) <= MOST_MATRICES
    assert all(isinstance(one, Drawing) and one.numbers and len(one.numbers.rows) <= MOST_PROGRAMS for one in shown)
    assert MOST_TESTS < 60


def test_the_most_telling_problem_comes_first(tmp_path: Path) -> None:
    def program(problem: str, number: int, passed: int) -> dict[str, Any]:
        cells = ["pass"] * passed + ["fail"] * (4 - passed)
        results = [{"test_id": f"t{k}", "outcome": one, "detail": ""} for k, one in enumerate(cells)]
        known = {"passed": passed, "total": 4, "status": "done", "kept": passed == 4, "test_results": results}
        return {"id": f"{problem}{number}", "problem_id": problem, "solution": RIGHT, **known}

    passed = {"same": [4, 4, 4], "little": [4, 3, 4], "much": [4, 0, 2]}
    rows = [program(name, k, one) for name, own in passed.items() for k, one in enumerate(own)]
    found = sections(folder_of(tmp_path / "v", rows))
    assert [title for title in titles(found) if title.startswith("Tests of")] == ["Tests of much", "Tests of little"]


def test_a_problem_with_many_programs_is_read_in_part(tmp_path: Path) -> None:
    rows = [drawn_row(random.Random(k), k) | {"problem_id": "p", "kept": False, "truth": None} for k in range(300)]
    drawing = block(sections(folder_of(tmp_path / "v", rows)), "Tests of p")
    assert len(drawing.numbers.rows) == MOST_PROGRAMS
    assert f"The best {MOST_PROGRAMS} of the first {MOST_READ} are drawn." in drawing.note


def test_doubts_tell_of_weak_isolation_and_of_many_timeouts(tmp_path: Path) -> None:
    rows = [
        drawn_row(random.Random(k), k)
        | {"status": "timeout" if k < 3 else "done", "isolation": "weak", "trust": "inproc", "kept": False, "flaky": 0}
        for k in range(10)
    ]
    facts = {
        "tests": {"mutation_score": 0.5},
        "references": {"crash": 2, "done": 1},
        "outcomes": {"pass": 3, "fail": 1},
    }
    found = sections(folder_of(tmp_path / "v", rows, facts))
    doubts = found[0].doubts
    (outcomes,) = [one for one in found[0].blocks if isinstance(one, Grid) and one.title == "What became of tests"]
    assert [tuple(line) for line in outcomes.rows] == [("pass", "3", "75.0 %"), ("fail", "1", "25.0 %")]
    for part in (
        "No program is kept.",
        "30.0 % of the programs ended with timeout.",
        "10 programs ran under limits alone",
        "10 programs could have forged the result",
        "2 references did not run to the end (crash 2)",
        "Tests notice 50.0 % of the mutants",
    ):
        assert any(part in text for text in doubts), part


def test_rules_are_drawn_over_recall_this_runs_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(shown_rules, "lines", lambda said, series, **rest: drawn.update(series) or "")
    rule = {"programs": 3, "tasks": 1, "labelled": 4}
    own = rule | {"rule": "rel:0.9", "precision": 0.9, "recall": 0.2}
    others = [rule | {"rule": name, "precision": 0.5, "recall": at} for name, at in (("all", 1.0), ("frac:1.0", 0.7))]
    sections(folder_of(tmp_path / "v", [drawn_row(random.Random(0), 0)], {"kept": own, "rules": [own, *others]}))
    assert list(drawn.items()) == [
        ("frac and all", [(0.7, 0.5), (1.0, 0.5)]),
        ("rel:0.9 (this run's rule)", [(0.2, 0.9)]),
    ]


def test_programs_that_never_ran_ran_under_no_other_level(tmp_path: Path) -> None:
    levels = ["standard", "standard", "weak", None, None]
    rows = [drawn_row(random.Random(k), k) | {"isolation": level} for k, level in enumerate(levels)]
    root = folder_of(tmp_path / "v", rows)
    hidden(root, "plan.json").parent.mkdir(exist_ok=True)
    hidden(root, "plan.json").write_text(json.dumps({"config": {"level": "standard"}}))
    told = [doubt for doubt in sections(root)[0].doubts if "under another level" in doubt]
    assert told == ["1 program ran under another level than the standard that was asked for."]


def test_programs_are_surveyed_by_hand() -> None:
    plain = Program("a", "p", 9, 10, None, "done", True, None, 0, "strict", ("x",), "out")
    all_passed = plain._replace(id="b", passed=10)
    untested = plain._replace(id="c", passed=0, total=0)
    not_run = untested._replace(id="d", status="no_code", level=NOT_RUN)
    found = survey([plain, all_passed, untested, not_run])
    assert found.all_passed == {True: 1}
    # a program that never ran would not have had tests to pass
    assert found.untested == 1
    assert found.statuses == {"done": 3, "no_code": 1}
    assert (found.kept, found.undecided) == (4, 0)


def test_edges_of_bins_do_not_depend_on_rounding() -> None:
    assert [tenth(value) for value in (0, 0.09, 0.1, 0.3, 0.69999999, 0.99, 1)] == [0, 0, 1, 3, 7, 9, 9]


def test_costs_are_read_from_the_columns_where_they_are_there(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "v", [drawn_row(random.Random(0), 0)])
    hidden(root, "timings").mkdir(parents=True)
    costs = [{"id": str(k), "cpu_ms": float(k), "wall_ms": 2.0 * k, "max_rss_kb": 1024 * k} for k in range(1, 101)]
    pq.write_table(pa.Table.from_pylist(costs, schema=TIMINGS.schema()), hidden(root, "timings") / "part-00000.parquet")
    rows = block(sections(root), "What it cost").rows
    # of 1 to 100: the median is 50.5, nine tenths lie below 90.1, and they sum to 5,050 ms
    assert rows[0] == ("CPU, ms", "50.5", "90.1", "99.0", "100.0", "5.0 s")
    assert rows[2][1] == "50.5"


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys, stages.verify_code.sections; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
