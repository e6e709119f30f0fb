"""An item in words and as a picture, as a service manager reads it. Times are those of Europe/London."""

from collections.abc import Iterator
from datetime import datetime

from markupsafe import Markup

from shared.period import LONDON
from shared.web.charts.svg import Caption
from shared.web.charts.timeline import Marker, TimelineSegment, timeline_chart
from shared.web.formats import long_date
from shared.web.strings import text
from sla_monitor.reports.item_report import ItemReport, VerdictReport


def target_text(measure: str, within: str) -> str:
    """`Resolution time: within 8 working hours`."""
    words = measure.replace("-", " ").capitalize()
    return f"{words}: by the {within}" if within == "recorded due date" else f"{words}: within {within}"


def verdict_chart(verdict: VerdictReport, *, number: int = 1) -> Markup | None:
    """SVG: the clock's open hours, pauses and closed time, the due instant and the stop; None if it never ran.

    `number` makes its id unique on a page.
    """
    if not verdict.trace:
        return None
    target = target_text(verdict.measure, verdict.within)
    description = text("item.chart_description", day=long_date(verdict.started_at), count=len(verdict.trace))
    return timeline_chart(
        Caption(f"clock-{number}", text("item.chart_title", target=target), description),
        [TimelineSegment(part.start_at, part.end_at, part.kind, part.reason) for part in verdict.trace],
        due=Marker(text("item.due"), verdict.due_at) if verdict.due_at else None,
        stop=Marker(text("item.stopped"), verdict.stopped_at) if verdict.stopped_at else None,
    )


def item_text(item: ItemReport) -> Iterator[str]:
    """The lines of the item: its verdicts, each with its trace, and what was published about it."""
    yield f"{item.item} of {item.council}, {item.service or 'service not known yet'}: {item.state}"
    for verdict in item.verdicts:
        yield ""
        yield from _verdict_text(verdict)
    if item.announced:
        yield ""
        yield "Announced:"
        for each in item.announced:
            cause = f", because of {each.cause}" if each.cause else ""
            yield f"  {_when(each.at)}  {each.target}: {each.kind}{cause}"
    yield from (f"Note: {note}" for note in item.notes)


def _verdict_text(verdict: VerdictReport) -> Iterator[str]:
    cycle = f", cycle {verdict.cycle}" if verdict.cycle > 1 else ""
    yield f"{verdict.target}{cycle}: {verdict.verdict.upper()}, {verdict.reason} ({verdict.measure}, {verdict.within})"
    calendar = f", calendar {verdict.calendar} version {verdict.calendar_version}" if verdict.calendar else ""
    yield f"  by agreement {verdict.agreement} version {verdict.agreement_version}{calendar}"
    if verdict.due_at is not None:
        yield f"  due {_when(verdict.due_at)}"
    yield (
        f"  counted {_duration(verdict.counted_s)}, paused {_duration(verdict.paused_s)}, "
        f"outside hours {_duration(verdict.closed_s)}"
    )
    for warning in verdict.warnings:
        yield f"  {warning.percent}% used up {_when(warning.at)}"
    for segment in verdict.trace:
        span = f"{_when(segment.start_at)} to {_when(segment.end_at)}"
        yield f"    {span}  {segment.kind:8} {_duration(segment.seconds):>9}  {segment.reason}"


def _when(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%a %d %b %Y %H:%M:%S}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
