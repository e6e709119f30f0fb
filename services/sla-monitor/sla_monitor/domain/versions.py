"""Versions of agreements and calendars, each known from a position in the catalogue's log, made into books."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from msgspec import Struct

from shared.contracts.definitions import Agreement, Calendar
from sla_monitor.domain.agreements import AgreementIndex, BoundCalendar, MissingCalendar
from sla_monitor.domain.working_time.calendar import compile_versions

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


class KnownVersion(Struct, frozen=True):
    """A version of an agreement or a calendar. `position` orders what became known when."""

    position: int
    version: int
    definition: Agreement | Calendar


class VersionHistory:
    """Grows; keeping a version twice changes nothing, and the order of keeping does not matter."""

    def __init__(self, known: Iterable[KnownVersion] = ()) -> None:
        self._agreements: dict[tuple[str, int], tuple[int, Agreement]] = {}
        self._calendars: dict[str, dict[int, tuple[int, Calendar]]] = defaultdict(dict)
        self._bound: dict[tuple[str, tuple[int, ...]], BoundCalendar] = {}
        for each in known:
            self.keep(each)

    def keep(self, known: KnownVersion) -> None:
        """The version is known; from where it was known first, if it is told again."""
        match known.definition:
            case Agreement() as agreement:
                self._agreements.setdefault((agreement.id, known.version), (known.position, agreement))
            case Calendar() as calendar:
                self._calendars[calendar.id].setdefault(known.version, (known.position, calendar))

    def agreement_index(self, *, known_to: int) -> AgreementIndex:
        """The agreements as known at a position, with their calendars bound when first asked for."""
        versions = [
            (version, agreement)
            for (_, version), (position, agreement) in self._agreements.items()
            if position <= known_to
        ]
        return AgreementIndex(versions, partial(self._bind, known_to))

    def all(self, *, council: str | None = None) -> list[KnownVersion]:
        """Agreements, of one council where it is named, and the calendars that they use; by id and version."""
        held = {
            key: self._agreements[key]
            for key in sorted(self._agreements)
            if council in (None, self._agreements[key][1].council)
        }
        used = {target.calendar for _, agreement in held.values() for target in agreement.targets}
        return [KnownVersion(position, version, agreement) for (_, version), (position, agreement) in held.items()] + [
            KnownVersion(self._calendars[name][version][0], version, self._calendars[name][version][1])
            for name in sorted(self._calendars.keys() & used)
            for version in sorted(self._calendars[name])
        ]

    def newest_agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        newest: dict[str, Agreement] = {}
        for name, version in sorted(self._agreements):
            _, agreement = self._agreements[name, version]
            if agreement.council == council:
                newest[name] = agreement
        return list(newest.values())

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
