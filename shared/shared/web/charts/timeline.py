"""An item's clock from start to end: when it ran, when it stood still and why, and when it was due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, assert_never
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from shared.web.charts.frame import (
    BLUE,
    GRID,
    INK,
    LINE_HEIGHT,
    WHITE,
    Caption,
    frame,
    hatching,
    line,
    percent,
    rectangle,
    text,
    to_markup,
)
from shared.web.formats import short_instant

TimelineSegmentKind = Literal["counted", "closed", "paused"]

_BAR_TOP, _BAR_HEIGHT = LINE_HEIGHT + 12, 40
_OVERHANG = 8  # of a marker, out of the bar towards its label
_CLOSED_HEIGHT = 6
_LEGEND: tuple[tuple[TimelineSegmentKind, str], ...] = (
    ("counted", "clock running"),
    ("paused", "clock paused"),
    ("closed", "outside service hours"),
)


@dataclass(frozen=True, slots=True)
class TimelineSegment:
    """A stretch [start_at, end_at) of an item's life, and why it counted or not."""

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
    root = frame(caption, height=_BAR_TOP + _BAR_HEIGHT + 6 * LINE_HEIGHT)
    hatched = hatching(root, caption)
    scale = _scale([*(s.start_at for s in segments), *(s.end_at for s in segments), *(m.at for m in (due, stop) if m)])
    for segment in segments:
        start, end = scale.share(segment.start_at), scale.share(segment.end_at)
        stretch = _stretch(
            root, segment.kind, hatched, x=percent(start), width=percent(end - start), y=_BAR_TOP, height=_BAR_HEIGHT
        )
        SubElement(stretch, "title").text = segment.reason
    if due:
        _point_at(root, due, scale, above=True)
    if stop:
        _point_at(root, stop, scale, above=False)
    _ends(root, scale)
    _legend(root, hatched)
    return to_markup(root)


@dataclass(frozen=True, slots=True)
class _Scale:
    start_at: datetime
    end_at: datetime

    def share(self, at: datetime) -> float:
        # In UTC: two instants of one zone would be subtracted by wall clock.
        start, end = self.start_at.astimezone(UTC), self.end_at.astimezone(UTC)
        return (at.astimezone(UTC) - start) / (end - start) if end > start else 0


def _scale(instants: Sequence[datetime]) -> _Scale:
    return _Scale(min(instants), max(instants))


def _stretch(
    root: Element, kind: TimelineSegmentKind, hatched: str, *, x: str, width: str, y: float, height: float
) -> Element:
    match kind:
        case "counted":
            return rectangle(root, x=x, width=width, y=y, height=height, fill=BLUE)
        case "paused":
            return rectangle(root, x=x, width=width, y=y, height=height, fill=hatched)
        case "closed":
            middle = y + (height - _CLOSED_HEIGHT) / 2
            return rectangle(root, x=x, width=width, y=middle, height=_CLOSED_HEIGHT, fill=GRID)
        case _:
            assert_never(kind)


def _point_at(root: Element, marker: Marker, scale: _Scale, *, above: bool) -> None:
    share = scale.share(marker.at)
    x, bottom = percent(share), _BAR_TOP + _BAR_HEIGHT
    ends = ((x, _BAR_TOP - _OVERHANG), (x, bottom)) if above else ((x, _BAR_TOP), (x, bottom + _OVERHANG))
    line(root, *ends, stroke=WHITE, width=7)  # keeps the marker visible on a dark stretch
    line(root, *ends, stroke=INK, width=3, dashes="6 4" if above else "none")
    words = f"{marker.label} {short_instant(marker.at)}"
    text(root, words, x=x, y=0 if above else bottom + _OVERHANG, anchor=_anchor(share))


def _anchor(share: float) -> str:
    # By thirds: so 24 characters fit beside the marker at 320 pixels, wherever it is.
    return ("start", "middle", "end")[min(int(share * 3), 2)]


def _ends(root: Element, scale: _Scale) -> None:
    y = _BAR_TOP + _BAR_HEIGHT + _OVERHANG + LINE_HEIGHT
    text(root, short_instant(scale.start_at), x="0", y=y)
    text(root, short_instant(scale.end_at), x="100%", y=y, anchor="end")


def _legend(root: Element, hatched: str) -> None:
    top = _BAR_TOP + _BAR_HEIGHT + 3 * LINE_HEIGHT
    for row, (kind, words) in enumerate(_LEGEND):
        y = top + row * LINE_HEIGHT
        _stretch(root, kind, hatched, x="1", width="20", y=y + 3, height=14)
        text(root, words, x="30", y=y)
