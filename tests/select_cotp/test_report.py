"""The page about a selection: which pairs it shows, and that its figures are those of the rows."""

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.select_cotp import report
from stages.select_cotp.picture import Arm, Pair
from tests.extract_principles.commands import rows_of
from tests.naive import selection_of_cots as naive
from tests.select_cotp.pools import BINS, cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)


class Spy:
    """What the last page was made of."""

    facts: dict[str, str]
    arms: list[Arm]
    pairs: list[Pair]


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    seen, real = Spy(), report.page

    def page(title: str, facts: dict[str, str], arms: Sequence[Arm], pairs: Sequence[Pair]) -> str:
        seen.facts, seen.arms, seen.pairs = facts, list(arms), list(pairs)
        return real(title, facts, arms, pairs)

    monkeypatch.setattr(report, "page", page)
    return seen


def page_of(folder: Path) -> str:
    return (folder / ".rlbff" / "report" / "selection.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("band", "bins"), [(None, "16"), (0.2, "16"), (None, "none")])
def test_alignments_cost_what_the_rows_say(tmp_path: Path, spy: Spy, band: float | None, bins: str) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=3, pictures=12, band=band, bins=bins)
    rows = {row["id"]: row for row in rows_of(tmp_path / "out")}
    assert {pair.pool.id for pair in spy.pairs} == rows.keys()
    for pair in spy.pairs:
        row = rows[pair.pool.id]
        assert (pair.core.id, pair.rank, pair.arm) == (row["core_id"], row["rank"], "assign")
        assert pair.parts["distance"] == row["distance"]
        assert pair.parts["d_pattern"] == pytest.approx(row["d_pattern"], rel=1e-6, abs=1e-7)
        assert pair.parts["d_entropy"] == pytest.approx(row["d_entropy"], rel=1e-6)
        assert pair.weights is not None
        assert pair.alignment is not None
        assert pair.alignment.costs.sum() / pair.weights.sum() == pytest.approx(row["d_pattern"], rel=1e-6, abs=1e-7)
        assert list(pair.pool.patterns) == row["patterns"]
        assert pair.pool.text == row["completion"][0]["content"]
        assert pair.core.text == CORE[int(row["core_id"][1:])]["completion"]


def test_pairs_are_shown_from_the_nearest_to_the_farthest(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=5, pictures=5, rows_per_shard=9)
    distances = sorted(row["distance"] for row in rows_of(tmp_path / "out"))
    shown = [pair.parts["distance"] for pair in spy.pairs]
    assert shown == [distances[place] for place in (0, 5, 10, 14, 19)]
    select(pool, core, tmp_path / "none", per_core=5, pictures=0)
    assert spy.pairs == []
    select(pool, core, tmp_path / "random", per_core=5, method="random")
    assert spy.pairs == []


def test_pairs_that_were_asked_for_come_first(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2, pictures=2, rows_per_shard=9)
    rows = {row["id"]: row for row in rows_of(tmp_path / "out")}
    own = next(iter(rows))
    other = next(f"c{n}" for n in range(4) if f"c{n}" != rows[own]["core_id"])
    left = next(f"p{n}" for n in range(39, -1, -1) if f"p{n}" not in rows)
    asked = (own, f"{own}={other}", f"{left}=c1")
    select(pool, core, tmp_path / "out", per_core=2, pictures=2, rows_per_shard=9, show=asked)
    first, second, third, *spread = spy.pairs
    assert (first.pool.id, first.core.id, first.rank) == (own, rows[own]["core_id"], rows[own]["rank"])
    assert (second.pool.id, second.core.id, second.rank, second.parts["distance"]) == (own, other, None, None)
    assert (third.pool.id, third.core.id, third.arm) == (left, "c1", "not selected")
    assert len(spread) == 2
    pattern, entropy = naive.distances(CORE, POOL, BINS)
    for pair in (second, third):
        i, j = int(pair.core.id[1:]), int(pair.pool.id[1:])
        assert pair.parts["d_pattern"] == pytest.approx(pattern[i, j], rel=1e-5)
        assert pair.parts["d_entropy"] == pytest.approx(entropy[i, j], rel=1e-5)
        assert pair.pool.text == POOL[j]["completion"]
    # what cannot be shown is told of, see test_command.py, and shows nothing
    for wrong in (f"{left}=nobody", "nobody=c1", left):
        select(pool, core, tmp_path / "out", per_core=2, pictures=0, rows_per_shard=9, show=(wrong,))
        assert spy.pairs == []


def test_a_pair_that_was_asked_for_is_shown_once(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2)
    asked = tuple(row["id"] for row in rows_of(tmp_path / "out")[:3])
    select(pool, core, tmp_path / "out", per_core=2, show=asked)
    shown = [(pair.pool.id, pair.core.id) for pair in spy.pairs]
    assert [name for name, _ in shown[:3]] == list(asked)
    assert len(shown) == len(set(shown)) == 8


