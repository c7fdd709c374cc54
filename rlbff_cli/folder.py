"""The folder that a person named to look at: how far it is, or what is wrong with its name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.errors import DataError

if TYPE_CHECKING:
    from stages.core.manifest import FolderStatus


def look_at(root: Path) -> "FolderStatus":
    """Return the state of an output folder.

    Raises:
        InputMissing: it does not exist. DataError: it is a file, or a folder that is not ours.
    """
    from stages.core.manifest import folder_status

    if os.path.isfile(root):  # pathlib raises where a name is too long
        raise DataError(f"{root} is a file, not an output folder.")
    return folder_status(root)
