"""Cells that hold amounts as people and finance systems write them: £1,234.50, (123.45), 123.45-, 123.45 CR."""

import re
from decimal import Decimal
from typing import Literal

from tallystick.replay.table import InvalidRow

DecimalMark = Literal[".", ","]
_CURRENCY = re.compile(r"(?:[£$€¥]|GBP|EUR|USD)", re.IGNORECASE)
_SPACES = ("\u00a0", "\u202f", "\u2009", " ")
_NUMBER = {
    ".": re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)?(?:\.[0-9]+)?"),
    ",": re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)?(?:,[0-9]+)?"),
}
# As `shared.contracts.items.Quantity` has them.
_DIGITS, _DECIMALS = 12, 6


def amount(text: str, mark: DecimalMark, *, column: str, decimals: int = _DECIMALS) -> str:
    """`text` as a plain number with at most so many decimals, with `-` before it where it is below zero.

    Parentheses, a minus on either side and CR (a credit) make it so; a thousands separator stands between threes.
    Raises `InvalidRow`.
    """
    if not text:
        raise InvalidRow(f"{column}: the cell is blank")
    plain, signs = _unsigned(text)
    for space in _SPACES:
        plain = plain.replace(space, "")
    if signs > 1 or not plain or not plain.isascii() or not _NUMBER[mark].fullmatch(plain):
        raise InvalidRow(f"{column}: {text!r} is no number{_advice(plain, mark)}")
    whole, _, rest = plain.replace("," if mark == "." else ".", "").replace(mark, ".").partition(".")
    found = _plain(whole.lstrip("0") or "0", rest, text, column, most=decimals)
    return f"-{found}" if signs and Decimal(found) else found


def _unsigned(text: str) -> tuple[str, int]:
    """The text without signs and currencies, and how many signs of a negative amount it has."""
    plain, signs = _CURRENCY.sub("", text.strip(), count=1).strip(), 0
    if plain.startswith("(") and plain.endswith(")"):
        plain, signs = plain[1:-1].strip(), signs + 1
        plain = _CURRENCY.sub("", plain, count=1).strip()
    upper = plain.upper()
    if upper.endswith("CR"):
        plain, signs = plain[:-2].strip(), signs + 1
    elif upper.endswith("DR"):
        plain = plain[:-2].strip()
    for minus in ("-", "−"):
        if plain.startswith(minus):
            plain, signs = plain[1:].strip(), signs + 1
        if plain.endswith(minus):
            plain, signs = plain[:-1].strip(), signs + 1
    return plain.removeprefix("+"), signs


def _plain(whole: str, decimals: str, text: str, column: str, *, most: int) -> str:
    if len(decimals) > most:
        decimals = decimals.rstrip("0")
    if len(whole) > _DIGITS or len(decimals) > most:
        raise InvalidRow(f"{column}: {text!r} has more than {_DIGITS} digits or {most} decimals")
    return f"{whole}.{decimals}" if decimals else whole


def _advice(plain: str, mark: DecimalMark) -> str:
    other: DecimalMark = "," if mark == "." else "."
    if plain and _NUMBER[other].fullmatch(plain):
        return f": if {other!r} is its decimal mark, write `decimal: {other!r}` under `quantity`"
    return " with at most 6 decimals"
