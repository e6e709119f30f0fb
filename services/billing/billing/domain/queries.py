"""Queries of a council's statement, from the steps that people took: raised, answered or withdrawn.

A query is about a line (a charge, a service credit or a correction) or about an item's verdict. While it is open it
holds an amount, which is not due. The statement stays as it was issued: what a query credits is a correction in the
council's next document, and stays held until that one is issued, so that nobody is asked for what was conceded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from billing.domain.lifecycle import Lifecycle, StepRefused
from billing.domain.statement import Statement
from billing.domain.vat import VatCategory, VatTotal
from shared.contracts.scalars import Stream
from shared.contracts.statements import Outcome, QueryAnswered, QueryRaised, QueryWithdrawn, StepEvent
from shared.holidays import shipped_holidays
from shared.money import format_gbp_prose

QueryStatus = Literal["open", "upheld", "credited", "corrected", "withdrawn"]
DEFAULT_REPLY_DAYS = 10
# Of one statement: each step with it reads all of them. Nobody has so many reasons; a program that goes wrong has.
MOST_OF_ONE = 1_000
_SATURDAY = 5


class InvalidStep(ValueError):
    """A field of what was asked for cannot be; the message says what is expected of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """One query as it stands. `held_pence` and `credited_pence` are before VAT; `reply_by` is a London date.

    `answer` holds the words with which it was answered or withdrawn, by `closed_by` at `closed_at`.
    """

    council: str
    month: str
    id: str
    line: str | None
    stream: Stream | None
    item: str | None
    words: str
    raised_by: str
    raised_at: datetime
    reply_by: date
    held_pence: int
    status: QueryStatus = "open"
    credited_pence: int = 0
    corrected_by: str | None = None
    answer: str = ""
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the provider has still to answer."""
        return self.status == "open"

    def is_overdue(self, today: date) -> bool:
        """Whether it is open after the day by which it was to be answered; `today` is a London date."""
        return self.is_open and self.reply_by < today

    @property
    def subject(self) -> tuple[str | None, Stream | None, str | None]:
        """What it is about: two open queries about the same are one."""
        return self.line, self.stream, self.item


@dataclass(frozen=True, slots=True)
class QueriedLine:
    """A line as a query sees it. `at_stake_pence` is before VAT, and the most that a query of it can hold or credit."""

    ref: str
    agreement: str
    service: str
    at_stake_pence: int
    vat: VatCategory | None

    def vat_on(self, pence: int) -> int:
        """The VAT on so much of it, rounded half up; 0 where its treatment is not known."""
        return 0 if self.vat is None else VatTotal(self.vat, pence).vat_pence


@dataclass(frozen=True, slots=True)
class QueryCredit:
    """What an answered query credits on a line, before VAT: a correction in the council's next document."""

    query: str
    line: str
    credited_pence: int
    answered_at: datetime


def queries_of(steps: Iterable[StepEvent]) -> tuple[StatementQuery, ...]:
    """Every query of one statement's steps, in the order of raising. Of two answers, the first in the log counts."""
    found: dict[str, StatementQuery] = {}
    for step in steps:
        match step:
            case QueryRaised():
                found.setdefault(step.data.query, _raised(step))
            case QueryAnswered() | QueryWithdrawn():
                before = found.get(step.data.query)
                if before is not None and before.is_open:
                    found[before.id] = _closed(before, step)
    return tuple(found.values())


def credited_by_queries(steps: Iterable[StepEvent]) -> tuple[QueryCredit, ...]:
    """What answered queries credit on lines, for the council's next document, in the order of raising.

    A query that was corrected is not among them: the exclusion or correction run that it names changes the verdicts,
    and so the credit, by itself.
    """
    return tuple(
        QueryCredit(query.id, query.line, query.credited_pence, query.closed_at)
        for query in queries_of(steps)
        if query.status == "credited" and query.line is not None and query.closed_at is not None
    )


def queried_line(statement: Statement, ref: str) -> QueriedLine | None:
    """The line of that reference; None where the statement has none.

    At stake is what a charge or a correction adds to the statement, and of a service credit what it could still grow
    by: it never exceeds the charge.
    """
    for line in statement.lines:
        if line.ref == ref:
            vat = None if line.vat is None else line.vat.category
            return QueriedLine(ref, line.agreement, line.service, max(line.amount_pence, 0), vat)
    for credit in statement.credits:
        if credit.ref == ref:
            vat = None if credit.vat is None else credit.vat.category
            more = max(credit.charge_pence - credit.applied_pence, 0)
            return QueriedLine(ref, credit.agreement, credit.service, more, vat)
    for correction in statement.corrections:
        if correction.reference == ref:
            more = max(correction.payable_pence, 0)
            return QueriedLine(ref, correction.agreement, correction.service, more, correction.vat)
    return None


def line_name(statement: Statement, ref: str) -> str | None:
    """The line in words; None where the statement has none of that reference."""
    service = {each.service.id: each.service.name for each in statement.services}
    names = {line.ref: f"{service.get(line.service, line.service)}: {line.narrative}" for line in statement.lines}
    names |= {each.ref: f"{service.get(each.service, each.service)}: {each.target}" for each in statement.credits}
    names |= {
        each.reference: f"{service.get(each.service, each.service)}: {each.name} ({each.month})"
        for each in statement.corrections
    }
    return names.get(ref)


