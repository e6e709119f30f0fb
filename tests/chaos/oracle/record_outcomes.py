"""The outcome of each record, from the order of the log alone: the first of an identity counts."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.oracle.log import LoggedRecord


@dataclass
class RecordOutcomes:
    """Counts of outcomes by partition: `applied`, `duplicate`, `quarantined`."""

    outcomes: Counter[tuple[int, str]] = field(default_factory=Counter)
    _first: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def take(self, record: LoggedRecord) -> str:
        """The record's outcome: it is applied if nothing with its identity was there before."""
        content = hashlib.sha256(record.content.encode()).digest()
        first = self._first.setdefault(record.identity, content)
        outcome = "quarantined" if first != content else "applied" if first is content else "duplicate"
        self.outcomes[record.partition, outcome] += 1
        return outcome

    def total(self, outcome: str) -> int:
        """How many records had that outcome."""
        return sum(count for (_, each), count in self.outcomes.items() if each == outcome)
