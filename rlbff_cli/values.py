"""One value of an option: from text (command line, environment) or from YAML to the type of the config field.

Both ways name the source, the expected type and the given value when they fail.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rlbff_cli.flags import Flag, Kind
from rlbff_cli.hints import did_you_mean
from stages.core.errors import ConfigError

_EXPECTED: Final[dict[Kind, str]] = {
    "text": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "path": "a path",
    "texts": "a list of text",
}
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


def from_text(flag: Flag, text: str, source: str) -> object:
    """Turn `text` into the flag's type; `source` (`--limit`, `RLBFF_LIMIT`) opens the error.

    A list is comma-separated here; on the command line it is repeated instead, see `from_texts`.
    """
    if flag.kind == "texts":
        return tuple(piece.strip() for piece in text.split(",") if piece.strip())
    if flag.kind == "bool":
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        raise _wrong(flag, text, source)
    if flag.kind == "choice" and text not in flag.choices:
        raise _wrong(flag, text, source)
    if flag.kind == "path":
        return Path(text)
    if flag.kind in ("int", "float"):
        try:
            return int(text) if flag.kind == "int" else float(text)
        except ValueError:
            raise _wrong(flag, text, source) from None
    return text


def from_given(flag: Flag, value: object) -> object:
    """Turn what the command line parser gives (text, bool or a list of texts) into the flag's type."""
    if isinstance(value, str):
        return from_text(flag, value, flag.option)
    if isinstance(value, Sequence):
        return tuple(value)
    assert isinstance(value, bool)
    return value


def from_yaml(flag: Flag, value: object, source: str) -> object:
    """Check a YAML value against the flag's type; `source` (`run.yaml: limit`) opens the error.

    For a list of text a mapping stands for its pairs: `map: {prompt: ask}` is `--map prompt=ask`.
    """
    if value is None and flag.nullable:
        return None
    match flag.kind, value:
        case "texts", str():
            return (value,)
        case "texts", list() if all(isinstance(item, str) for item in value):
            return tuple(value)
        case "texts", dict() if all(isinstance(item, str) for pair in value.items() for item in pair):
            return tuple(f"{key}={item}" for key, item in value.items())
        case ("bool", bool()) | ("text", str()):
            return value
        case "choice", str() if value in flag.choices:
            return value
        case "path", str():
            return Path(value)
        case ("int", int()) if not isinstance(value, bool):
            return value
        case ("float", int() | float()) if not isinstance(value, bool):
            return float(value)
    raise _wrong(flag, value, source)


def _wrong(flag: Flag, value: object, source: str) -> ConfigError:
    if flag.kind == "choice":
        expected = f"one of {', '.join(flag.choices)}"
        hint = did_you_mean(str(value), flag.choices)
    else:
        expected, hint = _EXPECTED[flag.kind], ""
    return ConfigError(f"{source} is {value!r}; it must be {expected}.{hint}")
