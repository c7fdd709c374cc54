import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stages.core.manifest import Done, write_done
from stages.core.sections import Grid, Pair
from stages.core.shards import part_path, to_table, write_part
from stages.core.tables import DROPPED_PRINCIPLES, PRINCIPLES
from stages.extract_principles.principle_blocks import principle_blocks
from stages.extract_principles.sections import sections
from stages.extract_principles.summary import RULES
from tests.extract_principles.commands import ROOT, manifest_of, rlbff, rows_of
from tests.section_texts import HOSTILE, block, check_sections, doubts_of, pairs_of, rows_of_block

FEEDBACK = ROOT / "sample_data" / "feedback.jsonl"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("extracted") / "principles"
    done = rlbff("extract-principles", FEEDBACK, "--out", out, "--rows-per-shard", 20, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "principles"))


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def naive_waterfall(root: Path) -> dict[str, tuple[int, int]]:
    """(left, dropped) after each filter, counted from the stored rows alone."""
    dropped = Counter(row["dropped_by"] for row in rows_of(root, "dropped"))
    left = sum(len(row["evidence"]) for row in rows_of(root)) + dropped.total()
    steps = {"raw": (left, 0)}
    for rule in RULES:
        left -= dropped[rule]
        steps[rule] = (left, dropped[rule])
    return steps


def test_the_waterfall_is_what_the_rows_add_up_to(finished: Path) -> None:
    counted = naive_waterfall(finished)
    shown = rows_of_block(sections(finished), "Mentions left")
    assert counted["evidence"][1] + counted["artefact"][1] + counted["consensus"][1] > 0
    for name, left, dropped, *_ in shown:
        assert (left, dropped) == tuple(f"{one:,}" for one in counted[name])
    assert {name for name, (_, dropped) in counted.items() if dropped} <= {row[0] for row in shown}
    mentions = sum(len(row["evidence"]) for row in rows_of(finished))
    drawing = block(sections(finished), "Mentions left")
    assert f"{mentions:,} mentions became {len(rows_of(finished)):,} rows" in getattr(drawing, "note", "")


def test_shares_of_yes_are_those_of_the_rows(finished: Path) -> None:
    votes: dict[str, list[bool]] = {}
    for row in rows_of(finished):
        votes.setdefault(row["principle"], []).append(row["label"])
    shown = rows_of_block(sections(finished), "Principles, from")
    shares = [float(row[2].split()[0]) for row in shown]
    assert shares == sorted(shares, reverse=True)
    for name, rows, share, _ in shown:
        assert (rows, share) == (f"{len(votes[name]):,}", percent(sum(votes[name]) / len(votes[name])))
    domains = Counter(row["domain"] for row in rows_of(finished))
    assert {row[0]: row[1] for row in rows_of_block(sections(finished), "Rows by domain")} == {
        name: f"{n:,}" for name, n in domains.items()
    }


def test_agreement_and_curve_are_those_of_the_manifest(finished: Path) -> None:
    facts = manifest_of(finished)["facts"]
    for name, responses, units, alpha, kappa in rows_of_block(sections(finished), "Agreement between"):
        stored = facts["agreement"][name]
        assert (responses, units) == (f"{stored['responses']:,}", f"{stored['units']:,}")
        for cell, value in ((alpha, stored["alpha"]), (kappa, stored["kappa"])):
            assert cell == "-" or cell.startswith(f"{value['value']:.3f} [{value['low']:.3f}, ")
    every = [point for point in facts["curve"] if point["rule"] == "every"]
    shown = rows_of_block(sections(finished), "What other consensus")
    assert [(row[0], row[1]) for row in shown] == [(f"{one['threshold']:.2f}", f"{one['rows']:,}") for one in every]


def test_clusters_are_those_of_the_taxonomy(finished: Path) -> None:
    counts = Counter(row["principle"] for row in rows_of(finished))
    shown = rows_of_block(sections(finished), "Clusters")
    assert sum(int(row[1].replace(",", "")) for row in shown) <= counts.total()
    name, rows, _, members, told = shown[0]
    if members == "1":
        assert (told, rows) == (f"{name} {counts[name]:,}", f"{counts[name]:,}")


