"""An item told in words and drawn as a picture, as a service manager reads it. Times are those of Europe/London."""

from collections.abc import Iterator
from datetime import datetime

from shared.period import LONDON
from sla_monitor.page_models import VerdictPart
from sla_monitor.schemas import ItemReport, VerdictReport


def verdict_svg(verdict: VerdictReport) -> str | None:
    """SVG: the clock's open hours, pauses and closed time, the due instant and the stop; None if it never ran."""
    chart = VerdictPart(1, target_text(verdict.measure, verdict.within), verdict).chart
    return None if chart is None else str(chart)


def target_text(measure: str, within: str) -> str:
    """`Resolution time: within 8 working hours`."""
    words = measure.replace("-", " ").capitalize()
    return f"{words}: by the {within}" if within == "recorded due date" else f"{words}: within {within}"


def item_text(item: ItemReport) -> Iterator[str]:
    """The item as a service manager reads it; times are those of Europe/London."""
    yield f"{item.item} of {item.council}, {item.service or 'service not known yet'}: {item.state}"
    for verdict in item.verdicts:
        yield ""
        yield from _told_verdict(verdict)
    if item.announced:
        yield ""
        yield "Announced:"
        for said in item.announced:
            cause = f", because of {said.cause}" if said.cause else ""
            yield f"  {_when(said.at)}  {said.target}: {said.kind}{cause}"
    yield from (f"Note: {note}" for note in item.notes)


def _told_verdict(verdict: VerdictReport) -> Iterator[str]:
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
    for stretch in verdict.trace:
        span = f"{_when(stretch.start_at)} to {_when(stretch.end_at)}"
        yield f"    {span}  {stretch.kind:8} {_duration(stretch.seconds):>9}  {stretch.reason}"


def _when(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%a %d %b %Y %H:%M:%S}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
