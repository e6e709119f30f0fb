"""What the catalogue does: load what is recorded, decide what is added, keep it and announce it in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.announcements import announcement
from catalogue.domain import validation
from catalogue.domain.given import Given, Placed, Refused, Spot
from catalogue.domain.kinds import Key, Kind, key_of
from catalogue.domain.versions import Catalogue, Version
from catalogue.ports import Recording, Versions
from shared.contracts.definitions import AnyDefinition
from shared.faults import LocatedFault, Place
from shared.holidays import BankHolidays
from shared.period import LONDON


class UnknownDefinition(Exception):
    """Nothing has that kind and id, or nothing had it on the day asked for."""


class VersionUnseen(Exception):
    """The id has versions already, and the writer did not say which one the change is meant for."""


class StaleVersion(Exception):
    """The change was meant for another version than the newest."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording added, as (kind, id, version); how much was there already; what will not do for long."""

    added: tuple[tuple[Kind, str, int], ...]
    unchanged: int
    warnings: tuple[LocatedFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Which versions a writer has seen: the numbers of If-Match, or any version at all."""

    numbers: frozenset[int] = frozenset()
    any: bool = False


class Handlers:
    """The catalogue's use cases. Blocking: to be called from worker threads."""

    def __init__(self, versions: Versions, holidays: BankHolidays) -> None:
        self._versions = versions
        self._holidays = holidays

    def record(self, definitions: Sequence[AnyDefinition], *, at: datetime, actor: str) -> Recorded:
        """`definitions` are recorded together, those equal to their newest version excepted; raises `Refused`."""
        return self.load(Given([Placed(d, Spot((i,))) for i, d in enumerate(definitions)]), at=at, actor=actor)

    def load(self, given: Given, *, at: datetime, actor: str) -> Recorded:
        """As `record`, for what was read from a file; raises `Refused` with the place of every fault."""
        with self._versions.recording() as recording:
            added = self._append(recording, recording.catalogue(), given, at=at, actor=actor)
        warnings = validation.warnings(given, self._holidays, at.astimezone(LONDON).date())
        return Recorded(
            added=tuple((version.kind, version.key.id, version.number) for version in added),
            unchanged=len(given.placed) - len(added),
            warnings=tuple(map(given.located, warnings)),
        )

    def replace(
        self, definition: AnyDefinition, *, seen: Seen | None, at: datetime, actor: str
    ) -> tuple[Version, bool]:
        """The newest version, now equal to `definition`, and whether it was added.

        Raises `VersionUnseen` where there is a version and `seen` is None, `StaleVersion` where `seen` is not the
        newest, `Refused` where the definition does not fit.
        """
        with self._versions.recording() as recording:
            stored = recording.catalogue()
            versions = stored.get(key_of(definition), ())
            _check_seen(versions, seen)
            added = self._append(recording, stored, Given([Placed(definition)]), at=at, actor=actor)
        return (added[0], True) if added else (versions[-1], False)

    def newest(self, kind: Kind, name: str) -> Version:
        """The version that the next one would follow; raises `UnknownDefinition`."""
        return _found(self._versions.newest(Key(kind, name)))

    def in_force(self, kind: Kind, name: str, *, on: date, known_at: datetime | None = None) -> Version:
        """The version in force on a day, as far as was known at `known_at`; raises `UnknownDefinition`."""
        return _found(self._versions.in_force(Key(kind, name), on=on, known_at=known_at))

    def history(self, kind: Kind, name: str, *, after: int = 0, limit: int) -> Sequence[Version]:
        """The versions numbered above `after`, ascending; raises `UnknownDefinition`."""
        key = Key(kind, name)
        _found(self._versions.newest(key))
        return self._versions.history(key, after=after, limit=limit)

    def listing(self, kind: Kind, *, on: date | None, after: str, limit: int) -> Sequence[Version]:
        """By ascending id, beginning after `after`: of each id the version in force on a day, or its newest."""
        return self._versions.listing(kind, on=on, after=after, limit=limit)

    def _append(
        self, recording: Recording, stored: Catalogue, given: Given, *, at: datetime, actor: str
    ) -> Sequence[Version]:
        faults = validation.faults(given, stored, self._holidays, at)
        if faults:
            raise Refused(sorted(map(given.located, faults), key=_position))
        added = validation.added(given, stored, self._holidays, at)
        recording.append(added, [announcement(version) for version in added], actor=actor)
        return added


def _found(version: Version | None) -> Version:
    if version is None:
        raise UnknownDefinition
    return version


def _check_seen(versions: Sequence[Version], seen: Seen | None) -> None:
    if seen is None:
        if versions:
            raise VersionUnseen
    elif not versions or not (seen.any or versions[-1].number in seen.numbers):
        raise StaleVersion


def _position(fault: LocatedFault) -> tuple[Place, str, str]:
    return fault.place or Place(0, 0), fault.fault.pointer, fault.fault.message
