"""Correction runs ordered, and how far they are."""

from collections.abc import Sequence

from msgspec import Struct

from shared.bus.port import every_shard
from shared.clock import Clock
from shared.contracts.corrections import CorrectionOrdered, CorrectionScope, OrderedData
from shared.ids import derived_id
from shared.state.port import ShardStates
from sla_monitor.domain.announce import SOURCE
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.domain.rulings import NotAllowed, Run
from sla_monitor.handlers.stored import ITEM_TOPICS
from sla_monitor.ports import Caused, ReadModel, RulingsLog


class UnknownRun(LookupError):
    """No correction run of that id was ordered."""


class RunReport(Struct, frozen=True):
    """How many of the shards have made the run, and what it has changed so far."""

    run: Run
    shards_done: int
    shards: int
    caused: Sequence[Caused]


class Correcting:
    """Ordering correction runs, and asking what became of them."""

    def __init__(self, log: RulingsLog, states: ShardStates, read_model: ReadModel, clock: Clock) -> None:
        self._log, self._states, self._read_model, self._clock = log, states, read_model, clock

    async def order(self, id_: str, scope: CorrectionScope, *, ordered_by: str) -> Run:
        """The run is ordered, once however often it is sent; raises `NotAllowed` where the id has another scope.

        Raises `AppendUncertain`.
        """
        if self._log.rulings.run(id_) is None:
            event = CorrectionOrdered(
                id=derived_id("correction", id_),
                source=SOURCE,
                time=self._clock.now(),
                subject=id_,
                data=OrderedData(scope=scope, ordered_by=ordered_by),
            )
            await self._log.append(event)
        run = self._known(id_)
        if run.scope != scope:
            raise NotAllowed("another correction run has this id")
        return run

    async def progress(self, id_: str) -> tuple[int, int]:
        """How many shards have made the run, of how many; raises `UnknownRun`."""
        position = self._known(id_).position
        shards = every_shard(ITEM_TOPICS)
        heads = [await self._states.head(shard) for shard in shards]
        # A shard that was never written has nothing to correct.
        return sum(head is None or head.rulings_position >= position for head in heads), len(shards)

    def report(self, id_: str, progress: tuple[int, int]) -> RunReport:
        """What the run has changed; raises `UnknownRun`. Blocks: call it from a worker thread."""
        done, shards = progress
        return RunReport(self._known(id_), done, shards, self._read_model.caused(id_))

    def adjustments(self, *, posted: str | None, council: str | None) -> list[Adjustment]:
        """Corrections of frozen months, by the month that shows them. Blocks: call it from a worker thread."""
        return self._read_model.adjustments(posted=posted, council=council)

    def _known(self, id_: str) -> Run:
        run = self._log.rulings.run(id_)
        if run is None:
            raise UnknownRun(f"no correction run {id_!r} was ordered")
        return run
