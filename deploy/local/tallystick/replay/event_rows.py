"""One row is one thing that happened: an item's rows are read in order of time, and rules say what each amounts to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from shared.contracts.envelope import EventData
from shared.contracts.items import NewItemData, ReclassifiedData
from tallystick.replay.events import (
    EVENT_TYPES,
    OPENING_EVENT,
    EventBuilder,
    ItemState,
    ReplayEventType,
    TimedEvent,
    in_order_of_time,
    sequence_of,
)
from tallystick.replay.fields import ItemFields, ItemNames, Lookups
from tallystick.replay.mapping_schema import ActivityRule, EventRows
from tallystick.replay.reclassified import changed_between, merged
from tallystick.replay.rows import (
    BEFORE_OPENING,
    CHANGES_UNREAD,
    DUE_BEFORE_OPENING,
    NEWEST_FIRST,
    UNLISTED_OPENING,
    ItemName,
    RowReader,
)
from tallystick.replay.scratch import FirstValues, Scratch, Sorted
from tallystick.replay.table import InvalidRow, Row, Table
from tallystick.replay.time_columns import TimeColumns


class ActivityRow(NamedTuple):
    """A row of an item. `listed`: the mapping names its activity. `says` is what it says the item is."""

    at: datetime
    line: int
    activity: str
    listed: bool = True
    says: NewItemData | None = None


class Beginning(NamedTuple):
    """An item: its name in the file, whose it is, and what its first row says of it.

    `opened` is when it began, where a column says so.
    """

    name: ItemName
    council: str
    new_item: NewItemData
    opened: datetime | None = None


class FiledRow(NamedTuple):
    """A row with its item's number, from 1 on in order of their first rows; the first row has how the item begins."""

    item: int
    row: ActivityRow
    beginning: Beginning | None


class Happened(NamedTuple):
    """An event of an item that is not made yet, and the line that says so."""

    at: datetime
    line: int
    type: ReplayEventType
    data: EventData
    sequence: str


class History(NamedTuple):
    """An item, and its rows in the order of the file."""

    beginning: Beginning
    rows: list[ActivityRow]


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule that applies. `data` is None for the opening, whose data are the item's."""

    activities: frozenset[str]
    pick: Literal["first", "last", "all"]
    during: frozenset[ItemState]
    type: ReplayEventType
    data: EventData | None


MadeBy = tuple[ActivityRow, AppliedRule]


def translate_histories(
    content: EventRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch
) -> Iterable[TimedEvent]:
    """The events of all items, in ascending order of time."""
    histories = _Histories(content, table, lookups, reader, scratch)
    for line, row in reader.rows(table):
        try:
            histories.add(line, row)
        except InvalidRow as why:
            reader.refuse(line, why, histories.names.of_refused(row))
    translator = _HistoryTranslator(content, reader, newest_first=_is_newest_first(histories.each()))
    events = in_order_of_time(scratch)
    for history in histories.each():
        events.add(translator.translate(history))
    return events


def _is_newest_first(histories: Iterable[History]) -> bool:
    """Whether the rows of items mostly descend in time, as in exports that show the latest first."""
    pairs = (pair for history in histories for pair in pairwise(history.rows))
    return sum((one.at < other.at) - (one.at > other.at) for one, other in pairs) < 0


def applied(
    rules: list[AppliedRule], rows: list[ActivityRow], *, state: ItemState = "new"
) -> Iterator[tuple[ActivityRow, AppliedRule]]:
    """The rules that apply to an item's `rows`, which ascend by time; it is in `state` before the first of them.

    Each row is offered to the rules in their order; one that applies changes the item's state at once, so that the
    next rule for the same row sees it: work on a resolved ticket reopens it and then pauses it.
    """
    picked = [_picked(rule, rows) for rule in rules]
    for index, row in enumerate(rows):
        for rule, indexes in zip(rules, picked, strict=True):
            if index in indexes and (not rule.during or state in rule.during):
                state = rule.type.state_after(state)
                yield row, rule


def _picked(rule: AppliedRule, rows: list[ActivityRow]) -> frozenset[int]:
    """The indexes of the rows that the rule is about. What the mapping does not list can begin an item, no more."""
    matching = [
        index
        for index, row in enumerate(rows)
        if row.activity in rule.activities or (not rule.activities and (row.listed or rule.type.opens))
    ]
    match rule.pick:
        case "first":
            return frozenset(matching[:1])
        case "last":
            return frozenset(matching[-1:])
        case "all":
            return frozenset(matching)


