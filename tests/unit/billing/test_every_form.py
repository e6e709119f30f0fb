"""One set of figures: whatever form a statement is read in, every pound of it is the same."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from typing import Any

import msgspec
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from pypdf import PdfReader

from billing.documents.forms import FORMS, form
from billing.documents.shown import ShownStatement
from billing.documents.status_json import statement_status
from billing.documents.view import statement_view
from billing.domain.ledger import balance, postings_of
from shared.money import format_gbp, plain_gbp
from tests.support.recharges import ASHBY
from tests.support.whole_statement import issued, shown
from tests.unit.billing.test_sealed import ISSUED


class Words(HTMLParser):
    """The text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def page() -> str:
    words = Words()
    words.feed(form("html").render(shown()).decode())
    return " ".join(words.text.split())


def pdf() -> str:
    sheets = PdfReader(io.BytesIO(form("pdf").render(shown()))).pages
    return " ".join(" ".join(sheet.extract_text() for sheet in sheets).split())


def content() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(form("json").render(shown()))
    return read


def rows_of(suffix: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(form(suffix).render(shown()).decode())))


def figures() -> dict[str, int]:
    """Every figure of the statement in pence, by what it is; as the domain has them."""
    made = shown().statement
    vat = made.vat.vat_pence
    assert vat is not None
    assert made.gross_pence is not None
    return {
        **{f"line {line.ref}": line.amount_pence for line in made.lines},
        **{f"service {charges.service.id}": charges.total_pence for charges in made.services},
        **{f"credit {line.ref}": -line.applied_pence for line in made.credits},
        **{f"vat {total.category.treatment}": total.vat_pence for each in made.vat.providers for total in each.totals},
        "charges": made.charges_pence,
        "corrections": made.corrections_pence,
        "payable": made.payable_pence,
        "vat": vat,
        "gross": made.gross_pence,
    }


def test_the_case_has_every_kind_of_figure() -> None:
    assert figures() == {
        **{f"line {line.ref}": line.amount_pence for line in shown().statement.lines},
        "service ict": 100_000,
        "service payroll": 31_000,
        **{f"credit {line.ref}": -line.applied_pence for line in shown().statement.credits},
        "vat exempt": 0,
        "vat standard": 18_000,  # 20% of £1,000.00 less £100.00; 20% of the £2.50 of April is beside it
        "charges": 131_000,
        "corrections": 250,
        "payable": 121_250,
        "vat": 18_050,
        "gross": 139_300,
    }
    assert shown().state == "queried"
    assert shown().due_pence == 139_300 - 10_000 - 2_400


@pytest.mark.parametrize("words", [page, pdf])
def test_page_and_pdf_show_every_figure(words: Callable[[], str]) -> None:
    text = words()
    compact = text.replace(" ", "")  # a PDF breaks within cells
    view = statement_view(shown())
    assert view.year is not None

    missing = [name for name, pence in figures().items() if format_gbp(abs(pence)) not in text]
    compared = [cell for row in view.year.rows for cell in row if cell.replace(" ", "") not in compact]

    assert (missing, compared) == ([], [])
    for expected in (
        ISSUED.number,
        "8 June 2026",
        "8 July 2026",
        "Within 30 days of issue",
        "Queried",
        format_gbp(shown().due_pence),
        "£10.00",
        "£12.50",
        "It counts other usage",
        "Cost centre F100, ledger code 4400, purchase order PO 1",
        view.sha256,
    ):
        assert expected in text


def test_csv_and_json_add_up_to_the_same_figures() -> None:
    rows, read = rows_of("csv"), content()
    of = figures()

    assert read["payable_pence"] == of["payable"]
    assert (read["gross_pence"], read["charges_pence"], read["corrections_pence"]) == (
        of["gross"],
        of["charges"],
        of["corrections"],
    )
    assert sum(Decimal(row["amount_gbp"]) for row in rows) * 100 == of["payable"]
    assert sum(Decimal(row["vat_gbp"]) for row in rows if row["vat_gbp"]) * 100 == of["vat"]
    assert {row["line_ref"]: row["amount_gbp"] for row in rows if row["kind"] == "standing"} == {
        line.ref: plain_gbp(line.amount_pence) for line in shown().statement.lines
    }


def test_the_journal_sums_to_what_the_ledger_says_the_council_owes() -> None:
    rows = rows_of("journal")
    debits = sum(Decimal(row["debit_gbp"]) for row in rows if row["debit_gbp"])
    credits = sum(Decimal(row["credit_gbp"]) for row in rows if row["credit_gbp"])
    creditors = sum(Decimal(row["credit_gbp"]) for row in rows if row["account"] == "creditor")

    assert debits == credits
    assert creditors * 100 == figures()["gross"] == balance(postings_of(shown().statement), "receivable")
    assert {row["cost_centre"] for row in rows if row["account"] == "cost"} == {"F100"}


