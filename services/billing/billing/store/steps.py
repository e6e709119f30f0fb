"""Steps of statements in SQL, and what follows from one: a document, entries of the ledger.

One function stores a step, whether it is taken here or read back from the log after a loss: both leave the same rows.
"""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, literal, or_, select

from billing.domain.amounts_due import LaterDocuments
from billing.domain.blockers import BlockerDecision
from billing.domain.credit_note import credit_note_of
from billing.domain.ledger import Entry, credit_note_postings, postings_of, require_balanced
from billing.domain.notices import notice_of
from billing.domain.numbers import DocumentKind
from billing.domain.packing import decompressed, unpacked
from billing.domain.payments import payment_back_entries, payment_entries
from billing.domain.sealed import statement_of
from billing.domain.steps import PricesDecided, notes_of
from billing.ports import StoredDocument
from billing.store import tables
from billing.store.ledger import require_stored_balanced
from billing.store.notices import add_notice
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.statements import (
    BlockerDecided,
    CreditNoteIssued,
    DocumentData,
    IssuedData,
    PaymentRecorded,
    PaymentWithdrawn,
    StatementEvent,
    StatementIssued,
    StatementStep,
    StepEvent,
)
from shared.contracts.topics import STATEMENTS
from shared.instants import epoch_ms, epoch_us, instant_at
from shared.log.port import Outgoing
from shared.period import Month
from shared.scope import Scope
from shared.sql.outbox import add
from shared.sql.statements import in_scope, insert_ignore
from shared.units import Offset

_NOTHING_READ = Offset(0)
log = structlog.get_logger()


def record_step(connection: Connection, event: StatementEvent) -> bool:
    """The step is stored with all that follows from it; False where it was there already.

    A document that another one excludes, under its number, of its month or in its place in the chain, is none.
    The caller holds the lock of `lock_statements`, and commits.
    """
    if isinstance(event, BlockerDecided):
        return _store_decision(connection, event)
    if isinstance(event, StatementIssued | CreditNoteIssued) and _is_excluded(connection, event):
        return False
    if not _store_step(connection, event):
        return False
    match event:
        case StatementIssued(data=data):
            _store_document(connection, event, data, "statement")
            if data.basis is not None:
                _store_basis(connection, event.council, data.month, base64.b64decode(data.basis))
            store_entries(connection, postings_of(statement_of(unpacked(data.content))), event.time)
            for note in notes_of(event):
                record_step(connection, note)
        case CreditNoteIssued(data=data):
            _store_document(connection, event, data, "credit-note")
            store_entries(connection, credit_note_postings(credit_note_of(unpacked(data.content))), event.time)
        case PaymentRecorded():
            _store_payment(connection, event, event)
        case PaymentWithdrawn():
            _store_payment(connection, event, _payment(connection, event))
    return True


