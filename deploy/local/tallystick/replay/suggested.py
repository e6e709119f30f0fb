"""A first mapping for an export, found out from its header and first rows, with the evidence for each choice.

What the file does not show is not guessed: the mapping says what is undecided, and is refused until somebody decides.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.web.formats import counted
from tallystick.replay.delimited import declared_delimiter
from tallystick.replay.file_form import DELIMITERS, FileForm
from tallystick.replay.files import open_table
from tallystick.replay.opened import kind_of, open_bytes
from tallystick.replay.table import Header, InvalidRow, LeftOut, Row, UnreadableFile
from tallystick.replay.times import ISO, Times, contradictions

UNDECIDED = "UNDECIDED"
_ROWS = 1_000
_BYTES = 1_000_000
_ENCODINGS = ("utf-8-sig", "cp1252")
# What columns are called in the exports of service desks and finance systems, the surest names first.
_NAMES: Mapping[str, re.Pattern[str]] = {
    role: re.compile(pattern, re.IGNORECASE)
    for role, pattern in {
        "item": r"^(number|ref(erence)?|(ticket|case|invoice)( id| no| number)?|issue key|id)$",
        "council": r"council|customer|organi[sz]ation|company|authority|client|^body$",
        "priority": r"priority|urgency|severity",
        "opened": r"^(opened|created|logged|reported|received|date raised|raised)\b|creat(ed|ion)|open(ed|ing)",
        "resolved": r"^(resolved|fixed|solved|completed|closed)\b|resol(ved|ution date)|solved|closed",
        "paused": r"pending|on hold|paused|suspended",
        "due": r"\bdue\b|target|deadline|breach",
    }.items()
}
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y"),
    *("%d-%m-%Y", "%d.%m.%Y", "%d-%b-%y", "%d %b %Y", "%d/%b/%y"),
)
_TIMES_OF_DAY = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "")
_FORMS = tuple(f"{day}{time}" for day in _DAYS for time in _TIMES_OF_DAY)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The text of a mapping, and what somebody must decide before it can be used."""

    text: str
    undecided: tuple[str, ...]


@dataclass(slots=True)
class _Sample:
    """The first rows of a file, column by column."""

    header: Header
    rows: list[Row] = field(default_factory=list)

    def cells(self, column: str) -> list[str]:
        """The cells that say something."""
        cell = self.header.cell(column)
        return [text for row in self.rows if (text := cell(row))]


def suggest(path: Path, *, zone: str) -> Suggestion:
    """A mapping of one row an item for the file at `path`; raises `UnreadableFile`."""
    form = _form(path)
    sample = _sampled(path, form)
    roles = _roles(sample)
    times = [roles[role] for role in ("opened", "resolved", "due") if role in roles]
    forms, evidence = _time_forms(sample, times)
    undecided = [f"which column is the time of opening: {_all(sample.header)}"] if "opened" not in roles else []
    undecided += [evidence] if forms == (UNDECIDED,) else []
    lines = [*_head(path, form, zone, sample), *_time_lines(forms, evidence), *_item_lines(roles), *_event_lines(roles)]
    return Suggestion("\n".join([*lines, *_trial_lines(roles)]) + "\n", tuple(undecided))


def _form(path: Path) -> FileForm:
    """The encoding and the separator that the file shows; of workbooks and JSON lines there is nothing to find."""
    if kind_of(path) not in {"delimited", "tabs"}:
        return FileForm()
    encoding = next((each for each in _ENCODINGS if _is_text(path, each)), "latin-1")
    form = FileForm(encoding=encoding)
    return FileForm(encoding=encoding, delimiter=declared_delimiter(path, form) or _delimiter(path, encoding))


def _is_text(path: Path, encoding: str) -> bool:
    with open_bytes(path) as content:
        start = content.read(_BYTES)
    try:
        start.decode(encoding)
    except UnicodeDecodeError as fault:
        return fault.start > len(start) - 4 and len(start) == _BYTES  # a character that the sample cuts in two
    return True


def _delimiter(path: Path, encoding: str) -> str:
    with open_bytes(path) as content:
        first = content.readline(_BYTES).decode(encoding, "replace")
    return max(DELIMITERS, key=first.count)


