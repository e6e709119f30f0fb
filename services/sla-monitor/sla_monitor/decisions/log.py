"""The log of rulings, read from its beginning into memory, and added to."""

import asyncio
from collections.abc import Sequence

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.decisions import CorrectionRequested, ExclusionStep
from shared.contracts.topics import DECISIONS
from shared.log.port import Bus, Message, Record
from sla_monitor.domain.decisions import Decisions
from sla_monitor.store.whole_log import WholeLog


class DecisionsView:
    """`sla_monitor.ports.RulingsLog`, kept current by `run`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._log = WholeLog(bus, DECISIONS, self._take)
        self.rulings = Decisions()
        self.heartbeat = self._log.heartbeat
        self.position = 0

    async def catch_up(self) -> None:
        """Whatever the log holds now is known."""
        await self._log.catch_up()

    async def run(self, stop: asyncio.Event) -> None:
        """Rulings are known soon after they are published, until `stop` is set."""
        await self._log.run(stop)

    async def append(self, event: ExclusionStep | CorrectionRequested) -> None:
        """The event is in the log, and `rulings` has taken it and all before it. Raises `AppendUncertain`."""
        kind, _, done = str(event.__struct_config__.tag).split(".")[1:4]
        await self._bus.publish(DECISIONS.name, [Message(f"{kind}:{event.subject}:{done}", encode_event(event))])
        await self.catch_up()

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            event = decode_event(record.value or b"")
            if not isinstance(event, ExclusionStep | CorrectionRequested):
                raise TypeError(f"expected a ruling at offset {record.offset}, got {type(event).__name__}")
            if self.rulings.apply(event, position=record.offset + 1):
                self.position = record.offset + 1
