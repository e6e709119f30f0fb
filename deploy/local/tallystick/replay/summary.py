"""What a replay did, for people and for programs: every number that is not 0 with its reason, and where to look."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from shared.web.formats import counted
from tallystick.authorisation import Authorisation
from tallystick.console import one_line
from tallystick.draining import NoProgress
from tallystick.replay.changes import ExportDifference
from tallystick.replay.effects import Effects
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.mapping_schema import ReadingRows
from tallystick.replay.results import EventResults
from tallystick.replay.rows import RowCounts
from tallystick.verdict_file import Tally, Unknown

_SHOWN = 5
_AFTER_A_HALT = (
    "What was judged before stays. To have this file's verdicts, replay it into a new state folder (TALLYSTICK_VAR).",
    "To keep what this folder has: `tallystick quarantine accept-flood PARTITION --reason TEXT`, for each of them.",
    "Then do not replay this file into it again: its events would be refused again.",
)


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What is to be replayed, and where its files go. `as_of` None: the present instant.

    `approved` is the digest of changes that somebody approved. A dry run needs none: it works on a copy.
    """

    file: Path
    mapping: ReplayMapping
    as_of: datetime | None
    verdicts: Path | None
    rejects: Path
    approved: tuple[str, Authorisation] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of the file's rows and of their events, and the verdicts on its items.

    `effects` are what changed of what was there before; None where nothing did. `unknown` counts what waits, or cannot
    be judged, because the catalogue lacks something: items, or readings.
    """

    rows: RowCounts
    definitions_added: int
    events: EventResults
    changes: ExportDifference
    effects: Effects | None
    seconds: float
    items: Tally
    unknown: Counter[Unknown]
    stuck: NoProgress | None

    @property
    def complete(self) -> bool:
        """Whether every row and every event is applied, now or by an earlier replay."""
        return not self.rows.refused and self.events.complete and not self.unknown and self.stuck is None


def as_json(options: ReplayOptions, result: ReplayResult) -> dict[str, Any]:
    rows, items = result.rows, result.items
    return {
        "complete": result.complete,
        "rows": {
            "rows": rows.rows,
            "translated": rows.translated,
            "refused": rows.refused,
            "unused": rows.unused,
            "events": rows.events,
            "notes": rows.notes,
        },
        "definitions_added": result.definitions_added,
        "dry_run": options.dry_run,
        "events": result.events,
        "changes": result.changes._asdict(),
        "verdict_changes": [] if result.effects is None else [each._asdict() for each in result.effects.verdicts],
        "statement_changes": [] if result.effects is None else [each._asdict() for each in result.effects.statements],
        "adjusted_verdicts": {} if result.effects is None else dict(result.effects.adjusted),
        "seconds": result.seconds,
        "verdicts": items.verdicts,
        "without_effect": items.without_effect,
        "not_known": [
            {"what": missing.kind, "name": missing.name, "count": count}
            for missing, count in sorted(result.unknown.items())
        ],
        "items_with_refused_rows": items.doubtful,
        "not_read": result.stuck and str(result.stuck),
        "halted": [] if result.stuck is None else sorted(map(str, result.stuck.halted)),
        "rejects_file": one_line(str(options.rejects)),
        "verdicts_file": options.verdicts and one_line(str(options.verdicts)),
    }


def _doubtful_lines(doubtful: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """The items of which rows were refused, the first of them by name: what is known of them may be wrong."""
    if doubtful:
        yield f"{counted(len(doubtful), 'item')} of which a row was refused: the verdict may be wrong"
    for item, lines in islice(doubtful.items(), _SHOWN):
        yield f"  {item}: line {', '.join(map(str, lines))}"
    if len(doubtful) > _SHOWN:
        yield "  … and more: the column refused_rows of the verdict file (--verdicts) names them all"


def _refused_lines(rejects: Path) -> Iterator[str]:
    """Where the refused rows are, and the first of them: often all are refused for one reason."""
    yield f"  refused rows, with line and reason: {rejects}"
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        yield from (f"    the first is line {row['line']}: {row['reason']}" for row in islice(DictReader(file), 1))


def _change_lines(options: ReplayOptions, result: ReplayResult) -> Iterator[str]:
    """What the export changed of what its source sent before."""
    changes = result.changes
    if changes.older:
        yield f"  not sent: {counted(changes.older, 'item')} of which an export as of a later instant was replayed"
    if changes.held:
        yield f"  not sent: {counted(changes.held, 'item')} of which a row was refused: what was sent before holds"
    if result.effects is not None:
        yield (
            f"Changed since earlier exports: {counted(changes.new, 'fact')} new, {changes.withdrawn:,} withdrawn"
            + (f" of {counted(changes.changed_items, 'item')}" if changes.changed_items else "")
        )
        if changes.gone:
            yield f"  {counted(changes.gone, 'item')} gone of {changes.span:,} in the span for which it is complete"
        yield from result.effects.lines()
    if options.dry_run:
        yield "This was a dry run on a copy: nothing was sent or changed."
        if changes.too_many_gone:
            yield f"  To withdraw so many items: --approve {changes.digest} --reason TEXT"


def lines(options: ReplayOptions, result: ReplayResult) -> Iterator[str]:
    yield from result.rows.lines()
    if result.rows.refused:
        yield from _refused_lines(options.rejects)
    if result.definitions_added:
        yield f"{counted(result.definitions_added, 'definition')} added to the catalogue for the trial"
    yield from result.events.lines()
    yield from _change_lines(options, result)
    thing = "reading" if isinstance(options.mapping.content, ReadingRows) else "item"
    for missing, count in sorted(result.unknown.items()):
        yield f"  not known: {missing} ({counted(count, thing)}, {missing.effect}): `tallystick load` adds it"
    if result.stuck is not None:
        yield f"  not read: {result.stuck}"
        yield from (f"    {line}" for line in _AFTER_A_HALT)
    speed = f"{result.events.sent / result.seconds:,.0f} a second"
    yield f"Judged and metered in {result.seconds:.1f} s: {speed}"
    yield from result.items.lines()
    yield from _doubtful_lines(result.items.doubtful)
    if options.verdicts is not None:
        yield f"Verdicts: {options.verdicts}"