def lock_statements(connection: Connection) -> None:
    """Until the caller's transaction ends, nobody else takes a step or gives a number. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        from shared.sql.postgres import take_advisory_lock  # noqa: PLC0415 (its driver is not needed without a server)

        take_advisory_lock(connection, "billing statements")


def record_deciders(connection: Connection, decided: PricesDecided) -> None:
    """It is known who decided on those versions."""
    rows = [
        {"kind": kind, "id": id_, "version": version, "by": by}
        for kind, id_, version in decided.versions
        for by in decided.by
    ]
    connection.execute(insert_ignore(tables.definition_decided), rows)


def store_entries(connection: Connection, entries: Sequence[Entry], at: datetime) -> None:
    """The entries are in the ledger, each once. Raises `Unbalanced` where a posting does not sum to 0."""
    require_balanced(entries)
    rows = [_entry_row(entry, at) for entry in entries if entry.amount_pence]
    if rows:
        connection.execute(insert_ignore(tables.ledger_entry), rows)
        require_stored_balanced(connection, {entry.posting for entry in entries})


@dataclass(frozen=True, slots=True)
class SqlSteps:
    """`billing.ports.StepReads` in one transaction."""

    connection: Connection
    scope: Scope

    def steps(self, council: str, month: Month) -> list[StepEvent]:
        if not self.scope.allows(council):
            return []
        table = tables.statement_step.c
        query = select(table.event).where(table.council == council, table.month == str(month)).order_by(table.place)
        return [cast(StepEvent, decode_event(stored)) for stored in self.connection.scalars(query)]

    def statement(self, council: str, month: Month) -> StoredDocument | None:
        found = self._documents(council, tables.document.c.month == str(month))
        return next((each for each in found if each.kind == "statement"), None)

    def documents(self, council: str) -> list[StoredDocument]:
        return self._documents(council)

    def credit_notes(self, council: str, month: Month) -> list[StoredDocument]:
        found = self._documents(council, tables.document.c.month == str(month))
        return [each for each in found if each.kind == "credit-note"]

    def document_hashes(self, council: str) -> list[str]:
        if not self.scope.allows(council):
            return []
        table = tables.document.c
        query = select(table.sha256).where(table.council == council)
        return list(self.connection.scalars(query.order_by(table.issued_at_us, table.number)))

    def numbered(self, number: str) -> list[StoredDocument]:
        table = tables.document.c
        query = select(tables.document).where(table.number == number, in_scope(table.council, self.scope))
        return [_document(row) for row in self.connection.execute(query.order_by(table.issued_at_us, table.provider))]

    def newest(self, provider: str, council: str) -> StoredDocument | None:
        found = self._documents(council, tables.document.c.provider == provider)
        followed = {each.previous for each in found}
        return next((each for each in found if each.sha256 not in followed), None)

    def decisions(self, month: Month) -> dict[str, BlockerDecision]:
        table = tables.blocker_decision.c
        query = select(table.event).where(table.month == str(month)).order_by(table.at_us, table.step)
        decided = [decode_event(row.event) for row in self.connection.execute(query)]
        return {
            each.data.blocker: BlockerDecision(each.data.by, each.data.words)
            for each in decided
            if isinstance(each, BlockerDecided)
        }

    def of_types(
        self, types: Sequence[type[StepEvent]], council: str | None = None, *, since: Month | None = None
    ) -> list[StepEvent]:
        table = tables.statement_step.c
        query = (
            select(table.event)
            .where(table.type.in_([_type(each) for each in types]), in_scope(table.council, self.scope))
            .order_by(table.council, table.month, table.place)
        )
        if council is not None:
            query = query.where(table.council == council)
        if since is not None:
            query = query.where(table.month >= str(since))
        return [cast(StepEvent, decode_event(stored)) for stored in self.connection.scalars(query)]

    def later_documents(self, council: str) -> LaterDocuments:
        if not self.scope.allows(council):
            return LaterDocuments()
        of, entry = tables.document.c, tables.ledger_entry.c
        issued = select(of.month, of.issued_at_us).where(of.council == council, of.kind == "statement")
        settled = select(entry.line).where(entry.council == council, entry.account == "corrections").distinct()
        return LaterDocuments(
            tuple(
                (Month.parse(row.month), instant_at(row.issued_at_us))
                for row in self.connection.execute(issued.order_by(of.issued_at_us))
            ),
            frozenset(self.connection.scalars(settled)),
        )

    def price_setters(self, versions: Sequence[tuple[str, str, int]]) -> frozenset[str]:
        table = tables.definition_decided.c
        ids = {id_ for _, id_, _ in versions}
        query = select(table.kind, table.id, table.version, table.by).where(table.id.in_(ids))
        return frozenset(
            row.by for row in self.connection.execute(query) if (row.kind, row.id, row.version) in versions
        )

    def _documents(self, council: str, *where: Any) -> list[StoredDocument]:
        if not self.scope.allows(council):
            return []
        table = tables.document.c
        query = select(tables.document).where(table.council == council, *where)
        return [_document(row) for row in self.connection.execute(query.order_by(table.issued_at_us, table.number))]


@dataclass(frozen=True, slots=True)
class SqlStepWriter(SqlSteps):
    """`billing.ports.StepWriter` in the caller's transaction, which holds the lock.

    With `sends_notices` the council is sent a mail about a step that it is to know of. A step that is read back from
    the log was taken before, and nobody is written to again.
    """

    sends_notices: bool = False
    read_through: Offset = _NOTHING_READ

    def unsent(self, council: str, month: Month) -> list[Outgoing]:
        table = tables.outbox.c
        of_month = table.topic == STATEMENTS.name, table.key.startswith(f"{council}:{month}:", autoescape=True)
        query = select(table.id, table.topic, table.key, table.value, table.timestamp_ms).where(*of_month)
        return [Outgoing(*row) for row in self.connection.execute(query.order_by(table.position))]

    def has_document(self, event: StatementIssued | CreditNoteIssued) -> bool:
        table, data = tables.document.c, event.data
        same = table.provider == data.provider, table.number == data.number, table.sha256 == data.sha256
        return self.connection.scalar(select(table.number).where(*same)) is not None

    def add(self, event: StatementEvent) -> bool:
        new = record_step(self.connection, event)
        if new:
            for each in (event, *notes_of(event)):
                self._announce(each)
        return new

    def _announce(self, event: StatementEvent) -> None:
        message = Outgoing(event.id, STATEMENTS.name, event.key, encode_event(event), epoch_ms(event.time))
        add(self.connection, tables.outbox, [message])
        notice = notice_of(event) if self.sends_notices else None
        if notice is not None:
            add_notice(self.connection, notice, event.time)

    def keep_basis(self, council: str, month: Month, content: bytes) -> None:
        _store_basis(self.connection, council, str(month), content)

    def next_sequence(self, provider: str, financial_year: int, kind: DocumentKind) -> int:
        table = tables.document.c
        query = select(func.max(table.sequence)).where(
            table.provider == provider, table.financial_year == financial_year, table.kind == kind
        )
        return (self.connection.scalar(query) or 0) + 1


def _store_step(connection: Connection, step: StatementStep) -> bool:
    table = tables.statement_step.c
    month = step.data.month
    of_month = select(func.max(table.place)).where(table.council == step.council, table.month == month)
    row = {
        "council": step.council,
        "month": month,
        "step": step.data.step,
        "place": (connection.scalar(of_month) or 0) + 1,
        "type": _type(type(step)),
        "at_us": epoch_us(step.time),
        "event": encode_event(step),
    }
    known = select(table.step).where(table.council == step.council, table.month == month, table.step == step.data.step)
    if connection.scalar(known) is not None:
        return False
    connection.execute(tables.statement_step.insert(), [row])
    return True


def _is_excluded(connection: Connection, event: StatementIssued | CreditNoteIssued) -> bool:
    """Whether a document is stored beside which that one cannot be; whoever knows the log in its order knows the same.

    Only a process that was taken for dead, or a database restored while another was still in use, gives one such.
    """
    excluding = or_(*(_excluding(event.council, data) for data in _documents_in(event)))
    query = select(tables.document.c.number, tables.document.c.sha256).where(excluding)
    found = connection.execute(query.limit(1)).one_or_none()
    if found is not None and found.sha256 != event.data.sha256:
        log.warning("statement.excluded", council=event.council, month=event.data.month, number=event.data.number)
    return found is not None


def _documents_in(event: StatementIssued | CreditNoteIssued) -> Sequence[DocumentData]:
    return (event.data, *(event.data.credit_notes if isinstance(event, StatementIssued) else ()))


def _excluding(council: str, data: DocumentData) -> ColumnElement[bool]:
    of, year = tables.document.c, data.financial_year
    kind: DocumentKind = "statement" if isinstance(data, IssuedData) else "credit-note"
    same_place = and_(of.financial_year == year, of.kind == kind, of.sequence == data.sequence)
    same_month = and_(of.council == council, of.month == data.month, of.kind == "statement", literal(kind) == of.kind)
    forks = and_(of.council == council, of.previous == data.previous) if data.previous else false()
    return or_(and_(of.provider == data.provider, or_(of.number == data.number, same_place, forks)), same_month)


def _type(step: type[StatementStep]) -> str:
    return str(step.__struct_config__.tag)


def _store_payment(connection: Connection, step: StatementStep, recorded: PaymentRecorded | None) -> None:
    """The payment is booked, or booked back. One of a document that is not there is a step, and is booked nowhere."""
    if recorded is None:
        return
    table, data = tables.document.c, recorded.data
    of_month = select(table.provider).where(
        table.council == step.council, table.month == data.month, table.number == data.number
    )
    provider = connection.scalar(of_month)
    if provider is not None:
        entries = payment_entries if step is recorded else payment_back_entries
        store_entries(connection, entries(provider, recorded), step.time)


def _payment(connection: Connection, step: PaymentWithdrawn) -> PaymentRecorded | None:
    """The payment that the step takes back."""
    table = tables.statement_step.c
    of_month = select(table.event).where(
        table.council == step.council, table.month == step.data.month, table.type == _type(PaymentRecorded)
    )
    events = (decode_event(stored) for stored in connection.scalars(of_month.order_by(table.place)))
    payments = (event for event in events if isinstance(event, PaymentRecorded))
    return next((each for each in payments if each.data.payment == step.data.payment), None)


def _store_decision(connection: Connection, event: BlockerDecided) -> bool:
    data = event.data
    row = {
        "month": data.month,
        "step": data.step,
        "blocker": data.blocker,
        "at_us": epoch_us(event.time),
        "event": encode_event(event),
    }
    return connection.execute(insert_ignore(tables.blocker_decision), [row]).rowcount == 1


def _store_document(connection: Connection, step: StatementStep, data: DocumentData, kind: DocumentKind) -> None:
    row = {
        "provider": data.provider,
        "number": data.number,
        "financial_year": data.financial_year,
        "kind": kind,
        "sequence": data.sequence,
        "council": step.council,
        "month": data.month,
        "step": data.step,
        "issued_at_us": epoch_us(step.time),
        "total_pence": data.total_pence,
        "sha256": data.sha256,
        "previous": data.previous,
        "content": gzip.compress(unpacked(data.content), mtime=0),
    }
    connection.execute(tables.document.insert(), [row])


def _store_basis(connection: Connection, council: str, month: str, content: bytes) -> None:
    row = {"council": council, "month": month, "content": content}
    connection.execute(insert_ignore(tables.tally_basis), [row])


def _document(row: Row[Any]) -> StoredDocument:
    return StoredDocument(
        number=row.number,
        provider=row.provider,
        kind=row.kind,
        council=row.council,
        month=Month.parse(row.month),
        issued_at=instant_at(row.issued_at_us),
        total_pence=row.total_pence,
        sha256=row.sha256,
        previous=row.previous,
        content=decompressed(row.content),
    )


def _entry_row(entry: Entry, at: datetime) -> dict[str, object]:
    return {
        "id": entry.id,
        "posting": entry.posting,
        "council": entry.council,
        "provider": entry.provider,
        "month": str(entry.month),
        "document": entry.document,
        "line": entry.line,
        "service": entry.service,
        "account": entry.account,
        "amount_pence": entry.amount_pence,
        "at_us": epoch_us(at),
    }
