"""Parse a formula to an expression tree; nothing is ever executed as code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ruralpanel.project.expressions import (
    FUNCTIONS,
    Call,
    Expression,
    Function,
    Name,
    Number,
    Operation,
    Parameter,
    Text,
)
from ruralpanel.project.periods import is_period, parsed, shown
from ruralpanel.project.problems import UserError, did_you_mean

_TOKEN = re.compile(
    r"\s*(?:(?P<period>\d{4}[Qq][1-4]|\d{4}[Mm](?:0?[1-9]|1[0-2]))(?!\w)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<operator>\*\*|[=!<>]=|[-+*/()<>,=]))"
)
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LOGICAL = _COMPARISONS | {"and", "or", "not", "in"}
WORDS = frozenset({"and", "or", "not", "in"})
_HINTS = {"^": "a power is written **", "&": "write and", "|": "write or", "!": "write not or !=", "[": "write ( )",
          "{": "write ( )", "，": "write a comma", "（": "write plain brackets ( )", "×": "write *", "÷": "write /",
          ":": "a product is written * in a formula", "'": "close the quotation mark", '"': "close the quotation mark",
          "‘": "write plain quotation marks", "“": "write plain quotation marks"}  # fmt: skip
_DEEPEST, _LONGEST = 60, 400  # brackets within brackets, tokens: what a person writes and a stack holds


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, text, operator, end
    text: str
    at: int


def parse(text: str, file: str = "", where: str = "") -> Expression:
    """Parse a formula or a condition.

    Parameters
    ----------
    text : str
        Numbers, names, text in quotation marks, ``+ - * / **``, comparisons, ``and or not in``, and the calls of
        `FUNCTIONS`. Precedence is Python's.
    file, where : str
        Place of the formula, for messages.

    Returns
    -------
    Expression

    Raises
    ------
    UserError
        One problem, with the character at which the formula goes wrong between ``>>`` and ``<<``.
    """
    return _Parser(str(text), file, where).whole()


class _Parser:
    """Recursive descent over the tokens of one formula, one method for each level of precedence."""

    def __init__(self, text: str, file: str, where: str) -> None:
        self.text, self.file, self.where = text, file, where
        self.depth = 0
        self.tokens = self._split()
        self.next = 0

    def _split(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                character = self.text[at]
                malformed = "write the number with digits and one point" if character in ".0123456789" else ""
                self.fail(_Token("", character, at), "a formula", _HINTS.get(character, malformed))
            kind = str(match.lastgroup)
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
            if len(tokens) > _LONGEST:
                self.fail(tokens[-1], f"at most {_LONGEST} symbols", "split the formula into several variables")
        return [*tokens, _Token("end", "", end)]

    def fail(self, token: _Token, expected: str, fix: str = "", problem: str = "") -> NoReturn:
        shown = token.text or "end"
        marked = f"{self.text[: token.at]}>>{shown}<<{self.text[token.at + len(token.text) :]}"
        what = problem or ("the end" if token.kind == "end" else f'"{token.text}"')
        found = f"{what} at character {token.at + 1} of {marked}"
        raise UserError.at(self.file, self.where, found, expected, fix)

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *texts: str) -> _Token | None:
        """The next token, taken, if it is one of these operators or words."""
        token = self.token
        if token.text in texts and token.kind in ("operator", "name"):
            self.next += 1
            return token
        return None

    def need(self, text: str, expected: str) -> None:
        if self.take(text) is None:
            self.fail(self.token, expected)

    def whole(self) -> Expression:
        if self.token.kind == "end":
            self.fail(self.token, "a formula", problem="nothing")
        expression = self.either()
        if self.token.kind != "end":
            fix = {"=": "equality is written ==", ")": "one closing bracket too many"}.get(self.token.text, "")
            self.fail(self.token, "an operator or the end", fix)
        if isinstance(expression, Text):
            self.fail(self.tokens[0], "a formula", "text is only compared: region == 'West'")
        return expression

    def either(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(self.token, f"at most {_DEEPEST} levels of brackets", "split the formula into several variables")
        left = self.both()
        while token := self.take("or"):
            left = Operation("or", (self.truth(left), self.truth(self.both())), token.at)
        self.depth -= 1
        return left

    def both(self) -> Expression:
        left = self.negated()
        while token := self.take("and"):
            left = Operation("and", (self.truth(left), self.truth(self.negated())), token.at)
        return left

    def negated(self) -> Expression:
        if token := self.take("not"):
            self.deeper(token)
            operand = self.truth(self.negated())
            self.depth -= 1
            return Operation("not", (operand,), token.at)
        return self.comparison()

    def comparison(self) -> Expression:
        left = self.sum()
        if self.token.text == "not" and self.tokens[self.next + 1].text == "in":
            token = self.token
            self.next += 1
            return Operation("not", (self.membership(left),), token.at)
        if self.token.kind == "name" and self.token.text == "in":
            return self.membership(left)
        if compared := self.take(*_COMPARISONS):
            right = self.sum()
            if self.token.text in _COMPARISONS:
                self.fail(self.token, "one comparison", "write a < b and b < c")
            if isinstance(left, Text) or (isinstance(right, Text) and compared.text not in ("==", "!=")):
                self.fail(compared, "a name before the comparison, and == or != with text")
            return Operation(compared.text, (left, right), compared.at)
        return left

    def membership(self, left: Expression) -> Expression:
        token = self.token
        self.next += 1
        self.need("(", "a list in brackets after in")
        values: list[Expression] = []
        while not values or self.take(","):
            value = self.token
            sign = -1 if self.take("-") else 1
            literal = self.token
            self.next += 1
            if literal.kind == "number":
                values.append(Number(sign * float(literal.text), value.at))
            elif literal.kind == "period" and sign == 1:
                values.append(Number(parsed(literal.text), value.at))
            elif literal.kind == "text" and sign == 1:
                values.append(Text(literal.text[1:-1], value.at))
            else:
                self.fail(literal, "numbers or text in the list after in")
        self.need(")", "a comma or the closing bracket")
        return Operation("in", (self.series(left), *values), token.at)

    def sum(self) -> Expression:
        left = self.product()
        while token := self.take("+", "-"):
            left = Operation(token.text, (self.series(left), self.series(self.product())), token.at)
        return left

    def product(self) -> Expression:
        left = self.signed()
        while token := self.take("*", "/"):
            left = Operation(token.text, (self.series(left), self.series(self.signed())), token.at)
        return left

    def signed(self) -> Expression:
        if token := self.take("-", "+"):
            self.deeper(token)
            operand = self.series(self.signed())
            self.depth -= 1
            return operand if token.text == "+" else Operation("-", (operand,), token.at)
        return self.power()

    def power(self) -> Expression:
        base = self.atom()
        if token := self.take("**"):
            self.deeper(token)
            exponent = self.series(self.signed())
            self.depth -= 1
            return Operation("**", (self.series(base), exponent), token.at)
        return base

    def deeper(self, token: _Token) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(token, f"at most {_DEEPEST} levels", "split the formula into several variables")

    def atom(self) -> Expression:
        token = self.token
        if token.kind == "period":
            self.next += 1
            return Number(parsed(token.text), token.at)
        if token.kind == "number":
            self.next += 1
            if float(token.text) == float("inf"):
                self.fail(token, "a number that a computer can hold")
            return Number(float(token.text), token.at)
        if token.kind == "text":
            self.next += 1
            return Text(token.text[1:-1], token.at)
        if token.kind == "name" and token.text not in WORDS:
            self.next += 1
            return self.call(token) if self.token.text == "(" else Name(token.text, token.at)
        if self.take("("):
            expression = self.either()
            self.need(")", "an operator or the closing bracket")
            return expression
        self.fail(token, "a number, a name, a function or an opening bracket")

    def call(self, token: _Token) -> Expression:
        function = FUNCTIONS.get(token.text)
        if function is None:
            self.fail(token, "a known function", did_you_mean(token.text, FUNCTIONS))
        self.next += 1
        given: dict[str, tuple[_Token, Expression]] = {}
        if not self.take(")"):
            while True:
                self.argument(token.text, function, given)
                if not self.take(","):
                    break
            self.need(")", "a comma or the closing bracket")
        missing = [p.name for p in function.parameters if not p.optional and p.name not in given]
        if missing:
            self.fail(token, signature(token.text), f"add {', '.join(missing)}")
        return self.assembled(token, function.parameters, given)

    def argument(self, name: str, function: Function, given: dict[str, tuple[_Token, Expression]]) -> None:
        """Read one argument, by position or ``name=value``, into `given`."""
        start = self.token
        keyword = start.kind == "name" and self.tokens[self.next + 1].text == "="
        if keyword:
            self.next += 2
            parameter = start.text
            if parameter not in {p.name for p in function.parameters}:
                self.fail(start, signature(name), did_you_mean(parameter, [p.name for p in function.parameters]))
        else:
            if len(given) == len(function.parameters):
                self.fail(start, signature(name), "leave out what is too much")
            parameter = function.parameters[len(given)].name
        if parameter in given:
            self.fail(start, signature(name), f"{parameter} is given twice")
        value_start = self.token
        given[parameter] = (value_start, self.either())

    def assembled(
        self, token: _Token, parameters: Sequence[Parameter], given: Mapping[str, tuple[_Token, Expression]]
    ) -> Call:
        arguments: list[Expression] = []
        options: list[tuple[str, int | str | None]] = []
        for parameter in parameters:
            if parameter.name not in given:
                options.append((parameter.name, parameter.default))
                continue
            start, value = given[parameter.name]
            if parameter.kind == "series":
                arguments.append(self.truth(value) if parameter.name == "condition" else self.series(value))
            elif parameter.kind == "attribute":
                if not isinstance(value, Name | Text):
                    self.fail(start, "the name of a unit attribute, such as region")
                options.append((parameter.name, value.name if isinstance(value, Name) else value.value))
            else:
                options.append((parameter.name, self.whole_number(start, value, parameter)))
        call = Call(token.text, tuple(arguments), tuple(options), token.at)
        chosen = dict(options)
        if "first" in chosen and (
            (chosen["first"] is None) != (chosen["last"] is None) or call.integer("first") > call.integer("last")
        ):
            self.fail(token, "both first and last, first not after last")
        return call

    def whole_number(self, start: _Token, value: Expression, parameter: Parameter) -> int:
        number = value.value if isinstance(value, Number) else None
        if parameter.kind == "period":
            if number is None or number != int(number) or not is_period(int(number)):
                self.fail(start, f"a period for {parameter.name}, such as 2011 or 2011Q3")
            return shown(int(number))
        elif number is None or number != int(number) or not 1 <= number <= 200:
            self.fail(start, f"a whole number from 1 on for {parameter.name}")
        return int(number)

    def series(self, expression: Expression) -> Expression:
        """The expression, if it has values to calculate with."""
        if isinstance(expression, Text):
            self.fail(self.begins(expression), "a number or a name; text is only compared")
        return expression

    def truth(self, expression: Expression) -> Expression:
        """The expression, if it can hold or not."""
        logical = isinstance(expression, Operation) and expression.operator in _LOGICAL
        if not (logical or isinstance(expression, Name | Call)):
            self.fail(self.begins(expression), "a condition", "compare: x > 0")
        return expression

    def begins(self, expression: Expression) -> _Token:
        """The token that an expression is named after: its operator, function, name or value."""
        return next(token for token in self.tokens if token.at == expression.at)


def signature(name: str) -> str:
    """How a function is called: ``lag(x, k=1)``."""
    shown = []
    for parameter in FUNCTIONS[name].parameters:
        default = f"={parameter.default}" if parameter.default is not None else ""
        shown.append(f"[{parameter.name}]" if parameter.optional and not default else parameter.name + default)
    return f"{name}({', '.join(shown)})"
