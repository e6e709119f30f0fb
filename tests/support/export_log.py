"""What exports of one source sent so far, and what holds after them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.contracts.codec import AnyEvent, decode_event
from shared.contracts.items import FactWithdrawn
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from tallystick.replay.changes import ExportChanges, ExportDifference
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import ExportRegister, Span
from tallystick.replay.identity import Fact, content_of
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import Scratch
from tests.support.replays import TICKETS, replay

HEADER = "number,council,opened,resolved\n"
JUNE = Span(1780268400_000_000, 1782860400_000_000)  # 2026-06-01 to 2026-07-01 in London


@dataclass
class ExportLog:
    """What was sent so far, and the register of exports."""

    source: str
    register: ExportRegister
    events: list[tuple[AnyEvent, bytes]] = field(default_factory=list)

    def export(
        self,
        stated: Sequence[TimedEvent],
        *,
        as_of_us: int,
        complete: Span | None = None,
        refused: Iterable[ItemName] = (),
    ) -> ExportDifference:
        """The export is sent; returns what it changed."""
        with closing(Scratch()) as scratch:
            exported = ExportChanges(scratch, self.source, as_of_us=as_of_us, complete=complete)
            exported.add_sent(self.events)
            exported.add_stated(stated)
            changes = exported.compare(self.register, set(refused))
            values = [each.value for each in exported.events(stated)]
            self.events += [(decode_event(value), value) for value in values]
            exported.note(self.register, (), set(refused))
        assert len(values) == changes.new + changes.withdrawn
        assert len({event.id for event, _ in self.events}) == len(self.events)
        return changes

    @property
    def facts(self) -> set[str]:
        """What holds: what was stated and not withdrawn, by its content."""
        withdrawn = {event.data.withdrawn_id for event, _ in self.events if isinstance(event, FactWithdrawn)}
        withdrawn |= {event.data.reversed_id for event, _ in self.events if isinstance(event, UsageReversed)}
        return {content_of(event) for event, _ in self.events if isinstance(event, Fact) and event.id not in withdrawn}

    @property
    def usage(self) -> dict[str, tuple[str, int]]:
        """Of each reading that holds its quantity, and all that adjusts it."""
        undone = {event.data.reversed_id for event, _ in self.events if isinstance(event, UsageReversed)}
        holding = [each for each, _ in self.events if isinstance(each, UsageRecorded) and each.id not in undone]
        adjusted: Counter[str] = Counter()
        for event, _ in self.events:
            if isinstance(event, UsageAdjusted):
                adjusted[event.data.adjusted_id] += int(event.data.quantity)
        assert len({each.key for each in holding}) == len(holding)
        return {each.key: (each.data.quantity, adjusted[each.id]) for each in holding}


def tickets(folder: Path, *rows: str) -> list[TimedEvent]:
    return replay(folder, TICKETS, HEADER + "".join(f"{row}\n" for row in rows)).timed


@cache
def _of_row(row: str) -> tuple[TimedEvent, ...]:
    with TemporaryDirectory() as folder:
        return tuple(tickets(Path(folder), row))


def tickets_of(rows: Iterable[str]) -> list[TimedEvent]:
    """The same where each row is an item of its own: laws try few different rows, thousands of times."""
    return sorted((timed for row in rows for timed in _of_row(row)), key=lambda timed: timed.at_us)
