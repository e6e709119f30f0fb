"""What integrators send: readings and tickets of the last weeks, doubled, late, contradicting, from a seed.

Every instant lies in the past, and every deadline at least a day before or after the run: what must hold does not
depend on how long the run takes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import heappop, heappush
from random import Random
from typing import Any

from tests.chaos.oracle.tickets import WITH_EVENINGS, what_of
from tests.chaos.partnership import COUNCILS

TICKETS, WORK, USAGE = "provider.tickets.v1", "provider.work.v1", "provider.usage.v1"
HOUR_S, DAY_S = 3600, 86_400
OLDEST_S, NEWEST_S = 45 * DAY_S, 15 * DAY_S
DOUBLED, LATE, CONTRADICTED, WITHDRAWN = 0.10, 0.02, 0.0001, 0.005
# Every item of the traffic is opened: the simulation tries what becomes of one that is not.
OPENINGS = frozenset({"opened"})
# How many others may come between an event and its second sending, or its late one.
APART = 20_000
OPEN_ITEMS = 400
# How many items are fresh, and how many tickets turn out to be of the evening, or not to be.
FRESH, RECLASSIFIED = 0.2, 0.5
# How often an event of an item has the second of the one before it, and what tells their order: nothing, all or some.
TIED = 0.15
SEQUENCES: tuple[tuple[str, ...], ...] = ((), (), tuple(map(str, range(6, 26))), ("", "b", "", "7", "a"))


# What happens, with its data and the longest time in seconds since what came before it.
Happening = tuple[str, dict[str, str], int]


@dataclass(frozen=True, slots=True)
class Sending:
    """One record to be sent. `at` is the time it carries, in epoch seconds; None: that of its appending."""

    topic: str
    key: bytes
    value: bytes
    at: int | None = None

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The header with its own time."""
        return [] if self.at is None else [("tallystick-time-ms", b"%d" % (self.at * 1000))]


@dataclass(frozen=True, slots=True)
class Size:
    """How many different events there are."""

    usage: int
    tickets: int
    work: int = 0


def sendings(size: Size, *, seed: int, now: int) -> Iterator[Sending]:
    """The records in the order of sending; the same for the same seed and `now` (epoch seconds)."""
    chance = Random(seed)  # noqa: S311 (a test's choice)
    postponed: list[tuple[int, float, Sending]] = []
    place = 0
    for place, (topic, event) in enumerate(_events(size, chance, now)):
        sending = _sending(topic, event)
        if chance.random() < LATE:
            heappush(postponed, (place + chance.randrange(APART), place, sending))
        else:
            yield sending
        if chance.random() < DOUBLED:
            heappush(postponed, (place + chance.randrange(APART), -place, _respelled(sending, chance)))
        if topic != USAGE and what_of(event) not in OPENINGS and chance.random() < WITHDRAWN:
            # Before the event or after it, by as much as others are late.
            heappush(postponed, (place + chance.randrange(APART), -place - 0.5, _withdrawal(topic, event)))
        if topic == USAGE and chance.random() < CONTRADICTED:
            event["data"]["quantity"] += "1"
            heappush(postponed, (place + chance.randrange(APART), size.usage + place, _sending(topic, event)))
        while postponed and postponed[0][0] <= place:
            yield heappop(postponed)[2]
    while postponed:
        yield heappop(postponed)[2]


