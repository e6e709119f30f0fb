"""Usage sorted into what a statement counts and what it sets aside, with the reason. Nothing is left out unsaid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from billing.domain.terms import TariffPeriod, Terms, closing_day
from billing.domain.usage import MeteredUsage, Usage, metered_usage
from shared.contracts.definitions import Service
from shared.period import Month

UnbilledReason = Literal[
    "unknown-council",  # counts once the catalogue knows the council
    "no-agreement",  # the council has no agreement in the month
    "unknown-service",  # counts once the catalogue knows the service
    "item-not-opened",  # completed, but what was asked for has not been received yet
    "no-tariff",  # no tariff of the council prices the service on that day
    "wrong-meter",  # the service is counted by other facts
    "wrong-unit",  # the reading names a unit that is not the service's
]


@dataclass(frozen=True, slots=True)
class UnbilledUsage:
    """Facts that recharge nothing now."""

    reason: UnbilledReason
    service: str | None
    facts: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ClassifiedUsage:
    """A council's month: usage by service, and the rest."""

    by_service: Mapping[str, MeteredUsage]
    facts_counted: int
    facts_reversed: int
    facts_accepted: int
    set_aside: tuple[UnbilledUsage, ...]

    def of(self, service: str) -> MeteredUsage:
        """The usage of `service`; of one that nothing was heard about, no data."""
        return self.by_service.get(service, MeteredUsage())


def classify_usage(
    terms: Terms, tariff_periods: Sequence[TariffPeriod], usage: Sequence[Usage], month: Month
) -> ClassifiedUsage:
    """Every row of `usage` in its place; rows may come in any order."""
    day = closing_day(month)
    counted: list[Usage] = []
    aside: list[tuple[UnbilledReason, Usage]] = []
    for row in usage:
        if row.state == "counted":
            service = None if row.service is None else terms.services.on(row.service, day)
            reason = _objection(row, None if service is None else service.definition, tariff_periods)
            if reason is None:
                counted.append(row)
            else:
                aside.append((reason, row))
    return ClassifiedUsage(
        by_service=_by_service(counted, usage),
        facts_counted=_facts(counted),
        facts_reversed=_facts(row for row in usage if row.state == "reversed"),
        facts_accepted=_facts(row for row in usage if row.state == "accepted"),
        set_aside=sum_unbilled(aside),
    )


def sum_unbilled(aside: Iterable[tuple[UnbilledReason, Usage]]) -> tuple[UnbilledUsage, ...]:
    """One entry for each reason and service, in their order."""
    sums: dict[tuple[UnbilledReason, str], tuple[int, Decimal]] = {}
    for reason, row in aside:
        facts, quantity = sums.get((reason, row.service or ""), (0, Decimal(0)))
        sums[reason, row.service or ""] = facts + row.facts, quantity + row.quantity
    return tuple(
        UnbilledUsage(reason, service or None, facts, quantity)
        for (reason, service), (facts, quantity) in sorted(sums.items())
    )


def _objection(row: Usage, service: Service | None, tariff_periods: Sequence[TariffPeriod]) -> UnbilledReason | None:
    if row.service is None:
        return "item-not-opened"
    if service is None:
        return "unknown-service"
    if row.meter != service.counted_by:
        return "wrong-meter"
    if row.unit not in {None, service.unit}:
        return "wrong-unit"
    priced = any(
        period.tariff.definition.service == row.service and period.first_day <= row.day < period.end_day
        for period in tariff_periods
    )
    return None if priced else "no-tariff"


def _by_service(counted: Sequence[Usage], heard: Sequence[Usage]) -> dict[str, MeteredUsage]:
    return {
        service: metered_usage(
            (row for row in counted if row.service == service),
            facts_received=_facts(row for row in heard if row.service == service),
        )
        for service in {row.service for row in heard if row.service is not None}
    }


def _facts(rows: Iterable[Usage]) -> int:
    return sum(row.facts for row in rows)
