"""Ingest: a record of the log becomes a fact, or nothing, or the reason why it is quarantined.

A record is quarantined for what it *is*, never for what is not known yet: an event about an unknown council or service
is accepted by the ids that it names, and counts as soon as the catalogue knows them.
"""

import hashlib
from typing import get_args

import msgspec

from billing.domain.judged import MarkReceived, mark_received
from billing.domain.metering import Fact, fact_of
from billing.domain.steps import PricesDecided, SealingKeyKnown, StepReceived, key_known, prices_decided, step_of
from billing.domain.verdicts import VerdictReceived, verdict_of
from shared.contracts.access import AccessEvent
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import TimeAdvanced
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.judged import JudgedThrough
from shared.contracts.proposals import ProposalUpdated
from shared.contracts.statements import SealingKeyPublished, StatementEvent
from shared.contracts.topics import CATALOGUE, STATEMENTS, TICKETS, USAGE, VERDICTS, WORK
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent
from shared.log.content import content_digest
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord, read_event

TOPICS = (CATALOGUE, TICKETS, WORK, USAGE, VERDICTS, STATEMENTS)
_CARRIED: dict[str, frozenset[type[AnyEvent]]] = {
    CATALOGUE.name: frozenset({*get_args(CatalogueEvent), *get_args(AccessEvent), ProposalUpdated}),
    TICKETS.name: frozenset({*get_args(TicketEvent), FactWithdrawn, TimeAdvanced}),
    WORK.name: frozenset({*get_args(WorkEvent), FactWithdrawn, TimeAdvanced}),
    USAGE.name: frozenset({*get_args(UsageEvent), TimeAdvanced}),
    VERDICTS.name: frozenset({*get_args(VerdictEvent), JudgedThrough}),
    STATEMENTS.name: frozenset({*get_args(StatementEvent), SealingKeyPublished}),
}
_encoder = msgspec.json.Encoder(order="deterministic")


AnyFact = Fact | VerdictReceived | MarkReceived | StepReceived | PricesDecided | SealingKeyKnown


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
    if isinstance(event, JudgedThrough):
        return mark_received(event, record.offset)
    if isinstance(event, StatementEvent):
        return step_of(event)
    if isinstance(event, SealingKeyPublished):
        return key_known(event)
    if isinstance(event, ProposalUpdated):
        return prices_decided(event)
    return fact_of(event, partition=shard.partition, offset=record.offset)


def verdict_digest(verdict: VerdictReceived) -> bytes:
    """SHA-256 of what a verdict means to a recharge.

    A monitor that has lost live state publishes some verdicts again, under the same id but for another trigger: with
    another time and cause, perhaps by a newer version of the agreement. That is no conflict.
    """
    content = (*verdict.key, verdict.month, verdict.outcome)
    return hashlib.sha256(_encoder.encode(content)).digest()
