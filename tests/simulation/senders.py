"""The systems that send events: tickets and readings, sent at once, late, twice, with other content, or withdrawn."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import (
    CompletedData,
    FactWithdrawn,
    NewItemData,
    NoData,
    PausedData,
    ReclassifiedData,
    TicketOpened,
    TicketPaused,
    TicketReclassified,
    TicketReopened,
    TicketResolved,
    TicketResponded,
    TicketResumed,
    WithdrawnFactData,
    WorkCompleted,
    WorkPaused,
    WorkReceived,
    WorkResumed,
)
from shared.contracts.topics import PARTITIONS, TICKETS, USAGE, WORK
from shared.contracts.usage import ReversalData, UsageData, UsageRecorded, UsageReversed
from shared.log.partitioner import partition_of
from shared.log.port import Message
from shared.units import CouncilId, ItemId
from tests.simulation import partnership

SOURCE = "/councils/joint/systems/desk"
# Of one topic: with one more among its last thousand records a partition would be halted.
MOST_REFUSED = 10
Send = Callable[[str, Message], None]
# How many things happen in one second, and what their sender says of their order: nothing, all or something.
_AT_ONCE = (1, 1, 1, 2, 1, 3)
_SEQUENCES: tuple[tuple[str | UnsetType, ...], ...] = ((UNSET, UNSET, UNSET), ("9", "10", "11"), ("b", UNSET, "a"))
# The sequences of events that are sent again; None for the same as before.
_AGAIN = (None, None, "8", "12", "c")
_DATA: dict[type[ItemEvent], Any] = {
    TicketOpened: NewItemData(service="ict"),
    TicketReclassified: ReclassifiedData(service="phones", priority="high", attributes={"floor": None}),
    TicketPaused: PausedData(reason="waiting", awaiting="council"),
    TicketResolved: CompletedData(),
    WorkReceived: NewItemData(service="ict"),
    WorkPaused: PausedData(reason="waiting", awaiting="council"),
    WorkCompleted: CompletedData(),
}
# What may happen to work in each state; once completed, nothing.
_STEPS_OF_WORK: dict[str, list[tuple[type[ItemEvent], str]]] = {
    "open": [(WorkCompleted, "resolved"), (WorkPaused, "paused")],
    "paused": [(WorkResumed, "open")],
    "resolved": [],
}


@dataclass
class Ticket:
    """An item as its sender sees it, and the moment of the last thing that happened to it."""

    council: str
    name: str
    last: datetime
    state: str = "open"
    responded: bool = False
    moved: bool = False
    topic: str = TICKETS.name

    def next_steps(self) -> list[tuple[type[ItemEvent], str]]:
        """What may happen to it now, and the state that this leads to."""
        if self.topic == WORK.name:
            return _STEPS_OF_WORK[self.state]
        match self.state:
            case "open":
                steps: list[tuple[type[ItemEvent], str]] = [(TicketResolved, "resolved"), (TicketPaused, "paused")]
                steps += [] if self.moved else [(TicketReclassified, "open")]
                return steps if self.responded else [*steps, (TicketResponded, "open")]
            case "paused":
                return [(TicketResumed, "open")]
            case _:
                return [(TicketReopened, "open")] + ([] if self.moved else [(TicketReclassified, "resolved")])


@dataclass
class Senders:
    """All of them together. `sent` are the messages sent so far, `withheld` those that will be sent late."""

    send: Send
    tickets: list[Ticket] = field(default_factory=list)
    sent: list[tuple[str, Message]] = field(default_factory=list)
    withheld: list[tuple[str, Message]] = field(default_factory=list)
    readings: list[UsageRecorded] = field(default_factory=list)
    _numbers: Any = field(default_factory=count)
    _refused: Counter[str] = field(default_factory=Counter)

    def open_ticket(self, now: datetime, choice: int) -> str:
        """A council opens a ticket, or sends work to which the provider gives the id of one of its tickets."""
        alone = [each for each in self.tickets if [other.name for other in self.tickets].count(each.name) == 1]
        if alone and choice % 3 == 0:
            shared = alone[choice // 3 % len(alone)]
            self.tickets.append(Ticket(shared.council, shared.name, now, topic=WORK.name))
            return self._send_now(WORK.name, self._event(WorkReceived, self.tickets[-1], now))
        council = partnership.COUNCILS[choice % len(partnership.COUNCILS)]
        ticket = Ticket(council, self._name(council, "T"), now)
        self.tickets.append(ticket)
        return self._send_now(TICKETS.name, self._event(TicketOpened, ticket, now))

    def advance(self, now: datetime, choice: int, *, late: bool) -> str:
        """One to three things happen to a ticket in one second; with `late` the event of the first is withheld."""
        if not self.tickets:
            return ""
        ticket = self.tickets[choice % len(self.tickets)]
        at = max(now, ticket.last + timedelta(seconds=1))
        happened = [
            self._event(kind, ticket, at, sequence)
            for number, sequence in enumerate(_SEQUENCES[choice // 6 % 3][: _AT_ONCE[choice % 6]])
            if (kind := self._next_kind(ticket, choice + number)) is not None
        ]
        if not happened:
            return ""
        ticket.last = happened[0].time
        withheld = happened.pop(0) if late else None
        done = [self._send_now(ticket.topic, event) for event in (happened[::-1] if choice % 5 == 1 else happened)]
        if withheld is not None:
            self.withheld.append((ticket.topic, _message(withheld)))
            done.append(f"{_label(self.withheld[-1][1])} happens and is withheld")
        return ", ".join(done)

    def record(self, now: datetime, choice: int) -> str:
        """A quantity is read, or every fourth time an earlier reading is reversed."""
        about: dict[str, Any] = {"id": f"e{next(self._numbers)}", "source": SOURCE, "time": now}
        if self.readings and choice % 4 == 0:
            wrong = self.readings[choice // 4 % len(self.readings)]
            reversal = ReversalData(service="payroll", reversed_source=SOURCE, reversed_id=wrong.id)
            event = UsageReversed(**about, council=wrong.council, subject=wrong.subject, data=reversal)
            return self._send_now(USAGE.name, event)
        council = partnership.COUNCILS[choice // 4 % len(partnership.COUNCILS)]
        data = UsageData(service="payroll", quantity=f"{choice % 97}.{choice % 7}")
        reading = UsageRecorded(
            **about, council=CouncilId(council), subject=ItemId(self._name(council, "R")), data=data
        )
        self.readings.append(reading)
        return self._send_now(USAGE.name, reading)

    def send_late(self, choice: int) -> str:
        """One of the withheld messages is sent."""
        if not self.withheld:
            return ""
        self.sent.append(self.withheld.pop(choice % len(self.withheld)))
        self.send(*self.sent[-1])
        return f"{_label(self.sent[-1][1])} is sent late"

    def withdraw(self, now: datetime, choice: int) -> str:
        """What an event of an item stated is withdrawn, one that is withheld still before it is sent."""
        of_items = [each for each in self.withheld or self.sent if each[0] != USAGE.name]
        if not of_items:
            return ""
        topic, message = of_items[choice % len(of_items)]
        event = decode_event(message.value)
        assert isinstance(event, ItemEvent)
        data = WithdrawnFactData(
            stream="ticket" if topic == TICKETS.name else "work", withdrawn_source=SOURCE, withdrawn_id=event.id
        )
        about: dict[str, Any] = {"id": f"e{next(self._numbers)}", "source": SOURCE, "time": now.replace(microsecond=0)}
        return self._send_now(topic, FactWithdrawn(**about, subject=event.subject, council=event.council, data=data))

    def send_again(self, choice: int) -> str:
        """A message is sent a second time, perhaps with another sequence."""
        if not self.sent:
            return ""
        topic, again = self.sent[choice % len(self.sent)]
        sequence = _AGAIN[choice // 7 % len(_AGAIN)]
        if sequence is not None:
            event = decode_event(again.value)
            assert isinstance(event, ItemEvent)
            again = _message(msgspec.structs.replace(event, sequence=sequence))
        self.send(topic, again)
        return f"{_label(again)} is sent again"

    def contradict(self, choice: int) -> str:
        """A message is sent with the identity of an earlier one and another time."""
        if not self.sent:
            return ""
        topic, message = self.sent[choice % len(self.sent)]
        if not self._may_refuse(topic):
            return ""
        self.send(topic, Message(message.key, message.value.replace(b'"time":"2026', b'"time":"2025')))
        return f"{_label(message)} is contradicted"

    def send_garbage(self, choice: int) -> str:
        """Somebody sends what is not an event."""
        if not self._may_refuse(TICKETS.name):
            return ""
        self.send(TICKETS.name, Message(f"adur:{choice}", (b"", b"{", b"[1]", b"\xff")[choice % 4]))
        return "somebody sends what is not an event"

    def _may_refuse(self, topic: str) -> bool:
        """Whether one more record of the topic may be refused: of a flood a partition rightly halts."""
        self._refused[topic] += 1
        return self._refused[topic] <= MOST_REFUSED

    def _send_now(self, topic: str, event: ItemEvent) -> str:
        self.sent.append((topic, _message(event)))
        self.send(*self.sent[-1])
        return f"{_label(self.sent[-1][1])} is sent"

    def _next_kind(self, ticket: Ticket, choice: int) -> type[ItemEvent] | None:
        """What happens to it next; None where nothing can any more."""
        if not (steps := ticket.next_steps()):
            return None
        kind, ticket.state = steps[choice // len(self.tickets) % len(steps)]
        ticket.responded |= kind is TicketResponded
        ticket.moved |= kind is TicketReclassified
        return kind

    def _event(
        self, kind: type[ItemEvent], ticket: Ticket, at: datetime, sequence: str | UnsetType = UNSET
    ) -> ItemEvent:
        about: dict[str, Any] = {"id": f"e{next(self._numbers)}", "source": SOURCE, "time": at.replace(microsecond=0)}
        about["sequence"] = sequence
        return kind(
            **about, subject=ItemId(ticket.name), council=CouncilId(ticket.council), data=_DATA.get(kind, NoData())
        )  # type: ignore[call-arg] # every kind has data

    def _name(self, council: str, prefix: str) -> str:
        """A name whose key lies in one of the few partitions that are simulated, also where there are all of them."""
        names = (f"{prefix}{number}" for number in self._numbers)
        return next(
            name for name in names if partition_of(f"{council}:{name}".encode(), PARTITIONS) < partnership.PARTITIONS
        )


def _message(event: ItemEvent) -> Message:
    return Message(event.key, encode_event(event))


def _label(message: Message) -> str:
    """An event as a trace shows it: `opened adur:T1 (e0)`."""
    event = decode_event(message.value)
    assert isinstance(event, ItemEvent)
    return f"{str(event.__struct_config__.tag).split('.')[2]} {event.key} ({event.id})"
