"""Plain questions about money and dates: what can be asked, and what is wrong with a question.

`billing.trial.answers` has the answers. A new question is a type and a field here, and an answer in its table.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

from billing.domain.vat import VatCategory
from shared.contracts.charges import PercentRate
from shared.contracts.credits import Cap
from shared.contracts.indexes import ChangePercent, IndexValue, Places, limit_faults
from shared.contracts.meters import Meter, Rounding, meter_faults
from shared.contracts.scalars import END_OF_TEXT, Amount, Id, MonthText
from shared.contracts.vat import WITHOUT_VAT, VatTreatment
from shared.faults import Fault
from shared.written_time import WHEN_PATTERN, InvalidTime, When, read_time

SignedAmount = Annotated[
    str,
    Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,12})?" + END_OF_TEXT, description="pounds as a decimal string: '-2.675'"),
]
SignedDecimal = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,12})?" + END_OF_TEXT, description="a decimal as a string: '2.675'")
]
DayOrTime = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{END_OF_TEXT}|{WHEN_PATTERN}",
        description="a date like 2026-03-02, or a time like 2026-03-02 09:00 or 2026-03-02T09:00:00Z",
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
_MANY = 1000


class Split(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A total to be split by weights, without losing a penny: by largest remainder, ties by name."""

    total_gbp: SignedAmount
    weights: Annotated[dict[Name, SignedDecimal], Meta(min_length=1, max_length=_MANY)]


