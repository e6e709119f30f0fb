"""A log as anybody can read it: JSON, and nothing that the services know.

Of several messages with one identity the first counts. Shares no code with the services, as the oracle does not.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

# The types by which anything is recharged.
METERING = {
    "tallystick.ticket.opened.v1",
    "tallystick.ticket.resolved.v1",
    "tallystick.usage.recorded.v1",
    "tallystick.usage.reversed.v1",
}


class Raw(NamedTuple):
    """A record as bytes, and when it was appended."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class Heard(NamedTuple):
    """The good events of a log by identity, and its other records: said again, contradicted, or no events at all.

    `late` are the items of which something was told late.
    """

    events: dict[tuple[str, str], dict[str, Any]]
    repeated: list[dict[str, Any]]
    contradicted: list[dict[str, Any]]
    unreadable: int
    late: set[tuple[str, str]]


def heard(records: Iterable[Raw]) -> Heard:
    """Each event once, as it was told first."""
    told = Heard({}, [], [], 0, set())
    unreadable = 0
    for record in records:
        event = _read(record)
        if event is None:
            unreadable += 1
            continue
        first = told.events.setdefault((event["source"], event["id"]), event)
        if first is not event:
            (told.repeated if first == event else told.contradicted).append(event)
        elif record.timestamp_ms / 1000 - happened_at(event).timestamp() >= 1:
            told.late.add((event["council"], event["subject"]))
    return told._replace(unreadable=unreadable)


def fates(*told: Heard, metering_only: bool = False) -> dict[str, int]:
    """What must become of the records, by how many. `metering_only`: the identity of other events is not kept."""

    def known(events: Iterable[dict[str, Any]]) -> int:
        return sum(not metering_only or event["type"] in METERING for event in events)

    records = sum(len(each.events) + len(each.repeated) + len(each.contradicted) + each.unreadable for each in told)
    duplicate = sum(known(each.repeated) for each in told)
    quarantined = sum(known(each.contradicted) + each.unreadable for each in told)
    found = {"duplicate": duplicate, "quarantined": quarantined, "applied": records - duplicate - quarantined}
    return {fate: count for fate, count in found.items() if count or fate == "applied"}


def _read(record: Raw) -> dict[str, Any] | None:
    try:
        event = json.loads(record.value or b"")
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def happened_at(event: Mapping[str, Any]) -> datetime:
    """The instant that the event names."""
    return datetime.fromisoformat(event["time"])
