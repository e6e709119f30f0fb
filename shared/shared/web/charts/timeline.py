"""An item's clock from start to end: when it ran, when it was paused and why, and when it was due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, assert_never
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from shared.web.charts import svg
from shared.web.charts.svg import LINE_HEIGHT, Caption, percent
from shared.web.formats import short_instant
from shared.web.strings import text

TimelineSegmentKind = Literal["counted", "closed", "paused"]

_BAR_TOP, _BAR_HEIGHT = LINE_HEIGHT + 12, 40
_BAR_BOTTOM = _BAR_TOP + _BAR_HEIGHT
_OVERHANG = 8  # of a marker, out of the bar towards its label
_CLOSED_HEIGHT = 6
_LEGEND: tuple[TimelineSegmentKind, ...] = ("counted", "paused", "closed")


@dataclass(frozen=True, slots=True)
class TimelineSegment:
    """The part [start_at, end_at) of an item's timeline, and why it counted or not."""

    start_at: datetime
    end_at: datetime
    kind: TimelineSegmentKind
    reason: str


@dataclass(frozen=True, slots=True)
class Marker:
    """An instant to point at: `Due`, `Resolved`."""

    label: str
    at: datetime


def timeline_chart(
    caption: Caption, segments: Sequence[TimelineSegment], *, due: Marker | None, stop: Marker | None
) -> Markup:
    """Segments to scale in elapsed time, the due instant dashed above the bar, the stop solid below it.

    The scale reaches from the first segment to the last, and on to a marker that lies outside. At least one segment.
    """
    root = svg.chart_root(caption, height=_BAR_BOTTOM + 6 * LINE_HEIGHT)
    hatched = svg.hatching(root, caption)
    instants = [*(s.start_at for s in segments), *(s.end_at for s in segments), *(m.at for m in (due, stop) if m)]
    scale = _Scale(min(instants), max(instants))
    for segment in segments:
        start, end = scale.share(segment.start_at), scale.share(segment.end_at)
        x, width = percent(start), percent(end - start)
        shape = _segment(root, segment.kind, hatched, x=x, width=width, y=_BAR_TOP, height=_BAR_HEIGHT)
        SubElement(shape, "title").text = segment.reason
    if due:
        _mark(root, due, scale, above=True)
    if stop:
        _mark(root, stop, scale, above=False)
    ends_y = _BAR_BOTTOM + _OVERHANG + LINE_HEIGHT
    svg.text(root, short_instant(scale.start_at), x="0", y=ends_y)
    svg.text(root, short_instant(scale.end_at), x="100%", y=ends_y, anchor="end")
    _legend(root, hatched)
    return svg.to_markup(root)


@dataclass(frozen=True, slots=True)
class _Scale:
    start_at: datetime
    end_at: datetime

    def share(self, at: datetime) -> float:
        # In UTC: two instants of one zone would be subtracted by wall clock.
        start, end = self.start_at.astimezone(UTC), self.end_at.astimezone(UTC)
        return (at.astimezone(UTC) - start) / (end - start) if end > start else 0


def _segment(
    root: Element, kind: TimelineSegmentKind, hatched: str, *, x: str, width: str, y: float, height: float
) -> Element:
    match kind:
        case "counted":
            return svg.rectangle(root, x=x, width=width, y=y, height=height, fill=svg.BLUE)
        case "paused":
            return svg.rectangle(root, x=x, width=width, y=y, height=height, fill=hatched)
        case "closed":
            middle = y + (height - _CLOSED_HEIGHT) / 2
            return svg.rectangle(root, x=x, width=width, y=middle, height=_CLOSED_HEIGHT, fill=svg.GRID)
        case _:
            assert_never(kind)


def _mark(root: Element, marker: Marker, scale: _Scale, *, above: bool) -> None:
    share = scale.share(marker.at)
    x = percent(share)
    top, bottom = (_BAR_TOP - _OVERHANG, _BAR_BOTTOM) if above else (_BAR_TOP, _BAR_BOTTOM + _OVERHANG)
    svg.vertical_line(root, x=x, top=top, bottom=bottom, stroke=svg.WHITE, width=7)  # visible on a dark segment too
    svg.vertical_line(root, x=x, top=top, bottom=bottom, width=3, dashes="6 4" if above else "none")
    anchor = ("start", "middle", "end")[min(int(share * 3), 2)]  # so that 24 characters fit at 320 pixels
    svg.text(root, f"{marker.label} {short_instant(marker.at)}", x=x, y=0 if above else bottom, anchor=anchor)


def _legend(root: Element, hatched: str) -> None:
    top = _BAR_BOTTOM + 3 * LINE_HEIGHT
    for row, kind in enumerate(_LEGEND):
        y = top + row * LINE_HEIGHT
        _segment(root, kind, hatched, x="1", width="20", y=y + 3, height=14)
        svg.text(root, text(f"chart.{kind}"), x="30", y=y)
