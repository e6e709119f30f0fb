"""Integer pence: rounded half up once, split without losing a penny, written as the United Kingdom writes pounds."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

PENCE_IN_A_POUND = 100
EXACT_PLACES = 12  # six decimals of quantity times six of price: exact for all but part months
_MINUS = "−"  # U+2212: a hyphen is read aloud as "hyphen" and breaks lines


class NegativeWeight(ValueError):
    """A weight is below 0."""


class ZeroWeights(ValueError):
    """All weights are 0, so that the total cannot be split by them."""


def pence(pounds: Fraction | Decimal) -> int:
    """The whole pence nearest to exact `pounds`, by `half_up`: £2.675 is 268, −£2.675 is −268."""
    return half_up(Fraction(pounds) * PENCE_IN_A_POUND)


def half_up(exact: Fraction) -> int:
    """The nearest integer; a tie goes away from zero, as ROUND_HALF_UP has it, at any precision."""
    nearest = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return nearest if exact >= 0 else -nearest


def exact_text(exact: Fraction) -> str:
    """Plain digits without trailing zeros: `0.0375`. What goes on for ever is rounded half up to twelve decimals."""
    text = f"{Decimal(half_up(exact * 10**EXACT_PLACES)).scaleb(-EXACT_PLACES):f}"
    return text.rstrip("0").rstrip(".")


def allocate(total_pence: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Shares in proportion to `weights` that sum to `total_pence`, each within a penny of exact.

    Largest remainder: floors first, then one penny each by largest fraction, ties by key. A negative total is split
    as its absolute value and negated; weight 0 gets 0. Raises `NegativeWeight`, `ZeroWeights`.
    """
    below = sorted(key for key, weight in weights.items() if weight < 0)
    if below:
        raise NegativeWeight(f"weights are at least 0, got less for {', '.join(below)}")
    whole = sum(weights.values())
    if whole == 0:
        raise ZeroWeights(f"expected a weight above 0 among {len(weights)}")
    shares = {key: abs(total_pence) * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(abs(total_pence) * weights[key] % whole), key))
    for key in by_remainder[: abs(total_pence) - sum(shares.values())]:
        shares[key] += 1
    return shares if total_pence >= 0 else {key: -share for key, share in shares.items()}


def format_gbp(amount_pence: int) -> str:
    """For tables, always with pence: `£1,234.50`; below zero `−£12.30 credit`."""
    pounds, rest = divmod(abs(amount_pence), PENCE_IN_A_POUND)
    text = f"£{pounds:,}.{rest:02}"
    return text if amount_pence >= 0 else f"{_MINUS}{text} credit"


def format_gbp_prose(amount_pence: int) -> str:
    """For sentences, pence only where there are any: `£75`, `£75.50`; below zero `a credit of £75`."""
    pounds, rest = divmod(abs(amount_pence), PENCE_IN_A_POUND)
    text = f"£{pounds:,}.{rest:02}" if rest else f"£{pounds:,}"
    return text if amount_pence >= 0 else f"a credit of {text}"


def format_rate(pounds: Decimal) -> str:
    """A price for one unit with all its decimals, at least two: `£0.0375`, `£4.50`, `£1,200.00`, `−£4.50`."""
    whole, _, decimals = f"{abs(pounds):,f}".partition(".")
    return f"{_MINUS if pounds < 0 else ''}£{whole}.{decimals.rstrip('0'):0<2}"


def plain_gbp(amount_pence: int) -> str:
    """For files that programs read: `1234.50`, `-12.30`."""
    pounds, rest = divmod(abs(amount_pence), PENCE_IN_A_POUND)
    return f"{'-' if amount_pence < 0 else ''}{pounds}.{rest:02}"
