"""The table of events as it was: a query of it is compiled once, whatever had been read by then."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine.interfaces import CacheStats

from billing.domain.issued import ReadThrough
from billing.ports import UsageFilter
from billing.store import tables
from billing.store.usage import SqlUsage
from shared.contracts.topics import USAGE
from shared.scope import Scope

BY = UsageFilter("ashby", "payroll", "readings", "payslip", date(2026, 5, 1), date(2026, 5, 4))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_a_page_of_what_was_read_by_then_is_compiled_once_for_every_statement(connection: Connection) -> None:
    compiled: list[str] = []

    @event.listens_for(connection, "before_cursor_execute")
    def count(_to: object, _cursor: object, statement: str, _parameters: object, context: Any, _many: object) -> None:
        compiled.extend([statement] if context.cache_hit is not CacheStats.CACHE_HIT else [])

    for offset in range(5):
        read_through = [ReadThrough(USAGE.name, partition, offset) for partition in range(3)]
        SqlUsage(connection, Scope.all()).as_of(read_through).counted(BY, after=None, limit=10)

    # The readings of a day, and whether there is any adjustment.
    assert len(compiled) == 2
