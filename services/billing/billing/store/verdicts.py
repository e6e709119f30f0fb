"""What a month's verdicts come to, and the misses behind a service credit, read from the table of verdicts."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import Connection, case, func, literal, select, tuple_

from billing.domain.credits.attainment import TargetAttainment
from billing.ports import CountedEvent, EventCursor, MissFilter
from billing.store.tables import verdict
from shared.instants import instant_at
from shared.period import Month

_MET = verdict.c.outcome == "met"


def attained(connection: Connection, month: Month, council: str) -> Iterator[TargetAttainment]:
    """The council's decided verdicts of the month, by agreement, service and target."""
    columns = verdict.c
    group = columns.agreement, columns.service, columns.target
    query = (
        select(
            *group,
            func.sum(case((_MET, 1), else_=0)).label("good"),
            func.count().label("total"),
            func.sum(case((_MET, columns.value_pence), else_=0)).label("good_pence"),
            func.sum(columns.value_pence).label("total_pence"),
        )
        .where(columns.council == council, columns.month == str(month), columns.outcome != "retracted")
        .group_by(*group)
        .order_by(*group)
    )
    for row in connection.execute(query):
        # PostgreSQL sums to a numeric, and to nothing where no item had a value.
        pence = int(row.good_pence or 0), int(row.total_pence or 0)
        yield TargetAttainment(
            int(row.good), row.total, *pence, agreement=row.agreement, service=row.service, target=row.target
        )


def misses(connection: Connection, of: MissFilter, after: EventCursor | None, limit: int) -> list[CountedEvent]:
    """The misses of one target and service, by day, source and id, beginning after `after`."""
    columns = verdict.c
    order = columns.day, columns.source, columns.event_id
    query = select(*order, columns.at_us, columns.item).where(
        columns.council == of.council,
        columns.month == str(of.month),
        columns.agreement == of.agreement,
        columns.service == of.service,
        columns.target == of.target,
        columns.outcome == "breached",
    )
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(literal(after.day), literal(after.source), literal(after.id)))
    return [
        CountedEvent(row.source, row.event_id, instant_at(row.at_us), row.day, row.item, Decimal(1))
        for row in connection.execute(query.order_by(*order).limit(limit))
    ]
