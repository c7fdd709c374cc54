"""Which options a config dataclass has: its fields, nested groups flattened, each as a `Flag`.

Says nothing about where values come from (settings.py) or how typer shows them (bind.py).
"""

import types
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from stages.core.options import POSITIONAL, Panel

Kind = Literal["text", "int", "float", "bool", "path", "choice", "texts"]

REQUIRED: Final = object()
"""Default of a flag that must be given."""

_KINDS: Final[dict[object, Kind]] = {str: "text", int: "int", float: "float", bool: "bool", Path: "path"}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One option: `name` as in YAML, `group` the config field it is nested in, if any.

    A `positional` one is typed by its place, as are the inputs, which come last.
    """

    name: str
    group: str | None
    kind: Kind
    choices: tuple[str, ...]
    nullable: bool
    default: object
    help: str
    short: tuple[str, ...]
    panel: str | None
    positional: bool

    @property
    def option(self) -> str:
        """The option as it is typed: `--max-cost`; for a positional one the word that stands for it: `BENCHMARK`."""
        return self.name.upper() if self.positional else f"--{self.name.replace('_', '-')}"

    @property
    def field(self) -> str:
        """The field's name: `lambda_` for the option `lambda`, which is a word of Python's."""
        return f"{self.name}_" if iskeyword(self.name) else self.name

    @property
    def variable(self) -> str:
        """The environment variable that sets it: `RLBFF_MAX_COST`."""
        return f"RLBFF_{self.name.upper()}"


def flags_of(config_class: type) -> tuple[Flag, ...]:
    """Return the options of `config_class` in the order of its fields; a name may occur only once."""
    flags = tuple(_walk(config_class, None, None))
    names = [flag.name for flag in flags]
    assert len(set(names)) == len(names), f"{config_class.__name__} has two options of one name: {names}"
    return flags


def _walk(config_class: type, group: str | None, panel: str | None) -> list[Flag]:
    hints = get_type_hints(config_class, include_extras=True)
    result: list[Flag] = []
    for field in fields(config_class):
        annotation, *marks = get_args(hints[field.name])
        own_panel = next((mark.title for mark in marks if isinstance(mark, Panel)), panel)
        if is_dataclass(annotation):
            assert group is None, f"{config_class.__name__}.{field.name}: groups nest one level deep"
            assert isinstance(annotation, type)
            result += _walk(annotation, field.name, own_panel)
        else:
            result.append(_flag(field, annotation, marks, group, own_panel))
    return result


def _flag(field: "Field[Any]", annotation: object, marks: list[object], group: str | None, panel: str | None) -> Flag:
    kind, choices, nullable = _kind(annotation)
    texts = [mark for mark in marks if isinstance(mark, str)]
    default = field.default if field.default is not MISSING else REQUIRED
    if field.default_factory is not MISSING:
        default = field.default_factory()
    return Flag(
        name=field.name.removesuffix("_"),
        group=group,
        kind=kind,
        choices=choices,
        nullable=nullable,
        default=default,
        help=texts[0],
        short=tuple(text for text in texts[1:] if text.startswith("-")),
        panel=panel,
        positional=any(mark is POSITIONAL for mark in marks),
    )


def _kind(annotation: object) -> tuple[Kind, tuple[str, ...], bool]:
    """Return (kind, choices of a Literal, whether None is a value)."""
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(annotation) if part is not types.NoneType]
        kind, choices, _ = _kind(inner)
        return kind, choices, True
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation), False
    if annotation == tuple[str, ...]:
        return "texts", (), False
    assert annotation in _KINDS, f"no option can have the type {annotation}"
    return _KINDS[annotation], (), False
