"""What is done to live state as a whole while no instance is at work."""

from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory

from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Bus, every_shard
from shared.state.connect import connect
from shared.state.port import StateStore
from shared.state.publisher import drain_outbox
from sla_monitor.judging.rebuild import CAUSE, Rebuild, RebuildResult, waiting
from sla_monitor.store.items import ITEM_TOPICS


class LiveStateMaintenance:
    """Live state computed again from the log. `learn` makes known what the catalogue and the rulings say by now."""

    def __init__(
        self,
        states: StateStore,
        bus: Bus,
        rebuilding: Callable[[StateStore], Rebuild],
        *,
        learn: Callable[[], Awaitable[None]],
    ) -> None:
        self._states, self._bus, self._rebuilding, self._learn = states, bus, rebuilding, learn

    async def rebuild(self, *, cause: str = CAUSE) -> RebuildResult:
        """Live state is emptied and computed again. Raises `Fenced` if an instance is at work.

        What is corrected by it names `cause`. It waits to be announced: by the next start, or by `announce`.
        """
        await self._learn()
        return await self._rebuilding(self._states).rebuild(cause=cause)

    async def dry_run_rebuild(self) -> list[VerdictEvent]:
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
