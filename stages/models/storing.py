"""What a disk that takes no more means while weights are written: one error of ours, whichever library met it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from stages.core.shards import unwritable


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise OutputError where the block, which only writes to `path`, finds that the disk does not take it.

    Each library reports a full disk in its own way: torch by a RuntimeError that names its container.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        if isinstance(error, SafetensorError) or "inline_container" in str(error):
            raise unwritable(path, OSError(" ".join(str(error).split())[:200])) from error
        raise
