"""What the home page shows, asked of the three services."""

from collections.abc import Sequence
from itertools import groupby

from billing.documents.view import statement_path
from shared.clock import Clock
from shared.contracts.definitions import Council
from shared.contracts.objectives import Judgement
from shared.period import Month, month_of
from shared.scope import Scope
from sla_monitor.reports.items import Attainment
from tallystick.pages import AttainmentRow, StatementRow
from tallystick.stack import Stack


class StackHome:
    """`tallystick.pages.Home` over a running stack."""

    def __init__(self, stack: Stack, clock: Clock, *, partnership: str, illustrative: bool) -> None:
        self._stack, self._clock = stack, clock
        self.partnership = partnership
        self.illustrative = illustrative

    def last_month(self) -> Month | None:
        """The newest month that has ended and in which anything was decided."""
        present = str(month_of(self._clock.now()))
        ended = [month for month in self._stack.monitor.questions.months() if month < present]
        return Month.parse(ended[-1]) if ended else None

    def statements(self, month: Month) -> Sequence[StatementRow]:
        """One row for each council that is recharged."""
        return [
            StatementRow(statement.council.name, statement.total_pence, statement_path(statement.council.id, month))
            for statement in self._stack.billing.statements.statements(month, scope=Scope.all()).statements
        ]

    def attainment(self, month: Month) -> Sequence[AttainmentRow]:
        """One row for each council that was promised anything."""
        rows = self._stack.monitor.questions.attainment(month=month)
        return [self._row(council, list(held)) for council, held in groupby(rows, key=lambda row: row.counted.council)]

    def _row(self, council: str, rows: Sequence[Attainment]) -> AttainmentRow:
        judgements = [row.judgement for row in rows]
        return AttainmentRow(
            council=self._stack.monitor.questions.name(Council, council),
            met=judgements.count(Judgement.MET),
            judged=judgements.count(Judgement.MET) + judgements.count(Judgement.MISSED),
            good=sum(row.counted.met for row in rows),
            total=sum(row.counted.total for row in rows),
        )
