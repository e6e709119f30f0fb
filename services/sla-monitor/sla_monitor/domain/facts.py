"""What is known of one item: a set of facts, in the order that decides ties.

Tickets and work items have the same course: opened, perhaps paused and resumed, stopped, perhaps reopened. Facts are
stored (msgpack arrays), so a field may be added at the end of one, but none may change its meaning or its place.
"""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from shared.contracts.items import (
    AwaitedParty,
    OutageEnded,
    OutageStarted,
    TicketAsked,
    TicketAssigned,
    TicketCancelled,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketPaused,
    TicketReopened,
    TicketReprioritised,
    TicketResolved,
    TicketResponded,
    TicketResumed,
    WorkCompleted,
    WorkEvent,
    WorkPaused,
    WorkReceived,
    WorkRejected,
    WorkResumed,
    WorkStarted,
)
from shared.instants import SECOND_US, epoch_us

ItemEvent = TicketEvent | WorkEvent


# Held by the hundred thousand and never in a circle: the collector need not look at them.
class Fact(Struct, frozen=True, array_like=True, gc=False):
    """One event of an item: `at_us` in microseconds of the epoch, (`source`, `id`) its identity.

    `rank` orders facts of one instant: an end beats a pause, a pause beats a resumption (sla-semantics R23).
    """

    rank: ClassVar[int] = 0
    at_us: int
    source: str
    id: str

    @property
    def at_s(self) -> int:
        """The whole second in which it happened; clocks count whole seconds."""
        return self.at_us // SECOND_US


class Opened(Fact, frozen=True, array_like=True, tag=1):
    """The item came in."""

    rank: ClassVar[int] = 0
    service: str
    priority: str
    attributes: dict[str, str]
    due_us: int | None
    value_pence: int | None


class Reprioritised(Fact, frozen=True, array_like=True, tag=2):
    """Another priority from now on."""

    rank: ClassVar[int] = 1
    priority: str


class Assigned(Fact, frozen=True, array_like=True, tag=3):
    """Somebody took or began it."""

    rank: ClassVar[int] = 2


class Asked(Fact, frozen=True, array_like=True, tag=4):
    """The council waits for an answer."""

    rank: ClassVar[int] = 3


class Responded(Fact, frozen=True, array_like=True, tag=5):
    """The provider answered."""

    rank: ClassVar[int] = 4


class Stopped(Fact, frozen=True, array_like=True, tag=6):
    """Resolved, completed, or rejected: the provider holds it done."""

    rank: ClassVar[int] = 5
    outcome: str


class Closed(Fact, frozen=True, array_like=True, tag=7):
    """Nothing more is expected."""

    rank: ClassVar[int] = 6


class Cancelled(Fact, frozen=True, array_like=True, tag=8):
    """The council withdrew it."""

    rank: ClassVar[int] = 7
    reason: str


class Paused(Fact, frozen=True, array_like=True, tag=9):
    """Work cannot go on."""

    rank: ClassVar[int] = 8
    reason: str
    awaiting: AwaitedParty


class Resumed(Fact, frozen=True, array_like=True, tag=10):
    """Work goes on."""

    rank: ClassVar[int] = 9


class Reopened(Fact, frozen=True, array_like=True, tag=11):
    """It was not done after all."""

    rank: ClassVar[int] = 10


class OutageBegan(Fact, frozen=True, array_like=True, tag=12):
    """The service is down for the council; the item is the outage."""

    rank: ClassVar[int] = 11
    service: str


class OutageOver(Fact, frozen=True, array_like=True, tag=13):
    """The service is back."""

    rank: ClassVar[int] = 12


AnyFact = (
    Opened
    | Reprioritised
    | Assigned
    | Asked
    | Responded
    | Stopped
    | Closed
    | Cancelled
    | Paused
    | Resumed
    | Reopened
    | OutageBegan
    | OutageOver
)


def order_key(fact: AnyFact) -> tuple[int, int, str, str]:
    """The sort key of a history: event time, then rank, then identity; arrival plays no part."""
    return fact.at_us, fact.rank, fact.source, fact.id


def history(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """The facts in the order in which they happened."""
    return sorted(facts, key=order_key)


_PLAIN: dict[type[ItemEvent], type[Assigned | Asked | Responded | Closed | Resumed | Reopened | OutageOver]] = {
    TicketAssigned: Assigned,
    WorkStarted: Assigned,
    TicketAsked: Asked,
    TicketResponded: Responded,
    TicketClosed: Closed,
    TicketResumed: Resumed,
    WorkResumed: Resumed,
    TicketReopened: Reopened,
    OutageEnded: OutageOver,
}


def fact_of(event: ItemEvent) -> AnyFact:  # noqa: PLR0911 (one line a kind reads as the table that it is)
    """The fact that an event of a ticket, a work item or an outage states."""
    at_us, source, name = epoch_us(event.time), event.source, event.id
    plain = _PLAIN.get(type(event))
    if plain is not None:
        return plain(at_us, source, name)
    match event:
        case TicketOpened(data=data) | WorkReceived(data=data):
            due_us = None if data.due_at is None else epoch_us(data.due_at)
            return Opened(at_us, source, name, data.service, data.priority, data.attributes, due_us, data.value_pence)
        case TicketReprioritised(data=data):
            return Reprioritised(at_us, source, name, data.priority)
        case TicketResolved(data=data) | WorkCompleted(data=data):
            return Stopped(at_us, source, name, data.outcome)
        case WorkRejected():
            return Stopped(at_us, source, name, "rejected")
        case TicketCancelled(data=data):
            return Cancelled(at_us, source, name, data.reason)
        case TicketPaused(data=data) | WorkPaused(data=data):
            return Paused(at_us, source, name, data.reason, data.awaiting)
        case OutageStarted(data=data):
            return OutageBegan(at_us, source, name, data.service)
    raise TypeError(f"{type(event).__name__} states no fact of an item")
