"""The head of a statement: who, what, where it is in its life, when it is due, and whom to ask."""

from collections.abc import Iterator
from datetime import timedelta

from billing.documents.invoicing_view import payment_terms, vat_header
from billing.documents.shown import ShownStatement
from billing.domain.statement import Statement
from shared.contracts.parties import Contact
from shared.money import format_gbp
from shared.web.formats import date_range, long_date
from shared.web.strings import text

Row = tuple[str, str]


def notice(shown: ShownStatement) -> Row:
    """Where the statement is in its life, and what that means to who reads it."""
    state, last_day = shown.state, shown.statement.month.next.first_day - timedelta(days=1)
    until = None if shown.now is None else shown.now.life.review_until
    if state == "in-review" and until is not None:
        detail = text("state.in-review_until", until=long_date(until))
    else:
        detail = text(f"state.{state}_detail", end=long_date(last_day))
    return text("state.heading", state=text(f"state.{state}")), detail


def header(shown: ShownStatement) -> tuple[Row, ...]:
    """Pairs of name and value; what is not known is left out."""
    return (*_parties(shown), *_document(shown), *_totals(shown.statement))


def asking(statement: Statement) -> Iterator[str]:
    """How to query a line, and whom to ask about it."""
    yield text("statement.asking")
    for supplier in statement.suppliers:
        contact = None if supplier.party is None else supplier.party.contact
        if contact is None:
            yield text("statement.no_contact", provider=supplier.name)
        else:
            yield text("statement.ask", provider=supplier.name, contact=_contact(contact))


def _contact(contact: Contact) -> str:
    return ", ".join(filter(None, (contact.team, contact.email, contact.telephone)))


def _parties(shown: ShownStatement) -> Iterator[Row]:
    statement = shown.statement
    council, month = statement.council, statement.month
    yield text("statement.council"), f"{council.name} ({council.gss})" if council.gss else council.name
    yield text("statement.provider"), ", ".join(statement.providers)
    yield text("statement.period"), date_range(month.first_day, month.next.first_day)
    for under in statement.agreements:
        yield text("statement.agreement"), text("statement.agreement_version", title=under.title, version=under.version)


def _document(shown: ShownStatement) -> Iterator[Row]:
    statement = shown.statement
    issued, party = statement.issued, statement.council.party
    if issued is not None:
        yield text("statement.document_number"), issued.number
    yield text("statement.status"), text(f"state.{shown.state}")
    if issued is not None:
        yield text("statement.issued_on"), long_date(issued.issued_on)
        if issued.due_on is not None:
            yield text("statement.due_on"), long_date(issued.due_on)
    for terms in dict.fromkeys(filter(None, map(payment_terms, statement.suppliers))):
        yield text("statement.party_payment"), terms
    if party is not None and party.buyer_reference:
        yield text("statement.party_buyer_reference"), party.buyer_reference


def _totals(statement: Statement) -> Iterator[Row]:
    yield text("statement.total"), format_gbp(statement.payable_pence)
    yield from vat_header(statement)
