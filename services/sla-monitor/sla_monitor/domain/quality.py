"""Promised quality: how much smaller the share of missed promises became, against a baseline.

"54% better service quality" means 54% fewer misses among as many items: from 20% missed to 9.2% or less. Attainment
itself could not rise by 54% from any baseline above 65%, and a rise in percentage points would say something else for
every baseline. Councils, services and targets are summed (R44), the baseline by the same definition as the year.
"""

from enum import StrEnum

from msgspec import Struct

from shared.contracts.objectives import PARTS, Ratio


class Realised(StrEnum):
    """What a financial year means for the improvement that was promised."""

    REALISED = "realised"
    FELL_SHORT = "fell short"
    NO_VOLUME = "no volume"
    NO_BASELINE = "no baseline"


class Improvement(Struct, frozen=True):
    """The reduction of the missed share, `reduced` of `of`; negative where more was missed than in the baseline."""

    reduced: int
    of: int

    @property
    def percent_text(self) -> str:
        """The percentage with one decimal, cut towards worse and never rounded up."""
        tenths = self.reduced * 1000 // self.of
        sign = "-" if tenths < 0 else ""
        return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"


def improvement(attained: Ratio, baseline: Ratio) -> Improvement | None:
    """1 - (share missed now / share missed in the baseline), as a fraction; None where one of them says nothing.

    A baseline without misses cannot be improved on, so that it says nothing either.
    """
    before = baseline.missed * attained.total
    return None if before == 0 else Improvement(before - attained.missed * baseline.total, before)


def realised(attained: Ratio, baseline: Ratio | None, *, promised_parts: int) -> Realised:
    """Whether the promise was kept: exactly the promised reduction is enough. `promised_parts` of `PARTS`."""
    if attained.total == 0:
        return Realised.NO_VOLUME
    found = None if baseline is None else improvement(attained, baseline)
    if found is None:
        return Realised.NO_BASELINE
    return Realised.REALISED if found.reduced * PARTS >= promised_parts * found.of else Realised.FELL_SHORT
