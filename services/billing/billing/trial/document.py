"""The document that tries a tariff: a tariff or its versions, a month's usage, credits, and plain questions.

Tariffs are the catalogue's own, with an id, a service and a name that may be left out. docs/try-a-tariff.md describes
the document; its JSON Schema is made from these types.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from billing.trial.questions import TariffQuestion, VatTerms
from shared.contracts.credits import ServiceCredits
from shared.contracts.definitions import Objective, Tariff, Text
from shared.contracts.meters import Meter
from shared.contracts.scalars import END_OF_TEXT, Amount, Id, MonthText, Title
from shared.contracts.schema import schema_of
from shared.faults import Path
from shared.written_time import When

SignedQuantity = Annotated[
    str,
    Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a decimal, as a string: '12.5', '-3'"),
]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class TrialTariff(Tariff, frozen=True, kw_only=True):
    """A version of the tariff, as in the catalogue's files; versions are numbered by `effective_from`."""

    id: Id = "tariff"
    service: Id = "service"
    name: Title = "Tariff"


class TrialReading(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """So many units at a time, with attributes: `value` is an amount in pounds, `priority` and `outcome` are some.

    `item` is for a meter that counts items.
    """

    at: When
    quantity: SignedQuantity = "1"
    item: Id | None = None
    attributes: Annotated[dict[str, str], Meta(max_length=16)] = field(default_factory=dict)


class TrialUsage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was used, in one of three ways: in all (on the month's first day in force), by day, or by event.

    Days before the month count for what holds over its financial year.
    """

    quantity: SignedQuantity | None = None
    by_day: Annotated[dict[date, SignedQuantity], Meta(max_length=400)] | None = None
    events: Annotated[tuple[TrialReading, ...], Meta(max_length=2000)] | None = None


class Slice(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of the month's usage that is rated after the slices before it; `id` is repeated in the answer.

    `is_last`: the month is over with it, so that a minimum is topped up; by default that is the last slice.
    """

    id: Id | None = None
    usage: TrialUsage
    is_last: bool | None = None


class AttainedTarget(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a target did in the month: how many of how many met it, and the objective by which that is judged."""

    id: Id
    objective: Objective
    good: Count
    total: Count


class TariffDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A document to be answered. Times without an offset are those of `zone`.

    The tariff is in force on the days [starts, ends): without them always. `before` was rated before the first slice.
    With `counted_by` a meter makes the units of usage. `vat` is of all lines but those of the charges in
    `vat_by_charge`.
    """

    title: Title | None = None
    source: Text | None = None
    zone: str = "Europe/London"
    unit: Id = "unit"
    counted_by: Meter | None = None
    month: MonthText | None = None
    starts: date | None = None
    ends: date | None = None
    tariff: TrialTariff | None = None
    tariffs: Annotated[tuple[TrialTariff, ...], Meta(max_length=20)] = ()
    usage: TrialUsage | None = None
    before: TrialUsage | None = None
    slices: Annotated[tuple[Slice, ...], Meta(max_length=100)] = ()
    credits: ServiceCredits | None = None
    attained: Annotated[tuple[AttainedTarget, ...], Meta(max_length=50)] = ()
    credited_before_gbp: Amount = "0"
    vat: VatTerms | None = None
    vat_by_charge: Annotated[dict[Title, VatTerms], Meta(max_length=100)] = field(default_factory=dict)
    questions: Annotated[tuple[TariffQuestion, ...], Meta(max_length=500)] = ()

    @property
    def versions(self) -> tuple[TrialTariff, ...]:
        """Every version of the tariff, as they are written."""
        return self.tariffs if self.tariff is None else (self.tariff, *self.tariffs)

    def vat_of(self, charge: str) -> VatTerms | None:
        """How VAT treats the charge of that name."""
        return self.vat_by_charge.get(charge, self.vat)

    @property
    def wall_zone(self) -> ZoneInfo:
        """The zone of the times without an offset, and of days."""
        return ZoneInfo(self.zone)

    @property
    def all_usage(self) -> Iterator[tuple[Path, TrialUsage]]:
        """Each usage in the document, and where it is."""
        if self.usage is not None:
            yield ("usage",), self.usage
        if self.before is not None:
            yield ("before",), self.before
        yield from ((("slices", index, "usage"), each.usage) for index, each in enumerate(self.slices))


def document_schema() -> dict[str, Any]:
    """The document's JSON Schema (2020-12)."""
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "/v1/try/tariff/schema"}
    return about | schema_of(TariffDocument)
