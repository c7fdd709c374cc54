"""A generation as a shard of the table `rollouts`, and back. What is trained on is what was read back.

Also the pieces of a generation that is being sampled, so that a killed run draws no finished piece again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.policy_tables import ROLLOUTS
from stages.core.rows import canonical
from stages.core.shards import local, read_shard, to_table, write_part
from stages.models.sampler import Drawn
from stages.train_policy.arrays import Floats, Prompt, Rollout

ROLLOUTS_IN: Final = "rollouts"
"""Subfolder of the policy's folder."""

_DAMAGE: Final = (pa.ArrowInvalid, OSError, KeyError, ValueError)
"""What reading a file that the disk damaged may raise."""

_PIECE: Final = pa.schema(
    [
        pa.field("ids", pa.list_(pa.int32())),
        pa.field("logprobs", pa.list_(pa.float32())),
        pa.field("finish", pa.string()),
    ]
)


class Generation(NamedTuple):
    """A rollout batch, scored and dealt into updates.

    `step`: optimiser steps that the sampling policy had made. `end`: the place of the next prompt to be drawn. `old`
    and `mini_batches` belong to `rollouts`, None for those that are not trained on. `right` says which have the best
    reward, None where that is not known.
    """

    number: int
    step: int
    end: int
    rollouts: tuple[Rollout, ...]
    old: tuple[Floats | None, ...]
    mini_batches: tuple[int | None, ...]
    right: tuple[bool | None, ...]


def shard_path(root: Path, number: int) -> Path:
    """Where the shard of a generation lies."""
    return root / ROLLOUTS_IN / f"part-{number:05d}.parquet"


def write_generation(path: Path, generation: Generation, footer: Mapping[str, object], temporary: Path) -> None:
    """Store a generation; it is there whole or not at all."""
    rows = [_row(generation, place) for place in range(len(generation.rollouts))]
    own = {"generation": generation.number, "step": generation.step, "end": generation.end}
    write_part(path, to_table(rows, ROLLOUTS.schema()), {**footer, **own}, temporary)


def read_generation(path: Path) -> Generation:
    """Read a stored generation. Raises DataError for a file that is damaged."""
    try:
        about = json.loads(pq.read_metadata(local(path)).metadata[b"rlbff"])
        rows = read_shard(path).to_pylist()
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged ({error}); begin anew with --no-resume.") from error
    return Generation(
        number=about["generation"],
        step=about["step"],
        end=about["end"],
        rollouts=tuple(map(rollout_of, rows)),
        old=tuple(None if row["old_logprobs"] is None else _floats(row["old_logprobs"]) for row in rows),
        mini_batches=tuple(row["mini_batch"] for row in rows),
        right=tuple(row["correct"] for row in rows),
    )


def is_of(path: Path, fingerprint: str) -> bool:
    """Whether a stored generation belongs to the run with this fingerprint."""
    if not path.exists():
        return False
    try:
        about = json.loads(pq.read_metadata(local(path)).metadata[b"rlbff"])
    except _DAMAGE:
        return False
    return bool(about.get("fingerprint") == fingerprint)


def write_piece(path: Path, drawn: Sequence[Drawn], temporary: Path) -> None:
    """Store completions as they were drawn."""
    rows = [{"ids": one.ids, "logprobs": one.logprobs, "finish": one.finish} for one in drawn]
    write_part(path, to_table(rows, _PIECE), {}, temporary)


def read_piece(path: Path) -> list[Drawn]:
    """Read completions as they were drawn. Raises DataError for a file that is damaged."""
    try:
        rows = read_shard(path).to_pylist()
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged ({error}).") from error
    return [Drawn(tuple(row["ids"]), _floats(row["logprobs"]), row["finish"]) for row in rows]


def rollout_of(row: Mapping[str, Any]) -> Rollout:
    """A row of the table as a Rollout; of its prompt, what the table has."""
    reference = row["reward_model"] or {}
    prompt = Prompt(
        id=row["prompt_id"],
        messages=tuple(Message(**message) for message in row["prompt"]),
        ids=tuple(row["prompt_ids"]),
        reference=reference.get("ground_truth"),
        style=reference.get("style"),
        principle=row["principle"],
    )
    return Rollout(
        prompt=prompt,
        group=row["group"],
        number=row["number"],
        completion=row["completion"][0]["content"],
        completion_ids=tuple(row["completion_ids"]),
        sampling=_floats(row["sampling_logprobs"]),
        finish=row["finish"],
        reward=row["reward"],
        parts={part["name"]: part["value"] for part in row["parts"] or ()},
        status=row["status"],
        detail=row["detail"] or "",
        advantage=row["advantage"],
        dropped_by=row["dropped_by"],
    )


def _row(generation: Generation, place: int) -> dict[str, object]:
    one = generation.rollouts[place]
    prompt = one.prompt
    return {
        "id": f"{prompt.id}-{generation.number}-{one.group}-{one.number}",
        "step": generation.step,
        "generation": generation.number,
        "group": one.group,
        "number": one.number,
        "prompt_id": prompt.id,
        "prompt": [message._asdict() for message in prompt.messages],
        "completion": [{"role": "assistant", "content": one.completion}],
        "principle": prompt.principle,
        "reward_model": {"style": prompt.style, "ground_truth": _text(prompt.reference)},
        "prompt_ids": prompt.ids,
        "completion_ids": one.completion_ids,
        "sampling_logprobs": one.sampling,
        "old_logprobs": generation.old[place],
        "finish": one.finish,
        "reward": one.reward,
        "correct": generation.right[place],
        "parts": [{"name": name, "value": value} for name, value in one.parts.items()],
        "status": one.status,
        "detail": one.detail or None,
        "advantage": one.advantage,
        "mini_batch": generation.mini_batches[place],
        "dropped_by": one.dropped_by,
    }


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else canonical(value).decode()


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float32)