class _Histories:
    """Rows by their items. An item's own values are those of its first row in the file that is not refused."""

    def __init__(self, content: EventRows, table: Table, lookups: Lookups, reader: RowReader, scratch: Scratch) -> None:
        times = TimeColumns(content, table, reader.counts.notes)
        self._fields = ItemFields(content, table.header, lookups, times)
        self._opened = None if content.opening is None else times.reader(content.opening)
        self._opening_column = content.opening
        one_council = content.council_of == "first-row"
        self.names = ItemNames(self._fields.council, content.item, table, scratch, one_council=one_council)
        self._time, self._time_column = times.reader(content.time), content.time
        self._activity, self._activity_column = table.header.cell(content.activity), content.activity
        named = [activity for rule in content.events for activity in rule.activity]
        # One string object an activity, however many rows have it.
        self._known = {activity: activity for activity in [*named, *content.ignore]}
        self._opening = EVENT_TYPES[content.kind][OPENING_EVENT[content.kind]]
        self._any_opens = any(rule.event == self._opening.name and not rule.activity for rule in content.events)
        self._builder = EventBuilder(content.source, content.kind)
        self._numbers, self._items = FirstValues[int](scratch), 0
        self._rows = Sorted(scratch, FiledRow, key=lambda filed: filed.item)

    def add(self, line: int, row: Row) -> None:
        """The row is with its item; raises `InvalidRow`.

        Where an item begins with whatever comes first, that may be an activity that the mapping does not list.
        """
        name = self.names.of(row)
        text = self._activity(row)
        activity = self._known.get(text)
        if activity is None and not self._any_opens:
            raise _unlisted(self._activity_column, text)
        if (at := self._time(row)) is None:
            raise InvalidRow(f"{self._time_column}: the cell is blank")
        says = self._fields.says(row)
        filed = ActivityRow(at, line, activity or text, listed=activity is not None, says=says)
        number = self._numbers.get(":".join(name))
        beginning = None if number else self._begun(name, row, at)
        if number is None:
            self._items += 1
            number = self._numbers.setdefault(":".join(name), self._items)
        self._rows.add([FiledRow(number, filed, beginning)])

    def each(self) -> Iterator[History]:
        """The items in order of their first rows."""
        for _, found in groupby(self._rows, key=lambda filed: filed.item):
            filed = list(found)
            if (beginning := filed[0].beginning) is not None:  # which an item's first row always has
                yield History(beginning, [each.row for each in filed])

    def _begun(self, name: ItemName, row: Row, at: datetime) -> Beginning:
        """How the item begins; raises `InvalidRow` where no service would accept what the row says."""
        opened = None if self._opened is None else self._opened(row)
        if self._opened is not None and opened is None:
            raise InvalidRow(f"{self._opening_column}: the cell is blank: nothing says when the item began")
        beginning = Beginning(name, self._fields.council(row), self._fields.new_item(row), opened)
        self._builder.build(
            self._opening,
            council=beginning.council,
            item=name[1],
            at=at,
            data=beginning.new_item,
            sequence=sequence_of(1, 1),
        )
        return beginning


