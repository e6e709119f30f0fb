"""A council's statement for May 2026, in review or issued, as tests of what follows from it need it."""

from datetime import UTC, date, datetime

import msgspec

from billing.statements.steps import StatementDraft, StatementSteps
from billing.store.sql import SqlStore
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.definitions import Agreement, AnyDefinition, Council, ServiceVat
from shared.contracts.parties import ProviderParty
from shared.contracts.topics import CATALOGUE, USAGE
from shared.contracts.vat import VatRates, VatTreatment
from shared.period import Month
from shared.scope import Scope
from tests.support.any_time import ANY_TIME
from tests.support.billing_feed import MAY, TARIFFS, feed
from tests.support.recharges import ASHBY, ICT, PAYABLE, PAYROLL, PROVIDER, agreement, catalogue_events, recorded

# A Tuesday.
JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
FINANCE = Principal.of("finance-1", "person", ("finance",), Scope.all())
APPROVER = Principal.of("approver-1", "person", ("approver",), Scope.all())
PAID_IN_30 = msgspec.structs.replace(
    PROVIDER,
    party=ProviderParty(payment_days=30),
    vat_rates=(
        VatRates(
            effective_from=date(2011, 1, 4),
            standard_percent="20",
            reduced_percent="5",
            source="https://www.gov.uk/vat-rates",
        ),
    ),
)


def council_finance(council: str = ASHBY.id) -> Principal:
    """Somebody of the council's finance."""
    return Principal.of(f"{council}-finance", "person", ("council-finance",), Scope.of(council))


def agreed(
    council: str = ASHBY.id, *, treatment: VatTreatment | None = None, reply_days: int | None = None
) -> Agreement:
    """The council's agreement; with a `treatment`, VAT is known of every service."""
    vat = () if treatment is None else (ServiceVat(service="*", treatment=treatment, reason="advice"),)
    plain = agreement(*(priced.id for priced in TARIFFS), council=council)
    return msgspec.structs.replace(plain, vat=vat, query_reply_days=reply_days)


def charge(
    store: SqlStore, *agreements: Agreement, councils: tuple[Council, ...] = (ASHBY,), quantity: str = "100"
) -> None:
    """Each council has used so many payslips at £4.42 in May: £442.00 for 100."""
    definitions: tuple[AnyDefinition, ...] = (
        *councils,
        PAID_IN_30,
        PAYABLE,
        ICT,
        PAYROLL,
        *TARIFFS,
        *(agreements or (agreed(),)),
    )
    feed(store, CATALOGUE, catalogue_events(*definitions))
    for council in councils:
        use(store, council.id, quantity)


def use(store: SqlStore, council: str, quantity: str, day: str = "2026-05-12") -> None:
    """The council has used so many payslips on that day."""
    reading = recorded(f"r-{day}", f"{day}T12:00:00+00:00", quantity, id=f"{council}-{day}")
    feed(store, USAGE, [msgspec.structs.replace(reading, council=council)])


def steps_at(store: SqlStore, at: datetime = JUNE_9) -> StatementSteps:
    """Where steps up to the issue are taken."""
    return StatementSteps(store, FixedClock(at))


def issue(store: SqlStore, council: str = ASHBY.id, month: Month = MAY, at: datetime = JUNE_9) -> StatementDraft:
    """The council's statement is checked, approved and issued."""
    steps = steps_at(store, at)
    seen = steps.draft(council, month, scope=Scope.all()).sha256
    steps.check(FINANCE, council, month, sha256=seen)
    steps.approve(APPROVER, council, month, sha256=seen)
    return steps.issue(FINANCE, council, month, ANY_TIME)


def payroll_line(store: SqlStore, council: str = ASHBY.id, month: Month = MAY) -> str:
    """The reference of the line that charges payslips."""
    lines = steps_at(store).draft(council, month, scope=Scope.all()).statement.lines
    return next(line.ref for line in lines if line.service == PAYROLL.id)
