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

from billing.domain.credits.line import CreditLine
from billing.domain.credits.years import months_before
from billing.domain.intake import Kept, Passed, take_in
from billing.domain.lines import Line
from billing.domain.set_aside import Reason, SetAside, gathered
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil, state
from billing.domain.terms import Terms
from billing.ports import Batch, Counted, CountedBy, MissesOf, PageMark, Store
from shared.bus.flood import Flood, told
from shared.bus.intake import Refused, set_aside
from shared.bus.port import Record, Shard
from shared.bus.processor import Halted
from shared.contracts.definitions import Service
from shared.period import Month
from shared.quarantine.parked import Parked
from shared.sql.progress import ShardProgress
from shared.state.port import Quarantined


class UnknownLine(LookupError):
    """The statement has no line of that reference: terms may have changed since it was made."""


@dataclass(frozen=True, slots=True)
class Unstated:
    """Usage of a council that has no statement in the month."""

    council: str
    set_aside: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class MonthOfStatements:
    """Every statement of a month, by council, and what was heard about councils without one."""

    month: Month
    statements: tuple[Statement, ...]
    unstated: tuple[Unstated, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A line and a page of the facts it counts; `next_mark` is None on the last page."""

    line: Line | CreditLine
    counted: tuple[Counted, ...]
    next_mark: PageMark | None


class Handlers:
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
        batch = judged(shard, records)
        try:
            self._store.apply(batch, expected=expected)
        except Flood as flood:
            before = [record for record in records if record.offset < flood.offset]
            if not before:
                raise Halted(told(shard, flood.offset)) from flood
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
        unstated: list[Unstated] = []
        for council in sorted({*terms.councils.ids(), *self._store.councils_heard(month)}):
            try:
                statements.append(self.statement(council, month))
            except UnknownCouncil:
                unstated.append(self._unstated(council, month, "unknown-council"))
            except NoAgreement:
                unstated.append(self._unstated(council, month, "no-agreement"))
        return MonthOfStatements(month, tuple(statements), tuple(each for each in unstated if each.set_aside))

    def explain(self, council: str, month: Month, ref: str, *, after: PageMark | None, limit: int) -> Explained:
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
                of = MissesOf(statement.council.id, month, credit.agreement, credit.service, credit.target)
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

    def _explained(self, council: str, service: Service, line: Line, after: PageMark | None, limit: int) -> Explained:
        if line.kind == "standing":
            return Explained(line, (), None)
        by = CountedBy(council, service.id, service.counted_by, service.unit, line.first_day, line.end_day)
        return _page(line, self._store.counted(by, after=after, limit=limit + 1), limit)

    def _stated(self, terms: Terms, council: str, month: Month, earlier: Sequence[Statement]) -> Statement:
        usage = self._store.usage(month, council=council)
        attained = self._store.attained(month, council=council)
        return state(terms, council, month, usage, attained=attained, earlier=earlier)

    def _unstated(self, council: str, month: Month, reason: Reason) -> Unstated:
        usage = self._store.usage(month, council=council)
        return Unstated(council, gathered((reason, row) for row in usage if row.state == "counted"))


def _page(line: Line | CreditLine, found: Sequence[Counted], limit: int) -> Explained:
    """Up to `limit` of `found`, which has one more where another page follows."""
    page = tuple(found[:limit])
    more = len(found) > limit
    return Explained(line, page, PageMark(page[-1].day, page[-1].source, page[-1].id) if more else None)


def judged(shard: Shard, records: Sequence[Record]) -> Batch:
    """Each record's place in the batch that will be stored."""
    kept: list[Kept] = []
    refused: list[Quarantined] = []
    passed = 0
    for record in records:
        match take_in(shard, record):
            case Kept() as fact:
                kept.append(fact)
            case Refused() as refusal:
                refused.append(set_aside(record, refusal))
            case Passed():
                passed += 1
    return Batch(shard, records[0].offset, records[-1].offset + 1, kept, passed, refused)
