"""What the services stored and announced in the end, compared with what the oracle makes of the same log."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.contracts.topics import Topic
from shared.contracts.verdicts import TargetBreached, VerdictCorrected, VerdictEvent, VerdictRetracted, WarningReached
from tests.simulation import marks, oracle, raw_log, stored
from tests.simulation.partnership import INPUTS
from tests.simulation.world import World

_WARNINGS = {75, 90}


def differences(world: World, *, failing: str = "") -> Iterator[str]:
    """All that is not as it must be, as `kind: what it is`; nothing when the run was right.

    The ticket of the id `failing` cannot be judged: nothing holds of it, but it is metered and counted. Work can.
    """
    yield from world.checker.violations
    tickets, work, usage = (_contents(world, topic) for topic in INPUTS)
    of_tickets = oracle.verdicts(tickets, "ticket")
    decided = {key: verdict for key, verdict in of_tickets.items() if key.item != failing}
    decided |= oracle.verdicts(work, "work")
    opened = {("ticket", *item) for item in oracle.item_histories(tickets) if item[1] == failing}
    yield from _differ("failed", dict.fromkeys(stored.failed(world), True), dict.fromkeys(opened, True))
    yield from _differ("verdict", stored.verdicts(world), decided)
    yield from _differ("verdict in live state", stored.live_verdicts(world), decided)
    yield from _differ("recharge", stored.recharges(world), oracle.recharges(tickets, usage))
    yield from _differ("items", stored.judged(world), raw_log.expected_counts(tickets, work))
    yield from _differ("records billed", stored.billed(world), raw_log.expected_counts(tickets, work, usage))
    yield from marks.untrue(world)
    announced = stored.announced(world)
    yield from _ambiguous(announced)
    yield from _warned_again(announced)
    yield from _unwarned(announced)
    histories = {"ticket": oracle.item_histories(tickets), "work": oracle.item_histories(work)}
    yield from _falsely_breached(announced, decided, histories)


def _differ(what: str, found: Mapping[Any, Any], true: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted({*found, *true}, key=str):
        if found.get(key) != true.get(key):
            yield f"{what}: {key} expected {true.get(key)}, got {found.get(key)}"


def _contents(world: World, topic: Topic) -> raw_log.LogContents:
    log = world.servers.log
    return raw_log.read_log(
        raw_log.RawRecord(record.key, record.value, record.timestamp_ms)
        for shard in log.shards_of(topic.name)
        for record in log.records[shard]
    )


def _ambiguous(announced: list[VerdictEvent]) -> Iterator[str]:
    """Ids under which two different things were announced."""
    contents: dict[str, bytes] = {}
    for event in announced:
        content = msgspec.json.encode(_content(event))
        if contents.setdefault(event.id, content) != content:
            yield f"ambiguous: {event.id} announced {contents[event.id].decode()} and {content.decode()}"


def _content(event: VerdictEvent) -> VerdictEvent:
    """The event without a correction's cause and time, which may differ when the batch is redone."""
    if isinstance(event, VerdictCorrected | VerdictRetracted):
        data = msgspec.structs.replace(event.data, cause="")
        return msgspec.structs.replace(event, data=data, time=datetime(2026, 1, 1, tzinfo=UTC))
    return event


def _warned_again(announced: list[VerdictEvent]) -> Iterator[str]:
    """The same warnings under two ids."""
    first: dict[bytes, str] = {}
    for event in announced:
        if isinstance(event, WarningReached):
            content = msgspec.json.encode(msgspec.structs.replace(event, id=""))
            if first.setdefault(content, event.id) != event.id:
                yield f"warned again: {_key(event)} under {first[content]} and {event.id}"


def _key(event: VerdictEvent) -> oracle.Key:
    data = event.data
    return oracle.Key(event.council, data.agreement, data.target, data.stream, event.subject)


def _unwarned(announced: list[VerdictEvent]) -> Iterator[str]:
    """Breaches without all their warnings before them."""
    warned: dict[oracle.Key, set[int]] = {}
    for event in announced:
        if isinstance(event, WarningReached):
            warned.setdefault(_key(event), set()).add(event.data.percent or 0)
        elif _breaches(event) and warned.get(_key(event)) != _WARNINGS:
            yield f"unwarned: {_key(event)} was breached after warnings at {warned.get(_key(event))} percent"


def _falsely_breached(
    announced: list[VerdictEvent],
    decided: Mapping[oracle.Key, oracle.DecidedVerdict],
    histories: Mapping[str, Mapping[tuple[str, str], oracle.ItemHistory]],
) -> Iterator[str]:
    """Breaches of items that met their target and whose events were all sent on time: not even for a moment."""
    for event in announced:
        truth = decided.get(_key(event))
        if (
            _breaches(event)
            and histories[event.data.stream][event.council, event.subject].sent_on_time
            and (truth is None or truth.outcome != "breached")
        ):
            yield f"falsely breached: {_key(event)} was announced at {event.time}, and is {truth}"


def _breaches(event: VerdictEvent) -> bool:
    return isinstance(event, TargetBreached) or (
        isinstance(event, VerdictCorrected) and event.data.outcome == "breached"
    )