class _HistoryTranslator:
    def __init__(self, content: EventRows, reader: RowReader, *, newest_first: bool) -> None:
        self._newest_first = newest_first
        self._rules = [_applied_rule(content, rule) for rule in content.events]
        types = EVENT_TYPES[content.kind]
        self._opening, self._reclassified = types[OPENING_EVENT[content.kind]], types["reclassified"]
        self._has_opening, self._reclassifies = content.opening is not None, content.reclassify == "yes"
        self._builder = EventBuilder(content.source, content.kind)
        self._reader, self._activity_column = reader, content.activity

    def translate(self, history: History) -> list[TimedEvent]:
        """The item's events; each of its rows is counted as translated, refused or unused."""
        beginning, rows = history.beginning, self._in_order(history)
        made_by = list(applied(self._rules, rows, state="new" if beginning.opened is None else "open"))
        lines = {row.line for row, _ in made_by}
        try:
            opened = beginning.opened or _opening(beginning.name, made_by)
            happened = list(self._happened(history, rows, made_by, opened))
            lines |= {each.line for each in happened}
            events = [self._event(beginning, each) for each in happened]
        except InvalidRow as why:
            for line in sorted(lines):
                self._reader.refuse(line, why, beginning.name)
            self._count_others(beginning.name, rows, lines)
            return []
        self._count_others(beginning.name, rows, lines)
        self._reader.counts.translated += len(lines)
        self._note(history, happened, made_by, opened)
        return events

    def _in_order(self, history: History) -> list[ActivityRow]:
        """The item's rows in order of time; those of one instant in the file's direction of time."""
        rows = sorted(reversed(history.rows) if self._newest_first else history.rows, key=lambda row: row.at)
        if self._newest_first:
            self._reader.counts.note(NEWEST_FIRST, sum(one.at == other.at for one, other in pairwise(rows)))
        return rows

    def _happened(
        self,
        history: History,
        rows: list[ActivityRow],
        made_by: list[MadeBy],
        opened: datetime,
    ) -> Iterator[Happened]:
        """What happened to the item, in order of its rows: what a rule says, and what it became."""
        item = self._as_opened(history, made_by)
        column_opened = history.beginning.opened
        if column_opened is not None:
            yield Happened(opened, history.rows[0].line, self._opening, item, sequence_of(1, 1))
        numbers, of_row = _numbers(rows, after=column_opened), Counter[int]()
        changes = _changes(item, rows, opened) if self._reclassifies else {}
        rules: dict[int, list[AppliedRule]] = {}
        for row, rule in made_by:
            rules.setdefault(row.line, []).append(rule)
        for row in rows:
            made = [(rule.type, rule.data or item) for rule in rules.get(row.line, ())]
            if (change := changes.get(row.line)) is not None:
                made.insert(0, (self._reclassified, change))
            for type_, data in made:
                of_row[row.line] += 1
                yield Happened(row.at, row.line, type_, data, sequence_of(numbers[row.line], of_row[row.line]))

    def _as_opened(self, history: History, made_by: list[MadeBy]) -> NewItemData:
        """What the item was when it began: as its first row says, or with `reclassify` the row that it began in."""
        beginning = history.beginning
        if not self._reclassifies or beginning.opened is not None:
            return beginning.new_item
        return next((row.says for row, rule in made_by if rule.type.opens and row.says), beginning.new_item)

    def _event(self, beginning: Beginning, happened: Happened) -> TimedEvent:
        return self._builder.build(
            happened.type,
            council=beginning.council,
            item=beginning.name[1],
            at=happened.at,
            data=happened.data,
            sequence=happened.sequence,
        )

    def _note(
        self,
        history: History,
        happened: list[Happened],
        made_by: list[MadeBy],
        opened: datetime,
    ) -> None:
        counts, new_item = self._reader.counts, history.beginning.new_item
        counts.events.update(each.type.tag for each in happened)
        counts.note(BEFORE_OPENING, sum(each.at < opened for each in happened))
        counts.note(DUE_BEFORE_OPENING, new_item.due_at is not None and new_item.due_at < opened)
        counts.note(UNLISTED_OPENING, any(rule.type.opens and not row.listed for row, rule in made_by))
        if not self._reclassifies:
            says = (row.says for row in history.rows if row.says is not None)
            counts.note(CHANGES_UNREAD, any(changed_between(new_item, each) is not None for each in says))

    def _count_others(self, name: ItemName, rows: list[ActivityRow], lines: set[int]) -> None:
        """The rows that are not on `lines`, where events were made, are refused or unused."""
        for row in rows:
            if row.line in lines:
                continue
            if not row.listed:
                self._reader.refuse(row.line, _unlisted(self._activity_column, row.activity), name)
                continue
            named = any(row.activity in rule.activities for rule in self._rules)
            why = "changed nothing" if named else "ignored"
            self._reader.counts.unused[f"{why}: {row.activity}"] += 1


def _numbers(rows: list[ActivityRow], *, after: datetime | None) -> dict[int, int]:
    """The place of each row among those of its instant, from 1 on, by its line; `rows` ascend by time.

    From 2 on at the instant `after`, whose first event is in no row of its own.
    """
    numbers: dict[int, int] = {}
    for at, tied in groupby(rows, key=lambda row: row.at):
        numbers |= {row.line: number for number, row in enumerate(tied, start=2 if at == after else 1)}
    return numbers


def _changes(item: NewItemData, rows: list[ActivityRow], opened: datetime) -> dict[int, ReclassifiedData]:
    """What each row, by its line, says that the rows before it since the item was `opened` did not."""
    found: dict[int, ReclassifiedData] = {}
    for row in rows:
        if row.says is None or row.at < opened:
            continue
        if (change := changed_between(item, row.says)) is not None:
            found[row.line], item = change, merged(item, row.says)
    return found


def _opening(name: ItemName, made_by: list[MadeBy]) -> datetime:
    """When the item begins; raises `InvalidRow` where it never does."""
    for row, rule in made_by:
        if rule.type.opens:
            return row.at
    raise InvalidRow(f"item {name[1]!r} has no row that begins it")


def _unlisted(column: str, activity: str) -> InvalidRow:
    return InvalidRow(f"{column}: {activity!r} is neither mapped nor ignored")


def _applied_rule(content: EventRows, rule: ActivityRule) -> AppliedRule:
    type_ = EVENT_TYPES[content.kind][rule.event]
    return AppliedRule(
        activities=frozenset(rule.activity),
        pick=rule.pick,
        during=frozenset(rule.during),
        type=type_,
        data=type_.constant_data(rule.data),
    )
