"""A generation on disk: read back as it was, readable by others, and known by the run that it belongs to."""

from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq

from stages.models.sampler import Drawn
from stages.train_policy.rollout_shards import (
    Generation,
    is_of,
    read_generation,
    read_piece,
    shard_path,
    write_generation,
    write_piece,
)
from tests.train_policy.rollouts import group_of

FOOTER = {"stage": "train-policy", "fingerprint": "abc"}


def a_generation() -> Generation:
    good = [one._replace(advantage=0.1 * place) for place, one in enumerate(group_of(0, 1.0, 0.0))]
    bad = [one._replace(dropped_by="no_reward", detail="late") for one in group_of(1, None, None)]
    old = (np.array([-1.5, -0.25], dtype=np.float32), np.array([-1, -2], dtype=np.float32), None, None)
    return Generation(3, 12, 40, (*good, *bad), old, (1, 1, None, None), (True, False, None, None))


def write(root: Path) -> Path:
    path = shard_path(root, 3)
    write_generation(path, a_generation(), FOOTER, root / "tmp")
    return path


def test_a_generation_is_read_back_as_it_was_but_for_single_precision(tmp_path: Path) -> None:
    found, given = read_generation(write(tmp_path)), a_generation()
    assert found[:3] == given[:3]
    assert (found.mini_batches, found.right) == (given.mini_batches, given.right)
    for one, other, old, before in zip(found.rollouts, given.rollouts, found.old, given.old, strict=True):
        assert one._replace(sampling=None, advantage=None) == other._replace(sampling=None, advantage=None)
        assert np.array_equal(one.sampling, other.sampling)
        assert one.advantage == (None if other.advantage is None else np.float32(other.advantage))
        assert (old is None and before is None) or np.array_equal(old, before)


def test_written_twice_a_generation_is_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path)
    first = path.read_bytes()
    write_generation(path, read_generation(path), FOOTER, tmp_path / "tmp")
    assert path.read_bytes() == first


def test_ids_are_unique_and_datasets_reads_the_shard(tmp_path: Path) -> None:
    path = write(tmp_path)
    rows = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["id"] == ["p0-3-0-0", "p0-3-0-1", "p1-3-1-0", "p1-3-1-1"]
    assert rows[0]["completion"] == [{"role": "assistant", "content": "answer 0"}]


def test_a_shard_belongs_to_the_run_whose_fingerprint_it_has(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert is_of(path, "abc")
    assert not is_of(path, "abd")
    assert not is_of(shard_path(tmp_path, 4), "abc")
    path.write_bytes(path.read_bytes()[:-9])
    assert not is_of(path, "abc")


def test_a_shard_of_somebody_else_belongs_to_no_run(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    pq.write_table(pq.read_table(write(tmp_path)).replace_schema_metadata(None), path)
    assert not is_of(path, "abc")


def test_pieces_are_read_back_as_they_were_drawn(tmp_path: Path) -> None:
    drawn = [Drawn((3, 1), np.array([-0.1, -2], dtype=np.float32), "stop"), Drawn((4,), np.float32([-3]), "length")]
    write_piece(tmp_path / "piece.parquet", drawn, tmp_path / "tmp")
    found = read_piece(tmp_path / "piece.parquet")
    assert [(one.ids, one.finish, one.logprobs.tolist()) for one in found] == [
        (one.ids, one.finish, one.logprobs.tolist()) for one in drawn
    ]
