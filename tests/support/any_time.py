"""Issuing whatever the log holds: what keeps a statement from being issued has tests of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime

from billing.domain.statement import Statement
from billing.ports import Snapshot
from billing.statements.statement_log import Document, StatementLog
from shared.log.port import Outgoing
from shared.units import Offset


class OwnLog:
    """`StatementLog` of a store's own, of which it knows everything: what it appends is in its outbox too."""

    def documents(self, _: Offset) -> Sequence[Document]:
        """Nobody else issues anything."""
        return ()

    def append(self, _: Sequence[Outgoing]) -> None:
        """It is there."""


class AnyTime:
    """`billing.statements.steps.Ready` of a draft that may be issued."""

    log: StatementLog = OwnLog()

    def __init__(self, cut_off: datetime = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)) -> None:
        self.cut_off = cut_off

    def require(self, snapshot: Snapshot, draft: Statement) -> None:
        """Nothing is looked at."""


ANY_TIME = AnyTime()
