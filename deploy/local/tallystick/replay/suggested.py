"""A first mapping for an export, found out from its header and first rows, with the evidence for each choice.

What the file does not show is not guessed: the mapping says what is undecided, and is refused until somebody decides.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.faults import first_of
from shared.web.formats import counted
from tallystick.console import one_line
from tallystick.replay.sampled import read_sample
from tallystick.replay.suggested_columns import ExportColumns, RowKind, columns_of
from tallystick.replay.suggested_roles import TOTAL

UNDECIDED = "UNDECIDED"
_MOST_ACTIVITIES = 50
_SUM_OF_TIMES = "Time of resolution"
_ONE_ROW: Mapping[RowKind, str] = {
    "item": "item; `rows: event` where a row is one thing that happened",
    "event": "thing that happened to an item: ids come several times",
    "reading": "quantity on a date: no column says when an item began",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The text of a mapping, and what somebody must decide before it can be used."""

    text: str
    undecided: tuple[str, ...]


def suggest(path: Path, *, zone: str) -> Suggestion:
    """A mapping for the file at `path`; raises `UnreadableFile`."""
    found = columns_of(read_sample(path), ZoneInfo(zone))
    lines = [*_head(path, zone, found), *_where_lines(found), *_time_lines(found), "", *_owner_lines(found)]
    lines += _reading_lines(found) if found.rows == "reading" else _item_and_event_lines(found)
    if unread := found.unread:
        lines += ["", f"# Columns that are not read, and so are stored nowhere: {_named(unread)}"]
    return Suggestion("\n".join(lines) + "\n", tuple(_undecided(found)))


def _undecided(found: ExportColumns) -> Iterator[str]:
    roles = found.roles
    if found.rows != "reading" and "opened" not in roles:
        yield f"which column is the time of opening: {_named(found.sample.header.columns)}"
    elif found.rows == "item" and not {"resolved", "took"} & roles.keys():
        yield "when items were resolved: no column is called so, and without one every item stays open"
    if found.times.undecided is not None:
        yield found.times.undecided
    if found.rows == "event":
        yield f"what {roles['activity']} means: which of its values pause, resume and resolve an item"


def _head(path: Path, zone: str, found: ExportColumns) -> Iterator[str]:
    form, rows_read = found.sample.form, counted(len(found.sample.rows), "row")
    yield f"# From the header and {rows_read} of {one_line(path.name)}. Read each line before you use it."
    yield f"source: /replay/{re.sub(r'[^a-z0-9]+', '-', path.name.split('.')[0].lower()).strip('-') or 'export'}"
    yield f"rows: {found.rows}   # one row is one {_ONE_ROW[found.rows]}"
    if found.rows != "reading":
        yield "kind: ticket   # or work"
    yield f"zone: {zone}   # of times that do not say; nothing in the file shows it"
    if form.sheet is not None:
        yield f"sheet: {_quoted(form.sheet)}   # the one with most rows"
    if form.encoding != "utf-8-sig":
        yield f"encoding: {form.encoding}   # the file is not UTF-8"
    if form.delimiter not in {None, ","}:
        yield f"delimiter: {json.dumps(form.delimiter)}"
    if form.header_line is not None:
        yield f"header_line: {form.header_line}   # what stands above it is no row"
    if blank := found.sample.header.blank:
        yield f"blank: {_quoted(sorted(blank))}   # where a time is missing"


def _where_lines(found: ExportColumns) -> Iterator[str]:
    """Totals and lines of text below the rows are no items."""
    column = found.roles.get("date" if found.rows == "reading" else "opened")
    sample = found.sample
    blank = [index for index, text in enumerate(sample.every_cell(column)) if not text] if column is not None else []
    alone = {index for index in blank if sum(bool(cell.strip()) for cell in sample.rows[index]) == 1}
    for name in sample.columns:
        cells = sample.every_cell(name)
        left_out = {cells[each] for each in blank if cells[each] and (each in alone or TOTAL.fullmatch(cells[each]))}
        if left_out:
            yield f"where: [{{column: {_quoted(name)}, not_in: {_quoted(sorted(left_out))}}}]   # no row of its own"
            return


def _time_lines(found: ExportColumns) -> Iterator[str]:
    times, roles = found.times, found.roles
    yield f"# {times.undecided or times.reason}"
    forms = (UNDECIDED,) if times.undecided is not None else times.forms
    if forms:
        yield f"time_format: {_quoted(forms[0] if len(forms) == 1 else list(forms))}"
    if found.clocks or "took" in roles:
        yield "times:"
    for column, clock in found.clocks.items():
        yield f"  {_quoted(column)}: {{time: {_quoted(clock)}}}   # the time of day is in a column of its own"
    if "took" in roles:
        plus = f"{{column: {_quoted(roles['opened'])}, plus: {_quoted(roles['took'])}}}"
        yield f"  {_SUM_OF_TIMES}: {plus}   # no column has that time itself"


def _owner_lines(found: ExportColumns) -> Iterator[str]:
    if (council := found.roles.get("council")) is None:
        yield "council: {constant: council}   # no column is called like a council: name yours"
    else:
        missing = len(found.sample.rows) - len(found.sample.cells(council))
        lacking = f"   # blank in {counted(missing, 'row')}: refused, unless you add a `default`" if missing else ""
        yield f"council: {{column: {_quoted(council)}}}{lacking}"
    if (service := found.roles.get("service")) is None:
        yield "service: {constant: ict}   # or {column: ...}"
    else:
        yield f"service: {{column: {_quoted(service)}}}"


