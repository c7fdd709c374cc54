import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from stages.core.errors import DataError
from stages.core.lineage import Edge, Lineage, read_made, trace
from stages.core.manifest import hidden
from stages.core.model_digest import model_digest
from tests.core.made_folders import make, write_rows


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return write_rows(tmp_path / "data" / "source.parquet", "x")


def of(*roots: Path) -> Lineage:
    return trace([read_made(root) for root in roots], [root.name for root in roots])


def shard(root: Path) -> Path:
    return root / "part-00000.parquet"


def test_a_chain_is_told_by_content(tmp_path: Path, source: Path) -> None:
    first = make(tmp_path / "first", [source], rows=("1",))
    second = make(tmp_path / "second", [shard(first)], rows=("2",))
    third = make(tmp_path / "third", [shard(first), shard(second)], rows=("3",))
    found = of(third, second, first)
    name = "part-00000.parquet"
    assert set(found.edges) == {
        Edge(2, 1, name, True, False),
        Edge(2, 0, name, True, False),
        Edge(1, 0, name, True, False),
    }
    assert found.order == [2, 1, 0]
    ((origin, users),) = found.sources.items()
    assert (origin.name, list(users)) == ("source.parquet", [2])
    assert found.doubts == []


@pytest.mark.parametrize("hashed", [True, False])
def test_folders_may_be_moved_and_older_records_have_no_hashes(tmp_path: Path, source: Path, hashed: bool) -> None:
    first = make(tmp_path / "first", [source], rows=("1",), hashed=hashed)
    second = make(tmp_path / "second", [shard(first)], rows=("2",))
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(first, tmp_path / "elsewhere" / "renamed"))
    found = of(second, moved)
    assert found.edges == [Edge(1, 0, "part-00000.parquet", True, False)]
    assert found.doubts == []


def test_files_deeper_in_a_folder_count_too_but_not_those_of_its_first_passes(tmp_path: Path, source: Path) -> None:
    model = make(tmp_path / "rm", [source], rows=("1",))
    (model / "held_out" / "test").mkdir(parents=True)
    hidden(model, "arms").mkdir()
    hidden(model, "scores").mkdir()
    held = write_rows(model / "held_out" / "test" / "part-00000.parquet", "h")
    arm = write_rows(hidden(model, "arms") / "part-00000.parquet", "arm")
    inner = write_rows(hidden(model, "scores") / "part-00000.parquet", "inner")
    users = [make(tmp_path / f"u{k}", [one], rows=(f"u{k}",)) for k, one in enumerate((held, arm))]
    hider = make(tmp_path / "hider", [inner], rows=("v",), options={"inputs": []})
    found = of(model, *users, hider)
    assert [(edge.by, edge.to) for edge in found.edges] == [(0, 1), (0, 2)]
    assert [list(users) for users in found.sources.values()] == [[0], [3]]


def test_a_folder_made_anew_is_another_version(tmp_path: Path, source: Path) -> None:
    first = make(tmp_path / "first", [source], rows=("1",))
    second = make(tmp_path / "second", [shard(first)], rows=("2",))
    shutil.rmtree(first)
    make(first, [source], rows=("other",))
    found = of(first, second)
    assert found.edges == [Edge(0, 1, "part-00000.parquet", True, True)]
    assert found.doubts == [
        "second was made from another version of first: the content of part-00000.parquet that it read is no longer "
        "there. Run it again."
    ]
    assert len(found.sources) == 1


def test_of_equal_folders_the_named_one_counts(tmp_path: Path, source: Path) -> None:
    twins = [make(tmp_path / name, [source], rows=("same",)) for name in ("a", "b")]
    user = make(tmp_path / "user", [shard(twins[1])], rows=("u",))
    assert [edge.by for edge in of(*twins, user).edges] == [1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rm", "{}"),
        ("scores", "rm:{}"),
        ("reward", ["math:", "rm:{}@0.5"]),
        ("reward", ["genrm:{}"]),
        ("core", ["{}/part-00000.parquet"]),
        ("policy", "{}/"),
    ],
)
def test_models_and_other_options_are_links_of_their_own(
    tmp_path: Path, source: Path, option: str, value: str | list[str]
) -> None:
    model = make(tmp_path / "rm", [source], stage="train-rm", rows=("1",))
    path = str(model)
    given = value.format(path) if isinstance(value, str) else [one.format(path) for one in value]
    user = make(tmp_path / "user", [source], rows=("2",), options={option: given})
    found = of(user, model)
    assert found.edges == [Edge(1, 0, option, False, False)]
    assert found.order == [1, 0]


def test_paths_are_those_of_the_run_not_of_the_report(tmp_path: Path, source: Path) -> None:
    model = make(tmp_path / "demo" / "rm", [source], rows=("1",))
    user = make(tmp_path / "demo" / "user", [source], rows=("2",), options={"rm": "demo/rm", "out": "demo/user"})
    assert [(edge.by, edge.to, edge.what) for edge in of(model, user).edges] == [(0, 1, "rm")]
    # a name that merely begins alike is another folder
    other = make(tmp_path / "demo" / "other", [source], rows=("3",), options={"rm": "demo/r", "out": "demo/other"})
    assert of(model, other).edges == []


def test_of_folders_within_each_other_the_innermost_was_named(tmp_path: Path, source: Path) -> None:
    outer = make(tmp_path / "outer", [source], rows=("1",))
    inner = make(outer / "rm", [source], rows=("2",))
    user = make(tmp_path / "user", [source], rows=("3",), options={"rm": str(inner)})
    assert [(edge.by, edge.to) for edge in of(outer, inner, user).edges] == [(1, 2)]


