"""The read model in SQL: what reports ask of the announcements and the verdicts that were recorded."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Engine, Select, case, func, literal, select, tuple_

from shared.contracts.codec import decode_event
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import WarningData, WarningReached, warning_text
from shared.scope import Scope
from shared.sql.isolation import scoped_read
from shared.sql.statements import in_scope
from shared.units import CouncilId, ItemId
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.ports import Announcement, CauseCount, DecidedVerdict, TargetKey, VerdictCounts, VerdictFilter
from sla_monitor.store.tables import ADJUSTMENT, ANNOUNCEMENT, VERDICT

_GROUP = (*(VERDICT.c[name] for name in TargetKey._fields), VERDICT.c.measure)


def _sum(column: ColumnElement[Any], *, met_only: bool) -> ColumnElement[int]:
    """The column's sum, 0 without rows that have it; PostgreSQL would make a numeric of a sum of bigints."""
    summed = case((VERDICT.c.outcome == "met", column)) if met_only else column
    return func.coalesce(func.sum(summed), 0).cast(BigInteger)


_COUNTS = (_sum(literal(1), met_only=True).label("met"), func.count().label("total"))
_SUMS = (
    *_COUNTS,
    _sum(VERDICT.c.value_pence, met_only=True).label("met_pence"),
    _sum(VERDICT.c.value_pence, met_only=False).label("total_pence"),
)


_ANNOUNCED = tuple(name for name in Announcement.__struct_fields__ if name != "warned")


class SqlReadModel:
    """`sla_monitor.ports.ReadModel` on the engine of requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attainment(
        self, scope: Scope, *, months: Collection[str] | None, service: str | None = None
    ) -> list[VerdictCounts]:
        month = VERDICT.c.month
        wanted = [in_scope(VERDICT.c.council, scope), *_equal(VERDICT.c.service, service)]
        if months is not None:
            wanted.append(month.in_(months))
        return self._counts(
            scope, select(*_GROUP, month.label("period"), *_SUMS).where(*wanted).group_by(*_GROUP, month)
        )

    def due_within(self, scope: Scope, since: datetime, until: datetime) -> list[VerdictCounts]:
        due_at = VERDICT.c.due_at
        wanted = [due_at >= since, due_at < until, in_scope(VERDICT.c.council, scope)]
        return self._counts(
            scope, select(*_GROUP, literal("").label("period"), *_COUNTS).where(*wanted).group_by(*_GROUP)
        )

    def nth_elapsed(self, scope: Scope, counts: VerdictCounts, *, months: Collection[str], nth: int) -> int | None:
        columns = VERDICT.c
        same = [column == getattr(counts, column.name) for column in _GROUP]
        query = (
            select(columns.elapsed_s)
            .where(in_scope(columns.council, scope), *same, columns.month.in_(months), columns.outcome == "met")
            .order_by(columns.elapsed_s)
            .offset(nth - 1)
            .limit(1)
        )
        with scoped_read(self._engine, scope) as connection:
            return connection.scalar(query)

    def _counts(self, scope: Scope, query: Select[Any]) -> list[VerdictCounts]:
        with scoped_read(self._engine, scope) as connection:
            return [VerdictCounts(**row) for row in connection.execute(query.order_by(*_GROUP, "period")).mappings()]

    def months(self, scope: Scope) -> list[str]:
        month = VERDICT.c.month
        query = select(month).where(in_scope(VERDICT.c.council, scope)).distinct().order_by(month)
        with scoped_read(self._engine, scope) as connection:
            return list(connection.scalars(query))

    def announced(self, scope: Scope, council: CouncilId, stream: Stream, item: ItemId) -> list[Announcement]:
        columns = ANNOUNCEMENT.c
        query = (
            select(*(columns[name] for name in _ANNOUNCED), columns.event)
            .where(in_scope(columns.council, scope), columns.council == council)
            .where(columns.item == item, columns.stream == stream)
            .order_by(columns.partition, columns.position)
        )
        with scoped_read(self._engine, scope) as connection:
            rows = connection.execute(query).mappings()
            return [
                Announcement(**{name: row[name] for name in _ANNOUNCED}, warned=_warned(row["event"])) for row in rows
            ]

    def adjustments(self, scope: Scope, *, posted: str | None) -> list[Adjustment]:
        columns = ADJUSTMENT.c
        query = select(ADJUSTMENT).where(in_scope(columns.council, scope), *_equal(columns.posted, posted))
        with scoped_read(self._engine, scope) as connection:
            rows = connection.execute(query.order_by(columns.posted, columns.at, columns.id)).mappings()
            return [Adjustment(**row) for row in rows]

    def decided(
        self, scope: Scope, wanted: VerdictFilter, *, after: tuple[str, ...] | None, limit: int
    ) -> list[DecidedVerdict]:
        columns = VERDICT.c
        same = [each for name, value in wanted._asdict().items() for each in _equal(columns[name], value)]
        place = [columns[name] for name in DecidedVerdict.KEY]
        query = select(*(columns[name] for name in DecidedVerdict.__struct_fields__)).where(
            in_scope(columns.council, scope), *same
        )
        if after is not None:
            *ids, cycle = after
            query = query.where(tuple_(*place) > tuple_(*ids, int(cycle)))
        with scoped_read(self._engine, scope) as connection:
            rows = connection.execute(query.order_by(*place).limit(limit)).mappings()
            return [DecidedVerdict(**row) for row in rows]

    def newest_missed(self, scope: Scope, *, limit: int) -> list[DecidedVerdict]:
        columns = VERDICT.c
        query = (
            select(*(columns[name] for name in DecidedVerdict.__struct_fields__))
            .where(columns.due_at.is_not(None), columns.outcome == "breached", in_scope(columns.council, scope))
            .order_by(columns.due_at.desc(), *(columns[name] for name in DecidedVerdict.KEY))
            .limit(limit)
        )
        with scoped_read(self._engine, scope) as connection:
            return [DecidedVerdict(**row) for row in connection.execute(query).mappings()]

    def caused(self, scope: Scope, cause: str) -> list[CauseCount]:
        columns = ANNOUNCEMENT.c
        group = columns.council, columns.kind
        query = select(*group, func.count().label("count")).where(columns.cause == cause)
        query = query.where(in_scope(columns.council, scope)).group_by(*group).order_by(*group)
        with scoped_read(self._engine, scope) as connection:
            return [CauseCount(**row) for row in connection.execute(query).mappings()]


def _warned(stored: bytes) -> str | None:
    match decode_event(stored):
        case WarningReached(data=WarningData(percent=percent, before=before)):
            return warning_text(percent, before)
        case _:
            return None


def _equal(column: ColumnElement[Any], value: str | None) -> list[ColumnElement[bool]]:
    return [] if value is None else [column == value]
