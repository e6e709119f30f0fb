"""What the monitor keeps of the catalogue: every version of calendars and agreements, made into a book when asked."""

from collections import defaultdict

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


class Versions:
    """Grows by the catalogue's events; taking one twice changes nothing, and their order does not matter."""

    def __init__(self) -> None:
        self._agreements: dict[tuple[str, int], Agreement] = {}
        self._calendars: dict[str, dict[int, Calendar]] = defaultdict(dict)
        self._named: dict[tuple[type[Council | Service], str], tuple[int, str]] = {}
        self._partnerships: dict[str, tuple[int, Partnership]] = {}
        self._bound: dict[str | None, BoundCalendar] = {}

    def take(self, event: CatalogueEvent) -> bool:
        """The version is known; returns whether it can change a verdict."""
        match event:
            case AgreementVersioned(data=data):
                self._agreements[data.definition.id, data.version] = data.definition
                return True
            case CalendarVersioned(data=data):
                self._calendars[data.definition.id][data.version] = data.definition
                self._bound.pop(data.definition.id, None)
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

    def book(self) -> Book:
        """The agreements as now known, with their calendars bound when first asked for."""
        return Book([(version, agreement) for (_, version), agreement in self._agreements.items()], self._bind)

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership, in order of their ids."""
        return [partnership for _, (_, partnership) in sorted(self._partnerships.items())]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called by its newest version; its id while it is not known."""
        return self._named.get((kind, id_), (0, id_))[1]

    def agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        newest: dict[str, Agreement] = {}
        for (name, _), agreement in sorted(self._agreements.items()):
            if agreement.council == council:
                newest[name] = agreement
        return list(newest.values())

    def _bind(self, calendar: str | None) -> BoundCalendar:
        if calendar not in self._bound:
            self._bound[calendar] = self._compile(calendar)
        return self._bound[calendar]

    def _compile(self, calendar: str | None) -> BoundCalendar:
        if calendar is None:
            return BoundCalendar(_PLAIN_DAYS.id, 1, compile_versions([_PLAIN_DAYS]))
        versions = self._calendars.get(calendar)
        if not versions:
            raise MissingCalendar(f"no version of the calendar {calendar!r} is known")
        in_order = [versions[number] for number in sorted(versions)]
        return BoundCalendar(calendar, max(versions), compile_versions(in_order))