def _events(size: Size, chance: Random, now: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Readings and events of tickets and of work, mixed as their numbers are."""
    made: dict[str, Iterator[dict[str, Any]]] = {
        USAGE: (_reading(chance, now, number) for number in range(size.usage, 0, -1)),
        TICKETS: _item_events(chance, now, _ticket),
        WORK: _item_events(chance, now, _work),
    }
    left = {USAGE: size.usage, TICKETS: size.tickets, WORK: size.work}
    while any(left.values()):
        (topic,) = chance.choices(list(left), list(left.values()))
        left[topic] -= 1
        yield topic, next(made[topic])


def _reading(chance: Random, now: int, number: int) -> dict[str, Any]:
    at = now - chance.randrange(OLDEST_S)
    service, quantity = (
        ("payroll", "1") if chance.random() < 0.5 else ("licences", f"{chance.randrange(50)}.{chance.randrange(1000)}")
    )
    council = chance.choice(COUNCILS)
    return _event("usage.recorded", f"u-{number}", council, f"r{number}", at, service=service, quantity=quantity)


def _item_events(
    chance: Random, now: int, events_of: Callable[[Random, int, int], Iterator[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """The events of many items, those of each in its order. Endless."""
    at_work: list[Iterator[dict[str, Any]]] = []
    number = 0
    while True:
        while len(at_work) < OPEN_ITEMS:
            number += 1
            at_work.append(events_of(chance, now, number))
        place = chance.randrange(len(at_work))
        event = next(at_work[place], None)
        if event is None:
            at_work.pop(place)
        else:
            yield event


def _ticket(chance: Random, now: int, number: int) -> Iterator[dict[str, Any]]:
    """A ticket's events. A fresh one, opened within the last hours, is answered and otherwise left open."""
    council = chance.choice(COUNCILS)
    is_fresh = chance.random() < FRESH
    service = "evening" if council in WITH_EVENINGS and number % 2 else "ict"
    happened = list(_timeline(chance, service, is_fresh=is_fresh))
    if council in WITH_EVENINGS and chance.random() < RECLASSIFIED:
        _reclassify(chance, happened, service)
    return _dated(chance, now, "ticket", f"t{number}", council, happened, is_fresh=is_fresh)


def _work(chance: Random, now: int, number: int) -> Iterator[dict[str, Any]]:
    """The events of a piece of work, which has the id of a ticket, and now and then its council."""
    is_fresh = chance.random() < FRESH
    happened = list(_of_work(chance, is_fresh=is_fresh))
    return _dated(chance, now, "work", f"t{number}", chance.choice(COUNCILS), happened, is_fresh=is_fresh)


def _dated(
    chance: Random, now: int, stream: str, name: str, council: str, happened: list[Happening], *, is_fresh: bool
) -> Iterator[dict[str, Any]]:
    """The events up to now; those of what is not fresh up to a day ago."""
    numbered = chance.choice(SEQUENCES)
    opened = at = (
        now - HOUR_S * 3 + chance.randrange(HOUR_S) if is_fresh else now - chance.randrange(NEWEST_S, OLDEST_S)
    )
    for place, (what, data, pause_s) in enumerate(happened):
        at += 0 if place == 0 or chance.random() < TIED else 1 + chance.randrange(pause_s)
        before = happened[place - 1][0] if place else ""
        if at == opened and (before == "reclassified" or (what == "reclassified" and place > 1)):
            at += 1  # what is reclassified in the second of its opening is not stopped in it, too
        if at > now - (0 if is_fresh else DAY_S):
            return
        event = _event(f"{stream}.{what}", f"{name}-{stream[0]}{place:02}", council, name, at, **data)
        yield event | ({"sequence": numbered[place]} if any(numbered[place : place + 1]) else {})


def _reclassify(chance: Random, happened: list[Happening], service: str) -> None:
    """At one or two places in what happened, before the stop or after it, the ticket is of the other service."""
    places = sorted(chance.randrange(1, len(happened) + 1) for _ in range(chance.choice([1, 1, 2])))
    for added, place in enumerate(places):
        service = "ict" if service == "evening" else "evening"
        happened.insert(place + added, ("reclassified", {"service": service}, chance.choice([1, 4, 20]) * HOUR_S))


def _timeline(chance: Random, service: str, *, is_fresh: bool) -> Iterator[Happening]:
    """What happens, with the longest time since what came before it."""
    yield "opened", {"service": service}, 1
    if is_fresh:
        yield "responded", {}, HOUR_S // 2
        return
    if chance.random() < 0.9:
        yield "responded", {}, chance.choice([2, 8, 30]) * HOUR_S
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        awaiting = chance.choice(["council", "council", "provider"])
        yield "paused", {"reason": "waiting", "awaiting": awaiting}, 10 * HOUR_S
        if chance.random() < 0.9:
            yield "resumed", {}, 2 * DAY_S
    if chance.random() < 0.9:
        yield "resolved", {}, chance.choice([4, 20, 60]) * HOUR_S
        if chance.random() < 0.1:
            yield "reopened", {}, 2 * DAY_S
            yield "resolved", {}, 10 * HOUR_S


def _of_work(chance: Random, *, is_fresh: bool) -> Iterator[Happening]:
    yield "received", {"service": "ict"}, 1
    yield "started", {}, HOUR_S // 2
    if is_fresh:
        return
    for _ in range(chance.choice([0, 1, 2])):
        yield "paused", {"reason": "waiting", "awaiting": chance.choice(["council", "provider"])}, 10 * HOUR_S
        if chance.random() < 0.9:
            yield "resumed", {}, 2 * DAY_S
    if chance.random() < 0.1:
        yield "rejected", {"reason": "not-ours"}, 20 * HOUR_S
    if chance.random() < 0.9:
        yield "completed", {"units": "1"}, chance.choice([4, 20, 60]) * HOUR_S


def call(what: str, number: int, at: int, *, carries_time: bool = False) -> Sending:
    """What happened to a call to the desk at `at`; it is to be resolved within 30 minutes, at any hour."""
    data = {"service": "desk"} if what == "opened" else {}
    council = COUNCILS[number % len(COUNCILS)]
    event = _event(f"ticket.{what}", f"call-{number}-{what}", council, f"call-{number}", at, **data)
    sending = _sending(TICKETS, event)
    return replace(sending, at=at) if carries_time else sending


def _event(kind: str, name: str, council: str, subject: str, at: int, **data: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": f"tallystick.{kind}.v1",
        "id": name,
        "source": f"/councils/{council}/systems/desk",
        "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": subject,
        "council": council,
        "data": data,
    }


def _withdrawal(topic: str, event: dict[str, Any]) -> Sending:
    """The sender of the event says in the same second that it is not so."""
    at = int(datetime.fromisoformat(event["time"]).timestamp())
    data = {"stream": topic.split(".")[1].removesuffix("s"), "withdrawn_source": event["source"]}
    name = f"{event['id']}-withdrawn"
    data["withdrawn_id"] = event["id"]
    return _sending(topic, _event("item.fact-withdrawn", name, event["council"], event["subject"], at, **data))


def _sending(topic: str, event: dict[str, Any]) -> Sending:
    key = f"{event['council']}:{event['subject']}"
    return Sending(topic, key.encode(), json.dumps(event).encode())


def _respelled(sending: Sending, chance: Random) -> Sending:
    """The same event; half of them in another layout, and of these some with another sequence."""
    if chance.random() < 0.5:
        return sending
    event = json.loads(sending.value)
    if chance.random() < 0.2:
        event["sequence"] = chance.choice(["0", "9", "12", "a"])
    value = json.dumps(dict(reversed(event.items())), separators=(",", ":")).encode()
    return Sending(sending.topic, sending.key, value)
