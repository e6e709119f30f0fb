"""Agreements by council: their targets bound to calendars, found by service and date.

An `AgreementIndex` is built from the catalogue's versions and never changes; a new version makes another. An item keeps
the agreement that was in force on the London date it was opened.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Protocol

from msgspec import Struct

from shared.contracts.definitions import UPDATES, Agreement, Measure, Target
from shared.contracts.thresholds import (
    ElapsedSeconds,
    RecordedDueDate,
    Threshold,
    WorkingDays,
    WorkingSeconds,
    parse_before_due,
    parse_threshold,
)
from shared.contracts.versions import DefinitionVersion, InForce, in_force
from shared.instants import epoch_s, seconds_of_day
from shared.period import local_midnight
from sla_monitor.domain.clock.stopwatch import ElapsedTime, TimeBasis
from sla_monitor.domain.facts import Classification
from sla_monitor.domain.working_time.compiled import WorkingTime

_ELAPSED = ElapsedTime()
# Awaiting whom pauses a clock, where the target does not say: a first answer is due whatever happens.
_PAUSED_BY = {
    "response-time": frozenset[str](),
    "resolution-time": frozenset({"council", "third-party"}),
    "processing-time": frozenset({"council", "third-party"}),
    "update-interval": frozenset[str](),
    "periodic-update": frozenset({"council"}),
}


class BoundCalendar(Struct, frozen=True):
    """A calendar compiled from all its versions, each for the time it was in force; `version` is the newest."""

    id: str
    version: int
    hours: WorkingTime


class BoundTarget(Struct, frozen=True):
    """One target of one agreement version, with its threshold parsed and its calendar compiled.

    `id` is unique within its agreement. `has_exchanges`: each question, or each silence, has an allowance and warnings
    of its own.
    """

    definition: Target
    id: str
    measure: Measure
    has_exchanges: bool
    agreement: str
    agreement_version: int
    attributed_by: str
    threshold: Threshold
    seconds: int | None  # of an allowance in counted time; None where a date is due
    time_basis: TimeBasis
    hours: WorkingTime
    calendar: BoundCalendar | None
    paused_by: frozenset[str]
    warn_at: tuple[int, ...]  # percentages of the allowance
    warn_before: tuple[tuple[str, Threshold], ...]  # times before due, as they are written and as they are counted

    @property
    def cut_off_s(self) -> int | None:
        """Seconds after local midnight at which the working day ends for receipts, if the target says so."""
        return None if self.definition.cut_off is None else seconds_of_day(self.definition.cut_off)

    def selects(self, item: Classification) -> bool:
        """Whether the target applies to an item of this service, priority and attributes."""
        if not self.definition.is_of(item.service):
            return False
        for name, accepted in self.definition.when.items():
            value = item.priority if name == "priority" else item.attributes.get(name)
            if value not in accepted:
                return False
        return True


class MissingCalendar(LookupError):
    """A target counts working time by a calendar that is not known (yet)."""


class CalendarLookup(Protocol):
    """Finds compiled calendars by id."""

    def __call__(self, calendar: str | None) -> BoundCalendar:
        """The calendar; plain days in Europe/London for None. Raises `MissingCalendar`."""
        ...


def bind(target: Target, *, agreement: Agreement, version: int, calendars: CalendarLookup) -> BoundTarget:
    """The target as it is evaluated; raises `MissingCalendar`."""
    threshold = parse_threshold(target.within)
    calendar = calendars(target.calendar)
    counts_working_time = isinstance(threshold, WorkingSeconds | WorkingDays)
    return BoundTarget(
        definition=target,
        id=target.id,
        measure=target.measure,
        has_exchanges=target.measure in UPDATES,
        agreement=agreement.id,
        agreement_version=version,
        attributed_by=agreement.attributed_by,
        threshold=threshold,
        seconds=threshold.seconds if isinstance(threshold, WorkingSeconds | ElapsedSeconds) else None,
        time_basis=calendar.hours if counts_working_time else _ELAPSED,
        hours=calendar.hours,
        calendar=calendar if counts_working_time else None,
        paused_by=_paused_by(target, threshold),
        warn_at=tuple(sorted({each for each in target.warn_at if isinstance(each, int)})),
        warn_before=tuple((each, parse_before_due(each)) for each in target.warn_at if isinstance(each, str)),
    )


def _paused_by(target: Target, threshold: Threshold) -> frozenset[str]:
    if target.paused_by is not None:
        return frozenset(target.paused_by)
    if isinstance(threshold, RecordedDueDate):
        return frozenset()
    return _PAUSED_BY.get(target.measure, frozenset())


class _AgreementPeriod(Struct, frozen=True):
    """One version of an agreement and when it is in force: the epoch seconds `[since_s, until_s)`."""

    agreement: Agreement
    version: int
    since_s: int
    until_s: int


class AgreementIndex:
    """All versions of all agreements, by council."""

    def __init__(self, agreements: Iterable[tuple[int, Agreement]], calendars: CalendarLookup) -> None:
        self._calendars = calendars
        self._periods: dict[str, list[_AgreementPeriod]] = {}
        self._bound: dict[tuple[str, int, str], tuple[BoundTarget, ...]] = {}
        versions: dict[str, list[DefinitionVersion[Agreement]]] = defaultdict(list)
        for number, agreement in agreements:
            versions[agreement.id].append(DefinitionVersion(number, agreement))
            self._periods.setdefault(agreement.council, [])
        for period in chain.from_iterable(map(in_force, versions.values())):
            self._periods[period.version.definition.council].append(_in_seconds(period))

    def knows(self, council: str) -> bool:
        """Whether any agreement of the council is known; until one is, its items wait."""
        return council in self._periods

    @property
    def councils(self) -> Sequence[str]:
        """The councils with an agreement, in order of their ids."""
        return sorted(self._periods)

    def bound_targets(self, council: str, services: Sequence[str], opened_s: int) -> tuple[BoundTarget, ...]:
        """The targets for an item opened then that was ever of one of `services`, each of them once.

        None means out of scope. Raises `MissingCalendar`.
        """
        current = [each for each in self._periods.get(council, ()) if each.since_s <= opened_s < each.until_s]
        bound = [bound for service in services for period in current for bound in self._targets_of(period, service)]
        if len(services) > 1:  # a target of every service is bound for each of them
            bound = list({(each.agreement, each.id): each for each in bound}.values())
        return tuple(bound)

    def targets(self, council: str, *, before_s: int) -> dict[tuple[str, str], Target]:
        """Every target by (agreement, id), as last in force before the instant, even if its agreement ended by then."""
        begun = (each for each in self._periods.get(council, ()) if each.since_s < before_s)
        last = {period.agreement.id: period.agreement for period in begun}
        return {(agreement.id, target.id): target for agreement in last.values() for target in agreement.targets}

    def in_force_since(self, council: str, at_s: int) -> int | None:
        """When the council's first agreement began; None where none is in force at the instant."""
        periods = self._periods.get(council, ())
        if not any(each.since_s <= at_s < each.until_s for each in periods):
            return None
        return min(each.since_s for each in periods)

    def targets_in_force(self, council: str, at_s: int) -> list[tuple[str, Target]]:
        """Every target that is in force at the instant, each with the id of its agreement."""
        current = [each.agreement for each in self._periods.get(council, ()) if each.since_s <= at_s < each.until_s]
        return [(agreement.id, target) for agreement in current for target in agreement.targets]

    def hours(self, target: Target) -> WorkingTime:
        """The service hours that the target counts by. Raises `MissingCalendar`."""
        return self._calendars(target.calendar).hours

    def _targets_of(self, period: _AgreementPeriod, service: str) -> tuple[BoundTarget, ...]:
        name = (period.agreement.id, period.version, service)
        bound = self._bound.get(name)
        if bound is None:
            bound = self._bound[name] = tuple(
                bind(target, agreement=period.agreement, version=period.version, calendars=self._calendars)
                for target in period.agreement.targets
                if target.is_of(service) and target.measure != "availability"
            )
        return bound


def _in_seconds(period: InForce[DefinitionVersion[Agreement]]) -> _AgreementPeriod:
    agreement = period.version.definition
    ends = [_second(day) for day in (period.end_day, agreement.effective_to) if day is not None]
    return _AgreementPeriod(agreement, period.version.number, _second(period.first_day), min(ends, default=1 << 62))


def _second(day: date) -> int:
    return epoch_s(local_midnight(day))