def test_without_a_record_of_where_it_ran_paths_are_from_here(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(tmp_path / "rm", [source], rows=("1",))
    user = make(tmp_path / "user", [source], rows=("2",), options={"rm": "rm", "out": None})
    assert of(model, user).edges == []
    monkeypatch.chdir(tmp_path)
    assert len(of(model, user).edges) == 1


def test_a_folder_whose_output_equals_its_input_did_not_make_itself(tmp_path: Path, source: Path) -> None:
    root = make(tmp_path / "same", [source], rows=("x",))
    assert shard(root).read_bytes() == source.read_bytes()
    found = of(root)
    assert (found.edges, len(found.sources)) == ([], 1)


def test_files_that_cannot_be_read_made_nothing(tmp_path: Path, source: Path) -> None:
    first = make(tmp_path / "first", [source], rows=("1",), hashed=False)
    second = make(tmp_path / "second", [shard(first)], rows=("2",))
    shard(first).unlink()
    shard(first).symlink_to(tmp_path / "nowhere")
    (hidden(first, "done") / "part-odd.json").write_text("{}", encoding="utf-8")
    assert [edge.stale for edge in of(first, second).edges] == [True]


def test_seeds_that_differ_are_told(tmp_path: Path, source: Path) -> None:
    roots = [make(tmp_path / f"f{k}", [source], rows=(f"{k}",), seed=int(k > 3)) for k in range(5)]
    assert of(*roots).doubts == ["The folders have different seeds: 0 in f0, f1 and 2 more; 1 in f4."]
    assert of(*roots[:4]).doubts == []


def test_a_ring_is_cut(tmp_path: Path, source: Path) -> None:
    first = make(tmp_path / "first", [source], rows=("1",), options={"rm": str(tmp_path / "second")})
    second = make(tmp_path / "second", [source], rows=("2",), options={"rm": str(tmp_path / "first")})
    found = of(first, second)
    assert sorted(found.order) == [0, 1]
    assert len(found.edges) == 2


def test_what_hangs_together_stands_together(tmp_path: Path, source: Path) -> None:
    other = write_rows(source.parent / "other.parquet", "y")
    a = make(tmp_path / "a", [source], rows=("a",))
    b = make(tmp_path / "b", [other], rows=("b",))
    c = make(tmp_path / "c", [shard(a)], rows=("c",))
    d = make(tmp_path / "d", [other], rows=("d",))
    e = make(tmp_path / "e", [shard(c)], rows=("e",))
    assert of(a, b, c, d, e).order == [0, 2, 4, 1, 3]


def test_an_own_folder_among_the_options_is_no_link(tmp_path: Path, source: Path) -> None:
    root = make(tmp_path / "a", [source], rows=("a",), options={"resume_from": str(tmp_path / "a")})
    assert of(root).edges == []


def test_options_that_cannot_be_read_are_none(tmp_path: Path, source: Path) -> None:
    first = make(tmp_path / "first", [source], rows=("1",))
    second = make(tmp_path / "second", [shard(first)], rows=("2",))
    for text in ("[1, 2", "- a", "\x00"):
        hidden(second, "config.yaml").write_text(text, encoding="utf-8")
        assert len(of(first, second).edges) == 1
    hidden(second, "config.yaml").unlink()
    assert read_made(second).options == {}


@pytest.mark.parametrize("change", [{"inputs": 3}, {"inputs": [{"name": "x"}]}, {"config": []}, {"stage": None}])
def test_a_damaged_plan_is_told(tmp_path: Path, source: Path, change: dict[str, object]) -> None:
    root = make(tmp_path / "a", [source])
    plan = json.loads(hidden(root, "plan.json").read_text(encoding="utf-8"))
    hidden(root, "plan.json").write_text(json.dumps(plan | change), encoding="utf-8")
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        read_made(root)


def test_every_folder_follows_what_it_was_made_from(tmp_path: Path, source: Path) -> None:
    made: list[Path] = []
    for k in range(12):
        parents: Sequence[Path] = [shard(made[j]) for j in range(k) if (k * 7 + j * 3) % 5 == 0] or [source]
        made.append(make(tmp_path / f"n{k}", parents, rows=(f"n{k}",)))
    shuffled = made[::-1]
    found = of(*shuffled)
    place = {one: k for k, one in enumerate(found.order)}
    assert sorted(place) == list(range(12))
    assert found.edges
    assert all(place[edge.by] < place[edge.to] for edge in found.edges)


def test_a_model_that_was_changed_since_is_told(tmp_path: Path, source: Path) -> None:
    rm = make(tmp_path / "my rm", [source], stage="train-rm", rows=("m",))
    (rm / "config.json").write_text("{}", encoding="utf-8")
    (rm / "weights").write_bytes(b"1")
    scores = make(tmp_path / "scores", [source], options={"reward": [f"rm:{rm}@0.5"]}, rows=("s",))
    plan = json.loads(hidden(scores, "plan.json").read_text(encoding="utf-8"))
    plan["config"]["rewards"] = [{"name": f"rm:my rm@{model_digest(rm)}"}]
    hidden(scores, "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert of(rm, scores).doubts == []
    (rm / ".hidden").write_bytes(b"2")
    assert of(rm, scores).doubts == []
    (rm / "weights").write_bytes(b"2")
    (doubt,) = of(rm, scores).doubts
    assert doubt == "scores was made with another version of my rm, which --reward names. Run it again."
