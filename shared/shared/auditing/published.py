"""Entries of the audit log as events that are kept for ever, on one topic of all services, and read back from there."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec

from shared.audit import AuditEntry, AuditRecord
from shared.contracts.audit import AuditRecorded, AuditRecordedData
from shared.contracts.codec import canonical_json
from shared.contracts.topics import AUDIT
from shared.ids import derived_id
from shared.log.port import Bus, Outgoing, Record, Shard
from shared.units import EpochMillis, Offset

_SHARD = Shard(AUDIT.name, 0)
_PAGE = 500
_decoder = msgspec.json.Decoder(AuditRecorded)


def message(service: str, entry: AuditEntry) -> Outgoing:
    """The entry of `service` as it is published: the same bytes under the same key, however often."""
    record, key = entry.record, f"{service}:{entry.number}"
    recorded = AuditRecorded(
        id=derived_id("audit", service, entry.number, entry.digest),
        source=f"/{service}",
        time=datetime.fromtimestamp(record.at_us // 1_000_000, UTC),
        subject=key,
        data=AuditRecordedData(
            service=service,
            number=entry.number,
            at_us=record.at_us,
            actor=record.actor,
            action=record.action,
            about=record.subject,
            council=record.council,
            details=record.details,
            previous=entry.previous,
            digest=entry.digest,
        ),
    )
    return Outgoing(recorded.id, AUDIT.name, key, canonical_json(recorded), EpochMillis(record.at_us // 1_000))


async def published_entries(bus: Bus, service: str) -> AsyncIterator[Sequence[AuditEntry]]:
    """What the log holds now of the service's entries, in pages; one that was published again is there twice."""
    held = await bus.bounds(_SHARD)
    offset = held.first
    while offset < held.end and (records := await bus.read(_SHARD, offset, limit=_PAGE)):
        offset = Offset(records[-1].offset + 1)
        yield [entry for record in records if (entry := _entry(record, service)) is not None]


def _entry(record: Record, service: str) -> AuditEntry | None:
    """None for an entry of another service, and for what is none: nobody else may write to the topic."""
    try:
        data = _decoder.decode(record.value or b"").data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if data.service != service:
        return None
    about = AuditRecord(
        at_us=data.at_us,
        actor=data.actor,
        action=data.action,
        subject=data.about,
        council=data.council,
        details=data.details,
    )
    return AuditEntry(number=data.number, record=about, previous=data.previous, digest=data.digest)
