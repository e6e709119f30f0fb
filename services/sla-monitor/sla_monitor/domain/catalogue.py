"""What the monitor keeps of the catalogue: every version of calendars and agreements, made into a book when asked."""

from collections import defaultdict
from functools import partial

from msgspec import Struct

from shared.contracts.catalogue import (
    AgreementVersioned,
    CalendarVersioned,
    CatalogueEvent,
    CouncilVersioned,
    PartnershipVersioned,
    ServiceVersioned,
)
from shared.contracts.definitions import Agreement, Calendar, Council, Partnership, Service
from sla_monitor.domain.calendar import compile_versions
from sla_monitor.domain.terms import Book, BoundCalendar, MissingCalendar

# Targets in plain days and hours need a zone but no hours.
_EVERY_HOUR = ("00:00-24:00",)
_PLAIN_DAYS = Calendar(
    id="plain-days",
    name="Every hour of every day",
    weekly={
        "mon": _EVERY_HOUR,
        "tue": _EVERY_HOUR,
        "wed": _EVERY_HOUR,
        "thu": _EVERY_HOUR,
        "fri": _EVERY_HOUR,
        "sat": _EVERY_HOUR,
        "sun": _EVERY_HOUR,
    },
)


class Known(Struct, frozen=True):
    """A version of an agreement or a calendar. `position` orders what became known when: it is one in the log."""

    position: int
    version: int
    definition: Agreement | Calendar


class Versions:
    """Grows by the catalogue's events; taking one twice changes nothing, and their order does not matter."""

    def __init__(self) -> None:
        self._agreements: dict[tuple[str, int], tuple[int, Agreement]] = {}
        self._calendars: dict[str, dict[int, tuple[int, Calendar]]] = defaultdict(dict)
        self._named: dict[tuple[type[Council | Service], str], tuple[int, str]] = {}
        self._partnerships: dict[str, tuple[int, Partnership]] = {}
        self._bound: dict[tuple[str, tuple[int, ...]], BoundCalendar] = {}

    def take(self, event: CatalogueEvent, *, position: int) -> bool:
        """The version is known, from `position` on; returns whether it can change a verdict."""
        match event:
            case AgreementVersioned(data=data):
                self._agreements.setdefault((data.definition.id, data.version), (position, data.definition))
                return True
            case CalendarVersioned(data=data):
                self._calendars[data.definition.id].setdefault(data.version, (position, data.definition))
                return True
            case PartnershipVersioned(data=data):
                held = self._partnerships.get(data.definition.id)
                if held is None or held[0] < data.version:
                    self._partnerships[data.definition.id] = data.version, data.definition
            case CouncilVersioned(data=data) | ServiceVersioned(data=data):
                name = type(data.definition), data.definition.id
                known = self._named.get(name, (0, ""))
                self._named[name] = max(known, (data.version, data.definition.name))
        return False

    def book(self, *, known_to: int) -> Book:
        """The agreements as known at a position, with their calendars bound when first asked for."""
        versions = [
            (version, agreement)
            for (_, version), (position, agreement) in self._agreements.items()
            if position <= known_to
        ]
        return Book(versions, partial(self._bind, known_to))

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership, in order of their ids."""
        return [partnership for _, (_, partnership) in sorted(self._partnerships.items())]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called by its newest version; its id while it is not known."""
        return self._named.get((kind, id_), (0, id_))[1]

    def agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        newest: dict[str, Agreement] = {}
        for name, version in sorted(self._agreements):
            _, agreement = self._agreements[name, version]
            if agreement.council == council:
                newest[name] = agreement
        return list(newest.values())

    def known(self, council: str) -> list[Known]:
        """Every version that can bear on a council's verdicts: of its agreements, then of their calendars."""
        agreements = [held for held in self._agreements.values() if held[1].council == council]
        named = {target.calendar for _, agreement in agreements for target in agreement.targets}
        return [
            Known(position, version, agreement)
            for (_, version), (position, agreement) in sorted(self._agreements.items(), key=lambda held: held[0])
            if agreement.council == council
        ] + [
            Known(position, version, calendar)
            for name in sorted(self._calendars.keys() & named)
            for version, (position, calendar) in sorted(self._calendars[name].items(), key=lambda held: held[0])
        ]

    def _bind(self, known_to: int, calendar: str | None) -> BoundCalendar:
        """The calendar's versions known at a position, spliced; the same versions are compiled once."""
        name = calendar or _PLAIN_DAYS.id
        held = {1: (0, _PLAIN_DAYS)} if calendar is None else self._calendars.get(calendar, {})
        versions = sorted(number for number, (since, _) in held.items() if since <= known_to)
        if not versions:
            raise MissingCalendar(f"no version of the calendar {calendar!r} is known")
        key = name, tuple(versions)
        if key not in self._bound:
            compiled = compile_versions([held[number][1] for number in versions])
            self._bound[key] = BoundCalendar(name, versions[-1], compiled)
        return self._bound[key]
