"""What looks unusual in a month before it is issued: flags for people to look at. They block nothing.

A service's volume, or else its charge, is far from its history where

* with six months of history or more it is more than three standard deviations from their mean, and more than a tenth
  of the mean: a series that hardly ever changes has next to no deviation;
* with fewer it is more than half of their mean away from it;
* and in both cases by at least 5 units, or £10: one ticket more than none is nothing to look at.

Figures are compared exactly, as fractions. Source of the three deviations: the usual limits of a control chart
(ISO 7870-2).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from billing.domain.charge_line import quantity_text
from billing.domain.rating.graduated import TierStep, tier_label
from billing.domain.statement import ServiceCharges, Statement
from shared.money import format_gbp, half_up
from shared.period import Month

FlagKind = Literal["volume", "charge", "no-volume", "silent-source", "tier", "new-service"]
HISTORY_MONTHS = 12
ENOUGH_MONTHS = 6
DEVIATIONS = 3
LEAST_SHARE = Fraction(1, 10)
SHORT_SHARE = Fraction(1, 2)
LEAST_UNITS, LEAST_PENCE = 5, 1_000
# So many of the last months must have had what is missing now: what comes once a year is not missed each month.
USUAL_MONTHS = 3

TierKey = tuple[str, int, str]  # tariff, version, charge


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """A service's month: its volume in `unit_name`s, its charges, and the bound above which its highest tier began."""

    name: str
    unit_name: str
    quantity: Decimal
    pence: int
    tiers: Mapping[TierKey, TierStep] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """A council's month: the services that its statement has lines of, and how many events each source sent."""

    month: Month
    services: Mapping[str, ServiceFigures]
    sources: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Flag:
    """Something to look at, in a sentence; `service` is None where it is about a source."""

    kind: FlagKind
    service: str | None
    what: str


def figures_of(statement: Statement, sources: Mapping[str, int]) -> MonthFigures:
    """What flags are raised on; `sources` are those of its month's events, with how many."""
    services = {each.service.id: _service_figures(each) for each in statement.services if each.lines}
    return MonthFigures(statement.month, services, sources)


def flags(now: MonthFigures, history: Sequence[MonthFigures]) -> tuple[Flag, ...]:
    """All flags of a month, by service, then those of its sources; `history` has earlier months in any order.

    The newest twelve of it count. Without any history nothing is flagged: everything would be new.
    """
    before = sorted((each for each in history if each.month < now.month), key=lambda each: each.month)
    before = before[-HISTORY_MONTHS:]
    if not before:
        return ()
    found: list[Flag] = []
    for service in sorted(now.services):
        known = [each.services[service] for each in before if service in each.services]
        found += _of_service(service, now.services[service], known, before)
    return (*found, *_silent_services(now, before), *_silent_sources(now, before))


def _service_figures(charges: ServiceCharges) -> ServiceFigures:
    counting = [line for line in charges.lines if line.counts_usage]
    # Each charge of a tariff prices the same units: those of the first are the volume, in each of its periods.
    first = {(line.tariff, line.first_day): line.quantity for line in reversed(counting)}
    tiers: dict[TierKey, TierStep] = {}
    for line in counting:
        for working in line.workings:
            if isinstance(working, TierStep) and working.quantity > 0:
                key = line.tariff, line.tariff_version, line.charge
                tiers[key] = max(working, tiers.get(key, working), key=lambda step: step.above)
    total = sum(first.values(), Decimal(0))
    return ServiceFigures(charges.service.name, charges.service.unit_name, total, charges.total_pence, tiers)


def _of_service(
    service: str, now: ServiceFigures, known: Sequence[ServiceFigures], before: Sequence[MonthFigures]
) -> Iterator[Flag]:
    if not known:
        if now.quantity or now.pence:
            what = f"{now.name}: the first charges, {format_gbp(now.pence)}; none in {_months(len(before))} before"
            yield Flag("new-service", service, what)
        return
    if not now.quantity and _was_usual([each.quantity > 0 for each in known]):
        yield Flag(
            "no-volume", service, f"{now.name}: nothing was counted, after {_volume(known[-1])} the month before"
        )
    elif flag := _far_from_history(service, now, known):
        yield flag
    yield from _tiers(service, now, known)


