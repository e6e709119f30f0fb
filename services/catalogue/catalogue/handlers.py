"""What the catalogue does: validate a submission, and store and announce its new versions in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.announcements import announcement
from catalogue.domain import validation
from catalogue.domain.submission import InvalidSubmission, SourcePath, Submission, SubmittedDefinition
from catalogue.domain.versions import Catalogue, CatalogueVersion, DefinitionKey, Kind, key_of
from catalogue.log_repair import Comparison, Versions, compare, require_complete_database
from catalogue.ports import VersionStore, VersionTransaction
from shared.contracts.definitions import AnyDefinition
from shared.contracts.versions import version_on
from shared.faults import LocatedFault, TextPosition
from shared.holidays import BankHolidays
from shared.period import LONDON
from shared.scope import Scope


class UnknownDefinition(Exception):
    """Nothing in scope has that kind and id, or had it on the day asked for."""


class VersionRequired(Exception):
    """The id has versions already, and the writer did not say which one the change is meant for."""


class StaleVersion(Exception):
    """The change was meant for another version than the newest."""


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The versions that were added; how many definitions were there already; what will need a change before long."""

    added: tuple[tuple[Kind, str, int], ...]  # kind, id, version
    unchanged: int
    warnings: tuple[LocatedFault, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedVersions:
    """Which version a change is meant to replace: one of the numbers of If-Match, or any version at all."""

    numbers: frozenset[int] = frozenset()
    any: bool = False


class CatalogueHandlers:
    """The catalogue's use cases. Blocking: to be called from worker threads."""

    def __init__(self, versions: VersionStore, holidays: BankHolidays) -> None:
        self._versions, self._holidays = versions, holidays

    def record(self, definitions: Sequence[AnyDefinition], *, at: datetime, actor: str) -> RecordResult:
        """As `load`, for definitions that are in no file: paths begin with the index of each."""
        entries = [SubmittedDefinition(each, SourcePath((index,))) for index, each in enumerate(definitions)]
        return self.load(Submission(entries), at=at, actor=actor)

    def load(self, submission: Submission, *, at: datetime, actor: str) -> RecordResult:
        """Every definition that differs from its newest version is a new version; all of them together or none.

        Raises `InvalidSubmission` with the position of every fault.
        """
        with self._versions.recording() as recording:
            added = self._append(recording, recording.catalogue(), submission, at=at, actor=actor)
        warnings = validation.warnings(submission, self._holidays, at.astimezone(LONDON).date())
        return RecordResult(
            added=tuple((*version.key, version.number) for version in added),
            unchanged=len(submission.entries) - len(added),
            warnings=tuple(map(submission.located, warnings)),
        )

    def replace(
        self, definition: AnyDefinition, *, expected: ExpectedVersions | None, at: datetime, actor: str
    ) -> tuple[CatalogueVersion, bool]:
        """The newest version, now equal to `definition`, and whether it was added.

        Raises `VersionRequired` where there is a version and `expected` is None, `StaleVersion` where the newest is not
        expected, `InvalidSubmission` where the definition does not fit.
        """
        with self._versions.recording() as recording:
            stored = recording.catalogue()
            versions = stored.get(key_of(definition), ())
            require_expected(versions, expected)
            added = self._append(recording, stored, Submission([SubmittedDefinition(definition)]), at=at, actor=actor)
        return (added[0], True) if added else (versions[-1], False)

    def version(
        self, key: DefinitionKey, scope: Scope, *, on: date | None = None, known_at: datetime | None = None
    ) -> CatalogueVersion:
        """The newest version, or the one in force on a day; of those recorded by then. Raises `UnknownDefinition`.

        Without `on` but with `known_at`: the one that takes effect last.
        """
        known = [each for each in self.history(key, scope) if known_at is None or each.recorded_at <= known_at]
        found = known[-1] if on is None and known_at is None else version_on(known, on or date.max)
        if found is None:
            raise UnknownDefinition
        return found

    def history(self, key: DefinitionKey, scope: Scope) -> Sequence[CatalogueVersion]:
        """Every version, ascending; raises `UnknownDefinition`."""
        versions = self._versions.versions(key, scope)
        if not versions:
            raise UnknownDefinition
        return versions

    def listing(
        self, kind: Kind, scope: Scope, *, on: date | None, after: str, limit: int
    ) -> Sequence[CatalogueVersion]:
        """By ascending id, after the id `after`: of each the version in force on a day, or its newest."""
        return self._versions.listing(kind, scope, on=on, after=after, limit=limit)

    def compare(self, announced: Versions) -> Comparison:
        """What the database and the log lack of each other; raises `LogDiffers`. What waits is not counted as lacking.

        `announced` is what the log holds.
        """
        return _compared(*self._versions.recorded(), announced)

    def announce(self, announced: Versions) -> int:
        """Every version that is not among those `announced` will be; returns how many.

        Raises `LogDiffers` and `LogAhead`.
        """
        with self._versions.recording() as recording:
            found = _compared(recording.catalogue(), recording.waiting(), announced)
            require_complete_database(found)
            recording.announce([announcement(version) for version in found.missing_in_log])
        return len(found.missing_in_log)

    def restore(self, announced: Versions, *, actor: str) -> int:
        """Every version `announced` is in the database, as it was recorded; returns how many were not.

        Raises `LogDiffers`.
        """
        with self._versions.recording() as recording:
            lost = compare(recording.catalogue(), announced).missing_in_database
            recording.append(lost, (), actor=actor)
        return len(lost)

    def _append(
        self, recording: VersionTransaction, stored: Catalogue, submission: Submission, *, at: datetime, actor: str
    ) -> Sequence[CatalogueVersion]:
        added = checked_versions(submission, stored, self._holidays, at)
        recording.append(added, [announcement(version) for version in added], actor=actor)
        return added


def checked_versions(
    submission: Submission, stored: Catalogue, holidays: BankHolidays, at: datetime
) -> Sequence[CatalogueVersion]:
    """The versions that recording `submission` over `stored` adds; raises `InvalidSubmission`."""
    faults = validation.faults(submission, stored, holidays, at)
    if faults:
        raise InvalidSubmission(sorted(map(submission.located, faults), key=_position))
    return validation.added(submission, stored, holidays, at)


def _compared(stored: Catalogue, waiting: frozenset[str], announced: Versions) -> Comparison:
    """What waits to be published is on its way to the log, which does not lack it."""
    found = compare(stored, announced)
    lacking = [each for each in found.missing_in_log if announcement(each).id not in waiting]
    return Comparison(lacking, found.missing_in_database)


def require_expected(versions: Sequence[CatalogueVersion], expected: ExpectedVersions | None) -> None:
    """Raises `VersionRequired` and `StaleVersion`, as `CatalogueHandlers.replace` says."""
    if expected is None:
        if versions:
            raise VersionRequired
    elif not versions or not (expected.any or versions[-1].number in expected.numbers):
        raise StaleVersion


def _position(fault: LocatedFault) -> tuple[TextPosition, str, str]:
    return fault.position or TextPosition(0, 0), fault.fault.pointer, fault.fault.message
