"""A first mapping for an export, found out from its header and first rows, with the evidence for each choice.

What the file does not show is not guessed: the mapping says what is undecided, and is refused until somebody decides.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.web.formats import counted
from tallystick.replay.sampled import Sample, read_sample
from tallystick.replay.suggested_roles import (
    mostly_an_id,
    other_times,
    reading_roles,
    repeated_item,
    roles_of,
    time_named,
    words,
)
from tallystick.replay.time_evidence import TimeEvidence, time_evidence

UNDECIDED = "UNDECIDED"
_MOST_ACTIVITIES = 20
_TIME_OF_DAY = re.compile(r"[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9])?( ?[ap]m)?", re.IGNORECASE)
_TOTAL = re.compile(r"(grand |sub-?)?totals?:?", re.IGNORECASE)
_EVENTS = ("opened", "responded", "resolved", "closed")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The text of a mapping, and what somebody must decide before it can be used."""

    text: str
    undecided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _FoundColumns:
    """What was found out of a file: its columns by role, how its times are read, and other columns of times."""

    sample: Sample
    roles: Mapping[str, str]
    times: TimeEvidence
    clocks: Mapping[str, str]
    others: Sequence[str] = ()


def suggest(path: Path, *, zone: str) -> Suggestion:
    """A mapping for the file at `path`; raises `UnreadableFile`."""
    sample = read_sample(path)
    sample = sample.with_blank(sample.nothing_in(time_named(sample)))
    found = _found(sample, ZoneInfo(zone))
    lines = [*_head(path, zone, found), *_where_lines(found), *_time_lines(found), "", *_owner_lines(found)]
    lines += _reading_lines(found) if "quantity" in found.roles else _item_and_event_lines(found)
    return Suggestion("\n".join(lines) + "\n", tuple(_undecided(found)))


def _found(sample: Sample, zone: ZoneInfo) -> _FoundColumns:
    """The columns of a table of items; of readings where nothing opens and something counts; or of a history."""
    roles = roles_of(sample, zone)
    if "opened" not in roles and (reading := reading_roles(sample, zone)):
        return _with_times(sample, roles | reading, ("date",), zone)
    others = other_times(sample, roles, zone)
    if "item" not in roles and "activity" in roles and (item := repeated_item(sample, roles)) is not None:
        time = {} if "opened" in roles or not others else {"opened": others[0]}
        return _with_times(sample, {**roles, **time, "item": item, "history": item}, ("opened", "due"), zone)
    if "item" not in roles and (item := mostly_an_id(sample, roles)) is not None:
        roles["item"] = item
    return replace(_with_times(sample, roles, (*_EVENTS, "due"), zone), others=others)


def _with_times(sample: Sample, roles: Mapping[str, str], times: tuple[str, ...], zone: ZoneInfo) -> _FoundColumns:
    columns = [roles[role] for role in times if role in roles]
    clocks = {column: clock for column in columns if (clock := _time_beside(sample, column)) is not None}
    evidence = time_evidence([_times_of(sample, each, clocks.get(each)) for each in columns], zone)
    return _FoundColumns(sample, roles, evidence, clocks)


def _undecided(found: _FoundColumns) -> Iterator[str]:
    roles = found.roles
    if not {"opened", "quantity"} & roles.keys():
        yield f"which column is the time of opening: {', '.join(found.sample.header.columns)}"
    if found.times.undecided is not None:
        yield found.times.undecided
    if "history" in roles:
        yield f"which {roles['activity']} pauses, resumes and resolves an item: a row seems to be a thing that happened"


def _times_of(sample: Sample, column: str, clock: str | None) -> list[str]:
    """The times of a column, with the time of day from the one beside it."""
    if clock is None:
        return sample.cells(column)
    both = zip(sample.every_cell(column), sample.every_cell(clock), strict=True)
    return [f"{day} {time}".strip() for day, time in both if day]


def _time_beside(sample: Sample, column: str) -> str | None:
    """The column with the times of day of a column of dates: their names differ in words such as date and time."""
    if any(":" in text for text in sample.cells(column)):
        return None
    for other in sample.columns:
        cells = sample.cells(other)
        if other != column and _plain(other) == _plain(column) and cells and all(map(_TIME_OF_DAY.fullmatch, cells)):
            return other
    return None


def _plain(name: str) -> str:
    return re.sub(r"\b(date|time|day|at|on|of)\b", "", words(name)).strip()


def _head(path: Path, zone: str, found: _FoundColumns) -> Iterator[str]:
    form = found.sample.form
    rows = "reading" if "quantity" in found.roles else "event" if "history" in found.roles else "item"
    rows_read = counted(len(found.sample.rows), "row")
    yield f"# From the header and {rows_read} of {path.name}. Read each line before you use it."
    yield f"source: /replay/{re.sub(r'[^a-z0-9]+', '-', path.name.split('.')[0].lower()).strip('-') or 'export'}"
    yield f"rows: {rows}   # one row is one {_ONE_ROW[rows]}"
    if rows != "reading":
        yield "kind: ticket   # or work"
    yield f"zone: {zone}   # of times that do not say; nothing in the file shows it"
    if form.encoding != "utf-8-sig":
        yield f"encoding: {form.encoding}   # the file is not UTF-8"
    if form.delimiter not in {None, ","}:
        yield f"delimiter: {json.dumps(form.delimiter)}"
    if form.header_line is not None:
        yield f"header_line: {form.header_line}   # what stands above it is no row"
    if blank := found.sample.header.blank:
        yield f"blank: {_quoted(sorted(blank))}   # where a time is missing"