class Spread(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A year's amount to be spread over its months, or over so many parts, so that they sum to it exactly."""

    annual_gbp: SignedAmount
    parts: Annotated[int, Meta(ge=1, le=_MANY)] = 12


class Prorate(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An amount for the days [of_starts, of_ends), by default a month, of which [starts, ends) are paid."""

    gbp: SignedAmount
    starts: date
    ends: date
    of_starts: date | None = None
    of_ends: date | None = None


class DaysBetween(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How many dates, and seconds, lie in [starts, ends) in `zone`, by default the document's."""

    starts: DayOrTime
    ends: DayOrTime
    zone: str | None = None


class VatTerms(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How VAT treats an amount: nothing is due on `zero`, `exempt` and `outside-scope`."""

    treatment: VatTreatment = "standard"
    rate_percent: PercentRate = "0"

    @property
    def category(self) -> VatCategory:
        """What it is summed up with."""
        return VatCategory(self.treatment, Decimal(self.rate_percent))


class VatNet(VatTerms, frozen=True, kw_only=True):
    """A net amount, which is rounded to the penny, and how VAT treats it."""

    net_gbp: SignedAmount


class CreditCap(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Credits by name, and what limits them together: the charge less earlier credits, a cap, the rest of a year."""

    credits_gbp: Annotated[dict[Name, Amount], Meta(min_length=1, max_length=_MANY)]
    charge_gbp: Amount
    credited_before_gbp: Amount = "0"
    cap: Cap | None = None
    year_cap_gbp: Amount | None = None
    credited_in_year_gbp: Amount = "0"


class Conversion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A quantity × `multiply_by` ÷ `divide_by`, then rounded to so many decimals."""

    quantity: SignedDecimal
    multiply_by: SignedDecimal = "1"
    divide_by: SignedDecimal = "1"
    rounding: Rounding = "none"
    places: Annotated[int, Meta(ge=0, le=6)] = 0


class MeteredReading(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An event that a meter may count; times without an offset are those of London. Of one time the last comes last."""

    at: When
    quantity: SignedDecimal | None = None
    item: Id | None = None
    attributes: Annotated[dict[str, str], Meta(max_length=16)] = field(default_factory=dict)


class Aggregation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The units of a month by a meter as a service writes it out, before any price.

    Readings of before the month are the level with which it begins, for an average.
    """

    meter: Meter
    month: MonthText
    readings: Annotated[tuple[MeteredReading, ...], Meta(max_length=2000)]


class RoundAmount(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An amount to be rounded half up, away from zero, to so many decimals of a pound: 2 are pence."""

    gbp: SignedAmount
    places: Annotated[int, Meta(ge=0, le=6)] = 2


class Booking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was booked for a line."""

    line: Name
    gbp: SignedAmount


class Difference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each line comes to now, and all that was booked for lines before."""

    now: Annotated[tuple[Booking, ...], Meta(max_length=_MANY)]
    booked: Annotated[tuple[Booking, ...], Meta(max_length=_MANY)]


class PriceUplift(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Prices by name that follow an index, as a tariff's `uplift` clause has it; `figures` by month."""

    figures: Annotated[dict[MonthText, IndexValue], Meta(min_length=2, max_length=_MANY)]
    base: MonthText
    reference: MonthText
    percent_places: Places
    price_places: Places
    cap_percent: ChangePercent | None = None
    collar_percent: ChangePercent | None = None
    prices_gbp: Annotated[dict[Name, Amount], Meta(min_length=1, max_length=_MANY)]


class TariffQuestion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly one question beside its `id`, which is repeated in the answer."""

    id: Id | None = None
    split: Split | None = None
    spread: Spread | None = None
    prorate: Prorate | None = None
    days_between: DaysBetween | None = None
    vat: Annotated[tuple[VatNet, ...], Meta(min_length=1, max_length=_MANY)] | None = None
    credit_cap: CreditCap | None = None
    aggregate: Aggregation | None = None
    convert: Conversion | None = None
    round: RoundAmount | None = None
    difference: Difference | None = None
    uplift: PriceUplift | None = None

    @property
    def asked(self) -> dict[str, object]:
        """What it asks, by name: one thing, in a question that is right."""
        names = (name for name in self.__struct_fields__ if name != "id")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


QUESTIONS = tuple(name for name in TariffQuestion.__struct_fields__ if name != "id")


def question_faults(question: TariffQuestion) -> Iterator[Fault]:
    """All that keeps it from being answered, beside its zone."""
    if len(question.asked) != 1:
        yield Fault((), f"expected exactly one of {', '.join(QUESTIONS)}")
        return
    match question:
        case TariffQuestion(split=Split() as split):
            found = _split_faults(split)
        case TariffQuestion(prorate=Prorate() as prorate):
            found = _prorate_faults(prorate)
        case TariffQuestion(convert=Conversion(divide_by=divisor)) if not Decimal(divisor):
            found = iter([Fault(("divide_by",), "expected other than 0")])
        case TariffQuestion(aggregate=Aggregation() as aggregation):
            found = _aggregation_faults(aggregation)
        case TariffQuestion(uplift=PriceUplift() as uplift):
            found = _uplift_faults(uplift)
        case TariffQuestion(vat=tuple() as nets):
            found = (fault.below(index) for index, net in enumerate(nets) for fault in vat_faults(net))
        case _:
            return
    (name,) = question.asked
    yield from (fault.below(name) for fault in found)


def _split_faults(split: Split) -> Iterator[Fault]:
    below = [name for name, weight in split.weights.items() if Decimal(weight) < 0]
    yield from (Fault(("weights", name), "expected at least 0") for name in below)
    if not below and not any(Decimal(weight) for weight in split.weights.values()):
        yield Fault(("weights",), "expected a weight above 0: all of them are 0, and the total would disappear")


def _prorate_faults(prorate: Prorate) -> Iterator[Fault]:
    if (prorate.of_starts is None) != (prorate.of_ends is None):
        yield Fault((), "expected both of_starts and of_ends, or neither for the month of starts")
    elif prorate.of_starts is not None and prorate.of_ends is not None and prorate.of_ends <= prorate.of_starts:
        yield Fault(("of_ends",), "expected a date after of_starts")
    if prorate.ends < prorate.starts:
        yield Fault(("ends",), "is before starts")


def _aggregation_faults(asked: Aggregation) -> Iterator[Fault]:
    yield from (fault.below("meter") for fault in meter_faults(asked.meter))
    for index, reading in enumerate(asked.readings):
        try:
            read_time(reading.at)
        except InvalidTime as fault:
            yield Fault(("readings", index, "at"), str(fault))


def _uplift_faults(asked: PriceUplift) -> Iterator[Fault]:
    for name, period in (("base", asked.base), ("reference", asked.reference)):
        if period not in asked.figures:
            yield Fault((name,), "has no figure")
    for period, value in asked.figures.items():
        if not Decimal(value):
            yield Fault(("figures", period), "expected more than 0")
    yield from limit_faults(asked.collar_percent, asked.cap_percent)


def vat_faults(terms: VatTerms) -> Iterator[Fault]:
    """A rate where none applies, or none where one does."""
    if terms.treatment in WITHOUT_VAT and Decimal(terms.rate_percent):
        yield Fault(("rate_percent",), f"expected 0: nothing is due on {terms.treatment}")
    elif terms.treatment not in WITHOUT_VAT and not Decimal(terms.rate_percent):
        yield Fault(("rate_percent",), f"is missing: say the rate of {terms.treatment} in force")
