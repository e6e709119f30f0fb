"""One row is one thing that happened: an item's rows are read in order of time, and rules say what each amounts to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from shared.contracts.envelope import EventData
from shared.contracts.items import NewItemData
from tallystick.replay.event_builder import EventBuilder, TimedEvent
from tallystick.replay.event_types import EVENT_TYPES, ReplayEventType, State
from tallystick.replay.fields import ItemFields, Lookups, subject_of
from tallystick.replay.form import ActivityRule, EventRows
from tallystick.replay.rows import BEFORE_OPENING, RowReader
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.times import Times


class ActivityRow(NamedTuple):
    """A row of an item."""

    at: datetime
    line: int
    activity: str


@dataclass(frozen=True, slots=True)
class History:
    """An item: whose it is, what its first row says of it, and its rows."""

    council: str
    accepted: NewItemData
    entries: list[ActivityRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule that applies. `data` is None for the beginning, whose data are the item's."""

    activities: frozenset[str]
    pick: Literal["first", "last", "all"]
    during: frozenset[State]
    happening: ReplayEventType
    data: EventData | None


def translate_histories(form: EventRows, table: Table, lookups: Lookups, intake: RowReader) -> list[TimedEvent]:
    """The events of all items, in ascending order of time."""
    reader = _HistoryReader(form, table, lookups, intake)
    for line, row in intake.rows(table):
        try:
            reader.take(line, row)
        except InvalidRow as why:
            intake.refuse(line, why)
    translator = _HistoryTranslator(form, intake)
    told = [event for item, history in reader.histories.items() for event in translator.tell(item, history)]
    told.sort(key=lambda event: event.at_us)
    return told


def applied(steps: list[AppliedRule], entries: list[ActivityRow]) -> Iterator[tuple[ActivityRow, AppliedRule]]:
    """The steps that apply to an item's `entries`, which ascend by time.

    Each entry is offered to the steps in their order; one that applies changes the item's state at once, so that
    the next step of the same entry sees it: work on a resolved ticket reopens it and then pauses it.
    """
    picked = [_picked(step, entries) for step in steps]
    state: State = "new"
    for index, entry in enumerate(entries):
        for step, indexes in zip(steps, picked, strict=True):
            if index in indexes and (not step.during or state in step.during):
                state = step.happening.leaves(state)
                yield entry, step


def _picked(step: AppliedRule, entries: list[ActivityRow]) -> frozenset[int]:
    matching = [i for i, entry in enumerate(entries) if not step.activities or entry.activity in step.activities]
    match step.pick:
        case "first":
            return frozenset(matching[:1])
        case "last":
            return frozenset(matching[-1:])
        case "all":
            return frozenset(matching)


class _HistoryReader:
    """Sorts rows to their items. An item's own values are those of its first row in the file."""

    def __init__(self, form: EventRows, table: Table, lookups: Lookups, intake: RowReader) -> None:
        self._times = Times(form.zone, form.time_format, intake.counts.notes)
        self._fields = ItemFields(form, table.header, lookups, self._times)
        self._subject = subject_of(form.item, table)
        self._time, self._time_column = table.header.cell(form.time), form.time
        self._activity, self._activity_column = table.header.cell(form.activity), form.activity
        named = [activity for rule in form.events for activity in rule.activity]
        # One string object an activity, however many rows have it.
        self._known = {activity: activity for activity in [*named, *form.ignore]}
        self.histories: dict[str, History] = {}

    def take(self, line: int, row: Row) -> None:
        """The row is with its item; raises `InvalidRow`."""
        item = self._subject(line, row)
        activity = self._known.get(self._activity(row))
        if activity is None:
            raise InvalidRow(f"{self._activity_column}: {self._activity(row)!r} is neither mapped nor ignored")
        at = self._times.instant(self._time(row), column=self._time_column)
        if item not in self.histories:
            self.histories[item] = History(self._fields.council(row), self._fields.accepted(row))
        self.histories[item].entries.append(ActivityRow(at, line, activity))


class _HistoryTranslator:
    def __init__(self, form: EventRows, intake: RowReader) -> None:
        self._steps = [_step(form, rule) for rule in form.events]
        self._maker = EventBuilder(form.source, form.kind, intake.counts)
        self._intake = intake

    def tell(self, item: str, history: History) -> list[TimedEvent]:
        """The item's events; each of its rows is counted as translated, refused or unused."""
        entries = sorted(history.entries, key=lambda entry: entry.at)
        told = list(applied(self._steps, entries))
        lines = {entry.line for entry, _ in told}
        self._count_unused(entries, lines)
        began = next((entry.at for entry, step in told if step.data is None), None)
        if began is None:
            for line in sorted(lines):
                self._intake.refuse(line, InvalidRow(f"item {item!r} has no row that begins it"))
            return []
        self._intake.counts.translated += len(lines)
        self._intake.counts.notes[BEFORE_OPENING] += sum(entry.at < began for entry, _ in told)
        return self._made(item, history, told)

    def _made(self, item: str, history: History, told: list[tuple[ActivityRow, AppliedRule]]) -> list[TimedEvent]:
        occurrences: Counter[str] = Counter()
        made: list[TimedEvent] = []
        for entry, step in told:
            occurrences[step.happening.name] += 1
            made.append(
                self._maker.make(
                    step.happening,
                    council=history.council,
                    item=item,
                    at=entry.at,
                    data=history.accepted if step.data is None else step.data,
                    occurrence=occurrences[step.happening.name],
                )
            )
        return made

    def _count_unused(self, entries: list[ActivityRow], lines: set[int]) -> None:
        for entry in entries:
            if entry.line not in lines:
                named = any(entry.activity in step.activities for step in self._steps)
                why = "changed nothing" if named else "ignored"
                self._intake.counts.unused[f"{why}: {entry.activity}"] += 1


def _step(form: EventRows, rule: ActivityRule) -> AppliedRule:
    happening = EVENT_TYPES[form.kind][rule.event]
    return AppliedRule(
        activities=frozenset(rule.activity),
        pick=rule.pick,
        during=frozenset(rule.during),
        happening=happening,
        data=None if happening.opens else happening.fixed_data(rule.data),
    )
