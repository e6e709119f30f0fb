"""Usage sorted into what a statement counts and what it sets aside, with the reason. Nothing is left out unsaid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from billing.domain.terms import Stretch, Terms, closing_day
from billing.domain.usage import Metered, Usage, metered
from shared.contracts.definitions import Service
from shared.period import Month

Reason = Literal[
    "unknown-council",  # counts once the catalogue knows the council
    "no-agreement",  # the council has no agreement in the month
    "unknown-service",  # counts once the catalogue knows the service
    "item-of-unknown-service",  # completed, but what was asked for has not been received yet
    "not-agreed",  # no tariff of the council prices the service on that day
    "another-meter",  # the service is counted by other facts
    "another-unit",  # the reading names a unit that is not the service's
]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Facts that recharge nothing now."""

    reason: Reason
    service: str | None
    facts: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Sorted:
    """A council's month: usage by service, and the rest."""

    by_service: Mapping[str, Metered]
    facts_counted: int
    facts_reversed: int
    facts_accepted: int
    set_aside: tuple[SetAside, ...]

    def of(self, service: str) -> Metered:
        """The usage of `service`; of one that nothing was heard about, no data."""
        return self.by_service.get(service, Metered())


def sort_usage(terms: Terms, stretches: Sequence[Stretch], usage: Sequence[Usage], month: Month) -> Sorted:
    """Every row of `usage` in its place; rows may come in any order."""
    day = closing_day(month)
    counted: list[Usage] = []
    aside: list[tuple[Reason, Usage]] = []
    for row in usage:
        if row.state == "counted":
            service = None if row.service is None else terms.services.on(row.service, day)
            reason = _objection(row, None if service is None else service.definition, stretches)
            if reason is None:
                counted.append(row)
            else:
                aside.append((reason, row))
    return Sorted(
        by_service=_by_service(counted, usage),
        facts_counted=_facts(counted),
        facts_reversed=_facts(row for row in usage if row.state == "reversed"),
        facts_accepted=_facts(row for row in usage if row.state == "accepted"),
        set_aside=gathered(aside),
    )


def gathered(aside: Iterable[tuple[Reason, Usage]]) -> tuple[SetAside, ...]:
    """One entry for each reason and service, in their order."""
    sums: dict[tuple[Reason, str], tuple[int, Decimal]] = {}
    for reason, row in aside:
        facts, quantity = sums.get((reason, row.service or ""), (0, Decimal(0)))
        sums[reason, row.service or ""] = facts + row.facts, quantity + row.quantity
    return tuple(
        SetAside(reason, service or None, facts, quantity)
        for (reason, service), (facts, quantity) in sorted(sums.items())
    )


def _objection(row: Usage, service: Service | None, stretches: Sequence[Stretch]) -> Reason | None:
    if row.service is None:
        return "item-of-unknown-service"
    if service is None:
        return "unknown-service"
    if row.meter != service.counted_by:
        return "another-meter"
    if row.unit not in {None, service.unit}:
        return "another-unit"
    priced = any(
        stretch.tariff.definition.service == row.service and stretch.first_day <= row.day < stretch.end_day
        for stretch in stretches
    )
    return None if priced else "not-agreed"


def _by_service(counted: Sequence[Usage], heard: Sequence[Usage]) -> dict[str, Metered]:
    return {
        service: metered(
            (row for row in counted if row.service == service),
            facts_heard=_facts(row for row in heard if row.service == service),
        )
        for service in {row.service for row in heard if row.service is not None}
    }


def _facts(rows: Iterable[Usage]) -> int:
    return sum(row.facts for row in rows)
