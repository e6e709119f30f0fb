"""What records would do to statements: stored by the code that stores, and undone before anybody could see them.

Every month of a council is compared, from the first that any fact names: what comes late may move an earlier month (a
reversal) and later ones (a year's cap on credits).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress

from billing.domain.ingest import AcceptedEvent, ingest_record
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.statement_delta import StatementDelta, compare_statements
from billing.handlers import BillingHandlers, ingest_batch
from billing.ports import DryRunStore, Store
from shared.log.port import Record, Shard
from shared.paging import paged
from shared.period import Month, month_of_day
from shared.sql.inbox import InsertResult

# As many as are stored at once when they come by the log.
_AT_ONCE = 4_000
# All that a statement is made of, beside the catalogue.
_Grounds = dict[tuple[str, Month], Set[object]]
_Statements = dict[tuple[str, Month], Statement | None]


class DryRun:
    """Over billing's store. Calls block; what is stored before and after them is the same."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def foresee(self, shard: Shard, records: Sequence[Record]) -> list[InsertResult | None]:
        """What billing would take each record for; None where it has no bearing on a recharge. All can be believed."""
        taken = [ingest_record(shard, record) for record in records]
        kept = [each for each in taken if isinstance(each, AcceptedEvent)]
        fates = iter([fate for page in paged(kept, _AT_ONCE) for fate in self._store.foresee(page)])
        return [next(fates) if isinstance(each, AcceptedEvent) else None for each in taken]

    def statement_deltas(
        self, records: Mapping[Shard, Sequence[Record]], councils: Set[str], *, until: Month
    ) -> list[StatementDelta]:
        """How the statements of `councils` up to the month `until` would move; by council and month.

        The records are offered from where each shard stands, whatever their offsets.
        """
        with self._store.dry_run_store() as store:
            before = _grounds(store, _first_months(store, councils), until)
            for shard, offered in records.items():
                _apply(store, shard, offered)
            after = _grounds(store, _first_months(store, councils), until)
            months = _moving(before, after, until)
            then = _stated(store, months)
            store.undo()
            now = _stated(store, months)
        found = [
            compare_statements(council, str(month), now[council, month], then[council, month])
            for council, month in months
        ]
        return sorted(each for each in found if each is not None)


def _apply(store: DryRunStore, shard: Shard, offered: Sequence[Record]) -> None:
    expected = store.position(shard)
    for page in paged(offered, _AT_ONCE):
        batch = ingest_batch(shard, [_at(record, offset) for offset, record in enumerate(page, start=expected or 0)])
        store.apply(batch, expected=expected)
        expected = batch.next_offset


def _at(record: Record, offset: int) -> Record:
    return Record(offset, record.key, record.value, record.headers, record.timestamp_ms)


def _first_months(store: Store, councils: Set[str]) -> dict[str, Month]:
    return {each.council: month_of_day(each.oldest) for each in store.heard() if each.council in councils}


def _grounds(store: Store, first: Mapping[str, Month], until: Month) -> _Grounds:
    return {
        (council, month): {*store.usage(month, council=council), *store.attained(month, council=council)}
        for council, begin in first.items()
        for month in _from(begin, until)
    }


def _moving(before: _Grounds, after: _Grounds, until: Month) -> list[tuple[str, Month]]:
    """Each council's months from the first one whose grounds would be others."""
    first: dict[str, Month] = {}
    for council, month in sorted(before.keys() | after.keys()):
        if before.get((council, month), set()) != after.get((council, month), set()):
            first.setdefault(council, month)
    return [(council, month) for council, begin in first.items() for month in _from(begin, until)]


def _stated(store: Store, months: Sequence[tuple[str, Month]]) -> _Statements:
    handlers, stated = BillingHandlers(store), _Statements()
    for council, month in months:
        stated[council, month] = None
        with suppress(UnknownCouncil, NoAgreement):
            stated[council, month] = handlers.statement(council, month)
    return stated


def _from(month: Month, until: Month) -> Iterator[Month]:
    while month <= until:
        yield month
        month = month.next
