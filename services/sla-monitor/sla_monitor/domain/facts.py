"""The facts of one item: what its events state, in the order that decides ties.

Tickets and work items have the same facts: opened, perhaps paused and resumed, stopped, perhaps reopened. Facts are
stored (msgpack arrays), so a field may be added at the end of one, but none may change its meaning or its place.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from msgspec import UNSET, Struct

from shared.contracts import items
from shared.contracts.envelope import TimeAdvanced
from shared.contracts.scalars import AwaitedParty, Stream
from shared.contracts.topics import TICKETS, WORK
from shared.instants import SECOND_US, epoch_us
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord, read_event

ItemEvent = items.TicketEvent | items.WorkEvent | items.FactWithdrawn


# Held by the hundred thousand and never part of a cycle: the garbage collector need not track them.
class Fact(Struct, frozen=True, array_like=True, gc=False):
    """One event of an item: `at_us` in microseconds of the epoch, (`source`, `id`) its identity.

    `sequence` orders it among the facts of its instant, "" where the sender gave none; it is no part of the content.
    """

    at_us: int
    source: str
    id: str
    sequence: str

    @property
    def at_s(self) -> int:
        """The whole second in which it happened; clocks count whole seconds."""
        return self.at_us // SECOND_US


class Opened(Fact, frozen=True, array_like=True, tag=1):
    """The item came in."""

    service: str
    priority: str
    attributes: dict[str, str]
    due_us: int | None
    value_pence: int | None


class Reprioritised(Fact, frozen=True, array_like=True, tag=2):
    """Another priority from now on."""

    priority: str


class Assigned(Fact, frozen=True, array_like=True, tag=3):
    """Somebody took or began it."""

    team: str | None = None


class Asked(Fact, frozen=True, array_like=True, tag=4):
    """The council waits for an answer."""


class Responded(Fact, frozen=True, array_like=True, tag=5):
    """The provider answered."""


class Stopped(Fact, frozen=True, array_like=True, tag=6):
    """Resolved, completed, or rejected: the provider holds it done.

    Of what was rejected `outcome` holds the reason as well, and `units` are None.
    """

    outcome: str
    units: str | None = None


class Closed(Fact, frozen=True, array_like=True, tag=7):
    """Nothing more is expected."""


class Cancelled(Fact, frozen=True, array_like=True, tag=8):
    """The council withdrew it."""

    reason: str


class Paused(Fact, frozen=True, array_like=True, tag=9):
    """Work cannot go on."""

    reason: str
    awaiting: AwaitedParty


class Resumed(Fact, frozen=True, array_like=True, tag=10):
    """Work goes on."""


class Reopened(Fact, frozen=True, array_like=True, tag=11):
    """It was not done after all."""


class OutageBegan(Fact, frozen=True, array_like=True, tag=12):
    """The service is down for the council; the item is the outage."""

    service: str


class OutageOver(Fact, frozen=True, array_like=True, tag=13):
    """The service is back."""

    service: str = ""


class Reclassified(Fact, frozen=True, array_like=True, tag=14):
    """From now on another service, priority or attributes. None: as it was; of an attribute None: taken away."""

    service: str | None
    priority: str | None
    attributes: dict[str, str | None]


class Withdrawn(Fact, frozen=True, array_like=True, tag=15):
    """What the same source stated under `withdrawn_id` is not so (R56). It stays among the facts, as evidence."""

    withdrawn_id: str
    stream: Stream


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
    | Reclassified
    | Withdrawn
)


# What decides last on facts of one instant, where several orders let as many of them take effect (R23).
_KINDS: tuple[type[AnyFact], ...] = (
    Opened,
    Assigned,
    Responded,
    Asked,
    Reprioritised,
    Reclassified,
    Reopened,
    Resumed,
    Stopped,
    Cancelled,
    Closed,
    Paused,
    OutageBegan,
    OutageOver,
    Withdrawn,
)
_RANKS: dict[type[AnyFact], int] = {kind: rank for rank, kind in enumerate(_KINDS)}
SequenceKey = tuple[int, int, str]
OrderKey = tuple[int, SequenceKey, int, str, str]
_NO_SEQUENCE: SequenceKey = (0, 0, "")


def sequence_key(sequence: str) -> SequenceKey:
    """The sort key of a sequence: none comes first, then those of digits alone by their number, then other text."""
    if not sequence:
        return _NO_SEQUENCE
    # As text the number would be in the order 1, 10, 2. No other digits than ASCII's are in a sequence.
    return (1, int(sequence), sequence) if sequence.isdigit() else (2, 0, sequence)


def order_key(fact: AnyFact) -> OrderKey:
    """The sort key of a history: event time, then the sender's sequence, kind and identity; arrival plays no part."""
    return fact.at_us, sequence_key(fact.sequence), _RANKS[type(fact)], fact.source, fact.id


