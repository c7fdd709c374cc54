"""What a training process does when another one of the same run is gone: it ends with a sentence, and does not wait.

Starting processes and ending those that are left is torchrun's business.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from torch.distributed import DistError

from stages.core.errors import Interrupted

_GLOO: Final = "gloo/transport"
"""Gloo's errors are plain RuntimeErrors that begin with the place in its source."""


@contextmanager
def with_peers() -> Iterator[None]:
    """Raise Interrupted in place of the error of a collective operation that lost a process, or the way to it.

    Gloo and NCCL notice a process that was killed at the next operation in which it takes part. A checkpoint that was
    being written then never gets its marker, since this comes after a barrier.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, DistError) or _GLOO in str(error):
            raise Interrupted(
                "Another process of this run has ended, and one alone cannot go on; its own message, or torchrun's, "
                "says why. Checkpoints are stored; the same torchrun command goes on from the last one."
            ) from error
        raise
