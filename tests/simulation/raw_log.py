"""The log as plain JSON.

Of several messages with one identity the first counts, and the smallest of their sequences. Shares no code with the
services, as the oracle does not.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

WITHDRAWN = "tallystick.item.fact-withdrawn.v1"


class RawRecord(NamedTuple):
    """A record as bytes, and when it was appended."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class LogContents(NamedTuple):
    """The valid events of a log by identity, and its other records: repeated, contradicted, or unreadable.

    `late` are the items of which an event was sent late.
    """

    events: dict[tuple[str, str], dict[str, Any]]
    repeated: list[dict[str, Any]]
    contradicted: list[dict[str, Any]]
    unreadable: int
    late: set[tuple[str, str]]


def read_log(records: Iterable[RawRecord]) -> LogContents:
    """Each event once, as it was sent first."""
    contents = LogContents({}, [], [], 0, set())
    unreadable = 0
    for record in records:
        event = _read(record)
        if event is None:
            unreadable += 1
            continue
        first = contents.events.setdefault((event["source"], event["id"]), event)
        if first is not event and _without_sequence(first) != _without_sequence(event):
            contents.contradicted.append(event)
        elif first is not event:
            contents.repeated.append(event)
            if sequence_order(event) < sequence_order(first):
                contents.events[event["source"], event["id"]] = event
                contents.late.add((event["council"], event["subject"]))  # until now it was read in another place
        elif event["type"] == WITHDRAWN:
            contents.late.add((event["council"], event["subject"]))  # until now it was read with what is withdrawn
        elif record.timestamp_ms / 1000 - happened_at(event).timestamp() >= 1:
            contents.late.add((event["council"], event["subject"]))
    return contents._replace(unreadable=unreadable)


def standing(log: LogContents) -> list[dict[str, Any]]:
    """The events that count: neither withdrawn by their own source, nor withdrawals."""
    withdrawals = [event for event in log.events.values() if event["type"] == WITHDRAWN]
    gone = {(event["source"], event["data"]["withdrawn_id"]) for event in withdrawals}
    return [
        event
        for event in log.events.values()
        if event["type"] != WITHDRAWN and (event["source"], event["id"]) not in gone
    ]


def expected_counts(*logs: LogContents) -> dict[str, int]:
    """How many records must be applied, duplicate, quarantined."""
    records = sum(len(each.events) + len(each.repeated) + len(each.contradicted) + each.unreadable for each in logs)
    duplicate = sum(len(each.repeated) for each in logs)
    quarantined = sum(len(each.contradicted) + each.unreadable for each in logs)
    found = {"duplicate": duplicate, "quarantined": quarantined, "applied": records - duplicate - quarantined}
    return {outcome: count for outcome, count in found.items() if count or outcome == "applied"}


def sequence_order(event: Mapping[str, Any]) -> tuple[int, int, str]:
    """Where an event is among those of its second: first without a sequence, then by number, then by text."""
    sequence = event.get("sequence")
    if sequence is None:
        return 0, 0, ""
    return (1, int(sequence), "") if sequence.isdecimal() else (2, 0, sequence)


def _without_sequence(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "sequence"}


def _read(record: RawRecord) -> dict[str, Any] | None:
    try:
        event = json.loads(record.value or b"")
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def happened_at(event: Mapping[str, Any]) -> datetime:
    """The instant that the event names."""
    return datetime.fromisoformat(event["time"])
