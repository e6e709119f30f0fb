"""The eight kinds of definition, and their versions: appended, never edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from shared.contracts.definitions import (
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Partnership,
    PriceIndex,
    Provider,
    Service,
    Tariff,
    council_of,
)

Kind = Literal["provider", "council", "service", "calendar", "index", "tariff", "agreement", "partnership"]

# In the order in which one may refer to another: what an event refers to is announced before it.
DEFINITION_TYPES: dict[Kind, type[AnyDefinition]] = {
    "provider": Provider,
    "council": Council,
    "service": Service,
    "calendar": Calendar,
    "index": PriceIndex,
    "tariff": Tariff,
    "agreement": Agreement,
    "partnership": Partnership,
}
PLURALS: dict[Kind, str] = {kind: f"{kind}s" for kind in DEFINITION_TYPES} | {"index": "indexes"}
_KINDS = {found: kind for kind, found in DEFINITION_TYPES.items()}


class DefinitionKey(NamedTuple):
    """What a definition defines; ids are unique within a kind."""

    kind: Kind
    id: str


def key_of(definition: AnyDefinition) -> DefinitionKey:
    """What `definition` defines."""
    return DefinitionKey(_KINDS[type(definition)], definition.id)


@dataclass(frozen=True, slots=True)
class CatalogueVersion:
    """A definition as recorded at an instant. `number` counts from 1 within its key."""

    number: int
    recorded_at: datetime
    definition: AnyDefinition

    @property
    def key(self) -> DefinitionKey:
        return key_of(self.definition)

    @property
    def council(self) -> str | None:
        """The council that it is about; None for what councils share: providers, services, calendars, tariffs ..."""
        return council_of(self.definition)


Catalogue = Mapping[DefinitionKey, Sequence[CatalogueVersion]]


def next_version(
    definition: AnyDefinition, versions: Sequence[CatalogueVersion], at: datetime
) -> CatalogueVersion | None:
    """The version that recording `definition` adds to `versions` (ascending): none when it equals the newest.

    Writers may have read the clock before they waited for each other: no version is recorded before the last.
    """
    if not versions:
        return CatalogueVersion(1, at, definition)
    newest = versions[-1]
    if newest.definition == definition:
        return None
    return CatalogueVersion(newest.number + 1, max(at, newest.recorded_at), definition)
