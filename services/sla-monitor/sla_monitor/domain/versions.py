"""Every version of the catalogue's definitions: and the agreements as they were known at a position of its log."""

from collections.abc import Iterable
from functools import partial

from msgspec import Struct

from shared.contracts.calendar_rules import PLAIN_DAYS, plain_days
from shared.contracts.catalogue import (
    AgreementVersioned,
    CalendarVersioned,
    CatalogueEvent,
    CouncilVersioned,
    PartnershipVersioned,
    ServiceVersioned,
)
from shared.contracts.definitions import Agreement, Calendar, Council, Partnership, Service
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex, BoundCalendar, MissingCalendar
from sla_monitor.domain.working_time.calendar import compile_versions


class KnownVersion(Struct, frozen=True):
    """A version of an agreement or a calendar. `position` orders what became known when."""

    position: int
    version: int
    definition: Agreement | Calendar


class VersionHistory:
    """All versions of agreements and calendars; adding one twice, or in another order, changes nothing.

    Worker threads read while the event loop adds, so a map is never changed but replaced by a larger copy: whoever
    iterates over one goes on with what it was.
    """

    def __init__(self, known: Iterable[KnownVersion] = ()) -> None:
        self._agreements: dict[tuple[str, int], tuple[int, Agreement]] = {}
        self._calendars: dict[str, dict[int, tuple[int, Calendar]]] = {}
        self._bound: dict[tuple[str, tuple[int, ...]], BoundCalendar] = {}
        for each in known:
            self.add(each)

    def add(self, known: KnownVersion) -> None:
        """The version is known, from its first position on where it is announced again."""
        match known.definition:
            case Agreement(id=name) as agreement:
                if (name, known.version) not in self._agreements:
                    self._agreements = self._agreements | {(name, known.version): (known.position, agreement)}
            case Calendar(id=name) as calendar:
                versions = self._calendars.get(name, {})
                if known.version not in versions:
                    versions = versions | {known.version: (known.position, calendar)}
                    self._calendars = self._calendars | {name: versions}

    def agreement_index(self, *, known_to: int) -> AgreementIndex:
        """The agreements as known at a position, with their calendars bound when first asked for."""
        versions = [
            (version, agreement)
            for (_, version), (position, agreement) in self._agreements.items()
            if position <= known_to
        ]
        return AgreementIndex(versions, partial(self._bind, known_to))

    def all(self, scope: Scope) -> list[KnownVersion]:
        """The agreements of the scope's councils, then the calendars that they use; each by id and version."""
        agreements, calendars = self._agreements, self._calendars
        visible = [(key, agreements[key]) for key in sorted(agreements) if scope.allows(agreements[key][1].council)]
        used = {target.calendar for _, (_, agreement) in visible for target in agreement.targets}
        return [KnownVersion(position, version, agreement) for (_, version), (position, agreement) in visible] + [
            KnownVersion(calendars[name][version][0], version, calendars[name][version][1])
            for name in sorted(calendars.keys() & used)
            for version in sorted(calendars[name])
        ]

    def newest_agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        agreements = self._agreements
        theirs = [key for key in sorted(agreements) if agreements[key][1].council == council]
        return list({name: agreements[name, version][1] for name, version in theirs}.values())

    def _bind(self, known_to: int, calendar: str | None) -> BoundCalendar:
        """The calendar's versions known at a position, spliced."""
        name = calendar or PLAIN_DAYS
        known = {1: (0, plain_days())} if calendar is None else self._calendars.get(calendar, {})
        versions = sorted(number for number, (since, _) in known.items() if since <= known_to)
        if not versions:
            raise MissingCalendar(f"no version of the calendar {calendar!r} is known")
        key = name, tuple(versions)
        if key not in self._bound:  # held here too, for there may be more calendars than `compile_versions` holds
            compiled = compile_versions([known[number][1] for number in versions])
            self._bound[key] = BoundCalendar(name, versions[-1], compiled)
        return self._bound[key]


class CatalogueHistory:
    """All that the catalogue has published: versions, partnerships, and names of councils and services.

    An event that is added twice, or out of order, changes nothing.
    """

    def __init__(self) -> None:
        self.versions = VersionHistory()
        self._seen: dict[str, set[tuple[str, int]]] = {
            kind: set() for kind in ("council", "service", "calendar", "agreement", "partnership")
        }
        self._names: dict[tuple[type[Council | Service], str], tuple[int, str]] = {}
        self._partnerships: dict[str, tuple[int, Partnership]] = {}

    def add(self, event: CatalogueEvent, *, position: int) -> bool:
        """The event is known, from `position` on; returns whether it can change a verdict."""
        kind = type(event.data.definition).__name__.lower()
        if kind in self._seen:
            self._seen[kind].add((event.data.definition.id, event.data.version))
        match event:
            case AgreementVersioned(data=data) | CalendarVersioned(data=data):
                self.versions.add(KnownVersion(position, data.version, data.definition))
                return True
            case PartnershipVersioned(data=data):
                newest, _ = self._partnerships.get(data.definition.id, (0, None))
                if newest < data.version:
                    newer = {data.definition.id: (data.version, data.definition)}
                    self._partnerships = self._partnerships | newer
            case CouncilVersioned(data=data) | ServiceVersioned(data=data):
                key = type(data.definition), data.definition.id
                newer_name = max(self._names.get(key, (0, "")), (data.version, data.definition.name))
                self._names = self._names | {key: newer_name}
        return False

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership, in order of their ids."""
        return [partnership for _, (_, partnership) in sorted(self._partnerships.items())]

    def counts(self) -> dict[str, int]:
        """How many versions are known of each kind that the monitor reads; 0 of a kind of which there is none."""
        return {kind: len(seen) for kind, seen in self._seen.items()}

    def ids(self, kind: type[Council | Service]) -> list[str]:
        """The ids of all councils or services that are known, ascending."""
        return sorted(id_ for of, id_ in self._names if of is kind)

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called by its newest version; its id while it is not known."""
        return self._names.get((kind, id_), (0, id_))[1]
