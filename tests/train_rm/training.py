"""A tiny training run as a program, for tests that start it in processes of its own: `python training.py OPTIONS`.

Options are the JSON of `Options`. The run prints nothing; what it leaves behind is in its folder.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import save_file

from stages.core.errors import RlbffError
from stages.train_rm import loop
from stages.train_rm.adapters import add_adapters, plain_weights
from stages.train_rm.arguments import LoopSettings
from stages.train_rm.loop import train
from stages.train_rm.module import RewardModule
from stages.train_rm.processes import processes
from tests.tiny_families import tiny_model
from tests.train_rm.batches import ANSWERS, random_steps


@dataclass(frozen=True, kw_only=True)
class Options:
    """`stop_after`, `nap`: send SIGTERM after so many steps, sleep so many seconds after each. `unrefused`: try FSDP
    on a CPU; `pretend_gpus`: and let accelerate take it for GPUs.
    """

    folder: str
    family: str = "qwen3"
    rank: int | None = None
    bf16: bool = False
    gradient_checkpointing: bool = False
    fsdp: bool = False
    unrefused: bool = False
    pretend_gpus: bool = False
    stop_after: int | None = None
    nap: float = 0.0
    num_steps: int = 8

    def command(self) -> list[str]:
        return [str(Path(__file__)), json.dumps(asdict(self))]


def settings(**changes: Any) -> LoopSettings:
    plain: dict[str, Any] = {
        "learning_rate": 1e-3,
        "warmup": 0.25,
        "weight_decay": 0.01,
        "clip": 1.0,
        "bf16": False,
        "gradient_checkpointing": False,
        "fsdp": False,
        "save_every": 3,
        "loss": "bce",
        "pair_weight": 0.5,
        "seed": 0,
    }
    return LoopSettings(**plain | changes)


def assert_close(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Equal to 1e-6, but where a gradient is next to zero, of which AdamW makes steps of full size in any direction."""
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        differences = (found[name] - weight).abs()
        assert (differences > 1e-6).float().mean() < 1e-3, name
        assert differences.max() < 1e-3, name


def run(options: Options) -> None:
    module = RewardModule(tiny_model(options.family), ANSWERS)
    if options.rank is not None:
        add_adapters(module, rank=options.rank, alpha=2.0 * options.rank, seed=0)
    how = settings(bf16=options.bf16, gradient_checkpointing=options.gradient_checkpointing, fsdp=options.fsdp)
    steps = random_steps(options.num_steps, 4, pairs=True)
    train(module, steps, how, folder=Path(options.folder), advance=_advance(options))
    weights = plain_weights(module.model, keep=processes().rank == 0)
    if weights:
        save_file(weights, Path(options.folder) / "final.safetensors")
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        # everything is stored; threads of gloo that are just ending at times abort the exit
        sys.stderr.flush()
        os._exit(0)


def _advance(options: Options) -> Callable[[int], None]:
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        time.sleep(options.nap)
        if done == options.stop_after and processes().rank == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    return advance


@contextmanager
def cpus_for_gpus() -> Iterator[None]:
    """Let accelerate take processes on a CPU for processes on GPUs, since it shards on these only."""
    before = PartialState.__init__

    def init(self: PartialState, *arguments: Any, **options: Any) -> None:
        before(self, *arguments, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    with mock.patch.object(PartialState, "__init__", init):
        yield


def main() -> int:
    torch.set_num_threads(1)
    options = Options(**json.loads(sys.argv[1]))
    try:
        with ExitStack() as stack:
            if options.unrefused:
                stack.enter_context(mock.patch.object(loop, "refuse_impossible"))
            if options.pretend_gpus:
                stack.enter_context(cpus_for_gpus())
            run(options)
    except RlbffError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
