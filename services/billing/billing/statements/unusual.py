"""The flags of a council's month before it is issued, against its statements of up to twelve months before. Blocks."""

from collections.abc import Iterator

from billing.domain.anomalies import HISTORY_MONTHS, Flag, FlagFigures, figures_of, flags
from billing.domain.statement import NoAgreement, Statement, Status, UnknownCouncil
from billing.ports import Snapshot
from billing.statements.drafts import draft_in, statement_in
from billing.statements.months import StatementFailed
from shared.period import Month


def flags_of(snapshot: Snapshot, council: str, month: Month, status: Status = "draft") -> tuple[Flag, ...]:
    """What looks unusual in the month's draft. Raises what `draft_in` raises."""
    now = _figures(snapshot, draft_in(snapshot, council, month, status))
    return flags(now, list(_history(snapshot, council, month)))


def _history(snapshot: Snapshot, council: str, month: Month) -> Iterator[FlagFigures]:
    """The months before, as they were issued or as they come to now; without those that have no statement."""
    for back in range(HISTORY_MONTHS, 0, -1):
        try:
            yield _figures(snapshot, statement_in(snapshot, council, month.earlier(back), "draft"))
        except (UnknownCouncil, NoAgreement, StatementFailed):
            continue


def _figures(snapshot: Snapshot, statement: Statement) -> FlagFigures:
    return figures_of(statement, snapshot.rows.sources(statement.council.id, statement.month))
