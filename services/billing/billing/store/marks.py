"""The marks of the monitor, read from the table of them."""

from sqlalchemy import Connection, select

from billing.domain.judged import JudgedMark, open_of
from billing.store.tables import judged_through
from shared.instants import instant_at
from shared.log.port import Shard
from shared.scope import Scope


def read_marks(connection: Connection, scope: Scope) -> tuple[JudgedMark, ...]:
    """The mark that holds of each partition, by topic and partition.

    Of what is open, that of councils in scope, and what names no council.
    """
    columns = judged_through.c
    query = select(columns.topic, columns.partition, columns.next_offset, columns.through_us, columns.open)
    rows = connection.execute(query.order_by(columns.topic, columns.partition))
    return tuple(
        JudgedMark(
            Shard(row.topic, row.partition),
            row.next_offset,
            instant_at(row.through_us),
            tuple(each for each in open_of(row.open) if each.council is None or scope.allows(each.council)),
        )
        for row in rows
    )
