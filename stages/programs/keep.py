"""Which programs are kept: the rules by name, each with the reason that it gives for every program.

    all | frac:0.8 | wfrac:0.8 | rel:0.9 | consensus[:0.9] | calibrated:precision=0.9 | tests>=0.6 and judge>=4

Rules see `Standings` only. The language of the last form is `expression.py`, the fit of `calibrated` `calibrated.py`.
"""

from typing import NamedTuple, Protocol

from stages.programs.matrix import Bools
from stages.programs.standings import Standings


class Decision(NamedTuple):
    """Whether each program is kept (N,), and why, one short text a program: rule, value, threshold.

    `facts` can be written as JSON: what the rule found out, such as thresholds and the precision that they reached.
    """

    kept: Bools
    reasons: list[str]
    facts: dict[str, object]


class Rule(Protocol):
    """A keep rule. Deciding twice about the same standings gives the same."""

    name: str
    """As the user wrote it."""

    def decide(self, standings: Standings) -> Decision:
        """Decide about every program; raises DataError where the rule cannot be applied to these."""
