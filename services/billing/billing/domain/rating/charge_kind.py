"""The two sides of `price`, the one function that every kind of charge has: its input and its result.

A new kind is a schema in `shared.contracts.charges`, a file here with its `price`, and a line in `pipeline.KINDS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import ChargeLine, Working
from billing.domain.terms import TariffPeriod
from billing.domain.usage import UsageDetail
from shared.contracts.definitions import Service
from shared.money import half_up
from shared.period import Month

_QUANTITY_PLACES = 6


@dataclass(frozen=True, slots=True)
class YearSoFar:
    """What a charge over a financial year reads of it, for one tariff.

    `periods` are the tariff's of the whole year as the catalogue has it now, by day; `lines` its lines before the
    period that is priced. For a charge over a month those of the month are enough.
    """

    periods: Sequence[TariffPeriod] = ()
    lines: Sequence[ChargeLine] = ()


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """The usage of `service` in one tariff period: `quantity` units, after `already` used in earlier ones of the month.

    `already` is 0 where tiers restart, and `opens` is True then. `details` are the events of the period and
    `earlier_details` those of the periods that `already` counts. Tier bounds are scaled by `share`: 1, or with
    `prorate_tiers` the days over which the tiers run ÷ the days of the month. Waived and free units are in none.
    """

    service: Service
    month: Month
    period: TariffPeriod
    already: Decimal
    quantity: Decimal
    opens: bool = True
    share: Fraction = Fraction(1)
    details: Sequence[UsageDetail] = ()
    earlier_details: Sequence[UsageDetail] = ()
    year: YearSoFar = field(default_factory=YearSoFar)

    def scaled(self, units: int) -> Decimal:
        """So many units as a bound of the period: as they are, or prorated to six decimals, half up."""
        return to_quantity(units * self.share)


@dataclass(frozen=True, slots=True)
class Priced:
    """What one charge comes to in one tariff period; `quantity` is in `unit`s, the narrative says it in a sentence.

    `counts_usage` is False for a charge that is due whatever was used: no event is counted.
    """

    quantity: Decimal
    unit: str
    workings: tuple[Working, ...]
    narrative: str
    counts_usage: bool = True


def to_quantity(exact: Fraction) -> Decimal:
    """The nearest quantity of six decimals, half up."""
    return Decimal(half_up(exact * 10**_QUANTITY_PLACES)).scaleb(-_QUANTITY_PLACES).normalize() + 0


def accepts(when: Mapping[str, Sequence[str]], detail: UsageDetail) -> bool:
    """Whether every attribute that `when` names has one of its values."""
    return all(detail.attributes.get(name) in values for name, values in when.items())


def events_of(details: Sequence[UsageDetail]) -> int:
    """How many events they are."""
    return sum(detail.events for detail in details)
