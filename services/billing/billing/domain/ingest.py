"""Ingest: a record of the log becomes a fact, or nothing, or the reason why it is quarantined.

A record is quarantined for what it *is*, never for what is not known yet: an event about an unknown council or service
is accepted by the ids that it names, and counts as soon as the catalogue knows them.
"""

import hashlib
from datetime import UTC
from typing import get_args

import msgspec

from billing.domain.metering import Fact, fact_of
from billing.domain.steps import PricesDecided, SealingKeyKnown, StepReceived, key_known, prices_decided, step_of
from billing.domain.verdicts import VerdictReceived, verdict_of
from shared.contracts.access import AccessEvent
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import ItemEvent, TimeAdvanced
from shared.contracts.items import FactWithdrawn, NewItemData, TicketEvent, WorkEvent
from shared.contracts.proposals import ProposalUpdated
from shared.contracts.statements import SealingKeyPublished, StatementEvent
from shared.contracts.topics import CATALOGUE, STATEMENTS, TICKETS, USAGE, VERDICTS, WORK
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent
from shared.instants import epoch_us
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord, read_event

TOPICS = (CATALOGUE, TICKETS, WORK, USAGE, VERDICTS, STATEMENTS)
_CARRIED: dict[str, frozenset[type[AnyEvent]]] = {
    CATALOGUE.name: frozenset({*get_args(CatalogueEvent), *get_args(AccessEvent), ProposalUpdated}),
    TICKETS.name: frozenset({*get_args(TicketEvent), FactWithdrawn, TimeAdvanced}),
    WORK.name: frozenset({*get_args(WorkEvent), FactWithdrawn, TimeAdvanced}),
    USAGE.name: frozenset({*get_args(UsageEvent), TimeAdvanced}),
    VERDICTS.name: frozenset(get_args(VerdictEvent)),
    STATEMENTS.name: frozenset({*get_args(StatementEvent), SealingKeyPublished}),
}
_encoder = msgspec.json.Encoder(order="deterministic")


AnyFact = Fact | VerdictReceived | StepReceived | PricesDecided | SealingKeyKnown


class AcceptedEvent(msgspec.Struct, frozen=True, gc=False):
    """A fact to be stored once, and the digest that distinguishes a repetition from another content under its id."""

    record: Record
    fact: AnyFact
    digest: bytes


def ingest_record(shard: Shard, record: Record) -> AcceptedEvent | InvalidRecord | None:
    """The record of `shard` as a fact or as invalid, from its own bytes alone; None for a mark of time."""
    event = read_event(shard, record, _CARRIED[shard.topic])
    if isinstance(event, InvalidRecord):
        return event
    fact = _fact(event, shard, record)
    if fact is None:
        return None
    digest = verdict_digest(fact) if isinstance(fact, VerdictReceived) else content_digest(event)
    return AcceptedEvent(record, fact, digest)


def _fact(event: AnyEvent, shard: Shard, record: Record) -> AnyFact | None:
    if isinstance(event, VerdictEvent):
        return verdict_of(event, record.offset)
    if isinstance(event, StatementEvent):
        return step_of(event)
    if isinstance(event, SealingKeyPublished):
        return key_known(event)
    if isinstance(event, ProposalUpdated):
        return prices_decided(event)
    return fact_of(event, partition=shard.partition, offset=record.offset)


def content_digest(event: AnyEvent) -> bytes:
    """SHA-256 of what the event says: two sendings that differ in layout, tracing, routing or sequence have one."""
    council = event.council if isinstance(event, ItemEvent) else None
    content = (type(event).__struct_config__.tag, epoch_us(event.time), event.subject, council, _in_utc(event.data))
    return hashlib.sha256(_encoder.encode(content)).digest()


def _in_utc(data: object) -> object:
    """The same data; one instant written in two time zones is one content."""
    if isinstance(data, NewItemData) and data.due_at is not None:
        return msgspec.structs.replace(data, due_at=data.due_at.astimezone(UTC))
    return data


def verdict_digest(verdict: VerdictReceived) -> bytes:
    """SHA-256 of what a verdict means to a recharge.

    A monitor that has lost live state publishes some verdicts again, under the same id but for another trigger: with
    another time and cause, perhaps by a newer version of the agreement. That is no conflict.
    """
    content = (*verdict.key, verdict.month, verdict.outcome)
    return hashlib.sha256(_encoder.encode(content)).digest()
