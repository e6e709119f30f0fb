"""Correction runs ordered, and how far they are."""

from collections.abc import Sequence

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.decisions import CorrectionRequested, CorrectionRequestedData, CorrectionScope
from shared.ids import derived_id
from shared.log.port import every_shard
from shared.state.port import StateStore
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.decisions import CorrectionRun, NotAllowed
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.ports import CauseCount, DecisionsLog, ReadModel
from sla_monitor.store.stored_items import ITEM_TOPICS


class UnknownRun(LookupError):
    """No correction run of that id was ordered."""


class RunReport(Struct, frozen=True):
    """How many of the shards have made the run, and what it has changed so far."""

    run: CorrectionRun
    shards_done: int
    shards: int
    caused: Sequence[CauseCount]


class CorrectionService:
    """Ordering correction runs, and asking what became of them."""

    def __init__(self, log: DecisionsLog, states: StateStore, read_model: ReadModel, clock: Clock) -> None:
        self._log, self._states, self._read_model, self._clock = log, states, read_model, clock

    async def order(self, id_: str, scope: CorrectionScope, *, requested_by: str) -> CorrectionRun:
        """The run is ordered, once however often it is sent; raises `NotAllowed` where the id has another scope.

        Raises `AppendUncertain`.
        """
        if self._log.rulings.run(id_) is None:
            event = CorrectionRequested(
                id=derived_id("correction", id_),
                source=SOURCE,
                time=self._clock.now(),
                subject=id_,
                data=CorrectionRequestedData(scope=scope, requested_by=requested_by),
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
        return sum(head is None or head.decisions_position >= position for head in heads), len(shards)

    def report(self, id_: str, progress: tuple[int, int]) -> RunReport:
        """What the run has changed; raises `UnknownRun`. Blocks: call it from a worker thread."""
        done, shards = progress
        return RunReport(self._known(id_), done, shards, self._read_model.caused(id_))

    def adjustments(self, *, posted: str | None, council: str | None) -> list[Adjustment]:
        """Corrections of frozen months, by the month that shows them. Blocks: call it from a worker thread."""
        return self._read_model.adjustments(posted=posted, council=council)

    def _known(self, id_: str) -> CorrectionRun:
        run = self._log.rulings.run(id_)
        if run is None:
            raise UnknownRun(f"no correction run {id_!r} was ordered")
        return run