def reply_by(raised_on: date, working_days: int) -> date:
    """The day that many working days of England and Wales after `raised_on`, which itself does not count.

    Bank holidays are those of the shipped table: beyond its last year only weekends are left out.
    """
    closed = shipped_holidays().by_division["england-and-wales"]
    day = raised_on
    while working_days > 0:
        day += timedelta(days=1)
        working_days -= day.weekday() < _SATURDAY and day not in closed
    return day


def plain_words(words: str, field: str = "words") -> str:
    """The words on one line, without spaces around them. Raises `InvalidStep` for none, or for what is not printed."""
    text = " ".join(words.split())
    if not text:
        raise InvalidStep(field, "expected a reason in words")
    if not text.isprintable():
        raise InvalidStep(field, "expected plain text without characters that are not shown")
    return text


def held_pence(
    statement: Statement,
    line: QueriedLine | None,
    wanted: int | None,
    queries: Sequence[StatementQuery],
    *,
    of_item: bool,
) -> int:
    """What a new query of `line` holds, before VAT: what was `wanted`, else all that is at stake on a charge.

    A query of an item, or of a service credit, holds what it says and otherwise nothing. Raises `InvalidStep` for more
    than is at stake, or than the statement has left to hold.
    """
    left = 0 if line is None else line.at_stake_pence - credited_on(line.ref, queries)
    unheld = max(statement.payable_pence, 0) - sum(each.held_pence for each in queries if each.is_open)
    most = max(min(left, unheld), 0)
    if wanted is None:
        is_credit = line is not None and any(credit.ref == line.ref for credit in statement.credits)
        return 0 if of_item or is_credit else most
    if wanted > most:
        raise InvalidStep("held_pence", f"expected at most {format_gbp_prose(most)}: no more is at stake")
    return wanted


def credited_on(line: str, queries: Iterable[StatementQuery]) -> int:
    """What answered queries have credited on the line already, before VAT."""
    return sum(each.credited_pence for each in queries if each.line == line and each.status == "credited")


def require_shown(lifecycle: Lifecycle) -> None:
    """Raises `StepRefused` while the council has not been shown the statement."""
    if lifecycle.status == "draft":
        raise StepRefused("the statement is still a draft: it can be queried once its review is open or it is issued")


def require_new_subject(query: StatementQuery, line: QueriedLine | None, queries: Sequence[StatementQuery]) -> None:
    """Raises `StepRefused` where the same is queried already, the line was credited in full, or there are too many."""
    if len(queries) >= MOST_OF_ONE:
        raise StepRefused(f"the statement was queried {MOST_OF_ONE:,} times: ask the provider about the rest of it")
    same = next((each for each in queries if each.is_open and each.subject == query.subject), None)
    if same is not None:
        raise StepRefused(f"query {same.id} about the same is still open: wait for its answer, or withdraw it")
    if line is not None and 0 < line.at_stake_pence <= credited_on(line.ref, queries):
        raise StepRefused("the line was credited in full: there is nothing left of it to query")


def require_open_query(query: StatementQuery) -> None:
    """Raises `StepRefused` for a query that was answered or withdrawn."""
    if not query.is_open:
        how = "withdrawn" if query.status == "withdrawn" else f"answered ({query.status})"
        raise StepRefused(f"query {query.id} was {how} already: raise another one if something is still unclear")


def require_answer(
    query: StatementQuery,
    outcome: Outcome,
    *,
    credited_pence: int,
    corrected_by: str | None,
    line: QueriedLine | None,
    queries: Sequence[StatementQuery],
    is_issued: bool,
) -> None:
    """Raises `InvalidStep` and `StepRefused` unless the query can be answered so."""
    if outcome != "corrected" and corrected_by is not None:
        raise InvalidStep("corrected_by", "expected none: only the outcome corrected names what corrects the verdict")
    match outcome:
        case "upheld":
            if credited_pence:
                raise InvalidStep("credited_pence", "expected 0: a charge that stands credits nothing")
        case "credited":
            if not is_issued:
                raise StepRefused("a draft is not credited: correct it, and answer that the rest stands")
            if query.line is None:
                raise StepRefused("the query names no line to credit: answer that it stands, or what corrects it")
            most = 0 if line is None else max(line.at_stake_pence - credited_on(line.ref, queries), 0)
            if not 1 <= credited_pence <= most:
                raise InvalidStep("credited_pence", f"expected 1 to {most} pence: what is at stake on the line")
        case "corrected":
            if corrected_by is None:
                raise InvalidStep("corrected_by", "expected the exclusion or correction run that corrects the verdict")


def _raised(step: QueryRaised) -> StatementQuery:
    data = step.data
    return StatementQuery(
        council=step.council,
        month=data.month,
        id=data.query,
        line=data.line,
        stream=data.stream,
        item=data.item,
        words=data.words,
        raised_by=data.by,
        raised_at=step.time,
        reply_by=data.reply_by,
        held_pence=data.held_pence,
    )


def _closed(query: StatementQuery, step: QueryAnswered | QueryWithdrawn) -> StatementQuery:
    closed = replace(query, answer=step.data.words, closed_by=step.data.by, closed_at=step.time)
    if isinstance(step, QueryWithdrawn):
        return replace(closed, status="withdrawn")
    return replace(
        closed,
        status=step.data.outcome,
        credited_pence=step.data.credited_pence,
        corrected_by=step.data.corrected_by,
    )