def test_a_term_that_is_not_used_is_not_shown(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "patterns", lambda_=1.0)
    assert all(pair.entropy is None and pair.alignment is not None for pair in spy.pairs)
    assert {*spy.pairs[0].parts} == {"distance", "d_pattern"}
    select(pool, core, tmp_path / "entropy", lambda_=0.0)
    assert all(pair.entropy is not None and pair.alignment is None for pair in spy.pairs)
    assert {*spy.pairs[0].parts} == {"distance", "d_entropy"}


def test_every_arm_is_in_the_table_with_its_figures(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=3, sweep=("0,1",))
    names = [arm.name for arm in spy.arms]
    assert names == [
        *("pool", "assign", "knn", "random", "random-length", "random-matched"),
        *("assign:lambda=0", "assign:lambda=1"),
    ]
    rows = rows_of(tmp_path / "out")
    own = spy.arms[1]
    assert sorted(own.tokens.tolist()) == sorted(row["num_tokens"] for row in rows)
    assert own.correct == pytest.approx(np.mean([row["correct"] for row in rows]))
    assert own.questions == len({row["question_id"] for row in rows})
    assert own.distance == pytest.approx(np.mean([row["distance"] for row in rows]))
    assert own.overlap == 1
    assert spy.arms[3].distance is None
    assert "12 rows for 4 core rows, by assign" in spy.facts["selected"]
    text = page_of(tmp_path / "out")
    for name in names:
        assert name in text


HOSTILE = '<script>alert("&1")</script>'


def test_texts_and_ids_are_only_text(tmp_path: Path) -> None:
    pool = [
        row | {"id": f"{HOSTILE}{row['id']}", "question_id": f"'>{HOSTILE}", "completion": f"{HOSTILE} {n}"}
        for n, row in enumerate(POOL)
    ]
    core = [
        row | {"id": f"</td>{HOSTILE}{n}", "completion": f"<b>{HOSTILE} {n}", "patterns": [f"<i>{HOSTILE}", "plan"]}
        for n, row in enumerate(CORE)
    ]
    for rows in (pool, core):
        rows[0]["completion"] += "\u202e\x00\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    paths = write(tmp_path / "pool.jsonl", pool), write(tmp_path / "core.jsonl", core)
    select(*paths, tmp_path / "out", near_duplicates=None, per_core=2)
    text = page_of(tmp_path / "out")
    assert "<script" not in text
    assert "<i>" not in text
    assert HOSTILE in unescape(text)
    assert not re.search(r'(?:href|src)\s*=\s*["\']?(?:https?:)?//', text)
    # every tag that is opened is closed
    for tag in ("table", "figure", "svg", "div", "td", "tr"):
        assert len(re.findall(rf"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag


def test_the_page_stays_small_however_long_texts_and_chains_are(tmp_path: Path) -> None:
    def long(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            row
            | {"completion": f"{row['id']} " + "word " * 20_000, "entropy": [0.1 * (n % 7) for n in range(3000)]}
            | {"patterns": [f"{name} {n}" for n in range(60) for name in row["patterns"][:3]]}
            for row in rows
        ]

    pool, core = write(tmp_path / "pool.jsonl", long(POOL[:30])), write(tmp_path / "core.jsonl", long(CORE[:3]))
    select(pool, core, tmp_path / "out", per_core=5, pictures=15, near_duplicates=None, bins="none")
    assert len(page_of(tmp_path / "out")) < 2**20


def test_the_page_depends_on_the_rows_alone(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    for name, options in (("a", {}), ("b", {"rows_per_shard": 7})):
        select(pool, core, tmp_path / name / "out", per_core=3, **options)
    assert page_of(tmp_path / "a" / "out") == page_of(tmp_path / "b" / "out")


@pytest.mark.slow
def test_mean_chains_come_first(tmp_path: Path, spy: Spy) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2, pictures=3, barycentres=True)
    mean, *pairs = spy.pairs
    assert len(pairs) == 3
    assert mean.arm == "barycentres"
    assert (mean.core.id, mean.pool.id) == ("mean of 4 core rows", "mean of 3 rows shown")
    assert mean.entropy is not None
    assert len(mean.entropy.core) == len(mean.entropy.pool) == BINS
    highest = max(max(row["entropy"]) for row in [*POOL, *CORE])
    assert 0 <= mean.entropy.core.min() <= mean.entropy.core.max() <= highest
    assert "mean of 4 core rows" in page_of(tmp_path / "out")
    select(pool, core, tmp_path / "patterns", barycentres=True, lambda_=1.0)
    assert all(pair.arm != "barycentres" for pair in spy.pairs)