def history(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """The facts in the order in which they happened; `read_timeline` finds out which of one instant applies first."""
    return sorted(facts, key=order_key)


ClassifyingFact = Reprioritised | Reclassified


class Classification(Struct, frozen=True, gc=False):
    """What selects the item's targets, from `since` (epoch seconds) until the next one."""

    since: int
    service: str
    priority: str
    attributes: dict[str, str]

    def changed(self, fact: ClassifyingFact, at: int) -> "Classification":
        """What the item is by `fact`, from `at` on."""
        if isinstance(fact, Reprioritised):
            return Classification(at, self.service, fact.priority, self.attributes)
        attributes = {name: value for name, value in (self.attributes | fact.attributes).items() if value is not None}
        return Classification(at, fact.service or self.service, fact.priority or self.priority, attributes)

    def same_as(self, other: "Classification") -> bool:
        """Whether both are the same but for the instant."""
        return (self.service, self.priority, self.attributes) == (other.service, other.priority, other.attributes)


def services_named(facts: Iterable[AnyFact]) -> list[str]:
    """Every service that an opening or a reclassification names: of which the item is, was, or may be said to be."""
    named = [fact.service for fact in facts if type(fact) is Opened or type(fact) is Reclassified]
    return list(dict.fromkeys([service for service in named if service is not None]))


class WithdrawnFact(NamedTuple):
    """A fact that does not count, and what withdrew it."""

    fact: AnyFact
    by: Withdrawn


def has_withdrawals(facts: Iterable[AnyFact]) -> bool:
    """Whether anything is withdrawn, be it known already or not."""
    return any(isinstance(fact, Withdrawn) for fact in facts)


def withdrawn_facts(facts: Sequence[AnyFact]) -> list[WithdrawnFact]:
    """Each fact that was withdrawn, in their order, with the first withdrawal that names it."""
    first: dict[tuple[str, str], Withdrawn] = {}
    for fact in facts:
        if isinstance(fact, Withdrawn):
            first.setdefault((fact.source, fact.withdrawn_id), fact)
    found = ((fact, first.get((fact.source, fact.id))) for fact in facts if not isinstance(fact, Withdrawn))
    return [WithdrawnFact(fact, by) for fact, by in found if by is not None]


def standing_facts(facts: Sequence[AnyFact], *, as_of_s: int) -> list[AnyFact]:
    """Those that count when all that was withdrawn up to `as_of_s` does not; later withdrawals are still among them."""
    made = [fact for fact in facts if isinstance(fact, Withdrawn) and fact.at_s <= as_of_s]
    gone = {(fact.source, fact.withdrawn_id) for fact in made}
    return [
        fact
        for fact in facts
        if fact not in made and (isinstance(fact, Withdrawn) or (fact.source, fact.id) not in gone)
    ]


def without_withdrawals(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """What would be judged, had nothing been withdrawn."""
    return [fact for fact in facts if not isinstance(fact, Withdrawn)]


PlainFact = Assigned | Asked | Responded | Closed | Resumed | Reopened | OutageOver
# What events without data of their own state, by the verb in their type.
PLAIN_FACTS: dict[str, type[PlainFact]] = {
    "assigned": Assigned,
    "started": Assigned,
    "asked": Asked,
    "responded": Responded,
    "closed": Closed,
    "resumed": Resumed,
    "reopened": Reopened,
    "outage-ended": OutageOver,
}
_PLAIN_FACTS = {
    kind: PLAIN_FACTS.get(str(kind.__struct_config__.tag).split(".")[2])
    for kind in set(get_args(ItemEvent)) - {items.TicketAssigned, items.OutageEnded}
}


def fact_of(event: ItemEvent) -> AnyFact:  # noqa: PLR0911 (one line a kind reads as the table that it is)
    """The fact that an event of a ticket, a work item or an outage states, with all that the event says.

    Two events of one item are equal facts just where billing gives their contents one digest: what is a repetition and
    what a conflict is one question with one answer.
    """
    at_us, source, name = epoch_us(event.time), event.source, event.id
    sequence = "" if event.sequence is UNSET else event.sequence
    plain = _PLAIN_FACTS.get(type(event))
    if plain is not None:
        return plain(at_us, source, name, sequence)
    match event:
        case items.TicketOpened(data=data) | items.WorkReceived(data=data):
            due_us = None if data.due_at is None else epoch_us(data.due_at)
            return Opened(
                at_us, source, name, sequence, data.service, data.priority, data.attributes, due_us, data.value_pence
            )
        case items.TicketAssigned(data=data):
            return Assigned(at_us, source, name, sequence, data.team)
        case items.TicketPaused(data=data) | items.WorkPaused(data=data):
            return Paused(at_us, source, name, sequence, data.reason, data.awaiting)
        case items.TicketResolved(data=data) | items.WorkCompleted(data=data):
            return Stopped(at_us, source, name, sequence, data.outcome, data.units)
        case items.TicketReprioritised(data=data):
            return Reprioritised(at_us, source, name, sequence, data.priority)
        case items.TicketReclassified(data=data) | items.WorkReclassified(data=data):
            service, priority = data.service or None, data.priority or None
            return Reclassified(at_us, source, name, sequence, service, priority, data.attributes or {})
        case items.OutageEnded(data=data):
            return OutageOver(at_us, source, name, sequence, data.service)
        case items.WorkRejected(data=data):
            return Stopped(at_us, source, name, sequence, f"rejected: {data.reason}")
        case items.TicketCancelled(data=data):
            return Cancelled(at_us, source, name, sequence, data.reason)
        case items.OutageStarted(data=data):
            return OutageBegan(at_us, source, name, sequence, data.service)
        case items.FactWithdrawn(data=data):
            return Withdrawn(at_us, source, name, sequence, data.withdrawn_id, data.stream)
    raise TypeError(f"{type(event).__name__} states no fact of an item")


def is_of_an_outage(event: ItemEvent) -> bool:
    """Whether the item is an outage, and no piece of work of the same id."""
    if isinstance(event, items.FactWithdrawn):
        return event.data.stream == "service"
    return isinstance(event, items.OutageStarted | items.OutageEnded)


Accepted = ItemEvent | TimeAdvanced
_CARRIED: dict[str, frozenset[type[Accepted]]] = {
    TICKETS.name: frozenset({*get_args(items.TicketEvent), items.FactWithdrawn, TimeAdvanced}),
    WORK.name: frozenset({*get_args(items.WorkEvent), items.FactWithdrawn, TimeAdvanced}),
}


def read_record(shard: Shard, record: Record) -> Accepted | InvalidRecord:
    """The event in a record of `shard`: of a ticket, work or an outage, or a mark that moves time; or what is wrong."""
    return read_event(shard, record, _CARRIED[shard.topic])
