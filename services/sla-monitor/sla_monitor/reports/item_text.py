"""An item in words: its verdicts, each with its time folded to few lines, and what was published about it.

Nights, weekends and holidays have no lines of their own. Time that counted or was paused has a line a day, or, where
those are too many, a line for each run of like days, month or quarter. The long form has every segment.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.contracts.thresholds import CalendarDays, CalendarMonths, RecordedDueDate, WorkingDays, parse_threshold
from shared.contracts.verdicts import warning_text
from shared.period import LONDON
from shared.web.formats import counted
from sla_monitor.domain.working_time.working_days import is_named_closure
from sla_monitor.ports import Announcement
from sla_monitor.reports.item_report import ItemReport, SegmentReport, VerdictReport

# What a person reads of an item at one look. An item of very many clocks or announcements may need more.
MAX_LINES = 40
_MAX_ANNOUNCED = 5


class TimeRow(NamedTuple):
    """What counted and what was paused, in seconds, on `days` local dates from `first` to `last`; and why."""

    first: date
    last: date
    days: int
    counted_s: int
    paused_s: int
    pauses: tuple[str, ...]


# Beside the figures of the item; the API gives all of them.
_MAX_CONFLICTS = 3


def item_text(item: ItemReport, *, long: bool = False) -> list[str]:
    """The lines of the item; in the `long` form every segment and every announcement has its own."""
    zone = _zone(item)
    verdicts = [_verdict_text(verdict, zone) for verdict in item.verdicts]
    in_order = sorted(item.announced, key=lambda each: each.at)
    announced = _announced_text(in_order if long else in_order[-_MAX_ANNOUNCED:], zone)
    if len(announced) < len(item.announced):
        earlier = counted(len(item.announced) - len(announced), "earlier announcement")
        announced.insert(0, f"  {earlier}: --long, or ?long=true")
    notes = [f"Note: {note}" for note in item.notes]
    lines = [*_heading(item, zone), *(f"Conflict: {conflict}" for conflict in item.conflicts[:_MAX_CONFLICTS])]
    lines += [f"Withdrawn: {gone}" for gone in item.withdrawn[:_MAX_CONFLICTS]]
    used = len(lines) + len(announced) + len(notes) + sum(len(each) + 1 for each in verdicts) + 2
    left = (MAX_LINES - used) // max(len(verdicts), 1) - 2
    for verdict, text in zip(item.verdicts, verdicts, strict=True):
        lines += ["", *text]
        lines += _every_segment(verdict, zone) if long else _folded_text(verdict, ZoneInfo(verdict.zone), left)
    return [*lines, *(["", "Announced:", *announced] if announced else []), *notes]


def folded(trace: Sequence[SegmentReport], zone: ZoneInfo, *, most: int) -> list[TimeRow]:
    """The time that counted or was paused, in at most `most` rows in order; none where that is impossible."""
    days = _by_day(trace, zone)
    for alike in _FOLDS:
        rows = [_joined(list(group)) for _, group in groupby(days, key=alike)]
        if len(rows) <= most:
            return rows
    return []


# From the finest: a row a day, for each run of like days, a month, a quarter, for all of it.
_FOLDS: tuple[Callable[[TimeRow], Hashable], ...] = (
    lambda row: row.first,
    lambda row: (bool(row.counted_s), row.pauses),
    lambda row: (row.first.year, row.first.month),
    lambda row: (row.first.year, (row.first.month - 1) // 3),
    lambda _: True,
)


def _joined(rows: Sequence[TimeRow]) -> TimeRow:
    return TimeRow(
        rows[0].first,
        rows[-1].last,
        len({row.first for row in rows}),
        sum(row.counted_s for row in rows),
        sum(row.paused_s for row in rows),
        tuple(dict.fromkeys(pause for row in rows for pause in row.pauses)),
    )


def _by_day(trace: Sequence[SegmentReport], zone: ZoneInfo) -> list[TimeRow]:
    pieces = (piece for segment in trace if segment.kind != "closed" for piece in _pieces(segment, zone))
    return [_joined(list(group)) for _, group in groupby(pieces, key=lambda row: row.first)]


def _pieces(segment: SegmentReport, zone: ZoneInfo) -> Iterator[TimeRow]:
    """The segment, cut at the midnights of the zone."""
    start = segment.start_at
    while start < segment.end_at:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        end = min(midnight, segment.end_at)
        seconds = int((end - start.astimezone(UTC)).total_seconds())
        is_paused = segment.kind == "paused"
        yield TimeRow(
            day, day, 1, 0 if is_paused else seconds, seconds if is_paused else 0, (segment.reason,) * is_paused
        )
        start = end


def _zone(item: ItemReport) -> ZoneInfo:
    """The zone of all its clocks; London where they differ."""
    zones = {verdict.zone for verdict in item.verdicts}
    return ZoneInfo(zones.pop()) if len(zones) == 1 else LONDON


def _heading(item: ItemReport, zone: ZoneInfo) -> Iterator[str]:
    yield f"{item.item} of {item.council}, {item.service or 'service not known yet'}: {item.state}"
    opened = "" if item.opened_at is None else f"opened {_when(item.opened_at, zone)}, "
    yield f"  {opened}as of {_when(item.as_of, zone)}; times of {zone.key}"
    yield from (f"  from {_when(each.at, zone)}: {each.what}" for each in item.changes)


def _verdict_text(verdict: VerdictReport, zone: ZoneInfo) -> list[str]:
    cycle = f", cycle {verdict.cycle}" if verdict.cycle > 1 else ""
    calendar = f", calendar {verdict.calendar} version {verdict.calendar_version}" if verdict.calendar else ""
    began = _instants({"started": verdict.started_at, "due": verdict.due_at}, zone)
    ended = _instants({"missed": verdict.missed_at, "stopped": verdict.stopped_at}, zone)
    compared = compared_text(verdict)
    return [
        f"{verdict.target}{cycle}: {verdict.verdict.upper()}, {verdict.reason} ({verdict.measure}, {verdict.within})",
        f"  by agreement {verdict.agreement} version {verdict.agreement_version}{calendar}",
        *(f"  {line}" for line in (began, ended) if line),
        f"  counted {_duration(verdict.counted_s)}, paused {_duration(verdict.paused_s)}, "
        f"outside hours {_duration(verdict.closed_s)}{f'; {compared}' if compared else ''}",
        *(
            f"  {warning_text(warning.percent, warning.before)} {_when(warning.at, zone)}"
            for warning in sorted(verdict.warnings, key=lambda each: each.at)
        ),
    ]


def _instants(named: Mapping[str, datetime | None], zone: ZoneInfo) -> str:
    return ", ".join(f"{name} {_when(at, zone)}" for name, at in named.items() if at is not None)


def is_late_by_date(verdict: VerdictReport) -> bool:
    """Whether its margin is plain time since a date that was missed, nights included, not time of its clock."""
    by_date = isinstance(parse_threshold(verdict.within), WorkingDays | CalendarDays | CalendarMonths | RecordedDueDate)
    return by_date and verdict.margin_s is not None and verdict.margin_s < 0


def compared_text(verdict: VerdictReport) -> str | None:
    """What is left of the allowance, or by how much it was passed; None where nothing is due."""
    if verdict.margin_s is None:
        return None
    if verdict.margin_s >= 0:
        return f"{_duration(verdict.margin_s)} left"
    return f"{_duration(-verdict.margin_s)} {'after it was due' if is_late_by_date(verdict) else 'over'}"


def _folded_text(verdict: VerdictReport, zone: ZoneInfo, most: int) -> list[str]:
    rows = folded(verdict.trace, zone, most=most)
    closed = (part.reason for part in verdict.trace if part.kind == "closed")
    closures = list(dict.fromkeys(reason for reason in closed if is_named_closure(reason)))
    lines = [_row_text(row) for row in rows]
    if closures:
        more = f" and {len(closures) - 5} more" if len(closures) > 5 else ""
        lines.append(f"    {'; '.join(closures[:5])}{more}")
    if len(rows) < len(verdict.trace):
        segments = counted(len(verdict.trace), "segment")
        lines.append(f"    folded from {segments}; --long, or ?long=true, has each of them")
    return lines


def _row_text(row: TimeRow) -> str:
    year = "" if row.first.year == row.last.year else " %Y"
    span = f"{row.last:%a %d %b %Y}"
    if row.first != row.last:
        span = f"{row.first.strftime('%a %d %b' + year)} to {span}"
    times = [("counted", row.counted_s), ("paused", row.paused_s)]
    amounts = ", ".join(f"{kind} {_duration(seconds)}" for kind, seconds in times if seconds)
    on = f" on {counted(row.days, 'day')}" if row.days > 1 else ""
    reasons = "; ".join(row.pauses[:2]) + (f" and {len(row.pauses) - 2} more" if len(row.pauses) > 2 else "")
    return f"    {span:30}  {amounts}{on}{f'  ({reasons})' if reasons else ''}"


def _every_segment(verdict: VerdictReport, zone: ZoneInfo) -> Iterator[str]:
    for segment in verdict.trace:
        span = f"{_when(segment.start_at, zone)} to {_when(segment.end_at, zone)}"
        yield f"    {span}  {segment.kind:8} {_duration(segment.seconds):>9}  {segment.reason}"


def _announced_text(announced: Sequence[Announcement], zone: ZoneInfo) -> list[str]:
    several = len({each.agreement for each in announced}) > 1

    def line(each: Announcement) -> str:
        target = f"{each.agreement}, {each.target}" if several else each.target
        warned = f", {each.warned}" if each.warned else ""
        cause = f", because of {each.cause}" if each.cause else ""
        return f"  {_when(each.at, zone)}  {target}: {each.kind}{warned}{cause}"

    return [line(each) for each in announced]


def _when(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M:%S}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
