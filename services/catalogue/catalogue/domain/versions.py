"""Versions of a definition: appended, never edited; which one counts depends on the day, and on what was known when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.domain.kinds import DefinitionKey, Kind, key_of
from shared.contracts.definitions import AnyDefinition

Catalogue = Mapping[DefinitionKey, Sequence["CatalogueVersion"]]


@dataclass(frozen=True, slots=True)
class CatalogueVersion:
    """A definition as recorded at an instant. `number` counts from 1 within its key."""

    number: int
    recorded_at: datetime
    definition: AnyDefinition

    @property
    def key(self) -> DefinitionKey:
        """What it is a version of."""
        return key_of(self.definition)

    @property
    def kind(self) -> Kind:
        """The kind of what it is a version of."""
        return self.key.kind


@dataclass(frozen=True, slots=True)
class InForce:
    """A version and the days on which it counts, `until` excluded; open where `until` is None."""

    version: CatalogueVersion
    since: date
    until: date | None


def next_version(
    definition: AnyDefinition, versions: Sequence[CatalogueVersion], at: datetime
) -> CatalogueVersion | None:
    """The version that recording `definition` adds to `versions` (ascending): none when it equals the newest.

    Writers may have looked at the clock before they waited for each other: no version is recorded before the last.
    """
    newest = versions[-1] if versions else None
    if newest is None:
        return CatalogueVersion(1, at, definition)
    if newest.definition == definition:
        return None
    return CatalogueVersion(newest.number + 1, max(at, newest.recorded_at), definition)


def in_force(versions: Iterable[CatalogueVersion]) -> Iterator[InForce]:
    """From when to when each version counts, by ascending date.

    On every day it is the one with the latest `effective_from` not after the day; of equal ones the later version.
    """
    latest = {version.definition.effective_from: version for version in sorted(versions, key=lambda v: v.number)}
    starts = sorted(latest)
    for since, following in zip(starts, [*starts[1:], None], strict=True):
        yield InForce(latest[since], since, following)
