"""What the services stored and said in the end, beside what the oracle makes of the same log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import text

from billing.adapters.sql import SqlStore
from billing.domain.statement import ServiceCharges, UnknownCouncil
from billing.handlers import Handlers
from shared.contracts.codec import decode_event
from shared.contracts.topics import CATALOGUE, Topic
from shared.contracts.verdicts import TargetBreached, VerdictCorrected, VerdictEvent, VerdictRetracted, WarningReached
from shared.period import Month
from tests.simulation import hearing, oracle
from tests.simulation.partnership import ANNOUNCED, COUNCILS, JUDGED, METERED
from tests.simulation.world import World

_MONTHS = (Month(2026, 2), Month(2026, 3))
_WARNINGS = {75, 90}


def differences(world: World) -> Iterator[str]:
    """All that is not as it must be, as `kind: what it is`; nothing when the run was right."""
    yield from world.watchman.seen_wrong
    tickets, usage = _heard(world, JUDGED), _heard(world, METERED)
    decided = oracle.verdicts(tickets)
    yield from _differ("verdict", _stored_verdicts(world), decided)
    yield from _differ("recharge", _stored_recharges(world), oracle.recharges(tickets, usage))
    yield from _differ("tickets", _counts(world), hearing.fates(tickets))
    yield from _differ("records billed", _billed(world), hearing.fates(tickets, usage, metering_only=True))
    announced = _announced(world)
    yield from _ambiguous(announced)
    yield from _warned_again(announced)
    yield from _unwarned(announced)
    yield from _falsely_breached(announced, decided, oracle.stories(tickets))


def _differ(what: str, stored: Mapping[Any, Any], true: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted({*stored, *true}, key=str):
        if stored.get(key) != true.get(key):
            yield f"{what}: {key} expected {true.get(key)}, got {stored.get(key)}"


def _heard(world: World, topic: Topic) -> hearing.Heard:
    log = world.servers.log
    return hearing.heard(
        hearing.Raw(record.key, record.value, record.timestamp_ms)
        for shard in log.shards_of(topic.name)
        for record in log.records[shard]
    )


def _stored_verdicts(world: World) -> dict[oracle.Key, oracle.Decided]:
    with world.servers.read_model.engine.connect() as connection:
        rows = connection.execute(text("SELECT council, item, target, outcome, due_at, elapsed_s FROM verdict"))
        return {
            (row.council, row.item, row.target): oracle.Decided(row.outcome, _utc(row.due_at), row.elapsed_s)
            for row in rows
        }


def _utc(stored: Any) -> datetime:
    return datetime.fromisoformat(str(stored)).replace(tzinfo=UTC)


def _stored_recharges(world: World) -> dict[tuple[str, str], dict[str, tuple[Decimal, int]]]:
    handlers = Handlers(SqlStore(world.servers.billing.engine))
    statements = [(council, month, _statement(handlers, council, month)) for council in COUNCILS for month in _MONTHS]
    return {
        (council, str(month)): {line.service: (line.quantity, line.amount_pence) for line in lines}
        for council, month, statement in statements
        if (lines := [line for charges in statement for line in charges.lines if line.quantity])
    }


def _statement(handlers: Handlers, council: str, month: Month) -> Sequence[ServiceCharges]:
    """The charges by service; none where billing never heard of the council."""
    try:
        return handlers.statement(council, month).services
    except UnknownCouncil:
        return ()


def _counts(world: World) -> dict[str, int]:
    """What became of the tickets' records at the monitor."""
    counts: Counter[str] = Counter()
    for shard in world.servers.log.shards_of(JUDGED.name):
        head = world.servers.states.of(shard).head
        counts.update({} if head is None else head.counts)
    return {kind: count for kind, count in counts.items() if count and kind != "applied"} | {
        "applied": counts["applied"]
    }


def _billed(world: World) -> dict[str, int]:
    """What became of all records but the catalogue's at billing."""
    progress = Handlers(SqlStore(world.servers.billing.engine)).progress()
    counts: Counter[str] = Counter()
    for shard in progress:
        if shard.shard.topic != CATALOGUE.name:
            counts.update(asdict(shard.counts))
            counts["unaccounted"] += abs(shard.unaccounted)
    return {kind: count for kind, count in counts.items() if count and kind != "applied"} | {
        "applied": counts["applied"]
    }


def _announced(world: World) -> list[VerdictEvent]:
    log = world.servers.log
    events = [decode_event(r.value or b"") for shard in log.shards_of(ANNOUNCED.name) for r in log.records[shard]]
    return [event for event in events if isinstance(event, VerdictEvent)]


def _ambiguous(announced: list[VerdictEvent]) -> Iterator[str]:
    """Ids under which two different things were said."""
    said: dict[str, bytes] = {}
    for event in announced:
        content = msgspec.json.encode(_content(event))
        if said.setdefault(event.id, content) != content:
            yield f"ambiguous: {event.id} said {said[event.id].decode()} and {content.decode()}"


def _content(event: VerdictEvent) -> VerdictEvent:
    """What a message says. The cause and time of a correction are those of the batch, which may differ when redone."""
    if isinstance(event, VerdictCorrected | VerdictRetracted):
        data = msgspec.structs.replace(event.data, cause="")
        return msgspec.structs.replace(event, data=data, time=datetime(2026, 1, 1, tzinfo=UTC))
    return event


def _warned_again(announced: list[VerdictEvent]) -> Iterator[str]:
    """The same warnings under two ids."""
    given: dict[bytes, str] = {}
    for event in announced:
        if isinstance(event, WarningReached):
            content = msgspec.json.encode(msgspec.structs.replace(event, id=""))
            if given.setdefault(content, event.id) != event.id:
                yield f"warned again: {_key(event)} under {given[content]} and {event.id}"


def _key(event: VerdictEvent) -> oracle.Key:
    return event.council, event.subject, event.data.target


def _unwarned(announced: list[VerdictEvent]) -> Iterator[str]:
    """Breaches without all their warnings before them."""
    warned: dict[oracle.Key, set[int]] = {}
    for event in announced:
        if isinstance(event, WarningReached):
            warned.setdefault(_key(event), set()).add(event.data.percent)
        elif _breaches(event) and warned.get(_key(event)) != _WARNINGS:
            yield f"unwarned: {_key(event)} was breached after warnings at {warned.get(_key(event))} percent"


def _falsely_breached(
    announced: list[VerdictEvent],
    decided: Mapping[oracle.Key, oracle.Decided],
    stories: Mapping[tuple[str, str], oracle.Story],
) -> Iterator[str]:
    """Breaches of items that kept their promise and of which everything was told at once: not even for a moment."""
    for event in announced:
        truth = decided.get(_key(event))
        if (
            _breaches(event)
            and stories[_key(event)[:2]].told_at_once
            and (truth is None or truth.outcome != "breached")
        ):
            yield f"falsely breached: {_key(event)} was said to be at {event.time}, and is {truth}"


def _breaches(event: VerdictEvent) -> bool:
    return isinstance(event, TargetBreached) or (
        isinstance(event, VerdictCorrected) and event.data.outcome == "breached"
    )
