"""What is done to live state as a whole while no instance is at work."""

from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory

from shared.bus.port import Bus, every_shard
from shared.bus.publisher import drain_outbox
from shared.contracts.verdicts import VerdictEvent
from shared.state.connect import connect
from shared.state.port import ShardStates
from sla_monitor.handlers.rebuilding import CAUSE, Rebuilding, Rebuilt, waiting
from sla_monitor.handlers.stored import ITEM_TOPICS


class Upkeep:
    """Live state computed again from the log. `learn` makes known what the catalogue and the rulings say by now."""

    def __init__(
        self,
        states: ShardStates,
        bus: Bus,
        rebuilding: Callable[[ShardStates], Rebuilding],
        *,
        learn: Callable[[], Awaitable[None]],
    ) -> None:
        self._states, self._bus, self._rebuilding, self._learn = states, bus, rebuilding, learn

    async def rebuild(self, *, cause: str = CAUSE) -> Rebuilt:
        """Live state is emptied and computed again. Raises `Fenced` if an instance is at work.

        What is corrected by it names `cause`. It waits to be announced: by the next start, or by `announce`.
        """
        await self._learn()
        return await self._rebuilding(self._states).rebuild(cause=cause)

    async def foresee_rebuild(self) -> list[VerdictEvent]:
        """What a rebuild would announce. Live state is left alone: it is computed in a folder that is gone then."""
        await self._learn()
        with TemporaryDirectory(prefix="tallystick-rebuild-") as folder:
            scratch = connect(f"sqlite:///{folder}/state.db")
            try:
                await self._rebuilding(scratch).rebuild()
                return await waiting(scratch)
            finally:
                await scratch.close()

    async def announce(self) -> None:
        """The log holds whatever waited to be announced."""
        for shard in every_shard(ITEM_TOPICS):
            while await drain_outbox(self._states, self._bus, shard):
                pass
