"""Which errors of the operating system mean a disk that takes no more: full, over a quota, read-only, or broken.

They are nobody's bug wherever they strike, so that the edge of the command line and of each worker tells them in one
line; `shards.py` does so already for what it writes.
"""

import errno
import os
from typing import Final

from stages.core.errors import OutputError

_NO_MORE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def told_of_disk(error: OSError) -> OutputError | None:
    """The line for an error of the disk; None for any other error."""
    if error.errno not in _NO_MORE:
        return None
    what = f"The file {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else "A file"
    return OutputError(
        f"{what} cannot be written: {os.strerror(error.errno)}. Make room, then run the same command again, "
        "or choose another --out."
    )