def _far_from_history(service: str, now: ServiceFigures, known: Sequence[ServiceFigures]) -> Flag | None:
    """Of its volume; of its charge only where the volume is as usual, since most charges follow the volume."""
    volumes = [Fraction(each.quantity) for each in known]
    if _is_far(Fraction(now.quantity), volumes, LEAST_UNITS):
        text = _range(volumes, lambda each: quantity_text(Decimal(half_up(each))))
        return Flag("volume", service, f"{now.name}: {_volume(now)}, against {text}")
    charges = [Fraction(each.pence) for each in known]
    if _is_far(Fraction(now.pence), charges, LEAST_PENCE):
        text = _range(charges, lambda each: format_gbp(half_up(each)))
        return Flag("charge", service, f"{now.name}: {format_gbp(now.pence)}, against {text}")
    return None


def _is_far(value: Fraction, history: Sequence[Fraction], least: int) -> bool:
    mean = sum(history, Fraction(0)) / len(history)
    away = abs(value - mean)
    if away < least:
        return False
    if len(history) < ENOUGH_MONTHS:
        return away > abs(mean) * SHORT_SHARE
    variance = sum(((each - mean) ** 2 for each in history), Fraction(0)) / len(history)
    # away > 3 × √variance, squared so that nothing is rounded
    return away**2 > DEVIATIONS**2 * variance and away > abs(mean) * LEAST_SHARE


def _tiers(service: str, now: ServiceFigures, known: Sequence[ServiceFigures]) -> Iterator[Flag]:
    """Higher tiers than before under the same version of a tariff; another version has other tiers."""
    for key, step in sorted(now.tiers.items(), key=lambda each: each[0]):
        reached = [each.tiers[key].above for each in known if key in each.tiers]
        if reached and step.above > max(reached):
            label = tier_label(step.above, step.up_to)
            what = f"{now.name}, {key[2]}: reached the tier “{label}” for the first time in {_months(len(known))}"
            yield Flag("tier", service, what)


def _silent_services(now: MonthFigures, before: Sequence[MonthFigures]) -> Iterator[Flag]:
    """Services that were charged in each of the last months and are not on the statement at all."""
    for service, last in sorted(before[-1].services.items()):
        if service not in now.services and _was_usual([service in each.services for each in before]):
            what = f"{last.name}: not on the statement, after {format_gbp(last.pence)} the month before"
            yield Flag("no-volume", service, what)


def _silent_sources(now: MonthFigures, before: Sequence[MonthFigures]) -> Iterator[Flag]:
    for source, events in sorted(before[-1].sources.items()):
        if not now.sources.get(source) and _was_usual([bool(each.sources.get(source)) for each in before]):
            what = f"{source} sent nothing, after {events:,} events the month before: is it connected?"
            yield Flag("silent-source", None, what)


def _was_usual(had_some: Sequence[bool]) -> bool:
    """Whether each of the last months had some, of which there may be fewer."""
    return all(had_some[-USUAL_MONTHS:])


def _range(history: Sequence[Fraction], text: Callable[[Fraction], str]) -> str:
    """`800 to 910 in 12 months before (850 on average)`."""
    low, high, mean = min(history), max(history), sum(history, Fraction(0)) / len(history)
    among = text(low) if low == high else f"{text(low)} to {text(high)}"
    return f"{among} in {_months(len(history))} before ({text(mean)} on average)"


def _volume(figures: ServiceFigures) -> str:
    return f"a volume of {quantity_text(figures.quantity)} ({figures.unit_name})"


def _months(count: int) -> str:
    return "the month" if count == 1 else f"{count} months"
