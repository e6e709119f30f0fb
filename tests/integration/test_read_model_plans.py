"""The queries of the reports are answered from an index alone, however many verdicts there are."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text

from shared.scope import Scope
from shared.sql.engine import connect
from shared.sql.migrate import migrate
from sla_monitor.ports import VerdictCounts
from sla_monitor.store.read_model import SqlReadModel
from sla_monitor.store.tables import VERDICT
from tests.support.databases import APP, address, empty_database

VERDICTS = 10_000
JUNE = ["2026-06"]
ROW = VerdictCounts("adur", "ict", "adur-ict", "resolve", "resolution-time", "2026-06", 1, 1)


QUERIES: list[tuple[Callable[[SqlReadModel], object], str, str]] = [
    (lambda model: model.attainment(Scope.all(), months=JUNE), "verdict_by_month", "month=?"),
    (lambda model: model.attainment(Scope.of("adur"), months=JUNE), "verdict_by_month", "month=? AND council=?"),
    (
        lambda model: model.nth_elapsed(Scope.of("adur"), ROW, months=JUNE, nth=3),
        "verdict_by_month",
        "month=? AND council=? AND service=? AND agreement=? AND target=? AND measure=? AND outcome=?",
    ),
    (
        lambda model: model.due_within(Scope.all(), datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)),
        "verdict_by_due",
        "due_at>? AND due_at<?",
    ),
]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/monitor.db")
    migrate(made, "sla_monitor")
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def postgresql(postgres_server: str) -> Iterator[Engine]:
    """A year of verdicts, so that reading all of them costs more than an index; analysed as autovacuum would.

    It is asked as the role of requests, to whose queries PostgreSQL adds what they may see.
    """
    with empty_database(postgres_server) as url:
        made = connect(url)
        migrate(made, "sla_monitor")
        with made.begin() as connection:
            connection.execute(insert(VERDICT), [_verdict(number) for number in range(VERDICTS)])
        with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE verdict"))
        made.dispose()
        requests = connect(address(url, role=APP))
        yield requests
        requests.dispose()


def _verdict(number: int) -> dict[str, object]:
    council, day = ("adur", "worthing")[number % 2], datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number // 2)
    return {
        "council": council,
        "item": f"T-{number}",
        "stream": "ticket",
        "agreement": "adur-ict",
        "target": "resolve",
        "cycle": 1,
        "service": "ict",
        "measure": "resolution-time",
        "month": f"{day:%Y-%m}",
        "outcome": ("met", "breached")[number % 10 == 0],
        "due_at": day,
        "value_pence": number,
        "elapsed_s": number % 10_000,
    }


def plan(engine: Engine, explain: str, ask: Callable[[SqlReadModel], object]) -> list[str]:
    """How the database goes about the last statement that `ask` sends, step by step."""
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        sent.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    ask(SqlReadModel(engine))
    event.remove(engine, "before_cursor_execute", note)
    statement, values = sent[-1]
    with engine.connect() as connection:
        return [step[-1] for step in connection.exec_driver_sql(f"{explain} {statement}", values)]


@pytest.mark.parametrize(("ask", "index", "by"), QUERIES)
def test_a_question_to_sqlite_reads_its_index_and_no_row(
    sqlite: Engine, ask: Callable[[SqlReadModel], object], index: str, by: str
) -> None:
    steps = plan(sqlite, "EXPLAIN QUERY PLAN", ask)

    assert f"USING COVERING INDEX {index} ({by})" in "; ".join(steps)


@pytest.mark.parametrize(("ask", "index", "by"), QUERIES)
def test_a_question_to_postgresql_reads_its_index_and_no_row(
    postgresql: Engine, ask: Callable[[SqlReadModel], object], index: str, by: str
) -> None:
    steps = plan(postgresql, "EXPLAIN", ask)

    (scan,) = [step for step in steps if "Scan" in step]
    assert f"Index Only Scan using {index} on verdict" in scan
    (condition,) = [step for step in steps if "Index Cond" in step]
    assert re.findall(r"\((\w+)", condition) == columns_of(by)


def columns_of(by: str) -> list[str]:
    """The columns in SQLite's words for what an index is searched by."""
    return re.findall(r"(\w+)[=<>]", by)
