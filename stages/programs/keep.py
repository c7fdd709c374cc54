"""Which programs are kept: the rules by name, each with the reason that it gives for every program.

    all | frac:0.8 | wfrac:0.8 | rel:0.9 | consensus[:0.9] | calibrated:precision=0.9 | tests>=0.6 and judge>=4

Rules see `Standings` only; what one is stands in `rule.py`, those with one threshold in `simple_rules.py`. The language
of the last form is `expression.py`, the fit of `calibrated` `calibrated.py`.
"""

import re
from collections.abc import Collection
from typing import Final, NoReturn

from stages.core.errors import ConfigError
from stages.programs.calibrated import parse_calibrated
from stages.programs.expression import parse_expression
from stages.programs.rule import Decision, Rule, did_you_mean
from stages.programs.simple_rules import Consensus, Fraction, KeepAll, Relative

__all__ = ["Decision", "Rule", "parse_rule"]

_FORMS: Final = (
    "all, frac:0.8, wfrac:0.8, rel:0.9, consensus, consensus:0.9, calibrated:precision=0.9, "
    "or an expression such as 'tests>=0.6 and judge>=4'"
)
_NAMES: Final = ("all", "frac", "wfrac", "rel", "consensus", "calibrated")
_NAMED: Final = re.compile(r"(?P<name>[\w.+-]+)\s*(?P<colon>:\s*(?P<rest>.*))?", re.DOTALL)
_COMPARES: Final = re.compile(r"[<>=]|\bis\b", re.IGNORECASE)


def parse_rule(text: str, *, seed: int, columns: Collection[str] | None = None) -> Rule:
    """The rule that `text` names.

    `seed` decides the folds and draws of `calibrated`. `columns` are the names beyond those of `expression.NAMES` that
    an expression may use; where None, a name is looked up only when the rule decides.

    Raises:
        ConfigError: the text names no rule, with the forms and the likely one; or a number is out of bounds.
    """
    name = text.strip()
    match = _NAMED.fullmatch(name)
    if match is None:
        if not _COMPARES.search(name):
            _refuse(name, name.split(":")[0].split()[0] if name else name)
        return parse_expression(name, columns=columns)
    rest = None if match["colon"] is None else match["rest"].strip()
    return _named(name, match["name"], rest, seed)


def _named(name: str, word: str, rest: str | None, seed: int) -> Rule:
    if word == "all" and rest is None:
        return KeepAll(name)
    if word == "consensus":
        return Consensus(name, 1.0 if rest is None else _share(name, rest))
    if word == "calibrated":
        return parse_calibrated(name, rest, seed=seed)
    if word not in ("frac", "wfrac", "rel"):
        _refuse(name, word)
    if rest is None:
        raise ConfigError(f"--keep {name!r} names no share; write {word}:0.8. Rules are {_FORMS}.")
    if word == "rel":
        return Relative(name, _share(name, rest))
    return Fraction(name, "pass_rate" if word == "frac" else "weighted_rate", _share(name, rest))


def _refuse(name: str, word: str) -> NoReturn:
    hint = did_you_mean(word.rstrip("0123456789.-+"), _NAMES)
    raise ConfigError(f"--keep {name!r} is no rule.{hint} Rules are {_FORMS}.")


def _share(name: str, rest: str) -> float:
    try:
        value = float(rest)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise ConfigError(f"--keep {name!r}: {rest!r} is no share; give a number from 0 to 1, such as 0.8.")
    return value
