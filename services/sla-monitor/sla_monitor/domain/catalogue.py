"""What the monitor keeps of the catalogue: every version of calendars and agreements, partnerships, and names."""

from shared.contracts.catalogue import (
    AgreementVersioned,
    CalendarVersioned,
    CatalogueEvent,
    CouncilVersioned,
    PartnershipVersioned,
    ServiceVersioned,
)
from shared.contracts.definitions import Council, Partnership, Service
from sla_monitor.domain.versions import KnownVersion, VersionHistory


class CatalogueHistory:
    """Grows by the catalogue's events; taking one twice changes nothing, and their order does not matter."""

    def __init__(self) -> None:
        self.known = VersionHistory()
        self._named: dict[tuple[type[Council | Service], str], tuple[int, str]] = {}
        self._partnerships: dict[str, tuple[int, Partnership]] = {}

    def take(self, event: CatalogueEvent, *, position: int) -> bool:
        """The version is known, from `position` on; returns whether it can change a verdict."""
        match event:
            case AgreementVersioned(data=data) | CalendarVersioned(data=data):
                self.known.keep(KnownVersion(position, data.version, data.definition))
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

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership, in order of their ids."""
        return [partnership for _, (_, partnership) in sorted(self._partnerships.items())]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called by its newest version; its id while it is not known."""
        return self._named.get((kind, id_), (0, id_))[1]
