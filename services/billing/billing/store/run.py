"""What is read of the statement run as a whole: which statements are issued, and how recomputations ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from billing.domain.differences import RecomputationResult
from billing.store.tables import document, recomputation, statement_step
from shared.contracts.statements import StepEvent
from shared.instants import epoch_us, instant_at
from shared.period import Month
from shared.scope import Scope
from shared.sql.statements import in_scope, upsert


@dataclass(frozen=True, slots=True)
class SqlRun:
    """`billing.ports.RunReads` in one transaction."""

    connection: Connection
    scope: Scope

    def issued(self, since: Month) -> set[tuple[str, Month]]:
        table = document.c
        query = select(table.council, table.month).where(
            table.kind == "statement", table.month >= str(since), in_scope(table.council, self.scope)
        )
        return {(row.council, Month.parse(row.month)) for row in self.connection.execute(query)}

    def step_counts(self, types: Sequence[type[StepEvent]]) -> dict[tuple[str, Month], int]:
        table = statement_step.c
        named = table.type.in_([str(each.__struct_config__.tag) for each in types])
        query = select(table.council, table.month, func.count().label("steps")).where(
            named, in_scope(table.council, self.scope)
        )
        found = self.connection.execute(query.group_by(table.council, table.month))
        return {(row.council, Month.parse(row.month)): row.steps for row in found}

    def recomputations(self, since: Month) -> list[RecomputationResult]:
        table = recomputation.c
        query = select(recomputation).where(table.month >= str(since), in_scope(table.council, self.scope))
        return [
            RecomputationResult(row.council, Month.parse(row.month), row.figures, row.pence, instant_at(row.at_us))
            for row in self.connection.execute(query.order_by(table.council, table.month))
        ]


def store_recomputations(connection: Connection, results: Iterable[RecomputationResult]) -> None:
    """Of each council and month the newest result is kept, whoever came to it and in whatever order they are stored."""
    rows = [
        {
            "council": each.council,
            "month": str(each.month),
            "figures": each.figures,
            "pence": each.pence,
            "at_us": epoch_us(each.at),
        }
        for each in results
    ]
    if rows:
        is_newer = insert(recomputation).excluded.at_us > recomputation.c.at_us
        connection.execute(upsert(recomputation, where=is_newer), rows)
