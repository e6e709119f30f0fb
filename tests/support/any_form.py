"""The same tickets written as an export in any form, each with the mapping that says so."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import openpyxl
from hypothesis import strategies as st

LONDON = ZoneInfo("Europe/London")
NOTES = ("", 'a "word", and; more | of\tit', "two\nlines", "Größe", "=1+1")


class Ticket(NamedTuple):
    """A ticket: its instants are aware, and whole minutes."""

    number: str
    council: str
    opened: datetime
    resolved: datetime | None


class TimeForm(NamedTuple):
    """How times are written, and what the mapping says of that. Some have a column of their own for the resolution."""

    says: str
    write: Callable[[datetime], str]
    resolved: str = "resolved"


def _local(form: str) -> Callable[[datetime], str]:
    return lambda at: at.astimezone(LONDON).strftime(form)


_MINUTES = "{done: {column: opened, plus: minutes, plus_unit: minutes}}"
_TWO_COLUMNS = "{opened: {format: '%d.%m.%Y %H:%M', time: opened at}, resolved: {format: '%d.%m.%Y %H:%M'}}"
TIME_FORMS = {
    "iso": TimeForm("", lambda at: at.astimezone(LONDON).strftime("%Y-%m-%dT%H:%M:%S")),
    "iso of another zone": TimeForm("", lambda at: at.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()),
    "day first": TimeForm('time_format: "%d/%m/%Y %H:%M"', _local("%d/%m/%Y %H:%M")),
    "month first, twelve hours": TimeForm('time_format: "%m/%d/%Y %I:%M %p"', _local("%m/%d/%Y %I:%M %p")),
    "month's name": TimeForm('time_format: ["%d-%b-%Y %H:%M", "%d/%m/%Y"]', _local("%d-%b-%Y %H:%M")),
    "seconds": TimeForm("time_format: epoch-seconds", lambda at: str(int(at.timestamp()))),
    "milliseconds": TimeForm("time_format: epoch-milliseconds", lambda at: str(int(at.timestamp()) * 1000)),
    "two columns": TimeForm(f"times: {_TWO_COLUMNS}", _local("%d.%m.%Y %H:%M")),
    "minutes until then": TimeForm(f"times: {_MINUTES}", _local("%Y-%m-%d %H:%M"), resolved="done"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """Everything about a file that says nothing about its tickets."""

    times: str
    container: str
    delimiter: str
    encoding: str
    newline: str
    above: int
    blank: str
    declares: bool
    quotes_all: bool
    total: bool
    capitals: bool
    seed: int


FORMS = st.builds(
    Form,
    times=st.sampled_from(sorted(TIME_FORMS)),
    container=st.sampled_from([".csv", ".csv.gz", ".zip", ".txt", ".xlsx", ".jsonl"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    above=st.integers(min_value=0, max_value=3),
    blank=st.sampled_from(["", "-", "NULL", "00/00/0000"]),
    declares=st.booleans(),
    quotes_all=st.booleans(),
    total=st.booleans(),
    capitals=st.booleans(),
    seed=st.integers(min_value=0, max_value=2**16),
)


def mapping_text(form: Form) -> str:
    """The mapping of an export in that form."""
    times, by_name = TIME_FORMS[form.times], form.container == ".jsonl"
    lines = [
        "source: /replay/desk",
        "rows: item",
        "kind: ticket",
        "zone: Europe/London",
        f"encoding: {'utf-8-sig' if by_name or form.encoding == 'utf-8' else form.encoding}",
        'blank: ["-", "NULL", "00/00/0000"]',
        times.says,
        "item: number",
        "council: {column: council}",
        "service: {constant: ict}",
        "where: [{column: number, not_in: [Total]}]",
        "events:",
        "  - {event: opened, column: opened}",
        f"  - {{event: resolved, column: {times.resolved}}}",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def write_export(folder: Path, tickets: list[Ticket], form: Form) -> Path:
    """The tickets in a file of that form, in an order that the form's seed decides."""
    chance = Random(form.seed)  # noqa: S311 (nothing secret)
    rows = [_cells(ticket, form, chance) for ticket in chance.sample(tickets, len(tickets))]
    names = chance.sample(["number", "council", "opened", "resolved", "minutes", "opened at", "notes"], 7)
    if form.container == ".jsonl":
        return _json_lines(folder / "export.jsonl", rows, form)
    table = [[f"Tickets{'' if number else ' of 2026'}"] for number in range(form.above)]
    table += [[name.title() if form.capitals else name for name in names]]
    table += [[row[name] for name in names] for row in rows]
    table += [["Total" if name == "number" else "" for name in names], ["", *[" "] * 6]] if form.total else []
    if form.container == ".xlsx":
        return _workbook(folder / "export.xlsx", table)
    return _packed(folder, _text(table, form), form)


def _cells(ticket: Ticket, form: Form, chance: Random) -> Mapping[str, str]:
    write = TIME_FORMS[form.times].write
    opened, resolved = write(ticket.opened), form.blank if ticket.resolved is None else write(ticket.resolved)
    minutes = form.blank if ticket.resolved is None else str((ticket.resolved - ticket.opened) // timedelta(minutes=1))
    time_of_day = ""
    if form.times == "two columns":
        opened, time_of_day = opened.split(" ")
    cells = {"number": ticket.number, "council": ticket.council, "opened": opened, "resolved": resolved}
    return cells | {"minutes": minutes, "opened at": time_of_day, "notes": chance.choice(NOTES)}


def _text(table: list[list[str]], form: Form) -> bytes:
    written = io.StringIO(newline="")
    if form.declares:
        written.write(f"sep={form.delimiter}{form.newline}")
    csv.writer(
        written,
        delimiter=form.delimiter,
        lineterminator=form.newline,
        quoting=csv.QUOTE_ALL if form.quotes_all else csv.QUOTE_MINIMAL,
    ).writerows(table)
    return written.getvalue().encode(form.encoding)


def _packed(folder: Path, content: bytes, form: Form) -> Path:
    path = folder / f"export{form.container}"
    if form.container == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("tickets.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if form.container.endswith(".gz") else content)
    return path


def _workbook(path: Path, table: list[list[str]]) -> Path:
    made = openpyxl.Workbook()
    assert made.active is not None
    for row in table:
        made.active.append([cell.removeprefix("=") for cell in row])
    made.save(path)
    return path


def _json_lines(path: Path, rows: list[Mapping[str, str]], form: Form) -> Path:
    lines = [json.dumps(row, ensure_ascii=form.quotes_all) for row in rows]
    path.write_bytes(form.newline.join([*lines, ""]).encode("utf-8-sig" if form.declares else "utf-8"))
    return path
