"""The questions that everybody asks are answered from an index alone, however many verdicts there are."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.sql.engine import connect
from shared.sql.migrate import migrate
from sla_monitor.adapters.read_model import SqlReadModel
from sla_monitor.ports import Counted

JUNE = ["2026-06"]
ROW = Counted("adur", "ict", "resolve", "resolution-time", "2026-06", 1, 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/monitor.db")
    migrate(made, "sla_monitor")
    yield made
    made.dispose()


def plan(engine: Engine, ask: Callable[[SqlReadModel], object]) -> str:
    """How SQLite goes about the last statement that `ask` sends."""
    sent: list[tuple[str, Any]] = []
    event.listen(
        engine, "before_cursor_execute", lambda _, __, statement, values, *___: sent.append((statement, values))
    )
    ask(SqlReadModel(engine, freeze_days=10))
    statement, values = sent[-1]
    with engine.connect() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    return "; ".join(step[-1] for step in steps)


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda model: model.attainment(months=JUNE), "verdict_by_month (month=?)"),
        (lambda model: model.attainment(months=JUNE, council="adur"), "verdict_by_month (month=? AND council=?)"),
        (
            lambda model: model.nth_elapsed(ROW, months=JUNE, nth=3),
            "verdict_by_month (month=? AND council=? AND service=? AND target=? AND measure=? AND outcome=?)",
        ),
        (
            lambda model: model.due_within(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)),
            "verdict_by_due (due_at>? AND due_at<?)",
        ),
    ],
)
def test_a_question_reads_its_index_and_no_row(
    engine: Engine, ask: Callable[[SqlReadModel], object], index: str
) -> None:
    assert f"USING COVERING INDEX {index}" in plan(engine, ask)
