"""A record of the log to what billing keeps of it: nothing, a fact, or the reason why it is set aside.

A record is set aside for what it *is*, never for what is not known yet: a fact about an unknown council or service is
kept by the ids that it names, and counts as soon as the catalogue knows them.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from billing.domain.metering import Fact, epoch_us, fact_of
from shared.bus.port import Record
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.clockwork import TimeAdvanced
from shared.contracts.codec import AnyEvent, UndecodableEvent, decode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK
from shared.contracts.usage import UsageEvent

Refusal = Literal["no-value", "too-large", "undecodable", "wrong-topic", "wrong-key", "time-out-of-range", "conflict"]

TOPICS = (CATALOGUE, TICKETS, WORK, USAGE)
MOST_BYTES = 256 * 1024
_YEARS = range(2000, 2101)  # outside of them, London dates and integer microseconds are not worth trusting
_CARRIED: dict[str, frozenset[type]] = {
    CATALOGUE.name: frozenset(get_args(CatalogueEvent)),
    TICKETS.name: frozenset({*get_args(TicketEvent), TimeAdvanced}),
    WORK.name: frozenset({*get_args(WorkEvent), TimeAdvanced}),
    USAGE.name: frozenset({*get_args(UsageEvent), TimeAdvanced}),
}
_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact to be stored once, and the digest that tells a repetition from another content under the same id."""

    record: Record
    fact: Fact
    digest: bytes


@dataclass(frozen=True, slots=True)
class Passed:
    """A good record that has no bearing on a recharge."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record to be quarantined with its bytes. `detail` says where and what was expected, never the value."""

    record: Record
    reason: Refusal
    detail: str


def take_in(topic: str, record: Record) -> Kept | Passed | Refused:
    """What becomes of `record`, from its own bytes alone."""
    if record.value is None:
        return Refused(record, "no-value", "expected an event, got a record without a value")
    if len(record.value) > MOST_BYTES:
        return Refused(record, "too-large", f"expected at most {MOST_BYTES} bytes, got {len(record.value)}")
    try:
        event = decode_event(record.value)
    except UndecodableEvent as fault:
        return Refused(record, "undecodable", str(fault))
    return _judged(topic, record, event)


def content_digest(event: AnyEvent) -> bytes:
    """SHA-256 of what the event says: equal for two sendings that differ in layout, tracing or routing only."""
    council = event.council if isinstance(event, ItemEvent) else None
    content = (type(event).__struct_config__.tag, epoch_us(event.time), event.subject, council, event.data)
    return hashlib.sha256(_encoder.encode(content)).digest()


def _judged(topic: str, record: Record, event: AnyEvent) -> Kept | Passed | Refused:
    if type(event) not in _CARRIED[topic]:
        return Refused(record, "wrong-topic", f"{topic} does not carry events of this type")
    if event.time.year not in _YEARS:
        return Refused(record, "time-out-of-range", f"expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    if isinstance(event, ItemEvent) and record.key != event.key.encode():
        return Refused(record, "wrong-key", "expected the key council:subject, which keeps an item in one partition")
    fact = fact_of(event)
    return Passed() if fact is None else Kept(record, fact, content_digest(event))
