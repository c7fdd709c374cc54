"""Which of torchrun's processes this one is, and whether they train together as they were asked to."""

import os
from typing import NamedTuple

import torch
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DataParallel, DistributedDataParallel

from stages.core.errors import ConfigError


class Processes(NamedTuple):
    """The number of this process among those of torchrun, and how many there are; 0 of 1 without torchrun."""

    rank: int
    size: int

    @property
    def launched(self) -> bool:
        """Whether torchrun, or something like it, started this process."""
        return "RANK" in os.environ


def processes() -> Processes:
    """Return what the launcher says in RANK and WORLD_SIZE."""
    return Processes(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


def part() -> None:
    """End the work together: from here on, each process of torchrun goes its own way."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def refuse_impossible(*, fsdp: bool) -> None:
    """Raise ConfigError if FSDP is asked for where there is nothing to shard over."""
    if not fsdp:
        return
    if not processes().launched:
        raise ConfigError(
            "--fsdp shards a model over the processes of torchrun, and this is a single process; start it with "
            "torchrun --nproc-per-node N -m rlbff_cli train-rm ..., or leave out --fsdp."
        )
    if not torch.cuda.is_available():
        raise ConfigError(
            "--fsdp needs GPUs: on a CPU accelerate does not shard, it would train a full copy in each process and say "
            "nothing; leave out --fsdp to train such copies (DDP)."
        )


def assert_what_runs(prepared: torch.nn.Module, *, fsdp: bool) -> None:
    """Raise ConfigError unless the prepared module is sharded (fsdp), replicated (several processes), or plain."""
    size = processes().size
    if fsdp:
        plain = sum(not isinstance(parameter, DTensor) for parameter in prepared.parameters())
        if not isinstance(prepared, FSDPModule) or plain:
            raise ConfigError(
                f"--fsdp was asked for, but accelerate made a {type(prepared).__name__} with {plain} parameters that "
                "are not sharded; leave out --fsdp, or unset the ACCELERATE_* variables that say otherwise."
            )
    elif size > 1 and not isinstance(prepared, DistributedDataParallel):
        raise ConfigError(
            f"There are {size} processes, but accelerate made a {type(prepared).__name__}, which does not train them "
            "together; unset the ACCELERATE_* variables that say so."
        )
    elif size == 1 and isinstance(prepared, DataParallel | DistributedDataParallel | FSDPModule):
        raise ConfigError(
            f"There is one process, but accelerate made a {type(prepared).__name__}; unset the ACCELERATE_* variables."
        )
