"""The language of `--where`: text becomes a pyarrow expression, checked against the columns; nothing is evaluated.

    any       = all ("or" all)*
    all       = not ("and" not)*
    not       = "not" not | "(" any ")" | test
    test      = operand (sign operand | "is" ["not"] "null" | ["not"] "in" "(" literal, ... ")"
                         | ["not"] "contains" text | ["not"] "like" text)?
    operand   = column ("." field)* | "len" "(" column ")" | literal
    literal   = number | text | "true" | "false"

Text stands in single or double quotes, a quote in it is doubled; an odd column name stands in backticks. As in SQL, a
comparison with null is neither true nor false, so that its row is left out; in `like`, % is any text and _ one letter.
"""

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from rlbff_cli.hints import did_you_mean
from rlbff_cli.where_operand import CALLED, Operand, length_hint
from rlbff_cli.where_tokens import Token, fail, tokens

if TYPE_CHECKING:
    import pyarrow as pa

_SIGNS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: Final = ("and", "or", "not", "in", "is", "null", "contains", "like", "true", "false")


def parse_where(text: str, schema: "pa.Schema") -> "tuple[Any, frozenset[str]]":
    """Return (pyarrow expression, columns it reads) for `text`.

    Raises:
        ConfigError: the text has no meaning, with the position; or a column does not exist, with the likely one.
    """
    parser = _Parser(text, schema)
    expression = parser.whole()
    return expression, frozenset(parser.columns)


