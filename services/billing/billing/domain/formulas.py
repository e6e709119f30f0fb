"""What a working's formula comes to, worked out from its text as a reader would: a second way to the amount of a line.

A formula is a sum of products in plain digits with `x`, `/`, `min`, `max`, `round` (to the penny, half up) and
parentheses. What stands before `: ` names it, and the words `days` and `once` stand beside numbers for readers.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|min|max|round|[-+x/(),])")
_WORDS = re.compile(r" (?:days|once)\b")
_MOST_CHARACTERS = 1000
_END = ""


class NotAFormula(ValueError):
    """The text is no formula of numbers."""

    def __init__(self, text: str) -> None:
        super().__init__(f"expected a formula of numbers, got {text[:_MOST_CHARACTERS]!r}")


def amount_of(formula: str) -> Fraction:
    """Exact pounds. Raises `NotAFormula`."""
    _, _, sum_ = formula.rpartition(": ")
    if len(formula) > _MOST_CHARACTERS:
        raise NotAFormula(formula)
    reader = _Reader(_tokens(_WORDS.sub("", sum_), formula), formula)
    amount = reader.sum()
    reader.expect(_END)
    return amount


def _tokens(text: str, formula: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotAFormula(formula)
        yield found[1]
        at = found.end()


class _Reader:
    """Reads tokens from left to right; products bind closer than sums."""

    def __init__(self, tokens: Iterator[str], formula: str) -> None:
        self._tokens, self._formula = tokens, formula
        self._next = next(tokens, _END)

    def sum(self) -> Fraction:
        total = self._product()
        while self._next in ("+", "-"):
            sign = 1 if self._take() == "+" else -1
            total += sign * self._product()
        return total

    def expect(self, token: str) -> None:
        if self._take() != token:
            raise NotAFormula(self._formula)

    def _product(self) -> Fraction:
        total = self._factor()
        while self._next in ("x", "/"):
            times, factor = self._take() == "x", self._factor()
            if not times and not factor:
                raise NotAFormula(self._formula)
            total = total * factor if times else total / factor
        return total

    def _factor(self) -> Fraction:
        match self._take():
            case "-":
                return -self._product()
            case "(":
                inside = self.sum()
                self.expect(")")
                return inside
            case "min" | "max" | "round" as name:
                return self._function(name)
            case number if number[:1].isdigit():
                return Fraction(number)
            case _:
                raise NotAFormula(self._formula)

    def _function(self, name: str) -> Fraction:
        self.expect("(")
        values = [self.sum()]
        while self._next == ",":
            self._take()
            values.append(self.sum())
        self.expect(")")
        if name == "round":
            return _to_the_penny(values[0])
        return min(values) if name == "min" else max(values)

    def _take(self) -> str:
        taken, self._next = self._next, next(self._tokens, _END)
        return taken


def _to_the_penny(pounds: Fraction) -> Fraction:
    """Half a penny goes away from zero."""
    whole = int(abs(pounds) * 100 + Fraction(1, 2))
    return Fraction(whole if pounds >= 0 else -whole, 100)
