"""Ways to harm a file, and which files of a run can be harmed. Every harm changes at least one byte, or a name."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final


def _flip(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 1, 2, 8])):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def _flip_digit(path: Path, draw: random.Random) -> None:
    """A digit becomes another: what a parser of text does not notice. Without a digit, a bit is flipped."""
    data = bytearray(path.read_bytes())
    places = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        _flip(path, draw)
        return
    place = draw.choice(places)
    data[place] = 48 + (data[place] - 48 + draw.randint(1, 9)) % 10
    path.write_bytes(data)


def _truncate(path: Path, draw: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(draw.randrange(path.stat().st_size))


def _zero(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = draw.randrange(len(data))
    end = min(len(data), start + draw.choice([16, 512, 4096]))
    data[start:end] = bytes(end - start)
    path.write_bytes(data)


def _empty(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"")


def _remove(path: Path, draw: random.Random) -> None:
    path.unlink()


def _append(path: Path, draw: random.Random) -> None:
    with path.open("ab") as file:
        file.write(draw.randbytes(draw.choice([1, 100])))


HARMS: Final[Mapping[str, Callable[[Path, random.Random], None]]] = {
    "flipped": _flip,
    "digit": _flip_digit,
    "truncated": _truncate,
    "zeroed": _zero,
    "emptied": _empty,
    "removed": _remove,
    "appended": _append,
}


def harm(root: Path, draw: random.Random) -> tuple[str, set[str]] | None:
    """Harm a file below `root`, or swap two alike: what was done, and to which files. None where nothing changed."""
    files = harmable(root)
    if not files:
        return None
    path = draw.choice(files)
    before = path.read_bytes()
    name = path.relative_to(root).as_posix()
    kind = draw.choice(
        ["flipped", "flipped", "digit", "truncated", "zeroed", "emptied", "removed", "appended", "swapped"]
    )
    if kind == "swapped":
        others = [
            other for other in files if other.parent == path.parent and other.suffix == path.suffix and other != path
        ]
        other = draw.choice(others) if others else path
        path.write_bytes(other.read_bytes())
        other.write_bytes(before)
        names = {name, other.relative_to(root).as_posix()}
        return (f"swapped {name} and {other.name}", names) if path.read_bytes() != before else None
    if not before and kind not in ("removed", "appended"):
        return None
    HARMS[kind](path, draw)
    return (f"{kind} {name}", {name}) if not path.exists() or path.read_bytes() != before else None


def harmable(root: Path) -> list[Path]:
    """The files of a run but for its locks, its log, and what is shown and never read again."""
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith("lock") and path.name != "log.jsonl"
    ]
