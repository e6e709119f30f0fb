"""Verdicts with what is compared with another system's answer: next openings, warning instants, the worst exchange."""

from datetime import datetime

import msgspec
from msgspec import Struct

from shared.instants import instant, maybe_instant
from sla_monitor.domain.clock.due import ClockInterval, measure_intervals, warning_before_due
from sla_monitor.domain.clock.timeline import FOREVER, Timeline
from sla_monitor.domain.clock.verdict import Outcome, Verdict, deciding_interval, warning_label
from sla_monitor.reports.item_report import VerdictReport, verdict_report
from sla_monitor.trial.calendars import TrialCalendars


class WarningInstant(Struct, frozen=True):
    """When `percent` of the allowance is used up, or it is so long `before` due, as far as is known.

    `reached` by `as_of` or the stop.
    """

    percent: int | None
    before: str | None
    at: datetime | None
    reached: bool


class Exchange(Struct, frozen=True):
    """A question and its answer, or a silence between two updates; `ended_at` is null while it lasts."""

    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    due_at: datetime | None
    margin_s: int | None


class TrialVerdict(VerdictReport, frozen=True):
    """A verdict as the API shows it, and what one compares with another system's answer.

    `due_next_open_at` is the due instant by the convention that a deadline at closing time is the next opening.
    `calendar_versions` are those in force during the cycle. `worst_exchange` is the one with the least margin.
    """

    overdue_s: int
    due_next_open_at: datetime | None
    calendar_versions: list[int]
    warning_instants: list[WarningInstant]
    worst_exchange: Exchange | None


def trial_verdict(verdict: Verdict, timeline: Timeline, calendars: TrialCalendars, *, as_of: int) -> TrialVerdict:
    """The verdict at `as_of` (epoch seconds) with all that can be compared."""
    target, intervals = verdict.target, _intervals(timeline, verdict, as_of)
    next_open = None if verdict.due is None else target.time_basis.add_to_open(verdict.due, 0)
    return TrialVerdict(
        **msgspec.structs.asdict(verdict_report(verdict, as_of=as_of)),
        overdue_s=overdue_s(verdict),
        due_next_open_at=maybe_instant(next_open),
        calendar_versions=_calendar_versions(verdict, calendars, as_of),
        warning_instants=_warning_instants(verdict, intervals),
        worst_exchange=_worst_exchange(intervals) if target.has_exchanges else None,
    )


def overdue_s(verdict: Verdict) -> int:
    """By how many of the clock's seconds the target was missed; 0 where it was not."""
    return max(0, -(verdict.margin_s or 0))


def _intervals(timeline: Timeline, verdict: Verdict, as_of: int) -> list[ClockInterval]:
    """What the verdict was measured by; nothing where nothing could be measured."""
    if verdict.outcome is Outcome.UNMEASURABLE or not verdict.cycle.intervals:
        return []
    return measure_intervals(timeline, verdict.target, verdict.cycle, as_of=min(as_of, verdict.until), stopwatches={})


def _calendar_versions(verdict: Verdict, calendars: TrialCalendars, as_of: int) -> list[int]:
    calendar, cycle = verdict.target.calendar, verdict.cycle
    end = min(as_of, verdict.until) if cycle.stop is None else min(as_of, cycle.stop)
    return [] if calendar is None else calendars.numbers_between(calendar.id, cycle.start, end)


def _warning_instants(verdict: Verdict, intervals: list[ClockInterval]) -> list[WarningInstant]:
    """By their instant. Of an update target those of its newest exchange, or of the deciding one once all ended."""
    target, cycle = verdict.target, verdict.cycle
    points: list[tuple[int | None, str | None]] = [(percent, None) for percent in target.warn_at]
    points += [(None, text) for text, _ in target.warn_before]
    if not intervals:
        return [WarningInstant(percent, before, None, reached=False) for percent, before in points]
    shown = intervals[-1] if cycle.stop is None else deciding_interval(cycle, intervals)
    exchange_start = shown.start if target.has_exchanges else None
    reached = {warning.label: warning.at for warning in verdict.warnings}
    times = dict(target.warn_before)
    found: list[tuple[int | None, WarningInstant]] = []
    for percent, before in points:
        at = reached.get(warning_label(before or str(percent), exchange_start))
        is_reached = at is not None
        if at is None:
            at = _used_up(shown, percent) if percent else warning_before_due(target, shown, times[before or ""])
        found.append((at, WarningInstant(percent, before, maybe_instant(at), reached=is_reached)))
    return [each for _, each in sorted(found, key=lambda pair: FOREVER if pair[0] is None else pair[0])]


def _used_up(interval: ClockInterval, percent: int) -> int | None:
    """The first instant in service hours at which so much of the allowance will have counted."""
    allowance = interval.allowance
    return None if allowance is None else interval.stopwatch.exceed(interval.base - (-allowance * percent // 100))


def _worst_exchange(intervals: list[ClockInterval]) -> Exchange | None:
    due = [interval for interval in intervals if interval.margin is not None]
    if not due:
        return None
    worst = min(due, key=lambda interval: interval.margin or 0)
    return Exchange(
        started_at=instant(worst.start),
        ended_at=None if worst.open else instant(worst.end),
        elapsed_s=worst.elapsed,
        due_at=maybe_instant(worst.due),
        margin_s=worst.margin,
    )
