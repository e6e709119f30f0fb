"""Which stored items are to be judged again, and why: a change of the catalogue, an exclusion, a correction run."""

from collections.abc import Sequence

from msgspec import Struct

from sla_monitor.domain.course import FOREVER, read_course
from sla_monitor.domain.item import Item

_BEGINNING = -FOREVER


class Order(Struct, frozen=True):
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
CATALOGUE_CHANGED = Order("catalogue", 0, renews=True, open_only=True)


def order_for(orders: Sequence[Order], item: Item, *, council: str, name: str) -> Order | None:
    """The last of `orders` that concerns the item, renewing if any of them does; None if it is to be left alone."""
    reach = _reach(item)
    held = [order for order in orders if _concerns(order, item, reach, council=council, name=name)]
    renewing = [order for order in held if order.renews]
    return next(reversed(renewing or held), None)


def is_open(item: Item) -> bool:
    """Whether it is still to end, or waits for the agreement to be judged by."""
    course, _ = read_course(item.facts, as_of_s=FOREVER - 1)
    return item.waiting or (course is not None and course.ended is None)


class _Reach(Struct, frozen=True):
    """From an item's opening to the last instant that its verdicts depend on, FOREVER while it is open."""

    service: str
    start: int
    end: int


def _reach(item: Item) -> _Reach | None:
    course, _ = read_course(item.facts, as_of_s=FOREVER - 1)
    if course is None:
        return None
    # Excluded time moves a due instant, and with it the month, also after the item was done in time.
    due = [int(told.said.due_at.timestamp()) for told in item.announced.values() if told.said and told.said.due_at]
    end = FOREVER if course.ended is None else max([course.ended.at, *due])
    return _Reach(course.opened.service, course.start, end)


def _concerns(order: Order, item: Item, reach: _Reach | None, *, council: str, name: str) -> bool:
    if order.council not in (None, council) or order.item not in (None, name):
        return False
    if reach is None:
        return item.waiting
    if order.open_only and not (item.waiting or reach.end == FOREVER):
        return False
    return order.service in (None, reach.service) and order.start <= reach.end and reach.start < order.end
