"""Corrections of issued months, as the next draft of the council lists them.

Every issued month is rated by what is known now, and what was booked of it is taken off.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, partial
from typing import TypeVar

from billing.domain.corrections import QUERY_CREDIT, BookedAmount, Correction, bookings_of, corrections
from billing.domain.issued import SETTLED, BookedNet, CorrectionLine, DocumentRef, ReadThrough, query_credit_ref
from billing.domain.queries import credited_by_queries, queried_line
from billing.domain.rules import RULES_VERSION
from billing.domain.settlement import Causes, booked_by, correction_lines
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.terms import closing_day
from billing.domain.vat import VatCategory
from billing.ports import CausedBy, Snapshot, StoredDocument
from billing.statements.months import CouncilMonths, StatementFailed, issued_statement
from shared.contracts.definitions import Agreement
from shared.log.failures import CodeFailure, attempt
from shared.period import Month

T = TypeVar("T")
MAX_EVENTS_SHOWN = 20
_Bookings = tuple[BookedAmount, ...]


class CorrectionsFailed(Exception):
    """What issued months come to now could not be computed; the message says where."""


@dataclass(frozen=True, slots=True)
class IssuedMonth:
    """What an issued statement has booked: of its own month, and of earlier ones by the corrections that it settled."""

    month: Month
    document: DocumentRef
    own: _Bookings
    corrected: _Bookings
    provider_of: Mapping[str, str]
    read_through: tuple[ReadThrough, ...]
    statement: Statement


def with_corrections(snapshot: Snapshot, draft: Statement) -> Statement:
    """The draft with what earlier issued months of its council come to otherwise now."""
    issued = issued_months(snapshot, draft.council.id)
    earlier = {each.month: each for each in issued if each.month < draft.month}
    if not earlier:
        return draft
    booked = [each for of in issued for each in (*of.own, *of.corrected) if each.month in earlier]
    now = _rated_now(snapshot, draft.council.id, sorted(earlier))
    credited = {month: _credited(snapshot, of.statement) for month, of in earlier.items()}
    found = _computed(lambda: corrections({month: (*now[month], *credited[month]) for month in earlier}, booked))

    def agreed(agreement: str) -> Agreement | None:
        version = snapshot.terms.agreements.on(agreement, closing_day(draft.month))
        return None if version is None else version.definition

    def provider_of(booking: BookedAmount) -> str:
        return _provider_of(snapshot, earlier[booking.month], booking)

    def name_of(service: str) -> str:
        version = snapshot.terms.services.on(service, closing_day(draft.month))
        return service if version is None else version.definition.name

    causes = cache(partial(_causes, snapshot, draft.council.id, tuple(issued)))
    lines = correction_lines(
        found,
        listed_in=draft.month,
        agreed=agreed,
        provider_of=provider_of,
        causes=lambda each: causes(_Cause.of(each)),
        name_of=name_of,
    )
    return replace(draft, corrections=lines, booked_nets=_nets(lines, booked, provider_of))


def _nets(
    lines: Sequence[CorrectionLine], booked: Sequence[BookedAmount], provider_of: Callable[[BookedAmount], str]
) -> tuple[BookedNet, ...]:
    """What was booked in each category in which a correction is settled, by provider, month and category."""
    settled = {(line.provider, line.month, line.vat) for line in lines if line.settled in SETTLED and line.vat}
    sums: Counter[tuple[str, Month, VatCategory | None]] = Counter()
    for each in booked:
        sums[provider_of(each), each.month, each.vat] += each.amount_pence
    keys = sorted((provider, month, vat) for provider, month, vat in settled if vat)
    return tuple(BookedNet(month, provider, vat, sums[provider, month, vat]) for provider, month, vat in keys)


def issued_months(snapshot: Snapshot, council: str) -> list[IssuedMonth]:
    """What each issued statement of the council has booked, in the order of issuing."""
    documents = [each for each in snapshot.steps.documents(council) if each.kind == "statement"]
    return [snapshot.memo.get(("issued", each.sha256), None, partial(_read, snapshot, each)) for each in documents]


def _read(snapshot: Snapshot, document: StoredDocument) -> IssuedMonth:
    statement = issued_statement(snapshot, document)
    settled = (booked_by(line) for line in statement.corrections)
    return IssuedMonth(
        month=document.month,
        document=DocumentRef(document.number, document.sha256),
        own=tuple(bookings_of(statement)),
        corrected=tuple(each for each in settled if each is not None),
        provider_of={each.id: each.provider for each in statement.agreements},
        read_through=() if statement.issued is None else statement.issued.read_through,
        statement=statement,
    )


def _credited(snapshot: Snapshot, statement: Statement) -> Iterator[BookedAmount]:
    """What queries of an issued statement credited, each a line of its own."""
    for credit in credited_by_queries(snapshot.steps.steps(statement.council.id, statement.month)):
        line = queried_line(statement, credit.line)
        if line is not None:
            yield BookedAmount(
                month=statement.month,
                agreement=line.agreement,
                service=line.service,
                ref=query_credit_ref(credit.query),
                name=f"Credited by query {credit.query}",
                kind=QUERY_CREDIT,
                vat=line.vat,
                counts_usage=False,
                quantity=Decimal(1),
                amount_pence=-credit.credited_pence,
                rules_version=RULES_VERSION,
            )


def _rated_now(snapshot: Snapshot, council: str, months: Sequence[Month]) -> Mapping[Month, _Bookings]:
    """What each of the months comes to by what is known now; one without a statement comes to nothing."""
    now, found = CouncilMonths(snapshot, council), dict[Month, _Bookings]()
    for month in months:
        try:
            found[month] = now.bookings(month)
        except (UnknownCouncil, NoAgreement):
            found[month] = ()
        except StatementFailed as failed:
            raise CorrectionsFailed(f"corrections of issued months, {failed.why}") from failed
    return found


def _computed(compute: Callable[[], T]) -> T:
    """What `compute` gives, which reads nothing: a failure is of this council's statement alone."""
    found = attempt(compute)
    if isinstance(found, CodeFailure):
        raise CorrectionsFailed(f"corrections of issued months, a bug in Tallystick, {found}")
    return found


