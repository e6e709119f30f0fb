"""What billing's API answers beside the statement itself. Money in pence; quantities as decimal strings."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct

from billing.domain.canonical import content_hash, credit_content, line_content
from billing.domain.charge_line import plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.statement import Statement
from billing.domain.unbilled import UnbilledUsage
from billing.handlers import LineExplanation, MonthOfStatements


class StatementSummary(Struct, frozen=True):
    """One council's statement in brief. `href` leads to it; with .json, .csv, .html or .pdf in that form."""

    council: str
    council_name: str
    month: str
    status: str
    illustrative: bool
    total_pence: int
    sha256: str
    href: str


class UnstatedBody(Struct, frozen=True):
    """Usage that no statement of the month recharges, because its council has none."""

    council: str
    reason: str
    service: str | None
    facts: int
    quantity: str


class MonthBody(Struct, frozen=True):
    """Every statement of a month, by council."""

    month: str
    statements: list[StatementSummary]
    unstated: list[UnstatedBody]


class CountedBody(Struct, frozen=True):
    """An event that the line counts: usage, or a miss behind a service credit. `item` is missing for readings."""

    source: str
    id: str
    occurred_at: datetime
    day: date
    item: str | None
    quantity: str


class ExplainedBody(Struct, frozen=True):
    """A line as it stands in the statement, and a page of the events that it counts."""

    line: dict[str, Any]
    counted: list[CountedBody]


def month_body(found: MonthOfStatements) -> MonthBody:
    """The month as the API shows it."""
    return MonthBody(
        month=str(found.month),
        statements=[_summary(statement) for statement in found.statements],
        unstated=[_unstated(each.council, aside) for each in found.unstated for aside in each.set_aside],
    )


def explained_body(explained: LineExplanation) -> ExplainedBody:
    """The line as the API shows it."""
    line = explained.line
    return ExplainedBody(
        line=credit_content(line) if isinstance(line, CreditLine) else line_content(line),
        counted=[
            CountedBody(each.source, each.id, each.occurred_at, each.day, each.item, plain(each.quantity))
            for each in explained.counted
        ],
    )


def href(council: str, month: str) -> str:
    """Where a statement is."""
    return f"/v1/statements/{council}/{month}"


def _summary(statement: Statement) -> StatementSummary:
    return StatementSummary(
        council=statement.council.id,
        council_name=statement.council.name,
        month=str(statement.month),
        status=statement.status,
        illustrative=statement.illustrative,
        total_pence=statement.total_pence,
        sha256=content_hash(statement),
        href=href(statement.council.id, str(statement.month)),
    )


def _unstated(council: str, aside: UnbilledUsage) -> UnstatedBody:
    return UnstatedBody(council, aside.reason, aside.service, aside.facts, plain(aside.quantity))