def _sampled(path: Path, form: FileForm) -> _Sample:
    table = open_table(path, form, needed=())
    found = _Sample(table.header)
    for _, row in islice(table.rows(), _ROWS):
        if not isinstance(row, InvalidRow | LeftOut):
            found.rows.append(row)
    if not found.rows:
        raise UnreadableFile(f"{path.name} has no row below its header: nothing shows what its columns are")
    return found


def _roles(sample: _Sample) -> dict[str, str]:
    """The first column, with a name of its own, that is called as each role is; no column has two."""
    columns = [each for each in sample.header.columns if each and sample.header.columns.count(each) == 1]
    found: dict[str, str] = {}
    for role, names in _NAMES.items():
        free = [column for column in columns if names.search(column) and column not in found.values()]
        if role == "item":
            free = [column for column in free if len(set(sample.cells(column))) == len(sample.rows)]
        if free:
            found[role] = free[0]
    return found


def _time_forms(sample: _Sample, columns: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """The forms by which every sampled time can be read, and the evidence; `UNDECIDED` where two could be meant."""
    cells = [text for column in columns for text in sample.cells(column)]
    if not cells or _reads(ISO, cells):
        return (), "times are ISO 8601"
    fitting = [form for form in _FORMS if _reads(form, cells)]
    if not fitting:
        return (UNDECIDED,), f"by which form times are read: for example {cells[0]!r}"
    if any(contradictions(fitting)):
        return (UNDECIDED,), f"whether days or months come first: {' or '.join(fitting)} read all {len(cells):,} times"
    return (fitting[0],), f"all {counted(len(cells), 'time')} looked at are of this form, and of no other"


def _reads(form: str, cells: Sequence[str]) -> bool:
    times = Times(ZoneInfo("UTC"), form, Counter())
    try:
        for text in cells:
            times.instant(text, column="")
    except InvalidRow:
        return False
    return True


def _head(path: Path, form: FileForm, zone: str, sample: _Sample) -> Iterator[str]:
    yield f"# From the header and {counted(len(sample.rows), 'row')} of {path.name}. Read each line before you use it."
    yield f"source: /replay/{re.sub(r'[^a-z0-9]+', '-', path.name.split('.')[0].lower()).strip('-') or 'export'}"
    yield "rows: item                     # one row is one item; `rows: event` where a row is one thing that happened"
    yield "kind: ticket                   # or work"
    yield f"zone: {zone}            # of times that do not say; nothing in the file shows it"
    if form.encoding != "utf-8-sig":
        yield f"encoding: {form.encoding}             # the file is not UTF-8"
    if form.delimiter not in {None, ","}:
        yield f"delimiter: {json.dumps(form.delimiter)}"


def _time_lines(forms: tuple[str, ...], evidence: str) -> Iterator[str]:
    yield f"# {evidence}"
    if forms:
        yield f"time_format: {json.dumps(forms[0])}"


def _item_lines(roles: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield (
        f"item: {json.dumps(roles['item'])}"
        if "item" in roles
        else ("# item: no column of ids was found: an item is its row's content")
    )
    if "council" in roles:
        yield f"council: {{column: {json.dumps(roles['council'])}}}"
    else:
        yield "council: {constant: council}   # no column is called like a council: name yours"
    yield "service: {constant: ict}       # or {column: …}"
    if "priority" in roles:
        yield f"priority: {{column: {json.dumps(roles['priority'])}, default: normal}}"
    if "due" in roles:
        yield f"due: {json.dumps(roles['due'])}   # a deadline that the system recorded"


def _event_lines(roles: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield "events:"
    yield f"  - {{event: opened, column: {json.dumps(roles.get('opened', UNDECIDED))}}}"
    if "resolved" in roles:
        yield f"  - {{event: resolved, column: {json.dumps(roles['resolved'])}}}"
    if "paused" in roles:
        yield f"  # {json.dumps(roles['paused'])} may be about pauses: with times of their beginning and end, add"
        yield "  # paused and resumed; a length of time says how long, not when"


def _trial_lines(roles: Mapping[str, str]) -> Iterator[str]:
    within = "recorded due date" if "due" in roles else "5 days"
    yield ""
    yield "trial:   # illustrative: leave it out where your catalogue has the councils and targets"
    yield "  title: Trial (illustrative)"
    yield "  provider: {id: provider, name: Provider}"
    yield "  targets:"
    yield f"    - {{id: resolution, service: ict, measure: resolution-time, within: {within}}}"


def _all(header: Header) -> str:
    return ", ".join(header.columns)
