"""A month beside others: by service and in all, last month, the same month a year ago, the financial year to date.

Every figure is before VAT. The sealed content of a statement has none of this: other months go on, or are corrected,
and an issued statement never changes. Each month is given as it was issued, or else as its draft is now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.domain.statement import Statement, Status
from shared.period import Month, period_of

_MONTHS_OF_A_YEAR = 12
# credits are below 0; corrections of earlier months are in the month whose statement settles them
RowKind = Literal["service", "credits", "corrections", "total"]


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What one month's statement came to, in pence: charges by service, credits below 0, corrections, and all of it.

    Without usage it has fixed charges only.
    """

    month: Month
    status: Status
    names: Mapping[str, str]
    charges: Mapping[str, int]
    has_usage: bool
    credits_pence: int
    corrections_pence: int

    @property
    def total_pence(self) -> int:
        """What was payable before VAT."""
        return sum(self.charges.values()) + self.credits_pence + self.corrections_pence


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One service, or a sum; None where there is no statement to compare with. `service` is empty for sums."""

    kind: RowKind
    service: str
    name: str
    this_pence: int
    last_pence: int | None
    year_ago_pence: int | None
    to_date_pence: int

    @property
    def change_pence(self) -> int | None:
        """How much more than last month."""
        return None if self.last_pence is None else self.this_pence - self.last_pence


@dataclass(frozen=True, slots=True)
class MonthComparison:
    """The rows by name of the service, then credits and corrections where there are any, and the total.

    `to_date_from` is the first month of the year that has a statement; `drafts` are the months compared that are not
    issued, ascending. `without_usage` are those of which no usage is known, while some is of the month itself.
    """

    month: Month
    last: Month | None
    year_ago: Month | None
    to_date_from: Month
    drafts: tuple[Month, ...]
    without_usage: tuple[Month, ...]
    rows: tuple[ComparisonRow, ...]


def figures_of(statement: Statement) -> MonthFigures:
    """The figures of one month's statement."""
    return MonthFigures(
        month=statement.month,
        status=statement.status,
        names={charges.service.id: charges.service.name for charges in statement.services},
        charges={charges.service.id: charges.total_pence for charges in statement.services},
        has_usage=any(charges.events_counted for charges in statement.services),
        credits_pence=-statement.credits_pence,
        corrections_pence=statement.corrections_pence,
    )


def months_compared(month: Month) -> tuple[Month, ...]:
    """The other months that a comparison of `month` reads, ascending."""
    of_year = (each for each in period_of(month, "financial-year").months if each < month)
    return tuple(sorted({month.previous, month.earlier(_MONTHS_OF_A_YEAR), *of_year}))


def compare(this: MonthFigures, others: Iterable[MonthFigures]) -> MonthComparison:
    """`this` month beside `others`, of which those that `months_compared` names are read."""
    known = {each.month: each for each in others} | {this.month: this}
    last, year_ago = known.get(this.month.previous), known.get(this.month.earlier(_MONTHS_OF_A_YEAR))
    year = period_of(this.month, "financial-year").months
    of_year = [known[month] for month in year if month in known and month <= this.month]
    columns = _Columns(this, last, year_ago, of_year)
    return MonthComparison(
        month=this.month,
        last=None if last is None else last.month,
        year_ago=None if year_ago is None else year_ago.month,
        to_date_from=of_year[0].month,
        drafts=tuple(sorted({each.month for each in columns.all if each.status != "issued"})),
        without_usage=tuple(sorted({each.month for each in columns.all if this.has_usage and not each.has_usage})),
        rows=tuple(_rows(columns)),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The months of each column; `of_year` are those to date."""

    this: MonthFigures
    last: MonthFigures | None
    year_ago: MonthFigures | None
    of_year: Sequence[MonthFigures]

    @property
    def all(self) -> Sequence[MonthFigures]:
        """All of them, the latest last: its names are the newest."""
        return [each for each in (self.year_ago, self.last, *self.of_year, self.this) if each is not None]


def _rows(columns: _Columns) -> Iterable[ComparisonRow]:
    names = {service: name for each in columns.all for service, name in each.names.items()}
    for service, name in sorted(names.items(), key=lambda pair: (pair[1], pair[0])):
        yield _row("service", columns, service, name)
    if any(each.credits_pence for each in columns.all):
        yield _row("credits", columns)
    if any(each.corrections_pence for each in columns.all):
        yield _row("corrections", columns)
    yield _row("total", columns)


def _row(kind: RowKind, columns: _Columns, service: str = "", name: str = "") -> ComparisonRow:
    last, year_ago = columns.last, columns.year_ago
    return ComparisonRow(
        kind,
        service,
        name,
        this_pence=_pence(kind, service, columns.this),
        last_pence=None if last is None else _pence(kind, service, last),
        year_ago_pence=None if year_ago is None else _pence(kind, service, year_ago),
        to_date_pence=sum(_pence(kind, service, each) for each in columns.of_year),
    )


def _pence(kind: RowKind, service: str, of: MonthFigures) -> int:
    match kind:
        case "service":
            return of.charges.get(service, 0)
        case "credits":
            return of.credits_pence
        case "corrections":
            return of.corrections_pence
        case "total":
            return of.total_pence
