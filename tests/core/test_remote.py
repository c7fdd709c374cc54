"""Test remote folders over fsspec's memory store: the order of pushes, what a death leaves, and what is pulled."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pytest

from stages.core.claims import MANIFEST, in_order, part_of, rank, travels
from stages.core.errors import ConfigError, DataError, InputMissing, OutputError
from stages.core.manifest import Done, folder_status, hidden, read_done, write_done
from stages.core.mirror import Mirror
from stages.core.options import LlmOptions, flat, identity, recorded_as
from stages.core.remote import localised, mirrored, url_of, viewed
from stages.core.shards import dump_json, write_text
from stages.core.store import Store, opened, tried

URL = "memory://bucket/run"


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """An empty memory store, a cache in a temporary folder, and no waiting."""
    monkeypatch.setenv("RLBFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("stages.core.store.time.sleep", lambda seconds: None)
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def held(system: Any, at: str = "/bucket/run") -> dict[str, bytes]:
    """What the store holds below a folder, without locks and logs."""
    found = {name.removeprefix(f"{at}/"): system.cat_file(name) for name in system.find(at)}
    return {name: data for name, data in found.items() if not name.endswith(("/lock", "log.jsonl"))}


def write(root: Path, *, marks: str, parts: int, finished: bool = True, only: Sequence[int] | None = None) -> None:
    """Do what a stage does: a plan, parts with their records, a manifest. `marks` is the content of every part."""
    tmp = hidden(root, "tmp")
    plan = {"stage": "toy", "table": "rows", "parts": parts, "rows": parts, "config": {"marks": marks}}
    hidden(root, "done").mkdir(parents=True, exist_ok=True)
    write_text(hidden(root, "plan.json"), dump_json(plan), tmp)
    rows = {"in": 1, "kept": 1, "dropped": 0, "rejected": 0}
    for part in range(parts) if only is None else only:
        name = f"part-{part:05d}.parquet"
        write_text(root / name, f"{marks}{part}", tmp)
        done = Done(part=part, fingerprint=marks, rows=rows, written=1, files={name: len(f"{marks}{part}")})
        write_done(root, done)
    if finished:
        write_text(hidden(root, "manifest.json"), dump_json(plan | {"done": parts}), tmp)


def clear(root: Path) -> None:
    """Empty a folder of ours, as --overwrite does."""
    for path in [*root.glob("part-*"), *hidden(root, "done").glob("*"), *hidden(root, "").glob("*.json")]:
        path.unlink()


def new_mirror(tmp_path: Path, name: str) -> Mirror:
    """The copy of another machine."""
    return Mirror(Store(URL, OutputError, tries=1), tmp_path / name)


def assert_honest(system: Any) -> None:
    """No record in the store claims a part that is not there as it says."""
    files = held(system)
    marks = {name: json.loads(data)["fingerprint"] for name, data in files.items() if part_of(name)[1] is not None}
    for name, mark in marks.items():
        part = part_of(name)[1]
        assert files.get(f"part-{part:05d}.parquet") == f"{mark}{part}".encode()
    if MANIFEST in files:
        assert len(marks) == json.loads(files[MANIFEST])["done"]
        assert set(marks.values()) == {json.loads(files[MANIFEST])["config"]["marks"]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://bucket/a", "s3://bucket/a"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        (Path("memory://a/b/"), "memory://a/b"),
        (Path("file:///tmp/a"), "file:///tmp/a"),
        (Path("s3://bucket/my out"), "s3://bucket/my out"),
        (Path("S3://bucket/A"), "s3://bucket/A"),
        ("http://host:8000/v1", None),
        ("ray://host:10001", None),
        ("s3:/bucket/a", None),
        ("Qwen/Qwen3-4B", None),
        ("rm:s3://bucket/a", None),
        (Path("a/b"), None),
        (("s3://a/b",), None),
        (None, None),
    ],
)
def test_url_of_knows_stores_from_servers_and_paths(value: object, expected: str | None) -> None:
    assert url_of(value) == expected


def test_what_travels_and_what_claims() -> None:
    assert all(map(travels, ("part-00000.parquet", ".rlbff/done/part-00000.json", "model/tmp/x")))
    scratch = (".rlbff/tmp/x", ".rlbff/spool-1-of-2/0", ".rlbff/lock-plan", ".rlbff/scores/.rlbff/lock")
    assert not any(map(travels, scratch))
    nested = ".rlbff/scores/.rlbff/manifest.json"
    names = [
        MANIFEST,
        "a",
        nested,
        ".rlbff/training/x/checkpoint-2/complete",
        ".rlbff/scores/.rlbff/done/part-00003.json",
    ]
    assert [rank(name) for name in names] == [3, 0, 2, 1, 1]
    assert [len(group) for group in in_order(names)] == [1, 2, 1, 1]
    assert part_of(names[4]) == (".rlbff/scores", 3)


def test_a_run_ends_with_everything_there_and_the_manifest_last(store: Any) -> None:
    sent: list[str] = []
    with mirrored(URL) as mirror:
        send = mirror.store.send
        mirror.store.send = lambda source, name: (sent.append(name), send(source, name))[1]  # type: ignore[method-assign]
        write(mirror.root, marks="a", parts=3)
        write_text(hidden(mirror.root, "log.jsonl"), "{}", hidden(mirror.root, "tmp"))
    assert sent[-1] == MANIFEST
    assert sent[0] == ".rlbff/plan.json"
    assert {rank(name) for name in sent[-4:-1]} == {1}
    assert len(held(store)) == 3 + 3 + 2
    assert_honest(store)


def test_what_is_finished_is_pushed_where_the_run_fails_and_another_machine_goes_on(store: Any, tmp_path: Path) -> None:
    def run() -> None:
        with mirrored(URL) as mirror:
            write(mirror.root, marks="a", parts=3, finished=False, only=range(2))
            raise DataError("stopped.")

    with pytest.raises(DataError):
        run()
    assert MANIFEST not in held(store)
    other = new_mirror(tmp_path, "other")
    other.pull()
    assert [read_done(other.root, part) is not None for part in range(3)] == [True, True, False]
    write(other.root, marks="a", parts=3, only=range(2, 3))
    other.push(last=True)
    assert_honest(store)
    assert MANIFEST in held(store)


class Died(Exception):
    """The machine is gone."""


@pytest.mark.parametrize("seed", range(6))
def test_whenever_a_machine_dies_the_store_claims_nothing_that_it_lacks(store: Any, tmp_path: Path, seed: int) -> None:
    """Runs of two configurations, of equal sizes, each dying after any number of writes, go on elsewhere."""
    rng = random.Random(seed)
    for life in range(25):
        mirror = new_mirror(tmp_path, f"machine-{rng.randrange(3)}")
        left = rng.randrange(12)

        def dying(call: Any) -> Any:
            def work(*arguments: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Died
                return call(*arguments)

            return work

        mirror.pull()
        mirror.claim()
        mirror.store.send, mirror.store.delete = dying(mirror.store.send), dying(mirror.store.delete)  # type: ignore[method-assign]
        try:
            marks = "ab"[life // 5 % 2]
            plan = hidden(mirror.root, "plan.json")
            if plan.exists() and json.loads(plan.read_text())["config"]["marks"] != marks:
                clear(mirror.root)
                mirror.push()
            hidden(mirror.root, "manifest.json").unlink(missing_ok=True)
            have = [part for part in range(3) if mirror.root.exists() and read_done(mirror.root, part) is not None]
            for part in [part for part in range(3) if part not in have]:
                write(mirror.root, marks=marks, parts=3, finished=False, only=range(part, part + 1))
                mirror.push(last=rng.random() < 0.5)
            write(mirror.root, marks=marks, parts=3, only=range(3, 3))
            mirror.push(last=True)
        except Died:
            pass
        assert_honest(store)
    last = new_mirror(tmp_path, "the last")
    last.pull()
    assert folder_status(last.root).parts == 3


def test_a_part_that_changes_has_no_record_meanwhile(store: Any, tmp_path: Path) -> None:
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=2)
    mirror.push(last=True)
    write(mirror.root, marks="b", parts=2)
    seen: list[bool] = []
    send = mirror.store.send

    def look(source: Path, name: str) -> Any:
        assert_honest(store)
        seen.append(MANIFEST in held(store))
        return send(source, name)

    mirror.store.send = look  # type: ignore[method-assign]
    mirror.push(last=True)
    assert True not in seen
    assert seen
    assert json.loads(held(store)[MANIFEST])["config"] == {"marks": "b"}


def test_a_record_waits_for_its_files(store: Any, tmp_path: Path) -> None:
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=2)
    (mirror.root / "part-00001.parquet").write_text("cut")
    mirror.push(last=True)
    assert [name for name in held(store) if part_of(name)[1] is not None] == [".rlbff/done/part-00000.json"]


def test_pull_takes_what_changed_there_drops_what_went_and_keeps_what_was_not_pushed(
    tmp_path: Path, store: Any
) -> None:
    one, two = new_mirror(tmp_path, "one"), new_mirror(tmp_path, "two")
    write(one.root, marks="a", parts=4, finished=False, only=range(2))
    one.push(last=True)
    two.pull()
    write(two.root, marks="a", parts=4, finished=False, only=range(2, 3))
    two.push(last=True)
    store.rm("/bucket/run/part-00000.parquet")
    write(one.root, marks="a", parts=4, finished=False, only=range(3, 4))
    one.pull()
    assert sorted(path.name for path in one.root.glob("part-*")) == [f"part-0000{part}.parquet" for part in (1, 2, 3)]
    assert [read_done(one.root, part) is not None for part in range(4)] == [False, True, True, True]


def test_what_went_there_and_came_back_by_others_is_not_deleted(store: Any, tmp_path: Path) -> None:
    one, two = new_mirror(tmp_path, "one"), new_mirror(tmp_path, "two")
    write(one.root, marks="a", parts=2, finished=False)
    one.push(last=True)
    store.rm("/bucket/run/part-00000.parquet")
    one.pull()
    two.pull()
    write(two.root, marks="a", parts=2, finished=False, only=[0])
    two.push(last=True)
    one.push(last=True)
    assert_honest(store)
    assert "part-00000.parquet" in held(store)


def test_work_on_another_plan_than_that_of_the_store_counts_no_more(tmp_path: Path) -> None:
    one, two = new_mirror(tmp_path, "one"), new_mirror(tmp_path, "two")
    write(one.root, marks="a", parts=2)
    one.push(last=True)
    two.pull()
    clear(two.root)
    write(two.root, marks="b", parts=1)
    two.push(last=True)
    write(one.root, marks="a", parts=2)
    one.pull()
    assert sorted(path.name for path in one.root.glob("part-*")) == ["part-00000.parquet"]
    assert (one.root / "part-00000.parquet").read_text() == "b0"


def test_a_copy_that_has_gone_deletes_nothing_there(store: Any, tmp_path: Path) -> None:
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=1)
    mirror.push(last=True)
    before = held(store)
    mirror.root.rename(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="has gone"):
        mirror.push(last=True)
    assert held(store) == before


def test_places_that_are_not_ours_are_left_alone(store: Any) -> None:
    store.pipe_file("/bucket/run/mine.txt", b"x")
    with pytest.raises(OutputError, match="not an output folder of rlbff"), mirrored(URL):
        pass
    with pytest.raises(OutputError, match="is a file"), mirrored(f"{URL}/mine.txt"):
        pass
    assert set(held(store)) == {"mine.txt"}


def test_two_runs_of_one_machine_exclude_each_other_and_shares_do_not() -> None:
    with mirrored(URL), pytest.raises(OutputError, match="in use"), mirrored(URL):
        pass
    with mirrored(URL, share="1/2") as one, mirrored(URL, share="2/2") as two:
        assert one.root != two.root
        assert one.root.name == two.root.name == "run"


def test_a_dry_run_writes_nothing(store: Any) -> None:
    with mirrored(URL, writing=False) as mirror:
        write(mirror.root, marks="a", parts=1)
    assert not store.find("/bucket")


def test_a_folder_is_fetched_once_for_each_state(store: Any) -> None:
    store.pipe_file("/bucket/rm/config.json", b"{}")
    store.pipe_file("/bucket/rm/.rlbff/training/x", b"much")
    store.pipe_file("/bucket/rm/.rlbff/manifest.json", b"{}")
    path = localised("memory://bucket/rm")
    assert path.name == "rm"
    assert (path / "config.json").read_bytes() == b"{}"
    assert not (path / ".rlbff/training").exists()
    assert localised("memory://bucket/rm/") == path
    store.pipe_file("/bucket/rm/config.json", b"{ }")
    assert (localised("memory://bucket/rm") / "config.json").read_bytes() == b"{ }"
    assert localised("memory://bucket/rm/config.json").read_bytes() == b"{ }"
    store.rm("/bucket/rm/.rlbff/manifest.json")  # training/ stays
    with pytest.raises(DataError, match="has not finished"):
        localised("memory://bucket/rm")
    with pytest.raises(InputMissing, match="does not exist"):
        localised("memory://bucket/none")


def test_a_look_needs_records_and_lengths_alone(store: Any) -> None:
    with mirrored(URL) as mirror:
        write(mirror.root, marks="a", parts=2)
    with viewed(URL) as root:
        assert folder_status(root).finished
        assert (root / "part-00001.parquet").read_bytes() == b"\0\0"
    with viewed(URL, lambda name: name.startswith("part-")) as root:
        assert (root / "part-00001.parquet").read_bytes() == b"a1"


def test_calls_are_tried_again_unless_the_error_lasts() -> None:
    made: list[int] = []

    def failing(error: Exception, times: int) -> int:
        made.append(1)
        if len(made) <= times:
            raise error
        return 7

    assert tried(lambda: failing(ConnectionResetError("reset"), 3), OutputError, 4) == 7
    made.clear()
    with pytest.raises(OutputError, match=r"^slow //host/x$"):
        tried(lambda: failing(OSError("slow //key:secret@host/x."), 9), OutputError, 4)
    assert len(made) == 4
    made.clear()
    with pytest.raises(OutputError):
        tried(lambda: failing(PermissionError("no"), 9), OutputError, 4)
    assert len(made) == 1


def test_a_file_that_arrives_cut_off_is_fetched_again(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe_file("/bucket/x", b"whole")
    place = Store("memory://bucket/x", InputMissing)
    cut = iter([b"wh", b"", b"whole"])
    monkeypatch.setattr(place._system, "get_file", lambda at, to: Path(to).write_bytes(next(cut)))
    place.fetch("", tmp_path / "x", place.entry(), tmp_path)
    assert (tmp_path / "x").read_bytes() == b"whole"
    cut = iter([b"other"] * 9)
    monkeypatch.setattr("stages.core.store._is_md5", lambda token: True)
    place.fetch("", tmp_path / "x", place.entry(), tmp_path)  # the same twice: the token is no MD5
    assert (tmp_path / "x").read_bytes() == b"other"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x"]


def test_stores_that_cannot_be_opened_are_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^sftp://host/x was given with a password") as told:
        opened("sftp://me:secret@host/x")
    assert "secret" not in str(told.value)

    def fail(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", fail)
    with pytest.raises(ConfigError, match=r"pip install 'rlbff\[s3\]'"):
        opened("s3://bucket/x")


def test_records_name_what_the_user_named(tmp_path: Path) -> None:
    options = LlmOptions(llm=f"local:{tmp_path}/x")
    with recorded_as(str(tmp_path / "x"), "s3://bucket/x"):
        assert flat(options)["llm"] == "local:s3://bucket/x"
    assert flat(options)["llm"] == f"local:{tmp_path}/x"
    assert "llm" not in identity(options)


def test_a_manifest_that_is_about_to_change_goes_before_anything_else(store: Any, tmp_path: Path) -> None:
    """As where rows were added to the input: what was done stays, and the old manifest must not count for more."""
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=2)
    mirror.push(last=True)
    write(mirror.root, marks="a", parts=3, only=range(2, 3))
    seen: list[bool] = []
    send = mirror.store.send
    mirror.store.send = lambda source, name: (seen.append(MANIFEST in held(store)), send(source, name))[1]  # type: ignore[method-assign]
    mirror.push(last=True)
    assert seen
    assert True not in seen


def test_what_the_store_lost_is_pushed_again_before_the_manifest(store: Any, tmp_path: Path) -> None:
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=2, finished=False)
    mirror.push(last=True)
    store.rm("/bucket/run/part-00001.parquet")
    write(mirror.root, marks="a", parts=2, only=())
    mirror.push(last=True)
    assert_honest(store)
    assert "part-00001.parquet" in held(store)


def test_a_folder_that_is_up_to_date_is_not_fetched_again(store: Any, tmp_path: Path) -> None:
    mirror = new_mirror(tmp_path, "one")
    write(mirror.root, marks="a", parts=2)
    mirror.push(last=True)
    fetched: list[str] = []
    again = new_mirror(tmp_path, "one")
    again.store.fetch = lambda name, *rest: fetched.append(name)  # type: ignore[method-assign]
    again.pull()
    assert fetched == []
