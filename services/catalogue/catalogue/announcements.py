"""A version as the event that announces it, the same bytes under the same id whenever it is made."""

from typing import Any

from catalogue.domain.versions import CatalogueVersion, Kind
from shared.contracts import catalogue as contract
from shared.contracts.codec import encode_event
from shared.contracts.envelope import Event
from shared.contracts.topics import CATALOGUE
from shared.ids import derived_id
from shared.log.port import Outgoing

SOURCE = "/catalogue"
# Each kind's event and the type of its data: a definition of that kind and its version.
_EVENTS: dict[Kind, tuple[Any, Any]] = {
    "provider": (contract.ProviderVersioned, contract.ProviderData),
    "council": (contract.CouncilVersioned, contract.CouncilData),
    "service": (contract.ServiceVersioned, contract.ServiceData),
    "calendar": (contract.CalendarVersioned, contract.CalendarData),
    "tariff": (contract.TariffVersioned, contract.TariffData),
    "agreement": (contract.AgreementVersioned, contract.AgreementData),
    "partnership": (contract.PartnershipVersioned, contract.PartnershipData),
}


def announcement(version: CatalogueVersion) -> Outgoing:
    """The message that tells the other services of `version`; its key is its own, so that compaction keeps it."""
    event = event_of(version)
    return Outgoing(
        id=event.id,
        topic=CATALOGUE.name,
        key=event.subject,
        value=encode_event(event),
        timestamp_ms=int(version.recorded_at.timestamp() * 1000),
    )


def event_of(version: CatalogueVersion) -> Event:
    """The fact that `version` was recorded, at the time it was."""
    kind, name = version.key
    make_event, make_data = _EVENTS[kind]
    event: Event = make_event(
        id=derived_id("version", kind, name, version.number),
        source=SOURCE,
        time=version.recorded_at,
        subject=f"{kind}:{name}:{version.number}",
        data=make_data(version=version.number, definition=version.definition),
    )
    return event
