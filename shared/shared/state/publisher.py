"""Announcements of live state brought to the log: written with the state, published after it, at least once."""

from collections.abc import Sequence
from itertools import groupby

from shared.log.port import Bus, Message, Outgoing, Shard
from shared.state.port import StateStore


class Publisher:
    """Empties the outboxes of the shards of one process. What it has seen written there it does not read back."""

    def __init__(self, states: StateStore, bus: Bus) -> None:
        self._states, self._bus = states, bus
        # All that waits in the outbox of a shard, oldest first; one that is not here may hold anything.
        self._waiting: dict[Shard, list[Outgoing]] = {}

    def forget(self, shard: Shard) -> None:
        """Others may have written to the outbox, or the store may have lost some of it, or of what became of it."""
        self._waiting.pop(shard, None)

    def written(self, shard: Shard, messages: Sequence[Outgoing]) -> None:
        """`messages` were added to the outbox."""
        waiting = self._waiting.pop(shard, None)
        if waiting is not None and len(waiting) + len(messages) <= self._states.max_batch:
            self._waiting[shard] = [*waiting, *messages]

    async def send(self, shard: Shard) -> None:
        """The log holds durably whatever waited in the outbox, which is empty now.

        Raises `AppendUncertain` and forgets nothing when the log may not hold it all: it is sent again next time.
        """
        waiting = self._waiting.pop(shard, None)
        if waiting is not None:
            await _send(self._states, self._bus, shard, waiting)
        else:
            while await drain_outbox(self._states, self._bus, shard) == self._states.max_batch:
                pass
        self._waiting[shard] = []


async def drain_outbox(states: StateStore, bus: Bus, shard: Shard) -> int:
    """How many of the shard's oldest announcements the log now holds; 0 when none waits.

    Raises as `Publisher.send`.
    """
    waiting = await states.outbox(shard, limit=states.max_batch)
    await _send(states, bus, shard, waiting)
    return len(waiting)


async def _send(states: StateStore, bus: Bus, shard: Shard, waiting: Sequence[Outgoing]) -> None:
    for topic, messages in groupby(waiting, key=lambda outgoing: outgoing.topic):
        await bus.publish(topic, [Message(m.key, m.value, timestamp_ms=m.timestamp_ms) for m in messages])
    if waiting:
        await states.published(shard, [outgoing.id for outgoing in waiting])
