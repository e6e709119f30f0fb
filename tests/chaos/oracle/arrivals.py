"""What became of each record, from the order of the log alone: the first of an identity counts."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.oracle.log import Raw


@dataclass
class Arrivals:
    """Counts of fates by partition: `applied`, `duplicate`, `quarantined`."""

    fates: Counter[tuple[int, str]] = field(default_factory=Counter)
    _first: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def take(self, record: Raw) -> bool:
        """Whether the record counts: nothing with its identity was there before."""
        content = hashlib.sha256(record.content.encode()).digest()
        first = self._first.setdefault(record.identity, content)
        fate = "quarantined" if first != content else "applied" if first is content else "duplicate"
        self.fates[record.partition, fate] += 1
        return fate == "applied"

    def total(self, fate: str) -> int:
        """How many records had that fate."""
        return sum(count for (_, each), count in self.fates.items() if each == fate)
