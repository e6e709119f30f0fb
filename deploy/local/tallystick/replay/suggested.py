"""A first mapping for an export, found out from its header and first rows, with the evidence for each choice.

What the file does not show is not guessed: the mapping says what is undecided, and is refused until somebody decides.
"""

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.web.formats import counted
from tallystick.replay.delimited import declared_delimiter
from tallystick.replay.file_form import DELIMITERS, FileForm
from tallystick.replay.files import open_table
from tallystick.replay.opened import BROKEN, broken, kind_of, open_bytes, open_text
from tallystick.replay.table import Header, InvalidRow, LeftOut, Row, UnreadableFile
from tallystick.replay.times import ISO, Times, contradictions

UNDECIDED = "UNDECIDED"
_ROWS = 1_000
_BYTES = 1_000_000
# Lines above which a header is looked for.
_LOOKED_AT = 30
_ENCODINGS = ("utf-8-sig", "cp1252")
# What columns are called in the exports of service desks and finance systems, the surest names first.
_NAMES: Mapping[str, re.Pattern[str]] = {
    role: re.compile(pattern, re.IGNORECASE)
    for role, pattern in {
        "item": r"^((ticket|case|invoice|job|request|enquiry)[ _-])?(number|no\.?|id|ref(erence)?|key|issue key)$"
        r"|^(ticket|case|invoice|#)$",
        "council": r"council|customer|organi[sz]ation|company|authority|client|^body$",
        "priority": r"priority|urgency|severity",
        "opened": r"^(date |time )?(opened|created|logged|reported|received|raised|submitted)\b"
        r"|creat(ed|ion)|open(ed|ing)",
        "resolved": r"^(date |time )?(resolved|fixed|solved|completed|closed)\b|resol(ved|ution date)|solved|closed",
        "paused": r"pending|on hold|paused|suspended",
        "due": r"\bdue\b|target|deadline|breach|^(fix|respond|complete) by$",
    }.items()
}
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y"),
    *("%d-%m-%Y", "%d.%m.%Y", "%d-%b-%y", "%d %b %Y", "%d/%b/%y"),
)
_TIMES_OF_DAY = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "")
_TIME_OF_DAY = re.compile(r"[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9])?( ?[ap]m)?", re.IGNORECASE)
_TOTAL = re.compile(r"(grand |sub-?)?totals?:?", re.IGNORECASE)
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
    header_line: int | None = None
    rows: list[Row] = field(default_factory=list)

    def cells(self, column: str) -> list[str]:
        """The cells that say something."""
        cell = self.header.cell(column)
        return [text for row in self.rows if (text := cell(row))]


def suggest(path: Path, *, zone: str) -> Suggestion:
    """A mapping of one row an item for the file at `path`; raises `UnreadableFile`."""
    try:
        form = _form(path)
    except BROKEN as fault:
        raise broken(path, 0, fault) from fault
    sample = _sampled(path, form)
    roles = _roles(sample)
    times = [roles[role] for role in ("opened", "resolved", "due") if role in roles]
    clocks = {column: clock for column in times if (clock := _time_beside(sample, column)) is not None}
    forms, evidence = _time_forms([_times_of(sample, column, clocks.get(column)) for column in times])
    undecided = [f"which column is the time of opening: {_all(sample.header)}"] if "opened" not in roles else []
    undecided += [evidence] if forms == (UNDECIDED,) else []
    lines = [
        *_head(path, form, zone, sample),
        *_where_lines(sample, roles),
        *_time_lines(forms, evidence, clocks),
        *_item_lines(roles),
        *_event_lines(roles),
    ]
    return Suggestion("\n".join([*lines, *_trial_lines(roles)]) + "\n", tuple(undecided))


def _form(path: Path) -> FileForm:
    """The encoding and the separator that the file shows; of workbooks and JSON lines there is nothing to find."""
    if kind_of(path) not in {"delimited", "tabs"}:
        return FileForm()
    encoding = next((each for each in _encodings(path) if _is_text(path, each)), "latin-1")
    form = FileForm(encoding=encoding)
    return FileForm(encoding=encoding, delimiter=declared_delimiter(path, form) or _delimiter(path, encoding))


def _with_header(path: Path, form: FileForm) -> FileForm:
    """The form with the line of the header, the first of the fullest, where lines above it say what the file is."""
    table = open_table(path, form, needed=())
    rows: list[tuple[int, Row]] = [(0, list(table.header.columns))]
    rows += [(line, row) for line, row in islice(table.below(), _LOOKED_AT) if not isinstance(row, InvalidRow)]
    filled = [len({cell.strip() for cell in row if cell.strip()}) for _, row in rows]
    line, _ = rows[filled.index(max(filled))]
    is_title = filled[0] <= max(filled) / 2
    return replace(form, header_line=line) if line and is_title else form