class _Parser:
    """Recursive descent, one method a rule of the grammar above."""

    def __init__(self, text: str, schema: "pa.Schema") -> None:
        # Only a `cat` with --where pays for the import.
        import pyarrow as pa
        import pyarrow.compute as pc

        self._pa, self._pc = pa, pc
        self._text, self._schema = text, schema
        self._tokens, self._index = tokens(text), 0
        self.columns: set[str] = set()

    def whole(self) -> Any:  # noqa: ANN401 - pyarrow publishes no types; so below
        result = self._any()
        if self._now.kind != "end":
            self._fail("expected and, or, or the end")
        return result

    def _any(self) -> Any:  # noqa: ANN401
        left = self._all()
        while self._took("or"):
            left = left | self._all()
        return left

    def _all(self) -> Any:  # noqa: ANN401
        left = self._not()
        while self._took("and"):
            left = left & self._not()
        return left

    def _not(self) -> Any:  # noqa: ANN401
        if self._took("not"):
            return ~self._not()
        if self._took("("):
            inner = self._any()
            self._need(")")
            return inner
        return self._test()

    def _test(self) -> Any:  # noqa: ANN401
        left = self._operand()
        if self._now.kind == "sign" and self._now.value in _SIGNS:
            sign = self._step()
            return self._compared(left, sign, self._operand())
        if self._took("is"):
            present = self._took("not")
            self._need("null")
            return ~left.expression.is_null() if present else left.expression.is_null()
        negated = self._took("not")
        for word, rule in (("in", self._in), ("contains", self._contains), ("like", self._like)):
            if self._took(word):
                return ~rule(left) if negated else rule(left)
        if negated:
            self._fail("expected in, contains or like")
        if left.sort != "truth":
            self._fail(f"{left.written} is {CALLED[left.sort]}; expected a comparison such as =")
        return left.expression

    def _in(self, left: Operand) -> Any:  # noqa: ANN401
        self._need("(")
        sign = Token("sign", "=", self._now.start)
        result = self._compared(left, sign, self._literal())
        while not self._took(")"):
            self._need(",")
            result = result | self._compared(left, sign, self._literal())
        return result

    def _contains(self, left: Operand) -> Any:  # noqa: ANN401
        return self._pc.match_substring(left.expression, self._pattern(left))

    def _like(self, left: Operand) -> Any:  # noqa: ANN401
        return self._pc.match_like(left.expression, self._pattern(left))

    def _pattern(self, left: Operand) -> str:
        word = self._tokens[self._index - 1]
        if left.sort not in ("text", "bytes"):
            self._fail(f"{word.value} looks into text, but {left.written} is {CALLED[left.sort]}", word)
        if self._now.kind != "text":
            self._fail(f"expected text in quotes after {word.value}")
        return self._step().value

    def _compared(self, left: Operand, sign: Token, right: Operand) -> Any:  # noqa: ANN401
        for side in (left, right):
            if side.sort in ("bytes", "list", "struct", "other"):
                self._fail(f"{side.written} is {CALLED[side.sort]} and cannot be compared", sign, length_hint(side))
        if left.sort != right.sort:
            self._fail(f"{left.written} is {CALLED[left.sort]}, but {right.written} is {CALLED[right.sort]}", sign)
        return _SIGNS[sign.value](self._fitted(left, right), self._fitted(right, left))

    def _fitted(self, side: Operand, other: Operand) -> Any:  # noqa: ANN401
        """The side's expression; a literal is rounded to the precision of a float column, so that 0.8 equals 0.8."""
        if side.literal and not other.literal and self._pa.types.is_floating(other.type):
            return side.expression.cast(other.type)
        return side.expression

    def _operand(self) -> Operand:
        token = self._now
        if token.kind in ("text", "number") or any(token.is_word(word) for word in ("true", "false", "null")):
            return self._literal()
        if token.kind == "name" and token.value.lower() in _WORDS:
            self._fail(f"expected a column, a number or text in quotes, not {token.value}")
        following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        return self._length() if token.is_word("len") and following.value == "(" else self._column()

    def _literal(self) -> Operand:
        token = self._step()
        value: object
        if token.kind == "text":
            value = token.value
        elif token.kind == "number":
            whole = re.fullmatch(r"[-+]?\d{1,18}", token.value)
            value = int(token.value) if whole else float(token.value)
        elif token.is_word("true") or token.is_word("false"):
            value = token.is_word("true")
        else:
            hint = " Write `is null`." if token.is_word("null") else ""
            self._fail("expected a number or text in quotes", token, hint)
        scalar = self._pa.scalar(value)
        return Operand(self._pc.scalar(scalar), scalar.type, repr(value), literal=True)

    def _length(self) -> Operand:
        self._step()
        self._need("(")
        at = self._now
        column = self._column()
        self._need(")")
        rules = {"list": self._pc.list_value_length, "text": self._pc.utf8_length, "bytes": self._pc.binary_length}
        if column.sort not in rules:
            self._fail(f"{column.written} is {CALLED[column.sort]} and has no length", at)
        return Operand(rules[column.sort](column.expression), self._pa.int64(), f"len({column.written})")

    def _column(self) -> Operand:
        path: list[str] = []
        fields = {field.name: field.type for field in self._schema}
        while True:
            token = self._step()
            if token.kind not in ("name", "quoted"):
                self._fail("expected a column, a number or text in quotes", token)
            if token.value not in fields:
                self._unknown(token, path, fields)
            path.append(token.value)
            operand = Operand(self._pc.field(*path), fields[token.value], ".".join(path))
            if not self._took("."):
                self.columns.add(path[0])
                return operand
            if operand.sort != "struct":
                self._fail(
                    f"{operand.written} is {CALLED[operand.sort]} and has no fields", token, length_hint(operand)
                )
            fields = {field.name: field.type for field in operand.type}

    def _unknown(self, token: Token, path: list[str], fields: dict[str, Any]) -> NoReturn:
        what = f"{'.'.join(path)} has no field {token.value}" if path else f"there is no column {token.value}"
        self._fail(what, token, did_you_mean(token.value, fields) or f" There are {', '.join(fields)}.")

    @property
    def _now(self) -> Token:
        return self._tokens[self._index]

    def _step(self) -> Token:
        token = self._now
        if token.kind == "end":
            self._fail("something is missing after this")
        self._index += 1
        return token

    def _took(self, word: str) -> bool:
        """Step over the word or sign `word` if it comes next."""
        if self._now.is_word(word) or (self._now.kind == "sign" and self._now.value == word):
            self._index += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._took(word):
            self._fail(f"expected {word}")

    def _fail(self, what: str, token: Token | None = None, hint: str = "") -> NoReturn:
        fail(self._text, (token or self._now).start, what, hint)
