"""Tickets and readings of March 2026: what services have seen of them, and what never arrived."""

from collections.abc import Sequence
from pathlib import Path

from shared.bus.port import Message
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.usage import Reading, UsageRecorded
from tests.support.monitoring import local, ticket

LIVE = ticket(("Mon 2026-03-02 09:00", "opened"), ("Thu 2026-03-12 16:00", "resolved"), item="seen")
LATE = [
    *ticket(("Tue 2026-03-03 09:00", "opened"), ("Tue 2026-03-03 10:00", "resolved"), item="kept"),
    *ticket(("Tue 2026-03-03 09:00", "opened"), ("Fri 2026-03-27 16:00", "resolved"), item="missed"),
    *ticket(("Wed 2026-03-04 09:00", "opened"), item="open", council="worthing"),
    *ticket(("Mon 2026-03-02 10:00", "paused"), ("Thu 2026-03-12 15:30", "resumed"), item="seen"),
]
READING = UsageRecorded(
    id="pay-march",
    source="/desk",
    time=local("Wed 2026-04-01 09:00"),
    subject="pay-march",
    council="adur",
    data=Reading(service="payroll", quantity="412", business_date=local("Tue 2026-03-31 09:00").date()),
)


def message(event: ItemEvent) -> Message:
    """The event as it was sent when it happened."""
    return Message(event.key, encode_event(event), timestamp_ms=int(event.time.timestamp() * 1000))


def file_of(folder: Path, events: Sequence[ItemEvent], *lines: bytes) -> Path:
    """The events, one a line, with whatever lines more."""
    path = folder / "missing.ndjson"
    path.write_bytes(b"\n".join([*map(encode_event, events), *lines]) + b"\n")
    return path
