"""What the handlers need from the world: somewhere to keep versions."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from catalogue.domain.kinds import DefinitionKey, Kind
from catalogue.domain.versions import Catalogue, CatalogueVersion
from shared.log.port import Outgoing


class VersionTransaction(Protocol):
    """One transaction that nobody else's recording overlaps; what it appends is kept when its context ends well."""

    def catalogue(self) -> Catalogue:
        """Every version of everything, ascending."""
        ...

    def append(self, versions: Sequence[CatalogueVersion], announcements: Sequence[Outgoing], *, actor: str) -> None:
        """Keep `versions`, who recorded them, and what is to be announced; all or nothing."""
        ...


class VersionStore(Protocol):
    """The versions of every definition: appended, never edited. Safe to share between threads."""

    def recording(self) -> AbstractContextManager[VersionTransaction]:
        """A transaction that may append; waits for its turn."""
        ...

    def newest(self, key: DefinitionKey) -> CatalogueVersion | None:
        """The version that the next one would follow."""
        ...

    def in_force(self, key: DefinitionKey, *, on: date, known_at: datetime | None = None) -> CatalogueVersion | None:
        """The version in force on a day, among those recorded at or before `known_at`; None before the first."""
        ...

    def history(self, key: DefinitionKey, *, after: int, limit: int) -> Sequence[CatalogueVersion]:
        """The versions numbered above `after`, ascending."""
        ...

    def listing(self, kind: Kind, *, on: date | None, after: str, limit: int) -> Sequence[CatalogueVersion]:
        """By ascending id, beginning after `after`: of each id the version in force on a day, or its newest."""
        ...
