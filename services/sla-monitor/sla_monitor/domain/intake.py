"""Which records the monitor takes in: those of tickets, of work and of outages, and the marks that move time."""

from typing import get_args

from shared.contracts.clockwork import TimeAdvanced
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.topics import TICKETS, WORK
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord, read_event
from sla_monitor.domain.facts import ItemEvent

Accepted = ItemEvent | TimeAdvanced
_CARRIED: dict[str, frozenset[type[Accepted]]] = {
    TICKETS.name: frozenset({*get_args(TicketEvent), TimeAdvanced}),
    WORK.name: frozenset({*get_args(WorkEvent), TimeAdvanced}),
}


def read_record(shard: Shard, record: Record) -> Accepted | InvalidRecord:
    """The event that a record of `shard` holds, or why it is none of the monitor's."""
    return read_event(shard, record, _CARRIED[shard.topic])
