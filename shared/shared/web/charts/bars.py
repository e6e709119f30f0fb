"""A horizontal bar for each amount, largest bar as wide as the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from shared.web.charts.frame import (
    BLUE,
    INK,
    LINE_HEIGHT,
    Caption,
    frame,
    hatching,
    line,
    percent,
    rectangle,
    text,
    to_markup,
    wrapped,
)

_BAR_HEIGHT = 22
_GAP = 16
_LABEL_COLUMNS = 24  # what fits beside a figure of ten characters at 320 pixels


@dataclass(frozen=True, slots=True)
class Bar:
    """One amount. `figure` is how people read `value`: "£1,234.50"."""

    label: str
    value: int
    figure: str


def bar_chart(caption: Caption, bars: Sequence[Bar]) -> Markup:
    """Bars in the order given, on one scale that includes zero; amounts below zero are hatched and go to its left."""
    labels = [wrapped(bar.label, columns=_LABEL_COLUMNS) for bar in bars]
    height = sum(len(label) * LINE_HEIGHT + _BAR_HEIGHT + _GAP for label in labels)
    root = frame(caption, height=height)
    below_zero = hatching(root, caption)
    least, most = min((bar.value for bar in bars), default=0), max((bar.value for bar in bars), default=0)
    span = max(most, 0) - min(least, 0) or 1
    zero = -min(least, 0) / span
    top = 0
    for bar, label in zip(bars, labels, strict=True):
        _words(root, label, bar.figure, top=top)
        top += len(label) * LINE_HEIGHT
        width = abs(bar.value) / span
        start, fill = (zero, BLUE) if bar.value >= 0 else (zero - width, below_zero)
        rectangle(root, x=percent(start), width=percent(width), y=top, height=_BAR_HEIGHT, fill=fill)
        line(root, (percent(zero), top - 2), (percent(zero), top + _BAR_HEIGHT + 2), stroke=INK)
        top += _BAR_HEIGHT + _GAP
    return to_markup(root)


def _words(root: Element, label: Sequence[str], figure: str, *, top: int) -> None:
    for row, words in enumerate(label):
        text(root, words, x="0", y=top + row * LINE_HEIGHT)
    text(root, figure, x="100%", y=top, anchor="end")
