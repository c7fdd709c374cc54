"""A small chain of folders with one file damaged, as a function of bytes that raises only where the report is wrong."""

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from rlbff_cli.report import defaults
from stages.core.errors import DataError
from stages.core.gathered import find_folders, gather
from stages.core.sections_html import whole_page
from tests.core.made_folders import make, write_rows
from tests.core.pages import faults_of

_NAMES: Final = ("plan.json", "config.yaml", "manifest.json", "done/part-00000.json", "stats/part-00000.json", "shard")


def report(data: bytes) -> None:
    """The first line says which file the rest is, of the second of two folders: a whole page, or one that lacks it."""
    name, _, content = data.partition(b"\n")
    with tempfile.TemporaryDirectory(dir=_pristine().parent) as place:
        root = Path(place, "demo")
        shutil.copytree(_pristine(), root)
        chosen = name.decode("utf-8", "replace")
        path = root / "second" / (f".rlbff/{chosen}" if chosen in _NAMES[:-1] else "part-00000.parquet")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        page = whole_page("fuzz", gather(find_folders([str(root)]), defaults()))
        assert faults_of(page) == []
        assert place not in page
        page.encode("utf-8", "backslashreplace")
        if "cannot be read" not in page:
            return
        try:
            gather(find_folders([str(root / "second")]), defaults())
        except DataError as error:
            _check_sentence(str(error))


def _check_sentence(text: str) -> None:
    assert "\n" not in text, text
    assert text.endswith((".", ")")), text


@cache
def _pristine() -> Path:
    """Two folders, the second made from the first, which nobody changes."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    root = Path(_kept(shared), "pristine")
    source = write_rows(_made(root / "data") / "source.parquet", "x")
    first = make(root / "first", [source], stage="extract-principles", options={"artefact": ["tone"]})
    make(root / "second", [first / "part-00000.parquet"], options={"rm": f"rm:{first}@0.5"})
    return root


_HELD: Final[list[tempfile.TemporaryDirectory[str]]] = []


def _kept(place: str | None) -> str:
    _HELD.append(tempfile.TemporaryDirectory(dir=place))
    return _HELD[-1].name


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def report_seeds() -> list[bytes]:
    """Each record of a good folder, and its shard."""
    second = _pristine() / "second"
    named = [(name, second / ".rlbff" / name) for name in _NAMES[:-1]] + [("shard", second / "part-00000.parquet")]
    return [f"{name}\n".encode() + path.read_bytes() for name, path in named if path.exists()]