def test_marked_words_stand_in_the_feedback_of_that_response(finished: Path) -> None:
    texts = {row["id"]: row["feedback"] for row in map(json.loads, FEEDBACK.read_text().splitlines())}
    pairs = pairs_of(sections(finished))
    marks = Counter(mark for pair in pairs for _, mark in pair.right.pieces)
    assert all(marks[mark] for mark in ("yes", "no", "note"))
    dropped = {row["dropped_by"] for row in rows_of(finished, "dropped")}
    assert {pair.title.rsplit(" by ", 1)[1] for pair in pairs if ": dropped by " in pair.title} == dropped
    for pair in pairs:
        annotator = -1
        for text, mark in pair.right.pieces:
            if text.strip().startswith("Annotator "):
                annotator = int(text.split()[1].rstrip(":")) - 1
                continue
            for piece in text.replace(" … ", " · ").split(" · "):
                assert piece.strip(" …") in texts[pair.left.about][annotator]
            if mark:
                assert text in texts[pair.left.about][annotator]


def test_each_example_says_what_its_row_says(finished: Path) -> None:
    rows = {(row["id"], row["principle"]): row for row in rows_of(finished)}
    shown = [pair for pair in pairs_of(sections(finished)) if ": dropped by " not in pair.title]
    assert len(shown) == 4
    for pair in shown:
        principle, outcome = pair.title.rsplit(": ", 1)
        row = rows[(pair.left.about, principle)]
        assert outcome == ("yes" if row["label"] else "no")
        assert pair.left.pieces[0][0] == row["completion"][0]["content"][:600]
        quotes = {mention["quote"] for mention in row["evidence"]}
        assert {text for text, mark in pair.right.pieces if mark} <= quotes
    assert len({pair.left.about for pair in shown}) == len({pair.title for pair in shown}) == 4


def test_an_unfinished_folder_shows_its_finished_parts(folder: Path) -> None:
    whole = sections(folder)
    (folder / ".rlbff" / "manifest.json").unlink()
    again = sections(folder)
    for title in ("Mentions left", "Agreement between", "What other consensus", "Principles, from"):
        assert block(again, title) == block(whole, title)
    (folder / ".rlbff" / "done" / "part-00001.json").unlink()
    part_path(folder, 1).unlink()
    part_path(folder, 1, "dropped").unlink()
    check_sections(sections(folder))
    counted = naive_waterfall(folder)
    for name, left, dropped, *_ in rows_of_block(sections(folder), "Mentions left"):
        assert (left, dropped) == tuple(f"{one:,}" for one in counted[name])
    assert sum(int(row[1]) for row in rows_of_block(sections(folder), "Rows by domain")) == len(rows_of(folder))


def test_the_rules_are_told_to_be_no_language_model(finished: Path) -> None:
    assert "built-in rules" in doubts_of(sections(finished))
    assert "do not add up" not in doubts_of(sections(finished))


