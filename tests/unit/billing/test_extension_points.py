"""What a new kind of charge and a new form of a statement take: a file each, and a line in one table."""

import csv
import io
import json
from decimal import ROUND_CEILING, Decimal
from typing import get_args
from unittest.mock import patch

import pytest
from msgspec import Struct
from pypdf import PdfReader

from billing.documents import forms
from billing.documents.csv_lines import lines_csv
from billing.documents.forms import Form, form
from billing.documents.shown import ShownStatement
from billing.domain.canonical import canonical_json
from billing.domain.rating import pipeline
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.unit import UnitPrice
from billing.domain.statement import Statement, build_statement
from shared.contracts.charges import Charge
from shared.period import Month
from tests.support.recharges import ASHBY, PAYABLE, agreement, standing, tariff, terms, usage

MAY = Month(2026, 5)


class BoxCharge(Struct, frozen=True, kw_only=True, tag="box", tag_field="kind"):
    """One price for every box of units that was begun: a kind that the product does not have."""

    name: str
    size: int
    price_gbp: str


def price_boxes(charge: BoxCharge, usage: PeriodUsage) -> Priced:
    """Every box begun at its price."""
    boxes = (usage.quantity / charge.size).to_integral_value(ROUND_CEILING)
    working = UnitPrice(boxes, Decimal(charge.price_gbp))
    narrative = f"{working.quantity_text} boxes of {charge.size} at {working.rate_text}"
    return Priced(usage.quantity, usage.service.unit, (working,), narrative)


@pytest.fixture
def statement() -> Statement:
    """A month of 25 invoices, in boxes of ten for £3 beside a standing charge; the box's line is the second."""
    charge = BoxCharge(name="Boxes", size=10, price_gbp="3.00")
    priced = tariff(standing("310.00"), charge)  # type: ignore[arg-type]  # not in the product's union of charges
    known = terms(agreement(priced.id), tariffs=[priced])
    with patch.dict(pipeline.KINDS, {BoxCharge: price_boxes}):
        return build_statement(known, ASHBY.id, MAY, [usage(PAYABLE.id, "2026-05-12", "25")])


def test_every_kind_of_charge_in_the_catalogue_has_its_line_in_the_pipeline() -> None:
    assert pipeline.KINDS.keys() == set(get_args(Charge))


def test_a_new_kind_of_charge_is_priced_and_hashed_by_its_line_in_the_table_alone(statement: Statement) -> None:
    line = statement.services[0].lines[1]
    content = json.loads(canonical_json(statement))["services"][0]["lines"][1]

    assert (line.kind, line.amount_pence) == ("box", 900)
    assert content["workings"] == [{"type": "unit-price", "quantity": "3", "price": "3", "amount": "9"}]
    assert (content["kind"], content["narrative"]) == ("box", "3 boxes of 10 at £3.00")


def test_a_new_kind_of_charge_is_shown_in_every_form(statement: Statement) -> None:
    row = list(csv.DictReader(io.StringIO(lines_csv(statement))))[1]
    page = form("html").render(ShownStatement(statement)).decode()
    pdf = PdfReader(io.BytesIO(form("pdf").render(ShownStatement(statement)))).pages[0].extract_text()

    assert (row["kind"], row["working"], row["amount_gbp"]) == ("box", "3 x 3", "9.00")
    assert all("Boxes" in text and "£9.00" in text for text in (page, pdf))


def test_a_new_form_is_linked_from_the_page_by_its_line_in_the_table_alone(statement: Statement) -> None:
    one_line: Form[Statement] = Form(
        "txt", "Text", "text/plain; charset=utf-8", lambda each: f"{each.total_pence}p".encode()
    )

    with patch.object(forms, "FORMS", (*forms.FORMS, one_line)):
        page = form("html").render(ShownStatement(statement)).decode()

    assert 'href="/v1/statements/ashby/2026-05.txt">Text</a>' in page
    assert one_line.file(statement) == b"31900p"  # £310 and three boxes
