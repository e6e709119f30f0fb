"""A statement with every kind of figure: charges, credits, corrections, VAT, codes, a query, a payment, other months.

Every council, price and figure is made up.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from billing.documents.shown import ShownStatement
from billing.domain.coding import LineCoding
from billing.domain.comparison import compare, figures_of
from billing.domain.statement import Statement, build_statement
from billing.domain.statement_state import state_of
from billing.domain.terms import DefinitionVersions
from billing.ports import CountedEvent
from shared.contracts.definitions import ServiceCoding, ServiceVat
from shared.contracts.statements import PaymentRecorded, PaymentRecordedData, QueryRaised, QueryRaisedData, StepEvent
from shared.contracts.versions import DefinitionVersion
from shared.period import Month
from tests.support.recharges import ASHBY, PROVIDER
from tests.unit.billing.test_credited_statement import ATTAINED, credited_agreement, known
from tests.unit.billing.test_sealed import CORRECTION, ISSUED
from tests.unit.billing.test_statement_vat import PROVIDER_PARTY, TWENTY

MAY = Month(2026, 5)
COUNTED = CountedEvent(
    source="/councils/ashby/systems/desk",
    id="0b6b2c1e-7a43-5d0f-9f1b-0d5a3f0f2c11",
    occurred_at=datetime(2026, 5, 12, 9, 30, tzinfo=UTC),
    day=date(2026, 5, 12),
    stream="ticket",
    item="ashby-ict-202605-t0001",
    quantity=Decimal(1),
    topic="provider.tickets.v1",
    partition=3,
    offset=1_204,
)
CODES = ServiceCoding(service="*", cost_centre="F100", ledger_code="4400", purchase_order="PO 1")


def draft(month: Month = MAY) -> Statement:
    """ICT taxed at 20%, payroll exempt; a credit; a correction of April that is settled here, and one that is not."""
    vat = (
        ServiceVat(service="ict", treatment="standard", reason="Advice"),
        ServiceVat(service="payroll", treatment="exempt", reason="Advice"),
    )
    agreed = msgspec.structs.replace(credited_agreement(), vat=vat, coding=(CODES,))
    provider = msgspec.structs.replace(PROVIDER, vat_rates=(TWENTY,), party=PROVIDER_PARTY)
    terms = replace(known(agreed), providers=DefinitionVersions([DefinitionVersion(1, provider)]))
    return build_statement(terms, ASHBY.id, month, [], attained=ATTAINED)


def issued() -> Statement:
    coding = LineCoding("F100", "4400", "PO 1")
    here = replace(CORRECTION, service="payroll", coding=coding)
    carried = replace(here, ref="line-2", was_pence=1_000, now_pence=1_007, settled="carried")
    return replace(draft(), status="issued", issued=ISSUED, corrections=(here, carried))


def steps() -> list[StepEvent]:
    """£100.00 is paid, and £20.00 is held by a query of the first line."""
    envelope: dict[str, Any] = {
        "source": "/billing",
        "time": datetime(2026, 6, 20, tzinfo=UTC),
        "council": ASHBY.id,
        "subject": "2026-05",
    }
    paid = PaymentRecordedData(
        month="2026-05",
        step="payment-1",
        by="tsp_finance",
        payment="p-1",
        number=ISSUED.number,
        amount_pence=10_000,
        paid_on=date(2026, 6, 20),
        reference="BACS 17",
    )
    queried = QueryRaisedData(
        month="2026-05",
        step="query-1",
        by="tsp_council",
        query="q-1",
        line=issued().lines[0].ref,
        words="Too much",
        reply_by=date(2026, 7, 1),
        held_pence=2_000,
    )
    return [
        PaymentRecorded(**envelope, id="1", data=paid),
        QueryRaised(**envelope, id="2", data=queried),
    ]


def shown() -> ShownStatement:
    made = issued()
    others = [figures_of(draft(Month(2026, 4))), figures_of(draft(Month(2025, 5)))]
    # An issue stands before payments and queries: here the content says that it is issued.
    settled = state_of(made, steps(), today=date(2026, 6, 20))
    settled = replace(settled, lifecycle=replace(settled.lifecycle, status="issued", number=ISSUED.number))
    return ShownStatement(made, settled, compare(figures_of(made), others), (Month(2026, 4), MAY))