def _item_and_event_lines(found: ExportColumns) -> Iterator[str]:
    yield from _item_lines(found)
    yield from _activity_lines(found) if found.rows == "event" else _event_lines(found)
    yield ""
    yield from _trial_lines(found)


def _item_lines(found: ExportColumns) -> Iterator[str]:
    roles = found.roles
    yield _id_line("item", found)
    if found.rows == "event":
        yield f"time: {_quoted(roles.get('opened', UNDECIDED))}"
        yield f"activity: {_quoted(roles['activity'])}"
    if "priority" in roles:
        yield f"priority: {{column: {_quoted(roles['priority'])}, default: normal}}"
    if "due" in roles:
        yield f"due: {_quoted(roles['due'])}   # a deadline that the system recorded"
    yield ""


def _id_line(name: str, found: ExportColumns) -> str:
    if (column := found.roles.get("item")) is None:
        return f"# {name}: no column of ids was found: the id is made of the row's content"
    repeated = len(cells := found.sample.cells(column)) - len(set(cells))
    is_table = repeated and found.rows == "item"
    repeat = "repeats" if repeated == 1 else "repeat"
    twice = (
        f"   # {counted(repeated, 'row')} {repeat} one: refused, unless you add `repeated: last`" if is_table else ""
    )
    return f"{name}: {_quoted(column)}{twice}"


def _event_lines(found: ExportColumns) -> Iterator[str]:
    roles = found.roles
    yield "events:"
    yield f"  - {{event: opened, column: {_quoted(roles.get('opened', UNDECIDED))}}}"
    if "responded" in roles:
        yield f"  - {{event: responded, column: {_quoted(roles['responded'])}}}"
    if "paused" in roles:
        paused = _quoted(roles["paused"])
        yield f"  # {paused} may be about pauses: where columns have the times of their beginning and end, add"
        yield "  # these lines; a length of time says how long, not when"
        yield f"  # - {{event: paused, column: {paused}, data: {{reason: hold, awaiting: council}}}}"
        yield '  # - {event: resumed, column: "..."}'
    if not {"resolved", "took"} & roles.keys():
        yield '  # - {event: resolved, column: "..."}   # without it every item stays open'
    for event, column in (("resolved", roles.get("resolved")), ("closed", roles.get("closed"))):
        if column is not None:
            yield f"  - {{event: {event}, column: {_quoted(column)}}}"
        elif event == "resolved" and "took" in roles:
            yield f"  - {{event: resolved, column: {_SUM_OF_TIMES}}}"
    if found.others:
        yield f"  # other columns of times: {_named(found.others)}"


def _activity_lines(found: ExportColumns) -> Iterator[str]:
    activities = Counter(found.sample.cells(found.roles["activity"])).most_common(_MOST_ACTIVITIES)
    yield "# Put each of these into a rule, or under `ignore` where it says nothing of the clock:"
    yield from (f"#   {_quoted(name)}: {counted(count, 'row')}" for name, count in activities)
    yield "events:"
    yield "  - {event: opened, pick: first}   # the first row of an item"
    yield f"  # - {{event: paused, activity: [{UNDECIDED}], during: [open], data: {{reason: hold, awaiting: council}}}}"
    yield f"  # - {{event: resumed, activity: [{UNDECIDED}], during: [paused]}}"
    yield f"  - {{event: resolved, activity: [{UNDECIDED}], pick: last}}"
    yield "ignore: []"


def _reading_lines(found: ExportColumns) -> Iterator[str]:
    roles = found.roles
    yield _id_line("reading", found)
    yield f"date: {_quoted(roles['date'])}"
    yield f'quantity: {{column: {_quoted(roles["quantity"])}}}   # or {{constant: "1"}}, where each row is one unit'
    yield "# One below zero needs `adjusts`, the column with the id of the reading that it corrects, or is refused."
    yield ""
    yield "trial:   # illustrative: leave it out where your catalogue has the councils and services"
    yield "  title: Trial (illustrative)"
    yield "  provider: {id: provider, name: Provider}"
    yield "  # tariffs: what a unit costs, as docs/tariffs.md has them: without one nothing is charged"


def _trial_lines(found: ExportColumns) -> Iterator[str]:
    within = "recorded due date" if "due" in found.roles else "5 days"
    service = '"*"' if "service" in found.roles else "ict"
    yield "trial:   # illustrative: leave it out where your catalogue has the councils and targets"
    yield "  title: Trial (illustrative)"
    yield "  provider: {id: provider, name: Provider}"
    yield "  targets:"
    yield f"    - {{id: resolution, service: {service}, measure: resolution-time, within: {within}}}"


def _named(columns: Sequence[str]) -> str:
    """The first columns, in a comment: a name with newlines must not add lines to the mapping."""
    return first_of([one_line(each) for each in columns])


def _quoted(value: str | list[str]) -> str:
    """As YAML, and as JSON, writes a text or a list of texts."""
    return json.dumps(value, ensure_ascii=False)
