"""Which stored items are to be judged again, and why: a change of the catalogue, an exclusion, a correction run."""

from collections.abc import Sequence

from msgspec import Struct

from sla_monitor.domain.clock.timeline import FOREVER, read_timeline
from sla_monitor.domain.item import Item

_BEGINNING = -FOREVER


class ReevaluationRequest(Struct, frozen=True):
    """Items that [start, end) may concern (epoch seconds) are to be judged again; None in the scope means every one.

    `cause` is named in what it corrects. `renews`: an ended item is judged by the catalogue as now known; without it,
    by the one that the item keeps. `open_only`: what has ended is left alone. What it corrects was corrected at `at`
    at the earliest.
    """

    cause: str
    position: int
    at: int = 0
    start: int = _BEGINNING
    end: int = FOREVER
    council: str | None = None
    service: str | None = None
    item: str | None = None
    renews: bool = False
    open_only: bool = False


# A new version decides what is open or waits for it; what has ended keeps its verdicts until a run is ordered (R10).
CATALOGUE_CHANGED = ReevaluationRequest("catalogue", 0, renews=True, open_only=True)


def request_for(
    orders: Sequence[ReevaluationRequest], item: Item, *, council: str, name: str
) -> ReevaluationRequest | None:
    """The last of `orders` that concerns the item, renewing if any of them does; None if it is to be left alone."""
    reach = _span(item)
    held = [order for order in orders if _concerns(order, item, reach, council=council, name=name)]
    renewing = [order for order in held if order.renews]
    return next(reversed(renewing or held), None)


def is_open(item: Item) -> bool:
    """Whether it is still to end, or waits for the agreement to be judged by."""
    timeline, _ = read_timeline(item.facts, as_of_s=FOREVER - 1)
    return item.waiting or (timeline is not None and timeline.ended is None)


class _Span(Struct, frozen=True):
    """From an item's opening to the last instant that its verdicts depend on, FOREVER while it is open."""

    service: str
    start: int
    end: int


def _span(item: Item) -> _Span | None:
    timeline, _ = read_timeline(item.facts, as_of_s=FOREVER - 1)
    if timeline is None:
        return None
    # Excluded time moves a due instant, and with it the month, also after the item was done in time.
    due = [int(told.said.due_at.timestamp()) for told in item.announced.values() if told.said and told.said.due_at]
    end = FOREVER if timeline.ended is None else max([timeline.ended.at, *due])
    return _Span(timeline.opened.service, timeline.start, end)


def _concerns(order: ReevaluationRequest, item: Item, reach: _Span | None, *, council: str, name: str) -> bool:
    if order.council not in (None, council) or order.item not in (None, name):
        return False
    if reach is None:
        return item.waiting
    if order.open_only and not (item.waiting or reach.end == FOREVER):
        return False
    return order.service in (None, reach.service) and order.start <= reach.end and reach.start < order.end
