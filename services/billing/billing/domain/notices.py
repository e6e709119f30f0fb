"""Notices: a mail to a council that something of it is there to be read, and how often one is tried.

A notice names what it is about and nothing else: no figure, and nobody. Its address is looked up when it is sent.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from billing.domain.terms import Terms
from shared.contracts.definitions import Council
from shared.contracts.statements import CreditNoteIssued, QueryAnswered, StatementEvent, StatementIssued
from shared.period import Month

NoticeKind = Literal["statement", "credit-note", "query-answered"]
# How a notice stops waiting: failed for good, or there was nobody to be written to.
NoticeEnd = Literal["sent", "failed", "without-address"]
# Waits after each try that failed, the last of which is the last: a week-end without a mail server is bridged.
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
RETRY_AFTER = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, 12 * _HOUR, 24 * _HOUR, 24 * _HOUR)
MOST_TRIES = len(RETRY_AFTER) + 1


@dataclass(frozen=True, slots=True)
class Notice:
    """What a council is to be written to about, under the id of the event that it follows from.

    `reference` is the number of a credit note, and otherwise empty.
    """

    id: str
    council: str
    month: Month
    kind: NoticeKind
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice that nobody else sends now, and how often it has been tried, this time included."""

    notice: Notice
    tries: int


@dataclass(frozen=True, slots=True)
class FailedNotice:
    """A notice that was given up, or whose council has said no address; `reason` is empty then."""

    notice: Notice
    reason: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is written to; `name` is the council's."""

    address: str
    name: str


def notice_of(event: StatementEvent) -> Notice | None:
    """The mail that follows from the step; None for a step of which no mail is sent."""
    match event:
        case StatementIssued(data=data):
            return Notice(event.id, event.council, Month.parse(data.month), "statement")
        case CreditNoteIssued(data=data):
            return Notice(event.id, event.council, Month.parse(data.month), "credit-note", data.number)
        case QueryAnswered(data=data):
            return Notice(event.id, event.council, Month.parse(data.month), "query-answered")
        case _:
            return None


def recipient_of(terms: Terms, council: str, day: date) -> Recipient | None:
    """Where the council wants to be written to on that day; None where it does not say so."""
    version = terms.councils.on(council, day)
    known: Council | None = None if version is None else version.definition
    if known is None or known.statements_to is None:
        return None
    return Recipient(known.statements_to, known.name)


def next_try(tries: int) -> timedelta | None:
    """How long to wait after so many tries that failed; None after the last one."""
    return RETRY_AFTER[tries - 1] if tries < MOST_TRIES else None
