"""What each mark says, held against the records and announcements that the log held when the mark was appended.

Billing's table of marks is held against the log too. Like the oracle, none of this shares code with the services.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import text

from shared.log.port import Shard
from tests.simulation import oracle, raw_log
from tests.simulation.partnership import ANNOUNCED, JUDGED
from tests.simulation.world import World

_MARK = "tallystick.sla.judged-through.v1"
_STREAMS = {"provider.tickets.v1": "ticket", "provider.work.v1": "work"}
# An hour at rest, the margin of the clock, and a minute or two until it is looked at.
_LONGEST_AGE = timedelta(hours=1, minutes=3)


class Reach(NamedTuple):
    """How far a mark reaches: of two of one shard the greater holds."""

    since: int
    next_offset: int
    through: datetime
    offset: int


class _Truth(NamedTuple):
    """What a shard's first records hold, what is met by them, and when the last event of each item was."""

    contents: raw_log.LogContents
    met: set[oracle.Key]
    latest: dict[tuple[str, str], datetime]

    @property
    def invalid(self) -> int:
        """How many of the records are quarantined."""
        return self.contents.unreadable + len(self.contents.contradicted)


def untrue(world: World) -> Iterator[str]:
    """Marks that say more than is so, or less than they must at the end."""
    truth = cache(lambda shard, end: _truth(world, shard, end))
    holding: dict[Shard, Reach] = {}
    for partition in world.servers.log.shards_of(ANNOUNCED.name):
        announced: dict[oracle.Key, str | None] = {}
        seen: set[str] = set()
        for record in world.servers.log.records[partition]:
            event = json.loads(record.value or b"")
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            if event["type"] != _MARK:
                _announce(announced, event)
                continue
            shard, reach = _reach(event["data"], record.offset)
            if shard.partition != partition.partition:
                yield f"mark astray: {event['data']} is in {partition}"
            yield from _faults(world, event["data"], truth(shard, reach.next_offset), announced)
            holding[shard] = max(reach, holding.get(shard, reach))
    yield from _at_the_end(world, holding)


def _reach(data: dict[str, Any], offset: int) -> tuple[Shard, Reach]:
    through = datetime.fromisoformat(data["through"])
    return Shard(data["topic"], data["partition"]), Reach(data.get("since", 0), data["next_offset"], through, offset)


def _announce(announced: dict[oracle.Key, str | None], event: dict[str, Any]) -> None:
    """The verdict that holds after the event, None where it was retracted; a warning changes none."""
    data, kind = event["data"], event["type"].split(".")[2]
    if kind != "warning":
        key = oracle.Key(event["council"], data["agreement"], data["target"], data["stream"], event["subject"])
        announced[key] = data.get("outcome")


def _truth(world: World, shard: Shard, end: int) -> _Truth:
    records = world.servers.log.records[shard][:end]
    contents = raw_log.read_log(raw_log.RawRecord(each.key, each.value, each.timestamp_ms) for each in records)
    latest: dict[tuple[str, str], datetime] = {}
    for event in contents.events.values():
        item = event["council"], event["subject"]
        latest[item] = max(raw_log.happened_at(event), latest.get(item, raw_log.happened_at(event)))
    decided = oracle.verdicts(contents, _STREAMS[shard.topic])
    return _Truth(contents, {key for key, verdict in decided.items() if verdict.outcome == "met"}, latest)


def _faults(
    world: World, mark: dict[str, Any], truth: _Truth, announced: dict[oracle.Key, str | None]
) -> Iterator[str]:
    shard, reach = _reach(mark, 0)
    records = world.servers.log.records[shard]
    unread = records[reach.next_offset :]
    if reach.next_offset > len(records) or (unread and unread[0].timestamp_ms < reach.through.timestamp() * 1000):
        yield f"mark ahead of the records: {mark}"
    open_ = mark.get("open", [])
    if sum(each.get("quarantined", 0) for each in open_) != truth.invalid:
        yield f"mark hides invalid records: {mark}, there are {truth.invalid}"
    excused = {each.get("council") for each in open_ if each.get("parked") or each.get("failed")}
    met = {key for key in truth.met if truth.latest[key.council, key.item] < reach.through}
    breached = oracle.breached_by(_withdrawn_by(truth.contents, reach.through), _STREAMS[shard.topic], reach.through)
    for outcome, keys in (("met", met), ("breached", breached)):
        for key in sorted(keys):
            if key.council not in excused and announced.get(key) != outcome:
                yield f"mark ahead of a verdict: {mark}, {key} is {outcome} and was {announced.get(key)} in the log"


def _withdrawn_by(contents: raw_log.LogContents, through: datetime) -> raw_log.LogContents:
    """The contents without withdrawals that are later: until then what they name counts (a fast clock dates them)."""
    events = {
        identity: event
        for identity, event in contents.events.items()
        if event["type"] != raw_log.WITHDRAWN or raw_log.happened_at(event) <= through
    }
    return contents._replace(events=events)


def _at_the_end(world: World, holding: dict[Shard, Reach]) -> Iterator[str]:
    log = world.servers.log
    for shard in [shard for topic in JUDGED for shard in log.shards_of(topic.name)]:
        reach = holding.get(shard)
        if reach is None or reach.next_offset < log.bounds(shard).end or reach.through < world.now - _LONGEST_AGE:
            yield f"mark missing: {shard} is marked to {reach} at {world.now}"
    with world.servers.billing.engine.connect() as connection:
        rows = connection.execute(text("SELECT topic, partition, since, next_offset, through_us FROM judged_through"))
        stored = {Shard(row[0], row[1]): (row[2], row[3], row[4] // 1_000_000) for row in rows}
    true = {shard: (reach.since, reach.next_offset, int(reach.through.timestamp())) for shard, reach in holding.items()}
    if stored != true:
        yield f"mark not billed: expected {true}, got {stored}"
