"""A statement with service credits: worked by hand, the same in every form, a year's cap used up month by month."""

import csv
import io
import json
from decimal import Decimal

import pytest
from pypdf import PdfReader

from billing.documents.csv_lines import COLUMNS, lines_csv
from billing.documents.forms import form
from billing.documents.pdf import statement_pdf
from billing.documents.shown import ShownStatement
from billing.documents.view import statement_view
from billing.domain.canonical import canonical_json
from billing.domain.credits.agreement_year import months_before
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import Terms
from shared.contracts.definitions import Agreement
from shared.period import Month
from tests.support.credits import AGREEMENT, agreement_with_credits, attainment_of, credit, percent, target
from tests.support.recharges import ASHBY, standing, tariff, terms, usage

MAY = Month(2026, 5)
ICT, PAYROLL = tariff(standing("1000.00"), service="ict"), tariff(standing("310.00"), service="payroll")
RESPONSE, RESOLUTION = target("ict-response"), target("ict-resolution")
SLIPS = target("payslips", "payroll")
ATTAINED = [
    attainment_of("ict-response", 94, 100),
    attainment_of("ict-resolution", 70, 100),
    attainment_of("payslips", 999, 1_000, service="payroll"),
]


def credited_agreement(*, since: str = "2024-04-01", year_gbp: str | None = None) -> Agreement:
    return agreement_with_credits(
        RESPONSE,
        RESOLUTION,
        SLIPS,
        credits=[credit("ict-response"), credit("ict-resolution"), credit("payslips")],
        tariffs=(ICT.id, PAYROLL.id),
        since=since,
        service_month=percent("10"),
        year_gbp=year_gbp,
    )


def known(*agreements: Agreement) -> Terms:
    return terms(*agreements, tariffs=[ICT, PAYROLL])


def statement_of(agreement: Agreement, month: Month = MAY, *, found: list[TargetAttainment] = ATTAINED) -> Statement:
    """The month's statement, after those that its year's cap depends on."""
    earlier: list[Statement] = []
    for before in months_before(known(agreement), ASHBY.id, month):
        earlier.append(build_statement(known(agreement), ASHBY.id, before, [], attained=found, earlier=earlier))
    return build_statement(known(agreement), ASHBY.id, month, [], attained=found, earlier=earlier)


def test_a_credited_statement_worked_by_hand() -> None:
    """ICT is charged £1,000.00. Response is 1 point short: £20.00; resolution 25 points: £100.00. Together £120.00.

    The cap of 10% leaves £100.00: £16.66⅔ and £83.33⅓, so the spare penny is the response's. Payslips met theirs.
    """
    statement = statement_of(credited_agreement())

    assert [(line.target, line.earned_pence, line.applied_pence) for line in statement.credits] == [
        ("ict-response", 2_000, 1_667),
        ("ict-resolution", 10_000, 8_333),
        ("payslips", 0, 0),
    ]
    assert (statement.charges_pence, statement.credits_pence, statement.total_pence) == (131_000, 10_000, 121_000)


def test_a_credit_reduces_no_charge() -> None:
    credited, without = statement_of(credited_agreement()), statement_of(credited_agreement(), found=[])

    assert credited.services == without.services
    assert without.total_pence - credited.total_pence == credited.credits_pence


def test_the_canonical_json_shows_each_credit_and_adds_up() -> None:
    read = json.loads(canonical_json(statement_of(credited_agreement())))

    assert read["total_pence"] == read["charges_pence"] - read["credits_pence"] == 121_000
    assert sum(line["applied_pence"] for line in read["service_credits"]) == read["credits_pence"]
    first = read["service_credits"][0]
    assert (first["good"], first["total"], first["objective_percent"]) == (94, 100, "95")
    assert first["reductions"] == [{"limit": "service-month", "pence": 333}]
    assert first["reason"] == (
        "1 percentage point below 95%: 2% of £1,000.00; £3.33 forgone: the cap on the service's month"
    )


def test_the_amounts_of_the_csv_add_up_to_what_is_payable() -> None:
    rows = list(csv.DictReader(io.StringIO(lines_csv(statement_of(credited_agreement())))))

    assert tuple(rows[0]) == COLUMNS
    assert sum(Decimal(row["amount_gbp"]) for row in rows) == Decimal("1210.00")
    assert [
        (row["charge"], row["service_name"], row["amount_gbp"]) for row in rows if row["kind"] == "service-credit"
    ] == [
        ("Service credit: ict-response", "ICT", "-16.67"),
        ("Service credit: ict-resolution", "ICT", "-83.33"),
        ("Service credit: payslips", "Payroll", "0.00"),
    ]


def test_page_and_pdf_show_target_result_earnings_limits_and_credit() -> None:
    statement = statement_of(credited_agreement())
    shown = statement_view(ShownStatement(statement)).credits
    page = form("html").render(ShownStatement(statement)).decode()
    printed = " ".join(
        "\n".join(
            each.extract_text() for each in PdfReader(io.BytesIO(statement_pdf(ShownStatement(statement)))).pages
        ).split()
    )

    assert shown is not None
    assert shown.taken_off == "−£100.00 credit"
    for text in (page.replace("&#39;", "'"), printed):
        assert "£1,310.00" in text
        assert "−£100.00 credit" in text
        assert "£1,210.00" in text
        for row in shown.rows:
            for shown_text in (row.label, row.result, row.reason, row.earned, *row.limits, row.credit):
                assert shown_text in text


@pytest.mark.parametrize(
    ("month", "before", "pence"),
    [
        ("2026-04", [], 10_000),
        ("2026-05", ["2026-04"], 10_000),
        ("2026-06", ["2026-04", "2026-05"], 5_000),  # £250.00 a year: £50.00 are left
        ("2026-07", ["2026-04", "2026-05", "2026-06"], 0),
        ("2027-04", [], 10_000),  # a new year
    ],
)
def test_r48_a_years_cap_is_used_up_month_by_month(month: str, before: list[str], pence: int) -> None:
    capped = credited_agreement(year_gbp="250.00")

    assert list(map(str, months_before(known(capped), ASHBY.id, Month.parse(month)))) == before
    assert statement_of(capped, Month.parse(month)).credits_pence == pence


def test_r48_the_first_year_begins_with_the_agreement_and_in_mid_month() -> None:
    mid_month = credited_agreement(since="2026-03-16", year_gbp="250.00")

    assert list(map(str, months_before(known(mid_month), ASHBY.id, MAY))) == ["2026-03", "2026-04"]
    # March is charged 16 of 31 days: 10% of £516.13 is £51.61, and April earns £100.00.
    assert statement_of(mid_month).credits_pence == 25_000 - 5_161 - 10_000


def test_without_a_years_cap_no_earlier_month_is_needed() -> None:
    assert months_before(known(credited_agreement()), ASHBY.id, MAY) == ()


def test_only_charges_under_the_agreement_count() -> None:
    other = Agreement(id="other", council=ASHBY.id, provider="joint-services", title="Other", tariffs=("ict-extra",))
    extra = tariff(standing("5000.00"), service="ict", id="ict-extra")
    both = terms(credited_agreement(), other, tariffs=[ICT, PAYROLL, extra])

    statement = build_statement(both, ASHBY.id, MAY, [usage("ict", "2026-05-12", "1")], attained=ATTAINED)

    assert {line.charge_pence for line in statement.credits if line.service == "ict"} == {100_000}
    assert {line.agreement for line in statement.credits} == {AGREEMENT}
