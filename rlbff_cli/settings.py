"""Which value an option has in the end: default < YAML file < RLBFF_* environment < command line.

Unknown YAML keys and unknown RLBFF_* variables are refused before anything is read or spent.
"""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from rlbff_cli.flags import REQUIRED, Flag, flags_of
from rlbff_cli.hints import did_you_mean
from rlbff_cli.values import from_given, from_text, from_yaml
from stages.core.errors import ConfigError

SECRETS: Final = ("RLBFF_LLM_KEY",)
"""Variables that are no options: a secret on a command line would be seen by every user of the machine."""

PLACES: Final = ("RLBFF_CACHE",)
"""Variables that say where things lie on this machine."""

Config = TypeVar("Config")


def resolve(
    config_class: type[Config],
    given: Mapping[str, object],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Build the config from the three layers over its defaults; `given` holds only options that were typed."""
    flags = flags_of(config_class)
    by_name = {flag.name: flag for flag in flags}
    values: dict[str, object] = {}
    origin: dict[str, str] = {}
    for name, value in _read_file(file, by_name).items() if file else ():
        values[name], origin[name] = value, f"{file}"
    for flag in flags:
        if environ and environ.get(flag.variable) and flag.name != "inputs" and not flag.positional:
            values[flag.name] = from_text(flag, environ[flag.variable], flag.variable)
            origin[flag.name] = flag.variable
    for name, value in given.items():
        values[name] = from_given(by_name[name], value)
        origin.pop(name, None)
    try:
        return _build(config_class, flags, values)
    except ConfigError as error:
        raise ConfigError(f"{error}{_blame(str(error), by_name, origin)}") from None


def check_environment(environ: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise ConfigError for an RLBFF_* variable that is neither in `known`, nor a secret or a place."""
    names = {*known, *SECRETS, *PLACES}
    for name in sorted(environ):
        if name.startswith("RLBFF_") and name not in names:
            raise ConfigError(f"The environment variable {name} is not an option.{did_you_mean(name, names)}")


def _build(config_class: type[Config], flags: Iterable[Flag], values: Mapping[str, object]) -> Config:
    groups: dict[str, dict[str, object]] = {}
    own: dict[str, object] = {}
    for flag in flags:
        if flag.name in values:
            (groups.setdefault(flag.group, {}) if flag.group else own)[flag.field] = values[flag.name]
        elif flag.default is REQUIRED and flag.kind == "texts":
            own[flag.name] = ()
        elif flag.default is REQUIRED:
            raise ConfigError(f"{flag.option} is required: {flag.help}")
    hints = {name: _group_class(config_class, name) for name in groups}
    own |= {name: hints[name](**group) for name, group in groups.items()}
    return config_class(**own)


def _group_class(config_class: type, name: str) -> type[Any]:
    factory = config_class.__dataclass_fields__[name].default_factory  # type: ignore[attr-defined]
    assert isinstance(factory, type), f"{config_class.__name__}.{name}: the default factory of a group is its class"
    return factory


def _blame(sentence: str, flags: Mapping[str, Flag], origin: Mapping[str, str]) -> str:
    """Say where the options named in `sentence` were set, unless that was the command line."""
    words = {word.strip(".,;:") for word in sentence.split()}
    places = [
        f"{flags[name].option} is set in {place}." for name, place in origin.items() if flags[name].option in words
    ]
    return "".join(f" {place}" for place in places)


def _read_file(path: Path, flags: Mapping[str, Flag]) -> dict[str, object]:
    document = _load_yaml(path)
    result: dict[str, object] = {}
    for key, value in document.items():
        # As spelt on the command line, `max-cost`, too.
        name = str(key).replace("-", "_")
        if name not in flags:
            raise ConfigError(f"{path}: {key!r} is not an option.{did_you_mean(name, flags)}")
        if name in result:
            raise ConfigError(f"{path}: {name} is given twice, once as {flags[name].option[2:]}.")
        result[name] = from_yaml(flags[name], value, f"{path}: {key}")
    return result


def _one_line(error: Exception) -> str:
    """What the parser says, in one line, without the name that it gives to a text."""
    return " ".join(str(error).replace('in "<unicode string>", ', "at ").split())


def _load_yaml(path: Path) -> dict[Hashable, object]:
    # Only a command that reads a file pays for the import.
    import yaml

    from rlbff_cli.yaml12 import Loader

    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The configuration file {path} is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"The configuration file {path} is not YAML: {_one_line(error)}.") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"The configuration file {path} must hold lines of the form option: value.")
    return document
