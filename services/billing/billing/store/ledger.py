"""What the ledger holds: balances by account, council and document, in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from billing.domain.ledger import Account, Balance, Entry, Unbalanced
from billing.store.tables import ledger_entry
from shared.period import Month
from shared.scope import Scope
from shared.sql.statements import in_scope

_TABLE = ledger_entry.c


@dataclass(frozen=True, slots=True)
class SqlLedger:
    """`billing.row_ports.LedgerReads` in one transaction."""

    connection: Connection
    scope: Scope

    def entries(self, council: str, document: str) -> list[Entry]:
        query = select(ledger_entry).where(_TABLE.council == council, _TABLE.document == document, self._seen())
        order = _TABLE.posting, _TABLE.line, _TABLE.account, _TABLE.id
        return [_entry(row) for row in self.connection.execute(query.order_by(*order))]

    def balances(self, council: str | None = None, document: str | None = None) -> list[Balance]:
        group = _TABLE.council, _TABLE.account
        query = select(*group, func.sum(_TABLE.amount_pence).label("pence")).where(self._seen()).group_by(*group)
        if council is not None:
            query = query.where(_TABLE.council == council)
        if document is not None:
            query = query.where(_TABLE.document == document)
        rows = self.connection.execute(query.order_by(*group))
        return [Balance(row.council, row.account, int(row.pence)) for row in rows]

    def ledger_sum(self) -> int:
        return int(self.connection.scalar(select(func.sum(_TABLE.amount_pence)).where(self._seen())) or 0)

    def _seen(self) -> ColumnElement[bool]:
        return in_scope(_TABLE.council, self.scope)


def require_stored_balanced(connection: Connection, postings: Collection[str]) -> None:
    """Raises `Unbalanced` unless all that is stored of each of the `postings` sums to 0."""
    total = func.sum(_TABLE.amount_pence)
    query = select(_TABLE.posting, total).where(_TABLE.posting.in_(sorted(postings))).group_by(_TABLE.posting)
    for posting, pence in connection.execute(query.having(total != 0)):
        raise Unbalanced(f"the entries of {posting} come to {pence} pence and not to 0")


def _entry(row: Row[Any]) -> Entry:
    account: Account = row.account
    return Entry(
        posting=row.posting,
        council=row.council,
        provider=row.provider,
        month=Month.parse(row.month),
        document=row.document,
        line=row.line,
        service=row.service,
        account=account,
        amount_pence=row.amount_pence,
    )
