"""Keep rules that combine columns, such as `tests>=0.6 and judge>=4`: text becomes a rule; nothing is evaluated.

    any     = all ("or" all)*
    all     = not ("and" not)*
    not     = "not" not | "(" any ")" | test
    test    = operand sign operand | column "is" ["not"] "null"
    sign    = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    operand = column | number

As in SQL, a comparison with null is neither true nor false, nor is its negation; a program is kept where the whole is
true. Shapes: N programs.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

import numpy as np

from stages.programs.expression_words import Word, fail, words
from stages.programs.matrix import Bools
from stages.programs.rule import Decision, at_least, did_you_mean, show
from stages.programs.standings import Floats, Standings

NAMES: Final = {
    "tests": "pass_rate",
    "weighted": "weighted_rate",
    "consensus": "consensus",
    "passed": "passed",
    "total": "total",
    "judge": "judge",
    "strength": "strength",
    "group": "group",
    "truth": "truth",
}
"""The names that an expression may always use, and the column of `Standings` that each stands for."""

_RULES: Final = {"frac": "frac:0.8", "wfrac": "wfrac:0.8", "rel": "rel:0.9", "calibrated": "calibrated:precision=0.9"}
_KEYWORDS: Final = ("and", "or", "not", "is", "null")
_SIGNS: Final = ("=", "==", "!=", "<>", "<", "<=", ">", ">=")


class Truth(NamedTuple):
    """Three-valued truth of a test, each (N,): where it is true, and where it is false; elsewhere it is null."""

    true: Bools
    false: Bools


Test = Callable[[Standings], Truth]
Operand = Callable[[Standings], Floats]


@dataclass(frozen=True)
class Expression:
    """A condition over columns. `mentioned` are its names in the order of the text, with the place of the first."""

    name: str
    columns: frozenset[str]
    mentioned: dict[str, int]
    test: Test

    def decide(self, standings: Standings) -> Decision:
        """Keep programs for which the condition is true; raises ConfigError where a column is not there."""
        for column, start in self.mentioned.items():
            _check_name(self.name, column, start, standings.further)
        values = {column: _column(standings, column) for column in self.mentioned}
        reasons = [
            f"{self.name}: " + ", ".join(f"{column} {_shown(value)}" for column, value in zip(values, row, strict=True))
            for row in zip(*values.values(), strict=True)
        ]
        return Decision(self.test(standings).true, reasons, {})


def parse_expression(text: str, *, columns: Collection[str] | None = None) -> Expression:
    """The rule that `text` means; `columns` are the names beyond `NAMES`, None where they are not known yet.

    Raises:
        ConfigError: the text has no meaning, with the position; or a column does not exist, with the likely one.
    """
    parser = _Parser(text, columns)
    test = parser.whole()
    return Expression(text, frozenset(parser.mentioned) - NAMES.keys(), parser.mentioned, test)


class _Parser:
    """Recursive descent, one method a rule of the grammar above."""

    def __init__(self, text: str, columns: Collection[str] | None) -> None:
        self._text, self._columns = text, columns
        self._words, self._index = words(text), 0
        self.mentioned: dict[str, int] = {}

    def whole(self) -> Test:
        test = self._any()
        if self._now.text in _SIGNS:
            self._fail("comparisons are not chained; write tests>=0.2 and tests<=0.8")
        if self._now.kind != "end":
            self._fail("expected and, or, or the end")
        if not self.mentioned:
            fail(self._text, 0, "no column is named", f" Columns are {', '.join(NAMES)}.")
        return test

    def _any(self) -> Test:
        test = self._all()
        while self._took("or"):
            test = _either(test, self._all())
        return test

    def _all(self) -> Test:
        test = self._not()
        while self._took("and"):
            test = _both(test, self._not())
        return test

    def _not(self) -> Test:
        if self._took("not"):
            return _negated(self._not())
        if self._took("("):
            inner = self._any()
            self._need(")")
            return inner
        return self._test()

    def _test(self) -> Test:
        left = self._operand()
        if self._took("is"):
            present = self._took("not")
            self._need("null")
            null = _is_null(left)
            return _negated(null) if present else null
        if self._now.text not in _SIGNS:
            self._fail("expected a comparison, such as >=")
        sign = self._step().text
        return _comparison(left, sign, self._operand())

    def _operand(self) -> Operand:
        word = self._now
        if word.kind == "number":
            number = float(self._step().text)
            return lambda standings: np.full(len(standings), number)
        if word.kind != "name" or word.text.lower() in _KEYWORDS:
            self._fail("expected a column or a number")
        if self._columns is not None:
            _check_name(self._text, word.text, word.start, self._columns)
        self.mentioned.setdefault(self._step().text, word.start)
        return lambda standings: _column(standings, word.text)

    @property
    def _now(self) -> Word:
        return self._words[self._index]

    def _step(self) -> Word:
        word = self._now
        self._index += 1
        return word

    def _took(self, text: str) -> bool:
        if self._now.text.lower() != text:
            return False
        self._index += 1
        return True

    def _need(self, text: str) -> None:
        if not self._took(text):
            self._fail(f"expected {text}")

    def _fail(self, what: str) -> NoReturn:
        fail(self._text, self._now.start, what)


def _comparison(left: Operand, sign: str, right: Operand) -> Test:
    def test(standings: Standings) -> Truth:
        a, b = left(standings), right(standings)
        known = ~(np.isnan(a) | np.isnan(b))
        # Equal but for rounding counts as equal, so that 0.6 of ten tests is tests>=0.6 in a column of 32 bits too.
        not_below, not_above = at_least(a, b), at_least(b, a)
        true = {
            ">=": not_below,
            "<=": not_above,
            ">": ~not_above,
            "<": ~not_below,
            "=": not_below & not_above,
            "!=": ~(not_below & not_above),
        }[{"==": "=", "<>": "!="}.get(sign, sign)]
        return Truth(true & known, ~true & known)

    return test


def _is_null(operand: Operand) -> Test:
    def test(standings: Standings) -> Truth:
        null = np.isnan(operand(standings))
        return Truth(null, ~null)

    return test


def _both(left: Test, right: Test) -> Test:
    def test(standings: Standings) -> Truth:
        a, b = left(standings), right(standings)
        return Truth(a.true & b.true, a.false | b.false)

    return test


def _either(left: Test, right: Test) -> Test:
    return _negated(_both(_negated(left), _negated(right)))


def _negated(inner: Test) -> Test:
    def test(standings: Standings) -> Truth:
        a = inner(standings)
        return Truth(a.false, a.true)

    return test


def _column(standings: Standings, name: str) -> Floats:
    values = getattr(standings, NAMES[name]) if name in NAMES else standings.further[name]
    return np.asarray(values, dtype=np.float64)


def _check_name(text: str, name: str, start: int, further: Collection[str]) -> None:
    if name in NAMES or name in further:
        return
    known = [*NAMES, *further]
    if name in _RULES:
        hint = f" {name} is a rule of its own, such as {_RULES[name]}."
    else:
        hint = did_you_mean(name, known) or f" Columns are {', '.join(known)}."
    fail(text, start, f"there is no column {name}", hint)


def _shown(value: float) -> str:
    return "null" if np.isnan(value) else show(value)
