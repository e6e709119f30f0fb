"""The table of events as it was when each partition had been read so far, and what came after that.

Queries name the table `event`. A common table expression of that name, which holds the events that were known, stands
before it in both dialects: so one query counts what is known now, and what was known when a statement was issued.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, CursorResult, MetaData, Select, Table, and_, not_, or_, select, true

from billing.domain.issued import ReadThrough
from billing.store.tables import EventRows, event
from shared.contracts.topics import TOPIC_OF_STREAM, USAGE

_SCHEMA = {"postgresql": "public", "sqlite": "main"}
TOPIC_OF: dict[str, str] = {"usage": USAGE.name} | {str(name): topic for name, topic in TOPIC_OF_STREAM.items()}


def came_after(of: EventRows, read_through: Sequence[ReadThrough]) -> ColumnElement[bool]:
    """The event had not been read by then; a partition that is not named had not been read at all."""
    return not_(_known(of, read_through))


def as_of(connection: Connection, read_through: Sequence[ReadThrough]) -> Connection:
    """The connection, to which the table of events is as it was then. Only selects of one statement are for it."""
    # What it lacks of a connection, no read of usage asks for.
    return cast(Connection, _AsOf(connection, read_through))


class _AsOf:
    def __init__(self, connection: Connection, read_through: Sequence[ReadThrough]) -> None:
        self._connection = connection
        whole = _whole_table(_SCHEMA[connection.dialect.name])
        rows = select(whole).where(_known(whole, read_through))
        # In its place, so that the indexes of the table serve the query as they do without it.
        self._events = rows.cte("event").prefix_with("NOT MATERIALIZED")

    @property
    def dialect(self) -> Any:
        return self._connection.dialect

    def execute(self, query: Select[Any], parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(query.add_cte(self._events), parameters)

    def scalar(self, query: Select[Any], parameters: Any = None) -> Any:
        return self._connection.scalar(query.add_cte(self._events), parameters)

    def scalars(self, query: Select[Any], parameters: Any = None) -> Any:
        return self._connection.scalars(query.add_cte(self._events), parameters)


@cache
def _whole_table(schema: str) -> Table:
    """The table itself, where `event` is the name of a part of it.

    Made once: of a table that is made for each query, every query would be compiled again.
    """
    return event.to_metadata(MetaData(), schema=schema)


def _known(of: EventRows, read_through: Sequence[ReadThrough]) -> ColumnElement[bool]:
    """Topics of the provider alone are looked at; a stream's events are all on one topic."""
    offsets: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for each in read_through:
        offsets[each.topic][each.partition] = each.next_offset
    read = [
        and_(of.c.stream == stream, of.c.partition == partition, of.c.offset < next_offset)
        for stream, topic in TOPIC_OF.items()
        for partition, next_offset in offsets[topic].items()
    ]
    return or_(*read) if read else not_(true())
