"""A version as the event that announces it, the same bytes under the same id whenever it is made."""

from datetime import datetime
from typing import Any

from catalogue.domain.versions import CatalogueVersion, Kind
from shared.contracts.access import (
    AccessRevoked,
    AccessRevokedData,
    HeldAccess,
    SigningKeyData,
    SigningKeyPublished,
)
from shared.contracts.catalogue import (
    AgreementVersioned,
    CalendarVersioned,
    CatalogueEvent,
    CouncilVersioned,
    IndexVersioned,
    PartnershipVersioned,
    ProviderVersioned,
    ServiceVersioned,
    TariffVersioned,
    VersionData,
)
from shared.contracts.codec import canonical_json, encode_event
from shared.contracts.proposals import ProposalData, ProposalUpdated
from shared.contracts.topics import CATALOGUE
from shared.ids import derived_id
from shared.instants import epoch_ms
from shared.log.port import Outgoing

_EVENTS: dict[Kind, type[Any]] = {
    "provider": ProviderVersioned,
    "council": CouncilVersioned,
    "service": ServiceVersioned,
    "calendar": CalendarVersioned,
    "index": IndexVersioned,
    "tariff": TariffVersioned,
    "agreement": AgreementVersioned,
    "partnership": PartnershipVersioned,
}


def announcement(version: CatalogueVersion) -> Outgoing:
    """The message that announces `version` to the other services; its key is its own, so that compaction keeps it."""
    kind, name = version.key
    event = _EVENTS[kind](
        id=derived_id("version", kind, name, version.number),
        source="/catalogue",
        time=version.recorded_at,
        subject=f"{kind}:{name}:{version.number}",
        data=VersionData(version=version.number, definition=version.definition),
    )
    return Outgoing(event.id, CATALOGUE.name, event.subject, encode_event(event), epoch_ms(version.recorded_at))


def proposal_update(id_: str, proposal: ProposalData, at: datetime) -> Outgoing:
    """The message that says what has become of a proposal; the newest of a proposal counts."""
    event = ProposalUpdated(
        id=derived_id("proposal-updated", id_, proposal.status),
        source="/catalogue",
        time=at,
        subject=id_,
        data=proposal,
    )
    return Outgoing(event.id, CATALOGUE.name, f"proposal:{id_}", encode_event(event), epoch_ms(at))


def revocation(
    principal: str,
    at: datetime,
    *,
    ended: bool = False,
    secrets_from: datetime | None = None,
    access: HeldAccess | None = None,
) -> Outgoing:
    """The message that makes void whatever was issued to `principal` by then; the newest of a principal counts.

    So each says all that holds since: whether it is ended, from when on a client's secrets hold, a person's access.
    """
    data = AccessRevokedData(principal=principal, revoked_at=at, ended=ended, secrets_from=secrets_from, access=access)
    event = AccessRevoked(
        id=derived_id("access-revoked", principal, epoch_ms(at), canonical_json(data).decode()),
        source="/catalogue",
        time=at,
        subject=f"access:{principal}",
        data=data,
    )
    return Outgoing(event.id, CATALOGUE.name, event.subject, encode_event(event), epoch_ms(at))


def key_announcement(key: SigningKeyData, at: datetime) -> Outgoing:
    """The message that says until when signatures by `key` are accepted; the newest of a key counts."""
    event = SigningKeyPublished(
        id=derived_id("signing-key", key.kid, epoch_ms(at)),
        source="/catalogue",
        time=at,
        subject=f"signing-key:{key.kid}",
        data=key,
    )
    return Outgoing(event.id, CATALOGUE.name, event.subject, encode_event(event), epoch_ms(at))


def announced_version(event: CatalogueEvent) -> CatalogueVersion:
    """The version that `event` announces."""
    return CatalogueVersion(event.data.version, event.time, event.data.definition)
