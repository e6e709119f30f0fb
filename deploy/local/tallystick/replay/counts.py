"""What became of every row: nothing is lost silently."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

BEFORE_OPENING = "events earlier than the beginning of their item: kept as recorded"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that became no event. `line` is the one in the file on which the row begins; the header is on line 1."""

    line: int
    reason: str


class InvalidRow(ValueError):
    """The row cannot be told as an event; the message says which column and why."""


@dataclass(slots=True)
class RowCounts:
    """The tally of one file: it is whole when its events have all been taken.

    `unused` counts rows that rightly carry no event, by the reason; `notes` counts what was read but is odd.
    """

    rows: int = 0
    translated: int = 0
    refused: int = 0
    unused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def unaccounted(self) -> int:
        """Rows that were read and not seen again: 0, or a fault of ours."""
        return self.rows - self.translated - self.refused - self.unused.total()

    def lines(self) -> Iterator[str]:
        """The tally as people read it."""
        yield f"{self.rows:,} rows = {self.translated:,} translated + {self.refused:,} refused" + (
            f" + {self.unused.total():,} that carry no event" if self.unused else ""
        )
        for title, counter in (("no event", self.unused), ("events", self.events), ("note", self.notes)):
            for name, count in sorted(counter.items()):
                if count:
                    yield f"  {title}: {name}: {count:,}"
