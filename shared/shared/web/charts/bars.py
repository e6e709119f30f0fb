"""A horizontal bar for each amount; the largest is as wide as the chart."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shared.web.charts import svg
from shared.web.charts.svg import LINE_HEIGHT, Caption

_BAR_HEIGHT, _GAP = 22, 16
_LABEL_COLUMNS = 24  # what fits beside a figure of ten characters at 320 pixels


@dataclass(frozen=True, slots=True)
class Bar:
    """One amount. `figure` is how people read `value`: "£1,234.50"."""

    label: str
    value: int
    figure: str


def bar_chart(caption: Caption, bars: Sequence[Bar]) -> Markup:
    """Bars in the order given, on one scale that includes zero; amounts below zero are hatched and go to its left."""
    labels = [textwrap.wrap(bar.label, _LABEL_COLUMNS) or [""] for bar in bars]
    root = svg.chart_root(caption, height=sum(len(label) * LINE_HEIGHT + _BAR_HEIGHT + _GAP for label in labels))
    below_zero = svg.hatching(root, caption)
    least, most = min([0, *(bar.value for bar in bars)]), max([0, *(bar.value for bar in bars)])
    span = most - least or 1
    zero, top = -least / span, 0
    for bar, label in zip(bars, labels, strict=True):
        for row, line in enumerate(label):
            svg.text(root, line, x="0", y=top + row * LINE_HEIGHT)
        svg.text(root, bar.figure, x="100%", y=top, anchor="end")
        top += len(label) * LINE_HEIGHT
        width = abs(bar.value) / span
        start, fill = (zero, svg.BLUE) if bar.value >= 0 else (zero - width, below_zero)
        svg.rectangle(root, x=svg.percent(start), width=svg.percent(width), y=top, height=_BAR_HEIGHT, fill=fill)
        svg.vertical_line(root, x=svg.percent(zero), top=top - 2, bottom=top + _BAR_HEIGHT + 2)
        top += _BAR_HEIGHT + _GAP
    return svg.to_markup(root)
