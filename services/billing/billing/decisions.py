"""Which exclusions and correction runs were approved, as the log of decisions has it: what an answer may refer to."""

from collections.abc import Sequence

from shared.bus.log_view import LogView
from shared.contracts.codec import UndecodableEvent, decode_event
from shared.contracts.decisions import CorrectionRequested, ExclusionApproved
from shared.contracts.topics import DECISIONS
from shared.log.port import Bus, Record


class ApprovedDecisions(LogView):
    """The ids of approved exclusions, by council, and of approved correction runs, of one council or of every one."""

    def __init__(self, bus: Bus, *, reader: str) -> None:
        super().__init__(bus, DECISIONS, self._add, reader=reader)
        self._approved: set[tuple[str | None, str]] = set()

    def concerns(self, council: str, id_: str) -> bool:
        """Whether an approved exclusion or correction run of that id concerns the council."""
        return not self._approved.isdisjoint({(council, id_), (None, id_)})

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                event = decode_event(record.value or b"")
            except UndecodableEvent:
                continue  # whoever judges by it quarantines it
            match event:
                case ExclusionApproved(subject=id_, data=data):
                    self._approved.add((data.council, id_))
                case CorrectionRequested(subject=id_, data=data):
                    self._approved.add((data.scope.council, id_))
                case _:
                    pass