def _provider_of(snapshot: Snapshot, issued: IssuedMonth, booking: BookedAmount) -> str:
    """Whom the booking is for: as the statement of its month says, else as its agreement said then."""
    known = issued.provider_of.get(booking.agreement)
    version = snapshot.terms.agreements.on(booking.agreement, closing_day(booking.month))
    return known or ("" if version is None else version.definition.provider)


@dataclass(frozen=True, slots=True)
class _Cause:
    """What corrections have in common that follow from the same events. `target` is empty but of a service credit."""

    month: Month
    service: str
    agreement: str
    target: str
    is_of_usage: bool

    @classmethod
    def of(cls, each: Correction) -> "_Cause | None":
        """None where no event of the provider is the cause: prices, terms, VAT, rules."""
        booking = each.booking
        if each.cause not in ("usage", "other-lines", "service-results"):
            return None
        target = booking.name if each.cause == "service-results" else ""
        return cls(booking.month, booking.service, booking.agreement, target, each.cause != "service-results")


def _causes(snapshot: Snapshot, council: str, issued: Sequence[IssuedMonth], cause: _Cause | None) -> Causes:
    """The events that came after all that the last document knew which has booked the month's service."""
    if cause is None:
        return Causes()
    read_through = _read_when_booked(issued, cause)
    by = CausedBy(council, cause.month, cause.service, cause.agreement, cause.target, read_through)
    reads = snapshot.usage if cause.is_of_usage else snapshot.verdicts
    events, in_all = reads.since(by, limit=MAX_EVENTS_SHOWN)
    return Causes(tuple(events), in_all)


def _read_when_booked(issued: Sequence[IssuedMonth], cause: _Cause) -> tuple[ReadThrough, ...]:
    """How far was read when the month's service was booked last."""
    of_month = (
        each
        for each in issued
        if each.month == cause.month
        or any(line.month == cause.month and line.service == cause.service for line in each.corrected)
    )
    return [each.read_through for each in of_month][-1]
