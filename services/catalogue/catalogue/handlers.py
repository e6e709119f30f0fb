"""What the catalogue does: load what is recorded, decide what is added, keep it and announce it in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.announcements import announcement
from catalogue.domain import validation
from catalogue.domain.kinds import DefinitionKey, Kind, key_of
from catalogue.domain.submission import InvalidSubmission, SourcePath, Submission, SubmittedDefinition
from catalogue.domain.versions import Catalogue, CatalogueVersion
from catalogue.ports import VersionStore, VersionTransaction
from shared.contracts.definitions import AnyDefinition
from shared.faults import LocatedFault, TextPosition
from shared.holidays import BankHolidays
from shared.period import LONDON


class UnknownDefinition(Exception):
    """Nothing has that kind and id, or nothing had it on the day asked for."""


class VersionRequired(Exception):
    """The id has versions already, and the writer did not say which one the change is meant for."""


class StaleVersion(Exception):
    """The change was meant for another version than the newest."""


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What a recording added, as (kind, id, version); how much was there already; what will not do for long."""

    added: tuple[tuple[Kind, str, int], ...]
    unchanged: int
    warnings: tuple[LocatedFault, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedVersions:
    """Which versions a writer has seen: the numbers of If-Match, or any version at all."""

    numbers: frozenset[int] = frozenset()
    any: bool = False


class CatalogueHandlers:
    """The catalogue's use cases. Blocking: to be called from worker threads."""

    def __init__(self, versions: VersionStore, holidays: BankHolidays) -> None:
        self._versions = versions
        self._holidays = holidays

    def record(self, definitions: Sequence[AnyDefinition], *, at: datetime, actor: str) -> RecordResult:
        """`definitions` that differ from their newest version are recorded together; raises `InvalidSubmission`."""
        return self.load(
            Submission([SubmittedDefinition(d, SourcePath((i,))) for i, d in enumerate(definitions)]),
            at=at,
            actor=actor,
        )

    def load(self, submission: Submission, *, at: datetime, actor: str) -> RecordResult:
        """As `record`, for what was read from a file; raises `InvalidSubmission` with the place of every fault."""
        with self._versions.recording() as recording:
            added = self._append(recording, recording.catalogue(), submission, at=at, actor=actor)
        warnings = validation.warnings(submission, self._holidays, at.astimezone(LONDON).date())
        return RecordResult(
            added=tuple((version.kind, version.key.id, version.number) for version in added),
            unchanged=len(submission.entries) - len(added),
            warnings=tuple(map(submission.located, warnings)),
        )

    def replace(
        self, definition: AnyDefinition, *, seen: ExpectedVersions | None, at: datetime, actor: str
    ) -> tuple[CatalogueVersion, bool]:
        """The newest version, now equal to `definition`, and whether it was added.

        Raises `VersionRequired` where there is a version and `seen` is None, `StaleVersion` where `seen` is not the
        newest, `InvalidSubmission` where the definition does not fit.
        """
        with self._versions.recording() as recording:
            stored = recording.catalogue()
            versions = stored.get(key_of(definition), ())
            _check_seen(versions, seen)
            added = self._append(recording, stored, Submission([SubmittedDefinition(definition)]), at=at, actor=actor)
        return (added[0], True) if added else (versions[-1], False)

    def newest(self, kind: Kind, name: str) -> CatalogueVersion:
        """The version that the next one would follow; raises `UnknownDefinition`."""
        return _found(self._versions.newest(DefinitionKey(kind, name)))

    def in_force(self, kind: Kind, name: str, *, on: date, known_at: datetime | None = None) -> CatalogueVersion:
        """The version in force on a day, as far as was known at `known_at`; raises `UnknownDefinition`."""
        return _found(self._versions.in_force(DefinitionKey(kind, name), on=on, known_at=known_at))

    def history(self, kind: Kind, name: str, *, after: int = 0, limit: int) -> Sequence[CatalogueVersion]:
        """The versions numbered above `after`, ascending; raises `UnknownDefinition`."""
        key = DefinitionKey(kind, name)
        _found(self._versions.newest(key))
        return self._versions.history(key, after=after, limit=limit)

    def listing(self, kind: Kind, *, on: date | None, after: str, limit: int) -> Sequence[CatalogueVersion]:
        """By ascending id, beginning after `after`: of each id the version in force on a day, or its newest."""
        return self._versions.listing(kind, on=on, after=after, limit=limit)

    def _append(
        self, recording: VersionTransaction, stored: Catalogue, submission: Submission, *, at: datetime, actor: str
    ) -> Sequence[CatalogueVersion]:
        faults = validation.faults(submission, stored, self._holidays, at)
        if faults:
            raise InvalidSubmission(sorted(map(submission.located, faults), key=_position))
        added = validation.added(submission, stored, self._holidays, at)
        recording.append(added, [announcement(version) for version in added], actor=actor)
        return added


def _found(version: CatalogueVersion | None) -> CatalogueVersion:
    if version is None:
        raise UnknownDefinition
    return version


def _check_seen(versions: Sequence[CatalogueVersion], seen: ExpectedVersions | None) -> None:
    if seen is None:
        if versions:
            raise VersionRequired
    elif not versions or not (seen.any or versions[-1].number in seen.numbers):
        raise StaleVersion


def _position(fault: LocatedFault) -> tuple[TextPosition, str, str]:
    return fault.position or TextPosition(0, 0), fault.fault.pointer, fault.fault.message
