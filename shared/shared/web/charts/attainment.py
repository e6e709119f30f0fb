"""Attainment month by month against its objective."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
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
    line,
    percent,
    pixels,
    text,
    to_markup,
)

_LEFT = 0.16  # where the plot begins: room for "100%" at 320 pixels
_TOP, _PLOT_HEIGHT = 10, 180
_MOST_LABELS = 3  # month names that fit side by side at 320 pixels
_STEP = 10  # the scale begins at a multiple of so many percent
_CIRCLE, _CROSS = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z", "M-6-6 6 6M-6 6 6-6"


@dataclass(frozen=True, slots=True)
class Share:
    """`good` of `total` in a period; a period without volume is a gap in the line."""

    label: str
    good: int
    total: int


def attainment_chart(caption: Caption, shares: Sequence[Share], *, objective: Decimal) -> Markup:
    """A line over the periods in order, circles where `objective` (0 to 100) was reached and crosses where missed."""
    root = frame(caption, height=_TOP + _PLOT_HEIGHT + 5 * LINE_HEIGHT)
    floor = _floor(shares, objective)
    _grid(root, floor)
    promised = _y(objective, floor)
    line(root, (percent(_LEFT), promised), ("100%", promised), stroke=INK, dashes="6 4")
    places = [_place(index, len(shares), share, floor) for index, share in enumerate(shares)]
    for before, after in pairwise(places):
        if before and after:
            line(root, before, after, stroke=BLUE)
    for share, place in zip(shares, places, strict=True):
        if place:
            _mark(root, share, objective, place)
    _period_names(root, shares)
    _legend(root, objective)
    return to_markup(root)


def _floor(shares: Sequence[Share], objective: Decimal) -> Decimal:
    lowest = min([objective, *(Decimal(share.good * 100) / share.total for share in shares if share.total)])
    return min(lowest // _STEP * _STEP, Decimal(100 - _STEP))


def _y(value: Decimal, floor: Decimal) -> float:
    return _TOP + float((100 - value) / (100 - floor)) * _PLOT_HEIGHT


def _x(index: int, periods: int) -> str:
    return percent(_LEFT + (1 - _LEFT) * (index + 0.5) / periods)


def _place(index: int, periods: int, share: Share, floor: Decimal) -> tuple[str, float] | None:
    if share.total == 0:
        return None
    return _x(index, periods), _y(Decimal(share.good * 100) / share.total, floor)


def _grid(root: Element, floor: Decimal) -> None:
    for value in (Decimal(100), (100 + floor) / 2, floor):
        y = _y(value, floor)
        line(root, (percent(_LEFT), y), ("100%", y), stroke=GRID, width=1)
        text(root, f"{value}%", x="0", y=y - LINE_HEIGHT / 2)


def _reached(share: Share, objective: Decimal) -> bool:
    return share.good * 100 >= objective * share.total


def _mark(root: Element, share: Share, objective: Decimal, place: tuple[str, float]) -> None:
    shape = _symbol(root, reached=_reached(share, objective), x=place[0], y=place[1])
    SubElement(shape, "title").text = f"{share.label}: {share.good} of {share.total}"


def _symbol(root: Element, *, reached: bool, x: str, y: float) -> Element:
    # A nested svg is the only way to put a path at a percentage of the width.
    origin = SubElement(root, "svg", {"x": x, "y": pixels(y), "overflow": "visible"})
    style = {"fill": BLUE, "stroke": WHITE} if reached else {"fill": "none", "stroke": INK, "stroke-width": "3"}
    return SubElement(origin, "path", {"d": _CIRCLE if reached else _CROSS, **style})


def _period_names(root: Element, shares: Sequence[Share]) -> None:
    step = -(-len(shares) // _MOST_LABELS) or 1
    y = _TOP + _PLOT_HEIGHT + 6
    for index in range(len(shares) - 1, -1, -step):
        if index == len(shares) - 1 and step > 1:
            text(root, shares[index].label, x="100%", y=y, anchor="end")  # centred, it would leave a narrow chart
        else:
            text(root, shares[index].label, x=_x(index, len(shares)), y=y, anchor="middle")


def _legend(root: Element, objective: Decimal) -> None:
    top = _TOP + _PLOT_HEIGHT + 2 * LINE_HEIGHT
    _symbol(root, reached=True, x="8", y=top + 10)
    text(root, "reached the objective", x="30", y=top)
    _symbol(root, reached=False, x="8", y=top + LINE_HEIGHT + 10)
    text(root, "missed the objective", x="30", y=top + LINE_HEIGHT)
    y = top + 2 * LINE_HEIGHT
    line(root, ("0", y + 10), ("22", y + 10), stroke=INK, dashes="6 4")
    text(root, f"objective: {objective}%", x="30", y=y)
