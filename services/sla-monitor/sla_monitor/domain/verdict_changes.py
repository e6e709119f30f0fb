"""What announcements would change if they were published: which verdicts are added, removed or changed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256

from msgspec import Struct

from shared.contracts.codec import canonical_json
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import (
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictEvent,
    VerdictRetracted,
    WarningReached,
    verdict_key,
)


class VerdictChange(Struct, frozen=True):
    """A verdict that would change: `was` is None where none holds now, `now` where none would."""

    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
    cycle: int
    was: str | None = None
    was_month: str | None = None
    now: str | None = None
    month: str | None = None

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`; a change may be of the month or of the figures alone."""
        if self.was is None:
            return "added"
        return "removed" if self.now is None else "changed"


class VerdictChanges(Struct, frozen=True):
    """All verdicts that would change, in order of their keys, and how many warnings would be sent."""

    verdicts: tuple[VerdictChange, ...] = ()
    warnings: int = 0

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: it names exactly these verdicts and this many warnings."""
        return sha256(canonical_json(self)).hexdigest()

    @property
    def councils(self) -> list[str]:
        """Those whose verdicts would change."""
        return sorted({each.council for each in self.verdicts})

    def of(self, council: str) -> Iterator[str]:
        """What would change for the council: a line of text for each target."""
        found = [each for each in self.verdicts if each.council == council]
        counts = Counter(((each.agreement, each.target), _words(each)) for each in found)
        for agreement, target in sorted({of for of, _ in counts}):
            lines = [f"{count:,} {words}" for (of, words), count in sorted(counts.items()) if of == (agreement, target)]
            yield f"{agreement}, {target}: {', '.join(lines)}"

    @property
    def sums(self) -> str:
        """All councils together, in one line."""
        kinds = Counter(each.kind for each in self.verdicts)
        counts = ", ".join(f"{kinds[kind]:,} {kind}" for kind in ("added", "removed", "changed"))
        return f"verdicts: {counts}; warnings: {self.warnings:,}"


def verdict_changes(events: Iterable[VerdictEvent]) -> VerdictChanges:
    """What `events` would change if they were published."""
    found: list[VerdictChange] = []
    warnings = 0
    for event in events:
        if isinstance(event, WarningReached):
            warnings += 1
        else:
            found.append(_change(event))
    found.sort(key=lambda each: (each.council, each.agreement, each.target, each.stream, each.item, each.cycle))
    return VerdictChanges(tuple(found), warnings)


def _change(event: TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted) -> VerdictChange:
    about = verdict_key(event)
    match event:
        case VerdictCorrected(data=data):
            return VerdictChange(*about, was=data.was, was_month=data.was_month, now=data.outcome, month=data.month)
        case VerdictRetracted(data=data):
            return VerdictChange(*about, was=data.was, was_month=data.was_month)
        case TargetMet(data=data) | TargetBreached(data=data):
            return VerdictChange(*about, now=data.outcome, month=data.month)


def _words(each: VerdictChange) -> str:
    match each.kind:
        case "added":
            return f"{each.now} added"
        case "removed":
            return f"{each.was} removed"
        case _ if each.was == each.now:
            return f"{each.now} with other figures"
        case _:
            return f"{each.was} → {each.now}"