_ONE_ROW = {
    "item": "item; `rows: event` where a row is one thing that happened",
    "event": "thing that happened to an item",
    "reading": "quantity on a date; `rows: item` where a row is a ticket",
}


def _where_lines(found: _FoundColumns) -> Iterator[str]:
    """Totals below the rows are no items."""
    column = found.roles.get("opened", found.roles.get("date"))
    sample = found.sample
    blank = [index for index, text in enumerate(sample.every_cell(column)) if not text] if column is not None else []
    for name in sample.columns:
        cells = sample.every_cell(name)
        if totals := sorted({cells[index] for index in blank if _TOTAL.fullmatch(cells[index])}):
            yield f"where: [{{column: {_quoted(name)}, not_in: {_quoted(totals)}}}]   # no row of its own"
            return


def _time_lines(found: _FoundColumns) -> Iterator[str]:
    times = found.times
    yield f"# {times.undecided or times.reason}"
    forms = (UNDECIDED,) if times.undecided is not None else times.forms
    if forms:
        yield f"time_format: {_quoted(forms[0] if len(forms) == 1 else list(forms))}"
    if found.clocks:
        yield "times:"
    for column, clock in found.clocks.items():
        yield f"  {_quoted(column)}: {{time: {_quoted(clock)}}}   # the time of day is in a column of its own"


def _owner_lines(found: _FoundColumns) -> Iterator[str]:
    if (council := found.roles.get("council")) is None:
        yield "council: {constant: council}   # no column is called like a council: name yours"
    else:
        missing = len(found.sample.rows) - len(found.sample.cells(council))
        lacking = f"   # blank in {counted(missing, 'row')}: refused, unless you add a `default`" if missing else ""
        yield f"council: {{column: {_quoted(council)}}}{lacking}"
    yield "service: {constant: ict}   # or {column: ...}"


def _item_and_event_lines(found: _FoundColumns) -> Iterator[str]:
    yield from _item_lines(found)
    yield ""
    yield "events:"
    yield from _activity_lines(found) if "history" in found.roles else _event_lines(found.roles)
    if found.others:
        yield f"  # other columns of times: {', '.join(found.others)}"
    yield ""
    yield from _trial_lines(found.roles)


def _item_lines(found: _FoundColumns) -> Iterator[str]:
    roles = found.roles
    if "item" in roles:
        repeated = len(cells := found.sample.cells(roles["item"])) - len(set(cells))
        is_table = repeated and "history" not in roles
        twice = (
            f"   # {counted(repeated, 'row')} repeats one: refused, unless you add `repeated: last`" if is_table else ""
        )
        yield f"item: {_quoted(roles['item'])}{twice}"
    else:
        yield "# item: no column of ids was found: an item is its row's content"
    if "history" in roles:
        yield f"time: {_quoted(roles.get('opened', UNDECIDED))}"
        yield f"activity: {_quoted(roles['activity'])}"
    if "priority" in roles:
        yield f"priority: {{column: {_quoted(roles['priority'])}, default: normal}}"
    if "due" in roles:
        yield f"due: {_quoted(roles['due'])}   # a deadline that the system recorded"


def _event_lines(roles: Mapping[str, str]) -> Iterator[str]:
    yield f"  - {{event: opened, column: {_quoted(roles.get('opened', UNDECIDED))}}}"
    if "responded" in roles:
        yield f"  - {{event: responded, column: {_quoted(roles['responded'])}}}"
    if "paused" in roles:
        paused = _quoted(roles["paused"])
        yield f"  # {paused} may be about pauses: where columns have the times of their beginning and end, add"
        yield "  # these lines; a length of time says how long, not when"
        yield f"  # - {{event: paused, column: {paused}, data: {{reason: hold, awaiting: council}}}}"
        yield '  # - {event: resumed, column: "..."}'
    for event in ("resolved", "closed"):
        if event in roles:
            yield f"  - {{event: {event}, column: {_quoted(roles[event])}}}"


def _activity_lines(found: _FoundColumns) -> Iterator[str]:
    activities = list(dict.fromkeys(found.sample.cells(found.roles["activity"])))[:_MOST_ACTIVITIES]
    yield "  - {event: opened, pick: first}   # the first row of an item"
    yield "  # Which of these pauses, resumes or resolves an item? Give each a line; list the others under `ignore`."
    yield f"  - {{event: {UNDECIDED}, activity: {_quoted(activities)}}}"


def _reading_lines(found: _FoundColumns) -> Iterator[str]:
    roles = found.roles
    yield f"date: {_quoted(roles['date'])}"
    yield f'quantity: {{column: {_quoted(roles["quantity"])}}}   # or {{constant: "1"}}, to count rows'
    yield "unit: unit   # what the quantity counts: a service of your catalogue says so"
    if "item" in roles:
        yield f"reading: {_quoted(roles['item'])}"
    else:
        yield "# reading: no column of ids was found: a reading is its row's content"


def _trial_lines(roles: Mapping[str, str]) -> Iterator[str]:
    within = "recorded due date" if "due" in roles else "5 days"
    yield "trial:   # illustrative: leave it out where your catalogue has the councils and targets"
    yield "  title: Trial (illustrative)"
    yield "  provider: {id: provider, name: Provider}"
    yield "  targets:"
    yield f"    - {{id: resolution, service: ict, measure: resolution-time, within: {within}}}"


def _quoted(value: str | list[str]) -> str:
    """As YAML, and as JSON, writes a text or a list of texts."""
    return json.dumps(value, ensure_ascii=False)
