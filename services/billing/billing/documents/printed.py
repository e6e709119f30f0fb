"""The three documents behind one port."""

from billing.documents.csv_lines import BOM, lines_csv
from billing.documents.page import statement_page
from billing.documents.pdf import statement_pdf
from billing.domain.statement import Statement


class PrintedDocuments:
    """`billing.ports.Documents`."""

    def page(self, statement: Statement, *, base: str) -> str:
        """The statement as HTML."""
        return statement_page(statement, base=base)

    def pdf(self, statement: Statement) -> bytes:
        """The statement as tagged PDF."""
        return statement_pdf(statement)

    def csv(self, statement: Statement, *, for_spreadsheets: bool) -> bytes:
        """The statement's lines in UTF-8."""
        return ((BOM if for_spreadsheets else "") + lines_csv(statement)).encode()