def test_what_stands_beside_the_content_is_in_no_hash_and_the_same_as_on_the_page() -> None:
    status = statement_status(shown())
    alone = ShownStatement(shown().statement)

    assert form("json").render(alone) == form("json").render(shown())
    assert form("csv").render(alone) == form("csv").render(shown())
    assert (status.state, status.number, status.due_pence) == ("queried", ISSUED.number, shown().due_pence)
    assert status.compared is not None
    assert [row.this_pence for row in status.compared.rows][-1] == figures()["payable"]


def read_workbook(*, values: bool) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(form("xlsx").render(shown())), data_only=values)


def cells(sheet: Worksheet) -> Iterable[tuple[str, object]]:
    return ((cell.coordinate, cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None)


def test_the_workbook_shows_every_figure_as_a_number() -> None:
    workbook = read_workbook(values=True)
    numbers = {
        round(Decimal(str(value)) * 100)
        for sheet in workbook
        for _, value in cells(sheet)
        if isinstance(value, int | float)
    }

    assert workbook.sheetnames == ["Summary", "Lines", "Evidence"]
    assert {name: pence for name, pence in figures().items() if pence not in numbers and name != "charges"} == {}


class Formulas:
    """The few functions that the workbook uses, computed by other code than the one that wrote them."""

    def __init__(self, workbook: openpyxl.Workbook) -> None:
        self.workbook = workbook

    def value(self, sheet: str, place: str) -> object:
        found = self.workbook[sheet][place].value
        return self.computed(sheet, found[1:]) if isinstance(found, str) and found.startswith("=") else found

    def number(self, sheet: str, place: str) -> Decimal:
        return Decimal(str(self.value(sheet, place) or 0))

    def computed(self, sheet: str, formula: str) -> Decimal:
        if sums := re.fullmatch(r"SUM\((\w+:\w+)\)", formula):
            return sum((self.number(sheet, cell) for cell in self.places(sheet, sums[1])), Decimal(0))
        if product := re.fullmatch(r"ROUND\((\w+)\*(\w+)/100,2\)", formula):
            exact = self.number(sheet, product[1]) * self.number(sheet, product[2]) / 100
            return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if both := re.fullmatch(r"(\w+)([+-])(\w+)", formula):
            one, other = self.number(sheet, both[1]), self.number(sheet, both[3])
            return one + other if both[2] == "+" else one - other
        chosen = re.fullmatch(r"SUMIFS\((.*)\)", formula)
        assert chosen, formula
        summed, *criteria = chosen[1].split(",")
        kept = list(range(len(self.places(sheet, summed))))
        for column, wanted in zip(criteria[::2], criteria[1::2], strict=True):
            name, _, _ = column.partition("!")
            value = wanted.strip('"') if wanted.startswith('"') else self.value(sheet, wanted.replace("$", ""))
            found = self.places(sheet, column)
            kept = [index for index in kept if self.value(name, found[index]) == value]
        name, _, _ = summed.partition("!")
        return sum((self.number(name, self.places(sheet, summed)[index]) for index in kept), Decimal(0))

    def places(self, sheet: str, area: str) -> list[str]:
        name, _, places = area.replace("$", "").rpartition("!")
        return [cell.coordinate for row in self.workbook[name or sheet][places] for cell in row]


def test_every_formula_of_the_workbook_gives_the_value_that_it_shows() -> None:
    written, formulas = read_workbook(values=True), Formulas(read_workbook(values=False))
    computed = {
        (sheet.title, place): formulas.value(sheet.title, place)
        for sheet in formulas.workbook
        for place, value in cells(sheet)
        if isinstance(value, str) and value.startswith("=")
    }

    assert len(computed) > 10
    assert {
        place: value for place, value in computed.items() if Decimal(str(written[place[0]][place[1]].value)) != value
    } == {}


@pytest.mark.parametrize("name", ["=1+1", "+A1", "@SUM(A1)", "-2", "https://example.org"])
def test_no_text_of_the_workbook_is_a_formula_or_a_link(name: str) -> None:
    council = msgspec.structs.replace(ASHBY, name=name)
    made = form("xlsx").render(replace(shown(), statement=replace(issued(), council=council)))
    sheet = openpyxl.load_workbook(io.BytesIO(made))["Summary"]

    assert [
        (cell.data_type, cell.hyperlink) for row in sheet for cell in row if cell.value == f"{name} (E07000999)"
    ] == [("s", None)]


def test_the_same_statement_gives_the_same_workbook() -> None:
    assert form("xlsx").render(shown()) == form("xlsx").render(shown())


def test_every_form_is_made_and_has_a_name_of_its_own() -> None:
    assert all(each.render(shown()) for each in FORMS)
    assert len({each.suffix for each in FORMS}) == len(FORMS)
