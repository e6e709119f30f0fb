"""The statement as CSV, page and PDF: one set of figures, safe to open, readable by everyone."""

import csv
import io
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, get_args

import msgspec
import pytest
from pypdf import PdfReader

from billing.documents import pdf
from billing.documents.csv_lines import COLUMNS, lines_csv
from billing.documents.forms import form
from billing.documents.pdf import IncompleteDocument, statement_pdf
from billing.documents.shown import ShownStatement
from billing.documents.view import statement_view
from billing.domain.canonical import content_hash
from billing.domain.charge_line import Absence
from billing.domain.statement import Statement, build_statement
from billing.domain.usage import UnbilledReason
from shared.contracts.definitions import Council
from shared.csv_cells import escape_formula
from shared.period import Month
from shared.web.strings import text
from tests.support.recharges import ASHBY, GRADUATED, agreement, standing, tariff, terms, unit, usage

MAY = Month(2026, 5)
PAYABLE = tariff(standing("310.00"), GRADUATED)
PAYROLL = tariff(unit("4.42"), service="payroll")


def statement(*, illustrative: bool = False, council: Council = ASHBY) -> Statement:
    tariffs = [msgspec.structs.replace(each, illustrative=illustrative) for each in (PAYABLE, PAYROLL)]
    known = terms(agreement(PAYABLE.id, PAYROLL.id, council=council.id), tariffs=tariffs, councils=[council])
    rows = [usage("accounts-payable", "2026-05-12", "1025.5"), usage(None, "2026-05-12", "1")]
    return build_statement(known, council.id, MAY, rows)


def test_the_amounts_of_the_csv_add_up_to_the_statements_total() -> None:
    rows = list(csv.DictReader(io.StringIO(lines_csv(statement()))))

    assert sum(Decimal(row["amount_gbp"]) for row in rows) * 100 == statement().total_pence
    assert tuple(rows[0]) == COLUMNS
    assert [row["quantity"] for row in rows] == ["31", "1025.5", "0"]
    assert (
        rows[1]["working"] == "above 0 to 10: 10 x 1; above 10 to 20: 10 x 0.5; above 20 to no limit: 1005.5 x 0.0375"
    )


def test_only_the_file_for_spreadsheets_has_a_byte_order_mark() -> None:
    csv_form = form("csv")

    assert csv_form.file(ShownStatement(statement())).startswith(b"\xef\xbb\xbfcouncil,")
    assert csv_form.render(ShownStatement(statement())).startswith(b"council,")


@pytest.mark.parametrize("name", ['=HYPERLINK("x")', "+44", "-1", "@sum", "\tx", "\rx"])
def test_a_name_that_a_spreadsheet_would_run_is_guarded(name: str) -> None:
    assert escape_formula(name) == f"'{name}"


@pytest.mark.parametrize("name", ["Ashby", "1 + 1", "Sir Ynys Môn", ""])
def test_an_ordinary_name_is_left_alone(name: str) -> None:
    assert escape_formula(name) == name


class Outline(HTMLParser):
    """Counts of the tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 (the parser's)
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("key", [f"unbilled.{reason}" for reason in get_args(UnbilledReason)])
def test_every_reason_why_usage_is_not_billed_has_a_sentence(key: str) -> None:
    assert text(key)


@pytest.mark.parametrize("absence", get_args(Absence))
def test_every_reason_for_a_charge_of_nothing_has_a_sentence(absence: str) -> None:
    assert text(f"absence.{absence}")


def page(of: Statement) -> Outline:
    outline = Outline()
    outline.feed(form("html").render(ShownStatement(of)).decode())
    return outline


def test_the_page_has_one_heading_a_titled_chart_and_a_caption_for_each_table() -> None:
    outline = page(statement())

    assert outline.tags.count("h1") == 1
    assert outline.tags.count("caption") == outline.tags.count("table") > 0
    assert outline.tags.count("svg") == 1
    assert "£362.71" in outline.text  # 310 + 10 × 1 + 10 × 0.50 + 1,005.5 × 0.0375 = 362.70625


def test_page_and_pdf_show_the_figures_of_the_view() -> None:
    shown = statement_view(ShownStatement(statement()))
    forms_shown = (page(statement()).text, "".join(sheet.extract_text() for sheet in PdfReader(pdf_file()).pages))

    for words in forms_shown:
        assert shown.total in words
        assert content_hash(statement()) in words
        for service in shown.services:
            assert service.total in words
            for row in service.rows:
                assert row.amount in words


def test_where_no_credits_are_promised_nothing_is_said_of_them() -> None:
    assert "credit" not in (page(statement()).text + lines_csv(statement())).lower()


def test_names_are_escaped_on_the_page_and_plain_in_the_pdf() -> None:
    odd = Council(id="ashby", name="Ashby <b>& #Sons</b> $x$")

    raw = form("html").render(ShownStatement(statement(council=odd))).decode()

    assert "<b>&" not in raw
    assert "Ashby <b>& #Sons</b> $x$" in PdfReader(pdf_file(statement(council=odd))).pages[0].extract_text()


@pytest.mark.parametrize("illustrative", [True, False])
def test_made_up_prices_are_labelled_so_wherever_they_are_shown(illustrative: bool) -> None:
    made = statement(illustrative=illustrative)

    assert ("Illustrative" in page(made).text) is illustrative
    assert ("Illustrative" in PdfReader(pdf_file(made)).pages[0].extract_text()) is illustrative
    assert {row["illustrative"] for row in csv.DictReader(io.StringIO(lines_csv(made)))} == {
        "yes" if illustrative else "no"
    }


def test_the_pdf_is_tagged_titled_and_in_english() -> None:
    root: Any = PdfReader(pdf_file()).trailer["/Root"]

    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 (pypdf's own boolean)
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712 (as above)
    metadata = root["/Metadata"].get_object().get_data()
    assert b"pdfuaid:part" in metadata
    assert b"pdfaid:part>3<" in metadata


def test_the_pdf_carries_its_lines_as_csv() -> None:
    attached = PdfReader(pdf_file()).attachments["statement-lines.csv"][0]

    assert attached.decode() == lines_csv(statement())


def test_the_same_statement_gives_the_same_pdf() -> None:
    assert statement_pdf(ShownStatement(statement())) == statement_pdf(ShownStatement(statement()))


def test_every_page_of_the_pdf_embeds_its_fonts() -> None:
    resources_of_pages: list[Any] = [page["/Resources"] for page in PdfReader(pdf_file()).pages]
    fonts = {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for resources in resources_of_pages
        for font in resources["/Font"].values()
    }

    assert fonts == {"LiberationSans", "LiberationSans-Bold"}


def test_a_glyph_that_the_font_lacks_is_an_error_and_not_a_blank() -> None:
    with pytest.raises(IncompleteDocument):
        statement_pdf(ShownStatement(statement(council=Council(id="ashby", name="Ashby 安"))))


def pdf_file(of: Statement | None = None) -> io.BytesIO:
    return io.BytesIO(pdf.statement_pdf(ShownStatement(of or statement())))
