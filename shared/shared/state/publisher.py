"""The outbox of live state published to the log: written with the state, published after it, at least once."""

from collections.abc import Sequence

from shared.log.port import Bus, Outgoing, Shard, publish_outgoing
from shared.state.port import StateStore


class Publisher:
    """Empties the outboxes of the shards of one process. What it has seen written there it does not read back."""

    def __init__(self, states: StateStore, bus: Bus) -> None:
        self._states, self._bus = states, bus
        # All that is in the outbox of a shard, oldest first; one that is not here may hold anything.
        self._unpublished: dict[Shard, list[Outgoing]] = {}

    def forget(self, shard: Shard) -> None:
        """Others may have written to the outbox, or the store may have lost some of it, or of what became of it."""
        self._unpublished.pop(shard, None)

    def written(self, shard: Shard, messages: Sequence[Outgoing]) -> None:
        """`messages` were added to the outbox."""
        before = self._unpublished.pop(shard, None)
        if before is not None and len(before) + len(messages) <= self._states.max_batch:
            self._unpublished[shard] = [*before, *messages]

    async def send(self, shard: Shard) -> None:
        """The log holds durably whatever was in the outbox, which is empty now.

        Raises `AppendUncertain` and forgets nothing when the log may not hold it all: it is sent again next time.
        """
        messages = self._unpublished.pop(shard, None)
        if messages is not None:
            await _send(self._states, self._bus, shard, messages)
        else:
            while await drain_outbox(self._states, self._bus, shard) == self._states.max_batch:
                pass
        self._unpublished[shard] = []


async def drain_outbox(states: StateStore, bus: Bus, shard: Shard) -> int:
    """How many of the shard's oldest messages the log now holds; 0 when the outbox is empty.

    Raises as `Publisher.send`.
    """
    messages = await states.outbox(shard, limit=states.max_batch)
    await _send(states, bus, shard, messages)
    return len(messages)


async def _send(states: StateStore, bus: Bus, shard: Shard, messages: Sequence[Outgoing]) -> None:
    await publish_outgoing(bus, messages)
    if messages:
        await states.published(shard, [message.id for message in messages])
