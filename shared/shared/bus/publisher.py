"""Announcements of live state brought to the log: written with the state, published after it, at least once."""

from itertools import groupby

from shared.bus.port import Bus, Message, Shard
from shared.state.port import ShardStates


async def drain_outbox(states: ShardStates, bus: Bus, shard: Shard, *, limit: int = 500) -> int:
    """How many of the shard's oldest announcements the log now holds durably; at most `limit`, 0 when none waits.

    Raises `AppendUncertain` and forgets nothing when the log may not hold them all: they are sent again next time.
    """
    waiting = await states.outbox(shard, limit=limit)
    for topic, messages in groupby(waiting, key=lambda outgoing: outgoing.topic):
        await bus.publish(topic, [Message(m.key, m.value, timestamp_ms=m.timestamp_ms) for m in messages])
    if waiting:
        await states.published(shard, [outgoing.id for outgoing in waiting])
    return len(waiting)
