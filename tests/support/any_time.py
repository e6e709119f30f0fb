"""Issuing whatever the log holds: what keeps a statement from being issued has tests of its own."""

from datetime import UTC, datetime

from billing.domain.statement import Statement
from billing.ports import Snapshot


class AnyTime:
    """`billing.statements.steps.Ready` of a draft that may be issued."""

    def __init__(self, cut_off: datetime = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)) -> None:
        self.cut_off = cut_off

    def require(self, snapshot: Snapshot, draft: Statement) -> None:
        """Nothing is looked at."""


ANY_TIME = AnyTime()
