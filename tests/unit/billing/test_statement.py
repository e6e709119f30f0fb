"""A month's statement: worked by hand to the penny, complete in its evidence, the same bytes for the same events."""

import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.canonical import canonical_json, content_hash
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil, build_statement
from billing.domain.usage import Usage
from shared.contracts.definitions import Council
from shared.period import Month
from tests.support.laws import law
from tests.support.recharges import ASHBY, GRADUATED, agreement, standing, tariff, terms, unit, usage

MAY = Month(2026, 5)
PAYABLE_OLD = tariff(standing("310.00"), GRADUATED)
PAYROLL_EACH = tariff(unit("4.42"), service="payroll")
ICT_EACH = tariff(unit("2.5"), service="ict")
TERMS = terms(
    agreement(PAYABLE_OLD.id, PAYROLL_EACH.id, ICT_EACH.id, since="2026-05-11"),
    tariffs=[PAYABLE_OLD, PAYROLL_EACH, tariff(unit("4.60"), service="payroll", since="2026-05-21"), ICT_EACH],
)
FRIDAY = date(2026, 5, 22)
USAGE = [
    usage("accounts-payable", "2026-05-12", "11.5", events=9),
    usage("accounts-payable", "2026-05-29", "12", events=12),
    usage("payroll", "2026-05-20", "100", meter="readings"),
    usage("payroll", "2026-05-21", "101", meter="readings"),
    usage("payroll", "2026-05-10", "7", meter="readings"),  # Sunday, the day before the agreement begins
    usage("ict", "2026-05-29", "3", meter="work-completed", events=3),  # ICT is counted by tickets
    usage(None, "2026-05-29", "2", events=2),
    usage("parking", "2026-05-29", "1"),
    Usage("payroll", FRIDAY, "readings", "counted", "assignment", Decimal(5), 1),
    Usage("payroll", FRIDAY, "readings", "reversed", None, Decimal(900), 2),
    Usage("ict", FRIDAY, "tickets-resolved", "opened", None, Decimal(0), 4),
]


def may_statement(rows: list[Usage] = USAGE) -> Statement:
    return build_statement(TERMS, ASHBY.id, MAY, rows)


def test_a_statement_worked_by_hand() -> None:
    """Ashby joins on Monday 11 May: 21 of 31 days.

    Accounts payable: standing £310 × 21/31 = £210.00; 23.5 invoices: 10 × £1 + 10 × £0.50 + 3.5 × £0.0375 = £15.13125.
    ICT: tickets were opened, none resolved: £0.00. Payroll: 100 × £4.42 = £442.00, then 101 × £4.60 = £464.60.
    """
    statement = may_statement()

    assert [
        (line.service, line.charge, line.tariff_version, line.amount_pence, line.absence)
        for charges in statement.services
        for line in charges.lines
    ] == [
        ("accounts-payable", "Standing charge", 1, 21_000, None),
        ("accounts-payable", "Transactions", 1, 1_513, None),
        ("ict", "Each", 1, 0, "no_usage"),
        ("payroll", "Each", 1, 44_200, None),
        ("payroll", "Each", 2, 46_460, None),
    ]
    assert statement.total_pence == 113_173


def test_every_event_received_is_counted_or_accounted_for_with_its_reason() -> None:
    evidence = may_statement().evidence

    assert (evidence.received, evidence.counted, evidence.reversed, evidence.opened) == (37, 23, 2, 4)
    assert [(usage.reason, usage.service, usage.events) for usage in evidence.unbilled] == [
        ("item-not-opened", None, 2),
        ("no-tariff", "payroll", 1),
        ("unknown-service", "parking", 1),
        ("wrong-meter", "ict", 3),
        ("wrong-unit", "payroll", 1),
    ]


def test_a_service_without_any_event_has_no_data() -> None:
    absences = {line.service: line.absence for charges in may_statement([]).services for line in charges.lines[-1:]}

    assert absences == {"accounts-payable": "no_data", "ict": "no_data", "payroll": "no_data"}


def test_the_canonical_json_hashes_to_the_statements_hash_and_adds_up() -> None:
    statement = may_statement()
    raw = canonical_json(statement)
    read = json.loads(raw)

    assert hashlib.sha256(raw).hexdigest() == content_hash(statement)
    assert sum(line["amount_pence"] for service in read["services"] for line in service["lines"]) == 113_173
    assert read["total_pence"] == 113_173
    assert b"e+" not in raw.lower()


def test_a_statement_without_credits_keeps_its_recorded_hash() -> None:
    assert content_hash(may_statement()) == "50adc5943f0c469416387c634f5c54f12a04971b58e92de5f7bab163343973b9"


def test_a_name_is_written_as_it_is_and_not_escaped() -> None:
    welsh = Council(id="mon", name="Sir Ynys Môn", gss="W06000001", nation="wales")
    known = terms(agreement(PAYABLE_OLD.id, council="mon"), tariffs=[PAYABLE_OLD], councils=[welsh])

    assert "Sir Ynys Môn".encode() in canonical_json(build_statement(known, "mon", MAY, []))


def test_a_council_outside_the_catalogue_has_no_statement() -> None:
    with pytest.raises(UnknownCouncil):
        build_statement(TERMS, "bexhill", MAY, [])


def test_a_month_before_the_agreement_has_no_statement() -> None:
    with pytest.raises(NoAgreement):
        build_statement(TERMS, ASHBY.id, MAY.previous, [])


@law
@given(st.permutations(USAGE))
def test_the_order_of_usage_changes_no_byte(shuffled: list[Usage]) -> None:
    assert canonical_json(may_statement(shuffled)) == canonical_json(may_statement())


rows = st.builds(
    usage,
    st.sampled_from(["accounts-payable", "payroll", "ict", None, "parking"]),
    st.integers(1, 31).map(lambda day: f"2026-05-{day:02}"),
    st.integers(0, 10**9).map(lambda millionths: f"{Decimal(millionths) / 10**6:f}"),
    meter=st.sampled_from(["work-completed", "tickets-resolved", "readings"]),
    events=st.integers(1, 50),
)


@law
@given(st.lists(rows, max_size=30))
def test_lines_sum_to_the_total_and_no_event_is_lost(received: list[Usage]) -> None:
    statement = may_statement(received)
    lines = [line for charges in statement.services for line in charges.lines]

    assert sum(line.amount_pence for line in lines) == statement.total_pence
    assert sum(charges.events_counted for charges in statement.services) == statement.evidence.counted
    assert statement.evidence.received == sum(row.events for row in received)
    assert len({line.ref for line in lines}) == len(lines)
