"""Corrections: what booked months come to by what is known now, less what was booked, line by line.

A booking is never changed; a difference is booked beside it. So the bookings of a month always sum to what it is rated
at, in whatever order events came and months were closed. Tiers, caps and commitments let an event of April move May:
therefore every month that has a booking is rated again, and never one alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from billing.domain.charge_line import ChargeLine
from billing.domain.corrections_cause import Cause
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.credit_line import CreditLine
from billing.domain.meters import MeteredEvent
from billing.domain.rules import RULES_VERSION, changed_since
from billing.domain.statement import (
    Statement,
    Status,
    build_statement,
)
from billing.domain.terms import Terms
from billing.domain.usage import Usage, UsageDetail
from billing.domain.vat import VatCategory, VatTotal, vat_totals
from shared.period import Month

SERVICE_CREDIT = "service-credit"
QUERY_CREDIT = "query-credit"  # what a query of an issued line credited: a line of its own
_READ_ATTRIBUTES = ("percentage", "matrix", "cost-plus")


# A line in one VAT category: month, service, ref, category.
_Key = tuple[Month, str, str, VatCategory | None]


class MonthNotRated(ValueError):
    """A month is booked, or what it depends on is needed, and it is not among those that are rated."""


@dataclass(frozen=True, slots=True)
class BookedAmount:
    """An amount of one line in one VAT category; credits are below 0. `quantity` is what the line counts in all."""

    month: Month
    agreement: str
    service: str
    ref: str
    name: str
    kind: str
    vat: VatCategory | None
    counts_usage: bool
    quantity: Decimal
    amount_pence: int
    rules_version: int


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be booked for a line, its `booking`, with what was booked of it before and why it differs."""

    booking: BookedAmount
    was_pence: int
    cause: Cause
    booked_rules_version: int | None

    @property
    def now_pence(self) -> int:
        """What the line comes to by what is known now."""
        return self.was_pence + self.booking.amount_pence


@dataclass(frozen=True, slots=True)
class MonthInputs:
    """All that is known of a month's usage and results: what `build_statement` reads beside the catalogue."""

    usage: Sequence[Usage] = ()
    attained: Sequence[TargetAttainment] = ()
    details: Mapping[str, Sequence[UsageDetail]] = field(default_factory=dict)
    events: Mapping[str, Sequence[MeteredEvent]] = field(default_factory=dict)
    failed: Sequence[str] = ()


def statement_from(
    terms: Terms,
    council: str,
    month: Month,
    inputs: MonthInputs,
    *,
    earlier: Sequence[Statement],
    status: Status = "draft",
) -> Statement:
    """The statement that follows from what is known of the month. Raises as `build_statement`."""
    return build_statement(
        terms,
        council,
        month,
        inputs.usage,
        attained=inputs.attained,
        earlier=earlier,
        status=status,
        failed=inputs.failed,
        details=inputs.details,
        events=inputs.events,
    )


def bookings_of(statement: Statement) -> Iterator[BookedAmount]:
    """A booking for each line and each service credit of the statement: what it comes to in all."""
    yield from (_of_charge(line, statement.month) for line in statement.lines)
    yield from (_of_credit(line, statement.month) for line in statement.credits)


def corrections(now: Mapping[Month, Sequence[BookedAmount]], booked: Sequence[BookedAmount]) -> tuple[Correction, ...]:
    """What is to be booked so that all bookings sum to `now`: by month, service, line and VAT category.

    `booked` is in the order of booking. Raises `MonthNotRated`.
    """
    unrated = sorted({booking.month for booking in booked} - now.keys())
    if unrated:
        raise MonthNotRated(f"{unrated[0]} is booked, and not rated")
    months = {booking.month for booking in booked}
    before, after = _by_line(booked), _by_line(each for of_month in now.values() for each in of_month)
    known = {ref for _, _, ref, _ in before} & {ref for _, _, ref, _ in after}
    found: list[Correction] = []
    for key in sorted(before.keys() | after.keys(), key=_order):
        was = before.get(key, [])
        (is_now,) = after.get(key, [None])
        correction = _correction(was, is_now, is_first=key[0] not in months, is_known=key[2] in known)
        found += [correction] if correction is not None else []
    return tuple(found)


def vat_of(changes: Iterable[Correction]) -> tuple[VatTotal, ...]:
    """The VAT on corrections, by category; those without a recorded treatment are in none."""
    return vat_totals(
        (change.booking.vat, change.booking.amount_pence) for change in changes if change.booking.vat is not None
    )


def _correction(
    was: Sequence[BookedAmount], now: BookedAmount | None, *, is_first: bool, is_known: bool
) -> Correction | None:
    """What to book for one line in one category; None where nothing is left to book."""
    was_pence = sum(booking.amount_pence for booking in was)
    last = was[-1] if was else None
    line = now or last
    if line is None:
        return None
    difference = (0 if now is None else now.amount_pence) - was_pence
    if not difference and not is_first:
        return None
    difference_line = replace(
        line, amount_pence=difference, rules_version=RULES_VERSION if now is None else now.rules_version
    )
    booked_version = None if last is None else last.rules_version
    if is_first:
        return Correction(difference_line, was_pence, "first", booked_version)
    if line.kind == QUERY_CREDIT:
        return Correction(difference_line, was_pence, "query", booked_version)
    if last is None or now is None:
        return Correction(difference_line, was_pence, "vat" if is_known else "terms", booked_version)
    return Correction(difference_line, was_pence, _cause(last, now), booked_version)


def _cause(last: BookedAmount, now: BookedAmount) -> Cause:
    """Why a line that was booked comes out otherwise."""
    if changed_since(last.rules_version, now.kind, now.rules_version):
        return "rules"
    if now.kind == SERVICE_CREDIT:
        return "service-results"
    if now.quantity != last.quantity:
        return "usage" if now.counts_usage else "terms"
    return "usage" if now.kind in _READ_ATTRIBUTES else "other-lines"


def _of_charge(line: ChargeLine, month: Month) -> BookedAmount:
    return BookedAmount(
        month,
        line.agreement,
        line.service,
        line.ref,
        line.charge,
        line.kind,
        None if line.vat is None else line.vat.category,
        line.counts_usage,
        line.quantity,
        line.amount_pence,
        line.rules_version,
    )


def _of_credit(line: CreditLine, month: Month) -> BookedAmount:
    return BookedAmount(
        month,
        line.agreement,
        line.service,
        line.ref,
        line.target,
        SERVICE_CREDIT,
        None if line.vat is None else line.vat.category,
        counts_usage=False,
        quantity=Decimal(line.attained.weighed(line.objective).total),
        amount_pence=-line.applied_pence,
        rules_version=line.rules_version,
    )


def _by_line(bookings: Iterable[BookedAmount]) -> dict[_Key, list[BookedAmount]]:
    found: dict[_Key, list[BookedAmount]] = {}
    for booking in bookings:
        key = (booking.month, booking.service, booking.ref, booking.vat)
        found.setdefault(key, []).append(booking)
    return found


def _order(key: _Key) -> tuple[Month, str, str, str, Decimal]:
    """By month, service, line and category; what has no recorded treatment comes first."""
    month, service, ref, vat = key
    return month, service, ref, "" if vat is None else vat.treatment, Decimal(0) if vat is None else vat.rate_percent
