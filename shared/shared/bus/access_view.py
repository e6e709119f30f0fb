"""Who may call, read from the log of the catalogue's changes by every service for itself."""

from collections.abc import Sequence

from shared.auth.issued import IssuedAccess
from shared.auth.successors import Successors
from shared.bus.log_view import LogView
from shared.contracts.access import AccessEvent
from shared.contracts.catalogue import CouncilVersioned
from shared.contracts.codec import UndecodableEvent, decode_event
from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, Record


class AccessView(LogView):
    """What the catalogue has issued and taken back, and which councils succeed which.

    `caught_up` once all that was there at the start is known.
    """

    def __init__(self, bus: Bus, *, reader: str) -> None:
        super().__init__(bus, CATALOGUE, self._add, reader=f"{reader}-access")
        self.heartbeat.name = f"access, {CATALOGUE.name}"
        self.issued, self.successors = IssuedAccess(), Successors()

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                event = decode_event(record.value or b"")
            except UndecodableEvent:
                continue  # of a newer release; whoever reads definitions decides what becomes of such a record
            if isinstance(event, AccessEvent):
                self.issued.add(event)
            elif isinstance(event, CouncilVersioned):
                self.successors.add(event)
