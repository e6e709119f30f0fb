"""What other events say of an event, in SQL: whether it is withdrawn or reversed, is the first, of which service.

Each rule is an expression over `of`, an alias of the table of events.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, exists, func, literal, select, text, tuple_

from billing.domain.metering import kept_type
from billing.store.tables import OF_AN_ITEM, EventRows, event
from shared.contracts.items import (
    FactWithdrawn,
    TicketOpened,
    TicketReclassified,
    TicketResolved,
    WorkCompleted,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from shared.instants import SECOND_US

RECORDED, REVERSED, ADJUSTED = kept_type(UsageRecorded), kept_type(UsageReversed), kept_type(UsageAdjusted)
COMPLETED, RESOLVED = kept_type(WorkCompleted), kept_type(TicketResolved)
OPENINGS = kept_type(TicketOpened), kept_type(WorkReceived)
# What names usage, or will: an item that is open will be completed.
COUNTED_TYPES = (RECORDED, ADJUSTED, COMPLETED, RESOLVED, *OPENINGS)
_WITHDRAWN = kept_type(FactWithdrawn)
_RECLASSIFIED = kept_type(TicketReclassified), kept_type(WorkReclassified)


def on_days(of: FromClause) -> tuple[ColumnElement[bool], ...]:
    """The rows of the `council` on the `days`: each day named, for only so are no other council's rows looked at."""
    return of.c.council == bindparam("council"), of.c.day.in_(bindparam("days", expanding=True))


def days_between(first: date, end: date) -> list[date]:
    """The days `[first, end)`."""
    return [first + timedelta(days=number) for number in range((end - first).days)]


def is_withdrawn(of: EventRows) -> ColumnElement[bool]:
    """Its own source says that it is not so; validation has seen to it that no other source can."""
    other = event.alias(f"{of.name}_withdrawn")
    return exists().where(
        other.c.type == _WITHDRAWN,
        other.c.target_source == of.c.source,
        other.c.target_id == of.c.event_id,
        *(other.c[name] == of.c[name] for name in ("council", "stream", "item")),
    )


def is_reversed(of: EventRows) -> ColumnElement[bool]:
    """A reversal names the reading, and is of the same council and service: nobody reverses another's reading."""
    other = event.alias(f"{of.name}_reversed")
    return exists().where(other.c.type == REVERSED, names_reading(other, of))


def names_reading(other: EventRows, reading: EventRows) -> ColumnElement[bool]:
    """What `other` (a reversal or an adjustment) names is the reading."""
    return and_(
        other.c.target_source == reading.c.source,
        other.c.target_id == reading.c.event_id,
        other.c.council == reading.c.council,
        other.c.service == reading.c.service,
    )


def any_adjustment() -> Select[Any]:
    """One row where any adjustment of the `council` is known; nearly always there is none."""
    of = event.c
    found = select(literal(1)).where(of.council == bindparam("council"), of.target_id.is_not(None), of.type == ADJUSTED)
    return found.limit(1)


def is_first_of_item(of: EventRows) -> ColumnElement[bool]:
    """No earlier event of its type is of the same item, but for those that are withdrawn."""
    before = event.alias(f"{of.name}_before")
    return ~exists().where(
        same_item(before, of), before.c.type == of.c.type, _order(before) < _order(of), ~is_withdrawn(before)
    )


def opens(opened: EventRows, of: EventRows) -> ColumnElement[bool]:
    """`opened` is what opened the item."""
    return and_(same_item(opened, of), opened.c.type.in_(OPENINGS), ~is_withdrawn(opened), is_first_of_item(opened))


def service_then(of: EventRows, opened: EventRows) -> ColumnElement[Any]:
    """The service of an item at the event: by the last reclassification in effect, else by its opening."""
    other = event.alias("reclassified")
    at_s, then_s, opened_s = (each.c.at_us // SECOND_US for each in (other, of, opened))
    last = (
        select(other.c.service)
        .where(
            same_item(other, of), other.c.type.in_(_RECLASSIFIED), other.c.service.is_not(None), ~is_withdrawn(other)
        )
        .where((at_s < then_s) | (at_s <= opened_s), opened.c.service.is_not(None))
        .order_by(other.c.at_us.desc(), other.c.place.desc(), other.c.source.desc(), other.c.event_id.desc())
        .limit(1)
        .correlate(of, opened)
        .scalar_subquery()
    )
    return func.coalesce(last, opened.c.service)


def same_item(other: EventRows, of: EventRows) -> ColumnElement[bool]:
    """Both are about one item of one council."""
    same = (other.c[name] == of.c[name] for name in ("council", "item", "stream"))
    return and_(*same, text(f"{other.name}.{OF_AN_ITEM}"))


def _order(of: EventRows) -> ColumnElement[Any]:
    return tuple_(of.c.at_us, of.c.place, of.c.source, of.c.event_id)
