"""A page of the events behind one line, and the line's explanation, among twelve million rows on PostgreSQL."""

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
from sqlalchemy import make_url

from billing.ports import EventCursor
from billing.statements.drafts import Statements
from billing.statements.steps import StatementSteps
from billing.store.sql import SqlStore
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.topics import CATALOGUE, USAGE
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect
from tests.bench_stack.environment import BenchEnvironment
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import TARIFFS, feed
from tests.support.databases import empty_database
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    SOURCE,
    agreement,
    catalogue_events,
    recorded,
    reversed_,
)
from tests.support.service_process import run_to_end

ROWS, COUNCILS, DAYS = 12_000_000, 10, 365
PAGES, PAGE = 40, 50
FIRST = date(2025, 6, 1)
MAY = Month(2026, 5)
NOW = FixedClock(datetime(2026, 6, 9, 10, tzinfo=UTC))
_FINANCE = Principal.of("finance-1", "person", ("finance",), Scope.all())
_APPROVER = Principal.of("approver-1", "person", ("approver",), Scope.all())
_COLUMNS = (
    'day, council, source, event_id, at_us, partition, "offset", quantity_micro, type, stream, item, service, unit,'
    " place"
)


def run(env: BenchEnvironment, *, rows: int = ROWS) -> None:
    """Prints the median and the slowest of pages of a draft's line, of an issued one, and after late events."""
    with empty_database(env.postgres) as url:
        migrated = run_to_end("-m", "billing", "migrate", env={"DATABASE_URL": url})
        if migrated.returncode:
            raise RuntimeError(migrated.stdout)
        with closing(SqlStore(connect(url))) as store:
            agreed = agreement(*(each.id for each in TARIFFS))
            feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, PAYABLE, ICT, PAYROLL, *TARIFFS, agreed))
            _load(url, rows)
            _issue(store)
            _print("a page of an issued line", store)
            late = "2026-05-20T10:00:00+00:00"
            feed(store, USAGE, [recorded("late", late, "1"), reversed_("late", late)])
            _print("the same after late events", store)


def _load(url: str, rows: int) -> None:
    """All rows by COPY, and their statistics."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as to:
        with to.cursor() as cursor, cursor.copy(f"COPY event ({_COLUMNS}) FROM STDIN") as copy:
            for row in _rows(rows):
                copy.write_row(row)
        # The partitions have been read past every row.
        for partition in range(USAGE.partitions):
            key = "billing", USAGE.name, partition, 0, rows, rows
            to.execute(
                "INSERT INTO progress (group_name, topic, partition, first_offset, next_offset, applied)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                key,
            )
    with psycopg.connect(address, autocommit=True) as to:
        to.execute("VACUUM ANALYZE event")


def _rows(rows: int) -> Iterator[tuple[object, ...]]:
    """As many readings of each council and day, in the order of the days."""
    midday = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC)
    for number in range(rows):
        days, council = number * DAYS // rows, number % COUNCILS
        at_us = int((midday + timedelta(days=days)).timestamp() * 1e6) + number % 1_000
        name = ASHBY.id if not council else f"council-{council}"
        reading = f"r-{number:09}"
        place = number % USAGE.partitions, number // USAGE.partitions, 1_000_000
        kept = "usage.recorded.v1", "usage", reading, PAYROLL.id, None, ""
        yield FIRST + timedelta(days=days), name, SOURCE, reading, at_us, *place, *kept


def _issue(store: SqlStore) -> None:
    steps = StatementSteps(store, NOW)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    steps.check(_FINANCE, ASHBY.id, MAY, sha256=seen)
    steps.approve(_APPROVER, ASHBY.id, MAY, sha256=seen)
    steps.issue(_FINANCE, ASHBY.id, MAY, ANY_TIME)


def _print(label: str, store: SqlStore) -> None:
    statements = Statements(store, NOW)
    statement = statements.statement(ASHBY.id, MAY, scope=Scope.all())
    (ref,) = [line.ref for line in statement.lines if line.service == PAYROLL.id]
    took: list[float] = []
    for number in range(PAGES):
        # Anywhere in the month, also deep in its last day.
        after = EventCursor(date(2026, 5, 1 + number * 31 // PAGES), SOURCE, f"r-{number * 7919 % 10}")
        begun = time.perf_counter()
        statements.explain(ASHBY.id, MAY, ref, after=after if number else None, limit=PAGE, scope=Scope.all())
        took.append((time.perf_counter() - begun) * 1e3)
    sys.stdout.write(f"{label:<50} {statistics.median(took):>9,.1f} ms median {max(took):>9,.1f} ms slowest\n")
