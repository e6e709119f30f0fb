"""The two sides of `price`, the one function that every kind of charge has: its input and its result.

A new kind is a schema in `shared.contracts.definitions`, a file here with its `price`, and a line in `pipeline.KINDS`.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import Working
from billing.domain.terms import TariffPeriod
from shared.contracts.definitions import Service
from shared.period import Month


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """The usage of `service` in one tariff period: `quantity` units, after `already` used in earlier ones of the month.

    `already` is 0 where tiers restart.
    """

    service: Service
    month: Month
    period: TariffPeriod
    already: Decimal
    quantity: Decimal


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