def _encodings(path: Path) -> Sequence[str]:
    """Those that are tried; only a file that begins with its mark is UTF-16."""
    with open_bytes(path) as content:
        is_marked = content.read(2) in {BOM_UTF16_LE, BOM_UTF16_BE}
    return ("utf-16", *_ENCODINGS) if is_marked else _ENCODINGS


def _is_text(path: Path, encoding: str) -> bool:
    with open_bytes(path) as content:
        start = content.read(_BYTES)
    try:
        start.decode(encoding)
    except UnicodeDecodeError as fault:
        return fault.start > len(start) - 4 and len(start) == _BYTES  # a character that the sample cuts in two
    return True


def _delimiter(path: Path, encoding: str) -> str:
    with open_text(path, encoding) as content:
        first = "".join(content.readline(_BYTES) for _ in range(_LOOKED_AT))
    return max(DELIMITERS, key=first.count)


def _sampled(path: Path, form: FileForm) -> _Sample:
    form = _with_header(path, form)
    table = open_table(path, form, needed=())
    found = _Sample(table.header, form.header_line)
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


def _times_of(sample: _Sample, column: str, clock: str | None) -> list[str]:
    """The times of a column, with the time of day from the one beside it."""
    if clock is None:
        return sample.cells(column)
    day, time = sample.header.cell(column), sample.header.cell(clock)
    return [f"{day(row)} {time(row)}".strip() for row in sample.rows if day(row)]


def _time_forms(columns: Iterable[list[str]]) -> tuple[tuple[str, ...], str]:
    """The forms by which every sampled time can be read, and the evidence; `UNDECIDED` where two could be meant.

    Each column has one form; what one of them shows of the order of days and months holds for all.
    """
    by_column = [cells for cells in columns if cells]
    cells = [text for each in by_column for text in each]
    if not cells or _reads(ISO, cells):
        return (), "times are ISO 8601"
    fitting = [[form for form in (*_FORMS, ISO) if _reads(form, each)] for each in by_column]
    for each, forms in zip(by_column, fitting, strict=True):
        if not forms:
            return (UNDECIDED,), f"by which form times are read: for example {each[0]!r}"
    known = {form[:8] for forms in fitting for form in forms if len({each[:8] for each in forms}) == 1}
    chosen = [next((form for form in forms if form[:8] in known), forms[0]) for forms in fitting]
    every = list(dict.fromkeys(chosen))
    if any(contradictions([*every, *(form for forms in fitting for form in forms if not known)])):
        read = " or ".join(dict.fromkeys(form for forms in fitting for form in forms))
        return (UNDECIDED,), f"whether days or months come first: {read} read all {len(cells):,} times"
    of_form = "of this form" if len(every) == 1 else "of one of these forms"
    return tuple(every), f"all {counted(len(cells), 'time')} looked at are {of_form}, and of no other"


def _time_beside(sample: _Sample, column: str) -> str | None:
    """The column with the times of day of a column of dates: its name says `time` where the other says `date`."""
    if any(":" in text for text in sample.cells(column)):
        return None
    plain = re.sub(r"\b(date|time)\b", "", column, flags=re.IGNORECASE).strip().lower()
    for other in sample.header.columns:
        if other != column and re.sub(r"\btime\b", "", other, flags=re.IGNORECASE).strip().lower() == plain:
            cells = sample.cells(other) if sample.header.columns.count(other) == 1 else []
            if cells and all(map(_TIME_OF_DAY.fullmatch, cells)):
                return other
    return None


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
    if sample.header_line is not None:
        yield f"header_line: {sample.header_line}                  # what stands above it is no row"


def _where_lines(sample: _Sample, roles: Mapping[str, str]) -> Iterator[str]:
    """Totals below the rows are no items."""
    cells = sample.cells(roles["item"]) if "item" in roles else []
    if totals := sorted({text for text in cells if _TOTAL.fullmatch(text)}):
        yield f"where: [{{column: {json.dumps(roles['item'])}, not_in: {json.dumps(totals)}}}]   # no row of its own"


def _time_lines(forms: tuple[str, ...], evidence: str, clocks: Mapping[str, str]) -> Iterator[str]:
    yield f"# {evidence}"
    if forms:
        yield f"time_format: {json.dumps(forms[0] if len(forms) == 1 else list(forms))}"
    if clocks:
        yield "times:"
    for column, clock in clocks.items():
        yield f"  {json.dumps(column)}: {{time: {json.dumps(clock)}}}   # the time of day is in a column of its own"


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
    if "paused" in roles:
        paused = json.dumps(roles["paused"])
        yield f"  # {paused} may be about pauses: where columns have the times of their beginning and end, add"
        yield "  # these lines; a length of time says how long, not when"
        yield f"  # - {{event: paused, column: {paused}, data: {{reason: hold, awaiting: council}}}}"
        yield '  # - {event: resumed, column: "..."}'
    if "resolved" in roles:
        yield f"  - {{event: resolved, column: {json.dumps(roles['resolved'])}}}"


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
