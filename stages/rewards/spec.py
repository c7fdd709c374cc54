"""How sources of rewards are written: `KIND:ARGUMENT@WEIGHT`. What each of them does is in its own module.

Imports nothing heavy, so that a command can check its options before it loads anything.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Final, Literal, NamedTuple, get_args

from stages.core.errors import ConfigError

Kind = Literal["rm", "genrm", "code", "math", "check", "py"]

OWN_ODDS: Final = "self"
OWN_SIGN: Final = "self-sign"
"""genrm:self, genrm:self-sign: the policy is the judge, rewarded by the log-odds of its verdict, or by its word."""

_NEEDED: Final = {
    "rm": "a folder or hub id, as rm:FOLDER",
    "genrm": "a folder, a URL, self or self-sign, as genrm:FOLDER",
    "py": "module and function, as py:my_rewards:score",
}
_NONE_TAKEN: Final = {
    "math": "it checks a completion against the row's own reference",
    "code": "it runs the row's own tests; --reward-code says how they count",
}
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Spec(NamedTuple):
    """One source: its kind, what follows the colon (may be empty), its weight in the sum, and all of it as written."""

    kind: Kind
    argument: str
    weight: float
    text: str

    @property
    def is_own(self) -> bool:
        """Whether the policy itself is the judge."""
        return self.kind == "genrm" and self.argument in (OWN_ODDS, OWN_SIGN)


def parse_specs(texts: Sequence[str], option: str = "--reward") -> tuple[Spec, ...]:
    """Read specs as they are typed, such as `math:`, `rm:FOLDER@0.7` or `check:words<=200@0.1`.

    What follows the last @ is the weight (default 1) where it is a number, else part of the argument. Raises
    ConfigError, with what was probably meant, for an unknown kind, an argument that is missing or not taken, a weight
    that is zero or not finite, and a source that is named twice; `option` is what errors call it.
    """
    specs = tuple(_parse(text.strip(), option) for text in texts)
    seen: dict[tuple[str, str], Spec] = {}
    for spec in specs:
        first = seen.setdefault((spec.kind, spec.argument), spec)
        if first is not spec:
            raise ConfigError(
                f"{option} names one source twice, {first.text!r} and {spec.text!r}; write it once, with the weight "
                f"that it shall have, as {spec.kind}:{spec.argument}@{first.weight + spec.weight:g}."
            )
    return specs


def find_spec(rm: str, option: str = "--rm") -> Spec | None:
    """The spec that an option means which takes models too; None for a folder, a hub id, a URL or anything else.

    Raises ConfigError as `parse_specs`, for a weight, which one source alone does not need, and for genrm:self.
    """
    if rm.partition(":")[0] not in get_args(Kind) or ":" not in rm:
        return None
    (spec,) = parse_specs([rm], option)
    if spec.weight != 1:
        raise ConfigError(f"{option} {rm} has the weight {spec.weight:g}; one source alone has none, leave it out.")
    if spec.is_own:
        raise ConfigError(f"{option} {rm}: here is no policy that could judge; name its folder, as genrm:FOLDER.")
    return spec


def names(specs: Sequence[Spec]) -> tuple[str, ...]:
    """A unique name for the values of each source: its kind, or where there are two of a kind, what tells them apart.

    Models are told apart by the names of their folders, or in full where these are equal; others by their argument.
    """
    kinds = Counter(spec.kind for spec in specs)
    short = [spec.kind if kinds[spec.kind] == 1 else _joined(spec, _last_part(spec)) for spec in specs]
    uses = Counter(short)
    return tuple(
        name if uses[name] == 1 else _joined(spec, spec.argument) for name, spec in zip(short, specs, strict=True)
    )


def _parse(text: str, option: str) -> Spec:
    name, colon, rest = text.partition(":")
    kind = next((kind for kind in get_args(Kind) if kind == name and colon), None)
    if kind is None:
        raise ConfigError(f"{option} {text!r} is no source of rewards; {_meant(text, name)}")
    argument, weight = _split_weight(rest)
    if not argument and kind in _NEEDED:
        raise ConfigError(f"{option} {text!r} lacks what follows the colon; {kind}: takes {_NEEDED[kind]}.")
    if argument and kind in _NONE_TAKEN:
        raise ConfigError(
            f"{option} {text!r}: {kind}: takes no {argument!r}, {_NONE_TAKEN[kind]}; write {kind}: or, with a weight, "
            f"{kind}:@0.5."
        )
    if kind == "py" and (".py:" in argument or not _MODULE.fullmatch(argument)):
        remedy = "leave out .py" if ".py:" in argument else "give the folder of the module as --py-path"
        raise ConfigError(f"{option} {text!r} is not of the form py:module:function; {remedy}, as py:my_rewards:score.")
    if not math.isfinite(weight) or weight == 0:
        raise ConfigError(f"{option} {text!r} has the weight {weight:g}; give a finite number other than 0.")
    return Spec(kind, argument, weight, text)


def _split_weight(rest: str) -> tuple[str, float]:
    argument, at, tail = rest.rpartition("@")
    weight = tail.strip()
    if at and _NUMBER.fullmatch(weight):
        return argument.strip(), float(weight)
    return rest.strip(), 1.0


def _meant(text: str, name: str) -> str:
    kinds = list(get_args(Kind))
    rest = text[len(name) :].removeprefix(":")
    if name in ("http", "https"):
        return f"did you mean genrm:{text}?"
    close = get_close_matches(name.strip().lower().partition("@")[0], kinds, n=1)
    if close:
        return f"did you mean {close[0]}:{rest or name.partition('@')[1] + name.partition('@')[2]}?"
    if "/" in name:
        return f"did you mean rm:{text}?"
    return f"write one of {', '.join(f'{kind}:' for kind in kinds)} first, as math: or rm:FOLDER."


def _joined(spec: Spec, part: str) -> str:
    return f"{spec.kind}:{part}" if part else spec.kind


def _last_part(spec: Spec) -> str:
    if spec.kind in ("rm", "genrm") and "://" not in spec.argument:
        return PurePath(spec.argument).name
    return spec.argument
