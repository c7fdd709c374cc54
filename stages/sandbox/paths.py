"""Which files of this computer a Python program needs to run: the standard library and shared libraries, no more.

Installed packages are left out, because they may hold anything, test data of benchmarks included; a package that is
wanted is named.
"""

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

from stages.core.errors import ConfigError
from stages.sandbox import landlock

_PACKAGES = ("site-packages", "dist-packages")


class Readable(NamedTuple):
    """`rules`: (path, Landlock rights) for `standard`; `shown` and `hidden` folders for the root of `strict`."""

    rules: tuple[tuple[str, int], ...]
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    site: str | None


def readable(packages: tuple[str, ...]) -> Readable:
    """What children may read, with the named packages; raises ConfigError for one that is not installed."""
    library = sysconfig.get_path("stdlib")
    parts = [entry.path for entry in os.scandir(library) if entry.name not in _PACKAGES]
    extra, site = _packages(packages)
    folders = [*_library_folders(), *_modules_elsewhere(library), *extra]
    files = _mapped_libraries(folders)
    rules = [(path, landlock.READ) for path in (*parts, *folders, *files)]
    hidden = tuple(f"{library}/{name}" for name in _PACKAGES if Path(library, name).is_dir())
    shown = tuple(dict.fromkeys((library, *folders, *files)))
    inside = tuple(path for path in shown if path != library and path.startswith(tuple(f"{one}/" for one in hidden)))
    outside = tuple(path for path in shown if path not in inside)
    return Readable(
        rules=((library, landlock.LIST), *rules),
        # A package below a hidden folder is shown after it has been hidden.
        shown=outside,
        hidden=hidden,
        site=site,
    )._replace(shown=(*outside, *inside))


def _library_folders() -> list[str]:
    """Where the system keeps shared libraries."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    wanted = ("/lib64", "/usr/lib64", f"/lib/{multiarch}", f"/usr/lib/{multiarch}") if multiarch else ("/usr/lib64",)
    found = [path for path in wanted if Path(path).is_dir()] or ["/usr/lib"]
    return [*found, *(path for path in ("/etc/ld.so.cache",) if Path(path).exists())]


def _modules_elsewhere(library: str) -> list[str]:
    """Extension modules that are not below the standard library."""
    shared = sysconfig.get_config_var("DESTSHARED")
    outside = isinstance(shared, str) and not shared.startswith(f"{library}/") and Path(shared).is_dir()
    return [shared] if outside else []


def _mapped_libraries(folders: list[str]) -> list[str]:
    """The interpreter's own library, where it lies in none of `folders`."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        names = {line.split(maxsplit=5)[5].strip() for line in maps if "libpython" in line}
    return sorted(name for name in names if not name.startswith(tuple(folders)) and Path(name).exists())


def _packages(names: tuple[str, ...]) -> tuple[list[str], str | None]:
    """The folders of packages, with those of their bundled libraries, and the folder that all lie in."""
    folders: list[str] = []
    site: str | None = None
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ConfigError(
                f"the sandbox should offer {name}, which {sys.executable} does not have. Install it or leave it out."
            )
        place = Path(found.origin).resolve().parent
        site = str(place.parent)
        folders += [str(place), *(str(path) for path in place.parent.glob(f"{name}.libs"))]
    return folders, site
