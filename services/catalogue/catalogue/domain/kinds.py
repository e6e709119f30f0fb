"""The seven kinds of definition: their names, in paths and ids, and their types."""

from typing import Literal, NamedTuple

from shared.contracts.definitions import (
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Partnership,
    Provider,
    Service,
    Tariff,
)

Kind = Literal["provider", "council", "service", "calendar", "tariff", "agreement", "partnership"]

# In the order in which one may refer to another: recorded so, what an event refers to was announced before it.
DEFINITION_TYPES: dict[Kind, type[AnyDefinition]] = {
    "provider": Provider,
    "council": Council,
    "service": Service,
    "calendar": Calendar,
    "tariff": Tariff,
    "agreement": Agreement,
    "partnership": Partnership,
}
PLURALS: dict[Kind, str] = {kind: f"{kind}s" for kind in DEFINITION_TYPES}
_KINDS = {found: kind for kind, found in DEFINITION_TYPES.items()}


class DefinitionKey(NamedTuple):
    """Which thing a definition defines; ids are unique within a kind."""

    kind: Kind
    id: str


def key_of(definition: AnyDefinition) -> DefinitionKey:
    """What `definition` defines."""
    return DefinitionKey(_KINDS[type(definition)], definition.id)


def rank(kind: Kind) -> int:
    """Smaller for what others refer to."""
    return tuple(DEFINITION_TYPES).index(kind)
