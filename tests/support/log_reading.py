"""Ways to read a log to a known point without waiting by the clock: every loop ends when the log says so."""

from collections import Counter
from collections.abc import Mapping, Sequence

from shared.contracts.codec import decode_event
from shared.contracts.judged import JudgedThrough
from shared.contracts.topics import VERDICTS, Topic
from shared.log.port import Bus, Record, Shard, Subscription, every_shard

# Far above what any log needs; reaching it is a failure, not a measurement.
PATIENCE_ROUNDS = 200
ROUND_S = 0.1


def shards_of(topic: Topic) -> frozenset[Shard]:
    """All shards of a topic."""
    return frozenset(every_shard([topic]))


async def wait_for_assignment(members: Sequence[Subscription], shards: frozenset[Shard]) -> None:
    """The members own `shards` among them, each shard once; records that arrive meanwhile are let go by."""
    for _ in range(PATIENCE_ROUNDS):
        shares = [member.assigned() for member in members]
        if sum(map(len, shares)) == len(shards) and frozenset().union(*shares) == shards:
            return
        for member in members:
            await member.poll(max_records=1, timeout_s=ROUND_S)
    raise AssertionError(f"the members never owned {sorted(shards)} once each")


async def seek_all(subscription: Subscription, offsets: Mapping[Shard, int] | None = None) -> None:
    """Every assigned shard is delivered from its offset on, or from 0."""
    for shard in subscription.assigned():
        await subscription.seek(shard, (offsets or {}).get(shard, 0))


async def read_records(subscription: Subscription, count: int, *, at_once: int = 500) -> dict[Shard, list[Record]]:
    """The next `count` records, by shard; fails when they do not come, or when more come."""
    taken: dict[Shard, list[Record]] = {}
    for _ in range(PATIENCE_ROUNDS):
        held = sum(map(len, taken.values()))
        if held >= count:
            assert held == count, f"expected {count} records, got {held}"
            return taken
        for shard, records in (await subscription.poll(max_records=at_once, timeout_s=ROUND_S)).items():
            taken.setdefault(shard, []).extend(records)
    raise AssertionError(f"expected {count} records, got {sum(map(len, taken.values()))}")


async def record_counts(bus: Bus, topics: Sequence[Topic]) -> Counter[str]:
    """How many records each topic holds, but for the monitor's marks."""
    found = Counter({topic.name: 0 for topic in topics})
    for shard in every_shard(topics):
        end, at = (await bus.bounds(shard)).end, 0
        if shard.topic != VERDICTS.name:
            found[shard.topic] += end
        while shard.topic == VERDICTS.name and at < end:
            records = await bus.read(shard, at, limit=1_000)
            found[shard.topic] += sum(
                not isinstance(decode_event(each.value or b""), JudgedThrough) for each in records
            )
            at = records[-1].offset + 1
    return found


def values(taken: Mapping[Shard, Sequence[Record]]) -> list[bytes]:
    """What the records hold, shard by shard."""
    return [record.value or b"" for _, records in sorted(taken.items()) for record in records]
