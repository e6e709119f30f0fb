"""A month's attainment, and the misses behind a service credit, read from the table of verdicts."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection, case, func, literal, select, text, tuple_

from billing.domain.credits.attainment import TargetAttainment
from billing.domain.issued import CorrectedBy
from billing.domain.metering import MICRO
from billing.ports import CausedBy, CountedEvent, EventCursor, MissFilter
from billing.store.tables import OF_A_MISS, verdict
from billing.store.usage import event_page
from shared.contracts.envelope import item_key
from shared.contracts.topics import VERDICTS
from shared.log.partitioner import partition_of
from shared.period import Month
from shared.scope import Scope
from shared.units import CouncilId, ItemId

_MET = verdict.c.outcome == "met"


@dataclass(frozen=True, slots=True)
class SqlVerdicts:
    """`billing.ports.VerdictReads` in one transaction."""

    connection: Connection
    scope: Scope

    def attainment(self, month: Month, council: str) -> list[TargetAttainment]:
        if not self.scope.allows(council):
            return []
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
        # PostgreSQL sums to a numeric, and to nothing where no item had a value.
        return [
            TargetAttainment(
                int(row.good),
                row.total,
                int(row.good_pence or 0),
                int(row.total_pence or 0),
                agreement=row.agreement,
                service=row.service,
                target=row.target,
            )
            for row in self.connection.execute(query)
        ]

    def misses(self, of: MissFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        if not self.scope.allows(of.council):
            return []
        columns = verdict.c
        query = select(
            columns.stream, columns.item, literal(MICRO).label("quantity_micro"), literal(0).label("partition")
        ).where(
            columns.council == of.council,
            columns.month == str(of.month),
            columns.agreement == of.agreement,
            columns.service == of.service,
            columns.target == of.target,
            # Word for word as the index has it, so that it is found.
            text(OF_A_MISS),
        )
        if after is not None:
            last = literal(after.day), literal(after.source), literal(after.id)
            query = query.where(tuple_(columns.day, columns.source, columns.event_id) > tuple_(*last))
        # A verdict has its item's key, and so its item's partition.
        page = event_page(self.connection, verdict, query, limit=limit, topic=VERDICTS.name)
        return [replace(each, partition=_partition(of.council, each.item or "")) for each in page]

    def since(self, by: CausedBy, *, limit: int) -> tuple[list[CorrectedBy], int]:
        if not self.scope.allows(by.council):
            return [], 0
        columns = verdict.c
        read = {each.partition: each.next_offset for each in by.read_through if each.topic == VERDICTS.name}
        # A verdict has its item's partition, which no column says: the rest is seen to below.
        unread = min(read.values()) if len(read) == VERDICTS.partitions else 0
        query = select(columns.source, columns.event_id, columns.item, columns.offset).where(
            columns.council == by.council,
            columns.month == str(by.month),
            columns.agreement == by.agreement,
            columns.service == by.service,
            columns.target == by.target,
            columns.offset >= unread,
        )
        rows = self.connection.execute(query.order_by(columns.at_us, columns.source, columns.event_id))
        placed = ((row, _partition(by.council, row.item)) for row in rows)
        found = [
            CorrectedBy(row.source, row.event_id, VERDICTS.name, partition, row.offset)
            for row, partition in placed
            if row.offset >= read.get(partition, 0)
        ]
        return found[:limit], len(found)


def _partition(council: str, item: str) -> int:
    return partition_of(item_key(CouncilId(council), ItemId(item)).encode(), VERDICTS.partitions)
