"""What the columns of an export seem to be, and what one of its rows is: what a first mapping says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from tallystick.replay.sampled import Sample
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

RowKind = Literal["item", "event", "reading"]
_TIMES: Mapping[RowKind, Sequence[str]] = {
    "item": ("opened", "responded", "resolved", "closed", "due"),
    "event": ("opened", "due"),
    "reading": ("date",),
}
_READ: Mapping[RowKind, Sequence[str]] = {
    "item": (*_TIMES["item"], "item", "council", "service", "priority", "took"),
    "event": (*_TIMES["event"], "item", "council", "service", "priority", "activity"),
    "reading": (*_TIMES["reading"], "item", "council", "service", "quantity"),
}
_TIME_OF_DAY = re.compile(r"[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9])?( ?[ap]m)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExportColumns:
    """The columns of a file by role, how its times are read, and by column of dates the one with its time of day.

    `others` are columns of times that have no role.
    """

    rows: RowKind
    sample: Sample
    roles: Mapping[str, str]
    times: TimeEvidence
    clocks: Mapping[str, str]
    others: Sequence[str] = ()

    @property
    def unread(self) -> list[str]:
        """The columns that a mapping does not read."""
        read = {self.roles[role] for role in _READ[self.rows] if role in self.roles} | set(self.clocks.values())
        return [column for column in self.sample.columns if column not in read]


def columns_of(sample: Sample, zone: ZoneInfo) -> ExportColumns:
    """The columns of a table of items; of readings where nothing opens and something counts; or of a history."""
    sample = sample.with_blank(sample.nothing_in(time_named(sample)))
    roles = roles_of(sample, zone)
    if "opened" not in roles and (reading := reading_roles(sample, zone)):
        return _with_times("reading", sample, roles | reading, zone)
    others = other_times(sample, roles, zone)
    if "item" not in roles and "activity" in roles and (item := repeated_item(sample, roles)) is not None:
        time = {} if "opened" in roles or not others else {"opened": others[0]}
        return _with_times("event", sample, {**roles, **time, "item": item}, zone)
    if "item" not in roles and (item := mostly_an_id(sample, roles)) is not None:
        roles["item"] = item
    return replace(_with_times("item", sample, roles, zone), others=others)


def _with_times(rows: RowKind, sample: Sample, roles: Mapping[str, str], zone: ZoneInfo) -> ExportColumns:
    columns = [roles[role] for role in _TIMES[rows] if role in roles]
    clocks = {column: clock for column in columns if (clock := _time_beside(sample, column)) is not None}
    evidence = time_evidence([_times_of(sample, each, clocks.get(each)) for each in columns], zone)
    return ExportColumns(rows, sample, roles, evidence, clocks)


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
