"""Numbers of documents: without gaps for each provider, financial year and kind of document."""

from typing import Literal

from shared.period import Month

DocumentKind = Literal["statement", "credit-note"]
_MARK: dict[DocumentKind, str] = {"statement": "", "credit-note": "C"}


def document_number(month: Month, kind: DocumentKind, sequence: int, *, prefix: str | None = None) -> str:
    """`2026-27.0001`, of a credit note `2026-27.C0001`, after the provider's own `prefix`: `SO-2026-27.0001`.

    The year is the financial year of the month that the document is about.
    """
    year = month.financial_year
    number = f"{year}-{(year + 1) % 100:02}.{_MARK[kind]}{sequence:04}"
    return f"{prefix}-{number}" if prefix else number
