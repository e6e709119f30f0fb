"""Instants in events, and what orders the events of one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]
# A second, and the place of a sequence.
Moment = tuple[int, tuple[int, int, str]]

WITHDRAWN = "tallystick.item.fact-withdrawn.v1"


def second_of(instant: str) -> int:
    """Epoch seconds of an RFC 3339 instant."""
    return int(datetime.fromisoformat(instant).timestamp())


def moment_of(event: Event) -> Moment:
    """When it happened, and which came first within that second."""
    return second_of(event["time"]), _sequence(event)


def distinct(events: Iterable[Event]) -> Iterable[Event]:
    """Each event that counts, once, with the smallest of its sequences: neither withdrawn nor a withdrawal."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        known = found.setdefault((event["source"], event["id"]), event)
        if _sequence(event) < _sequence(known):
            found[event["source"], event["id"]] = event
    withdrawals = [event for event in found.values() if event["type"] == WITHDRAWN]
    for event in withdrawals:
        found.pop((event["source"], event["data"]["withdrawn_id"]), None)
    return [event for event in found.values() if event["type"] != WITHDRAWN]


def _sequence(event: Event) -> tuple[int, int, str]:
    """No sequence comes first, then numbers, then other text."""
    text = event.get("sequence", "")
    return (1, int(text), "") if text.isdecimal() else (2, 0, text) if text else (0, 0, "")