def test_labels_that_were_given_are_told(tmp_path: Path) -> None:
    row = {
        "context": [{"role": "user", "content": "hi"}],
        "response": "hello",
        "principle": "tact",
        "domain": "general",
    }
    rows = [row | {"fulfilment": "Yes"}, row | {"response": "go away", "fulfilment": "No"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    done = rlbff("extract-principles", "rows.jsonl", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = sections(tmp_path / "out")
    check_sections(shown)
    assert doubts_of(shown).startswith("Principles and labels came with the input")
    assert "built-in rules" not in doubts_of(shown)
    assert "consensus filter" not in doubts_of(shown)
    assert rows_of_block(shown, "Principles, from") == [["tact", "2", "50.0 %", "9.5 % to 90.5 %"]]
    assert pairs_of(shown) == []


def test_counts_that_do_not_add_up_are_told(folder: Path) -> None:
    record = json.loads((folder / ".rlbff" / "done" / "part-00000.json").read_text())
    fields = {name: value for name, value in record.items() if name not in ("seal", "sha256")}
    (folder / ".rlbff" / "manifest.json").unlink()
    write_done(folder, Done(**{**fields, "counts": {**fields["counts"], "raw": fields["counts"]["raw"] + 1}}))
    assert "do not add up" in doubts_of(sections(folder))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("part-00000.parquet", "part-00000.parquet cannot be read"),
        (".rlbff/dropped/part-00000.parquet", "part-00000.parquet cannot be read"),
        (".rlbff/stats/part-00000.json", "Of 3 of 4 parts."),
        (".rlbff/report/taxonomy.yaml", "The taxonomy cannot be read"),
        (".rlbff/manifest.json", ""),
        (".rlbff/plan.json", ""),
        (".rlbff/done/part-00000.json", ""),
    ],
)
def test_damage_is_told_and_the_rest_shown(folder: Path, name: str, told: str) -> None:
    for text in ('{"votes": 3}', '["', "\0\0\0"):
        (folder / name).write_text(text)
        assert check_sections(sections(folder))
    if told:
        (folder / name).write_text('{"votes": 3}')
        assert told in check_sections(sections(folder))


def test_sums_that_are_none_are_told(folder: Path) -> None:
    (folder / ".rlbff" / "manifest.json").unlink()
    path = folder / ".rlbff" / "stats" / "part-00000.json"
    size = path.stat().st_size
    for text in ('{"votes": 3}', '{"votes": {}, "names": {"a": {"b": 1}}, "curve": {}, "matches": {}}', "[]"):
        path.write_text(text.ljust(size))
        check_sections(sections(folder))
    assert "damaged" not in doubts_of(sections(folder))
    path.write_text('{"votes": 3}'.ljust(size))
    assert "damaged (AttributeError)" in doubts_of(sections(folder))


def test_every_part_may_be_missing(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), key=lambda one: -len(one.parts)):
        if path.is_file():
            path.unlink()
            check_sections(sections(folder))
    assert sections(folder) == []


def test_figures_of_other_types_are_left_out(folder: Path) -> None:
    path = folder / ".rlbff" / "manifest.json"
    manifest = json.loads(path.read_text())
    draw = random.Random(0)
    values = (
        None,
        3,
        "x",
        [],
        {},
        [[]],
        {"a": "b"},
        {"raw": [1]},
        [{"threshold": 1, "rows": None, "rule": "every"}],
        True,
        -1e308,
    )
    for _ in range(15):
        facts: dict[str, Any] = {name: draw.choice((value, *values)) for name, value in manifest["facts"].items()}
        others = {name: draw.choice((manifest[name], *values)) for name in ("counts", "dropped_by", "written", "rows")}
        path.write_text(json.dumps({**manifest, **others, "facts": facts}))
        plan = {"config": {name: draw.choice(values) for name in ("consensus_threshold", "seed")}}
        (folder / ".rlbff" / "plan.json").write_text(json.dumps(plan))
        check_sections(sections(folder))


def write_hostile(root: Path, rows: list[dict[str, Any]], dropped: list[dict[str, Any]]) -> None:
    tables = (("rows", rows, PRINCIPLES), ("dropped", dropped, DROPPED_PRINCIPLES))
    for kind, values, table in tables:
        if values:
            write_part(part_path(root, 0, kind), to_table(values, table.schema()), {}, root / "tmp")  # type: ignore[arg-type]
    names = {"a": {str(row["principle"]): [2, 1] for row in rows}}
    (root / ".rlbff" / "stats").mkdir(parents=True, exist_ok=True)
    stats = {"votes": {"<b>": {"2/1": 3}}, "names": names, "curve": empty_curve(), "matches": {"100": 1, "40": 2}}
    (root / ".rlbff" / "stats" / "part-00000.json").write_text(json.dumps(stats))
    write_done(
        root,
        Done(
            part=0, fingerprint="", rows={"in": 1, "kept": 1, "dropped": 0, "rejected": 0}, written=1, counts={"raw": 3}
        ),
    )


def empty_curve() -> dict[str, object]:
    from stages.extract_principles.curve import CurveTally

    return CurveTally().to_json()


