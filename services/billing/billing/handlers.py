"""What billing does: takes in batches, states months, explains lines. Calls block.

consume     records of one shard → stored facts and the next offset
statement   one council's month
statements  all councils' months, and the usage that nobody is recharged for yet
explain     one line down to its source events: a charge to its usage, a service credit to its misses
parked      what waits for the catalogue
progress    how far the log has been read, and what became of each record
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.agreement_year import months_before
from billing.domain.credits.credit_line import CreditLine
from billing.domain.ingest import AcceptedEvent, IgnoredEvent, ingest_record
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil, build_statement
from billing.domain.terms import Terms
from billing.domain.unbilled import UnbilledReason, UnbilledUsage, sum_unbilled
from billing.ports import CountedEvent, EventCursor, IngestBatch, MissFilter, Store, UsageFilter
from shared.contracts.definitions import Service
from shared.log.flood import Flood, halt_message
from shared.log.port import Quarantined, Record, Shard
from shared.log.processor import Halted
from shared.log.validation import InvalidRecord, as_quarantined
from shared.period import Month
from shared.quarantine.service import Parked
from shared.sql.progress import ShardProgress


class UnknownLine(LookupError):
    """The statement has no line of that reference: terms may have changed since it was made."""


@dataclass(frozen=True, slots=True)
class CouncilWithoutStatement:
    """Usage of a council that has no statement in the month."""

    council: str
    set_aside: tuple[UnbilledUsage, ...]


@dataclass(frozen=True, slots=True)
class MonthOfStatements:
    """Every statement of a month, by council, and what was heard about councils without one."""

    month: Month
    statements: tuple[Statement, ...]
    unstated: tuple[CouncilWithoutStatement, ...]


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """A line and a page of the facts it counts; `next_cursor` is None on the last page."""

    line: ChargeLine | CreditLine
    counted: tuple[CountedEvent, ...]
    next_cursor: EventCursor | None


class BillingHandlers:
    """Billing's use cases over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self, shard: Shard) -> int | None:
        """The next offset to read of `shard`, or None when it was never read."""
        return self._store.position(shard)

    def consume(self, shard: Shard, records: Sequence[Record], *, expected: int | None) -> int:
        """The records are stored, and the offset after them is returned. `expected` is where the shard stands.

        `records` is not empty and ascends by offset. Raises `Fenced` when the shard stands elsewhere. A flood of what
        cannot be believed ends the batch early; raises `Halted` where its first record does.
        """
        batch = ingest_batch(shard, records)
        try:
            self._store.apply(batch, expected=expected)
        except Flood as flood:
            before = [record for record in records if record.offset < flood.offset]
            if not before:
                raise Halted(halt_message(shard, flood.offset)) from flood
            return self.consume(shard, before, expected=expected)
        return batch.next_offset

    def statement(self, council: str, month: Month) -> Statement:
        """The council's statement of the month. Raises `UnknownCouncil`, `NoAgreement`."""
        terms = self._store.terms()
        alone = self._stated(terms, council, month, ())
        if not alone.credits_pence:
            return alone  # no year's cap can take anything from it
        earlier: list[Statement] = []
        for before in months_before(terms, council, month):
            with suppress(UnknownCouncil, NoAgreement):
                earlier.append(self._stated(terms, council, before, earlier))
        return self._stated(terms, council, month, earlier)

    def statements(self, month: Month) -> MonthOfStatements:
        """Every statement of the month, and the usage that has none."""
        terms = self._store.terms()
        statements: list[Statement] = []
        unstated: list[CouncilWithoutStatement] = []
        for council in sorted({*terms.councils.ids(), *self._store.councils_with_usage(month)}):
            try:
                statements.append(self.statement(council, month))
            except UnknownCouncil:
                unstated.append(self._unstated(council, month, "unknown-council"))
            except NoAgreement:
                unstated.append(self._unstated(council, month, "no-agreement"))
        return MonthOfStatements(month, tuple(statements), tuple(each for each in unstated if each.set_aside))

    def explain(
        self, council: str, month: Month, ref: str, *, after: EventCursor | None, limit: int
    ) -> LineExplanation:
        """The line `ref` and up to `limit` of the facts it counts, beginning after `after`. Raises `UnknownLine`.

        Standing charges count no facts.
        """
        statement = self.statement(council, month)
        for charges in statement.services:
            for line in charges.lines:
                if line.ref == ref:
                    return self._explained(statement.council.id, charges.service, line, after, limit)
        for credit in statement.credits:
            if credit.ref == ref:
                of = MissFilter(statement.council.id, month, credit.agreement, credit.service, credit.target)
                return _page(credit, self._store.misses(of, after=after, limit=limit + 1), limit)
        raise UnknownLine(f"no line {ref} in the statement of {council} for {month}")

    def parked(self) -> list[Parked]:
        """Facts that recharge nobody in any month until the catalogue knows their council, or an agreement of it."""
        terms = self._store.terms()
        agreed = {version.definition.council for id_ in terms.agreements.ids() for version in terms.agreements.of(id_)}
        known = set(terms.councils.ids())
        return [
            Parked(each.council, "agreement" if each.council in known else "council", each.facts, each.oldest)
            for each in self._store.heard()
            if each.council not in known & agreed
        ]

    def progress(self) -> list[ShardProgress]:
        """How far each shard has been read; `unaccounted` of every one must be 0."""
        return self._store.progress()

    def _explained(
        self, council: str, service: Service, line: ChargeLine, after: EventCursor | None, limit: int
    ) -> LineExplanation:
        if line.kind == "standing":
            return LineExplanation(line, (), None)
        by = UsageFilter(council, service.id, service.counted_by, service.unit, line.first_day, line.end_day)
        return _page(line, self._store.counted(by, after=after, limit=limit + 1), limit)

    def _stated(self, terms: Terms, council: str, month: Month, earlier: Sequence[Statement]) -> Statement:
        usage = self._store.usage(month, council=council)
        attained = self._store.attained(month, council=council)
        return build_statement(terms, council, month, usage, attained=attained, earlier=earlier)

    def _unstated(self, council: str, month: Month, reason: UnbilledReason) -> CouncilWithoutStatement:
        usage = self._store.usage(month, council=council)
        return CouncilWithoutStatement(council, sum_unbilled((reason, row) for row in usage if row.state == "counted"))


def _page(line: ChargeLine | CreditLine, found: Sequence[CountedEvent], limit: int) -> LineExplanation:
    """Up to `limit` of `found`, which has one more where another page follows."""
    page = tuple(found[:limit])
    more = len(found) > limit
    return LineExplanation(line, page, EventCursor(page[-1].day, page[-1].source, page[-1].id) if more else None)


def ingest_batch(shard: Shard, records: Sequence[Record]) -> IngestBatch:
    """Each record's place in the batch that will be stored."""
    kept: list[AcceptedEvent] = []
    refused: list[Quarantined] = []
    passed = 0
    for record in records:
        match ingest_record(shard, record):
            case AcceptedEvent() as fact:
                kept.append(fact)
            case InvalidRecord() as refusal:
                refused.append(as_quarantined(record, refusal))
            case IgnoredEvent():
                passed += 1
    return IngestBatch(shard, records[0].offset, records[-1].offset + 1, kept, passed, refused)
