"""How an exception of the program crosses: what is written of it, and what a test gets in its place.

Written: the name of its type, its text, the types among its bases that both sides have (Python's own, and those of the
standard library that stand here), nearest first, and its arguments where they are plain and small. Rebuilt: the nearest
of these types that the tester has loaded, or an empty subclass of it that carries the name and the text of the
program's own. Which types those are is told by the program's process, which could raise anything anyway.
"""

import builtins
import sys
from typing import Final

from stages.sandbox import frames
from stages.sandbox.codec import encode
from stages.sandbox.frames import Value

MAX_TEXT: Final = 4096
MAX_ARGUMENTS: Final = 1 << 16
"""Bytes of an exception's arguments as they cross; longer ones are left out, and the text stands for them."""
_MOST_BASES: Final = 50
_OWN: Final = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__name__ == name
}
_OWN_NAMES: Final = {id(kind): name for name, kind in _OWN.items()}
# fmt: off
_LIBRARY: Final = frozenset({
    *("json.decoder.JSONDecodeError", "subprocess.SubprocessError", "subprocess.CalledProcessError"),
    *("subprocess.TimeoutExpired", "re.error", "struct.error", "binascii.Error", "binascii.Incomplete", "zlib.error"),
    *("_csv.Error", "_queue.Empty", "queue.Full", "statistics.StatisticsError", "dataclasses.FrozenInstanceError"),
    *("decimal.DecimalException", "decimal.InvalidOperation", "decimal.DivisionByZero", "decimal.Overflow"),
    *("decimal.Underflow", "decimal.Inexact", "decimal.Rounded", "decimal.Clamped", "decimal.Subnormal"),
    *("decimal.FloatOperation", "configparser.Error", "configparser.NoSectionError", "configparser.NoOptionError"),
    *("graphlib.CycleError", "ipaddress.AddressValueError", "ipaddress.NetmaskValueError"),
    *("asyncio.exceptions.CancelledError", "asyncio.exceptions.InvalidStateError"),
    *("asyncio.queues.QueueEmpty", "asyncio.queues.QueueFull"),
    *("xml.etree.ElementTree.ParseError", "sqlite3.Error", "sqlite3.IntegrityError", "sqlite3.OperationalError"),
    *("copy.Error", "shutil.Error", "string.Error", "locale.Error", "numpy.linalg.LinAlgError"),
})
# fmt: on
_FIELDS: Final = {
    "json.decoder.JSONDecodeError": ("msg", "doc", "pos"),
    "subprocess.CalledProcessError": ("returncode", "cmd", "output", "stderr"),
    "subprocess.TimeoutExpired": ("cmd", "timeout", "output", "stderr"),
    "re.error": ("msg", "pattern", "pos"),
}
"""What the constructors of these take in place of `args`."""
_NOT_REBUILT: Final = (StopAsyncIteration, BaseExceptionGroup)
"""The one would end an `async for` of a test as if all had been seen; the others hold exceptions of their own."""


class SolutionError(Exception):
    """Stands for an exception of the solution that has no base on this side."""


def written(error: BaseException) -> list[Value]:
    """Name, text, known bases and arguments (null where they cannot cross) of an exception of the program."""
    lineage: list[str] = []
    arguments = None
    try:
        bases = type.__dict__["__mro__"].__get__(type(error))
        lineage = [name for kind in bases[:_MOST_BASES] if (name := _name_here(kind)) is not None]
        packed = encode(list(_arguments(error, lineage[0])))
        arguments = packed if len(frames.pack(["", packed])) <= MAX_ARGUMENTS else None
    except BaseException:  # noqa: BLE001  # its attributes are the program's code
        pass
    return [name_of(error), text_of(error), lineage, arguments]


def rebuilt(kind: str, text: str, lineage: list[Value], arguments: list[Value] | None) -> BaseException:
    """An exception of the nearest known type, or a SolutionError where there is none."""
    known = next((found for name in lineage[:_MOST_BASES] if (found := _type_here(name)) is not None), None)
    if known is None or issubclass(known, _NOT_REBUILT):
        return SolutionError(f"{kind}: {text}")
    if kind != known.__name__ and kind.isidentifier():
        known = type(kind, (known,), {"__str__": lambda _: text, "__module__": "solution"})
    given = [text] if arguments is None else arguments
    try:
        return known(*given)
    except Exception:  # noqa: BLE001  # constructors that want other arguments: the type is what counts
        bare = known.__new__(known)
        bare.args = tuple(given)
        return bare


def name_of(error: BaseException) -> str:
    """The name of its type, whatever the type says of itself."""
    name = type.__dict__["__name__"].__get__(type(error))
    return str.__str__(name)[:200] if isinstance(name, str) else "?"


def text_of(error: BaseException) -> str:
    """Its text, "" where it has none to give."""
    try:
        text = str(error)
        return str.__str__(text)[:MAX_TEXT]
    except BaseException:  # noqa: BLE001  # its __str__ is the program's code
        return ""


def _name_here(kind: type) -> str | None:
    """The name of a type that the other side may have, None for the program's own: the object counts, not the name."""
    if id(kind) in _OWN_NAMES:
        return _OWN_NAMES[id(kind)]
    module = kind.__module__
    name = f"{module}.{kind.__name__}"
    return name if name in _LIBRARY and vars(sys.modules[module]).get(kind.__name__) is kind else None


def _type_here(name: Value) -> type[BaseException] | None:
    if type(name) is not str:
        return None
    if name not in _LIBRARY:
        return _OWN.get(name)
    module, _, attribute = name.rpartition(".")
    # A test that does not load the module cannot ask for the type either.
    found = vars(sys.modules[module]).get(attribute) if module in sys.modules else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _arguments(error: BaseException, nearest: str) -> tuple[Value, ...]:
    if nearest in _FIELDS:
        fields = [getattr(error, field) for field in _FIELDS[nearest]]
        while fields and fields[-1] is None:
            fields.pop()
        return tuple(fields)
    given: tuple[Value, ...] = BaseException.__dict__["args"].__get__(error)
    if isinstance(error, OSError) and len(given) == 2 and error.filename is not None:
        return (*given, error.filename, None, error.filename2)
    return given