@pytest.mark.parametrize("seed", range(12))
def test_any_text_is_shown(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)

    def mention() -> dict[str, Any]:
        start = draw.choice((-1, 0, 3, 900))
        quote = draw.choice(HOSTILE)
        end = start + draw.choice((len(quote), 0, 5))
        return {"annotator": draw.choice((-1, 0, 1, 7)), "quote": quote, "start": start, "end": end, "verdict": "yes"}

    rows = [
        {
            "id": draw.choice(HOSTILE),
            "prompt": draw.choice((None, [{"role": "user", "content": draw.choice(HOSTILE)}])),
            "completion": draw.choice((None, [], [{"role": None, "content": None}] * 2)),
            "principle": draw.choice(HOSTILE),
            "label": draw.random() < 0.5,
            "evidence": draw.choice((None, [], [mention() for _ in range(draw.randint(1, 9))])),
            "domain": draw.choice((None, *HOSTILE)),
        }
        for _ in range(draw.choice((0, 1, 40)))
    ]
    dropped = [
        {"id": draw.choice(HOSTILE), "principle": draw.choice(HOSTILE), "dropped_by": draw.choice(HOSTILE)} | mention()
        for _ in range(draw.choice((0, 1, 40)))
    ]
    write_hostile(tmp_path, rows, dropped)
    found = sections(tmp_path)
    check_sections(found)
    assert all(len(text) <= 600 for pair in pairs_of(found) for text, _ in (*pair.left.pieces, *pair.right.pieces))


def test_a_quote_is_shown_in_its_place_among_the_others(tmp_path: Path) -> None:
    text = "It is polite. It is short, and it cites a source in each of its three long paragraphs."
    evidence = {"match": 100.0, "verdict": "yes", "annotator": 0}
    at = {quote: text.index(quote) for quote in ("It is polite", "It is short", "three long")}
    rows = [
        {"id": "r", "principle": name, "label": True}
        | {"evidence": [evidence | {"quote": quote, "start": at[quote], "end": at[quote] + len(quote)}]}
        for name, quote in (("polite tone", "It is polite"), ("brevity", "It is short"), ("sources", "three long"))
    ]
    write_hostile(tmp_path, rows, [])
    shown = {pair.title: pair.right.pieces for pair in pairs_of(sections(tmp_path))}
    pieces = [("Annotator 1: ", ""), ("It is polite", ""), (" · ", ""), ("It is short", "yes"), (" … ", "")]
    assert len(shown) == 2
    if "brevity: yes" in shown:
        assert shown["brevity: yes"] == [*pieces, ("three long", "")]
    if "polite tone: yes" in shown:
        assert shown["polite tone: yes"][1] == ("It is polite", "yes")


def test_long_feedback_is_cut_around_the_quote(tmp_path: Path) -> None:
    text = " ".join(map(str, range(300)))
    start = text.index("150 151")
    plain = {"match": 100.0, "verdict": "yes", "annotator": 0}
    quotes = {"all": (text, 0), "middle": ("150 151", start)}
    rows = [
        {"id": "r", "principle": name, "label": True}
        | {"evidence": [plain | {"quote": quote, "start": at, "end": at + len(quote)}]}
        for name, (quote, at) in quotes.items()
    ]
    write_hostile(tmp_path, rows, [])
    (pair,) = [one for one in pairs_of(sections(tmp_path)) if one.title == "middle: yes"]
    shown = "".join(piece for piece, _ in pair.right.pieces).removeprefix("Annotator 1: ").strip(" …")
    assert ("150 151", "yes") in pair.right.pieces
    assert shown in text
    assert 150 < len(shown) < 300


def test_what_is_shown_does_not_depend_on_the_order_of_rows(folder: Path) -> None:
    first: list[Pair] = pairs_of(sections(folder))
    rows = rows_of(folder)
    for path in folder.glob("part-*.parquet"):
        path.unlink()
    random.Random(0).shuffle(rows)
    write_part(part_path(folder, 0), to_table(rows, PRINCIPLES.schema()), {}, folder / ".rlbff" / "tmp")
    assert [pair.title for pair in pairs_of(sections(folder))] == [pair.title for pair in first]


def test_domains_are_the_largest_first_with_their_share_of_yes() -> None:
    names = {"code": {"clarity": [1, 2]}, "general": {"clarity": [3, 0], "accuracy": [0, 1]}}
    (grid,) = [block for block in principle_blocks(names) if isinstance(block, Grid)]
    assert [tuple(line) for line in grid.rows] == [("general", "4", "75.0 %", "2"), ("code", "3", "33.3 %", "1")]


def test_no_torch_is_loaded() -> None:
    code = (
        "import stages.extract_principles.sections, sys; print({'torch', 'jinja2', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
