"""Months, quarters and financial years of the United Kingdom: half-open, from local midnight to local midnight.

1 April 2026 begins at 2026-03-31T23:00:00Z; March has 743 hours. Lengths are always measured in UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

LONDON = ZoneInfo("Europe/London")
# Dates, instants and months are of these years wherever they come from: others are slips of a finger.
YEARS = range(2000, 2100)
MONTH_PATTERN = r"20[0-9]{2}-(0[1-9]|1[0-2])"
EXPECTED_MONTH = "expected a month like 2026-03, from 2000-01 to 2099-12"


class MonthNotBegun(LookupError):
    """The month has not begun, so that it has no figures yet."""


PeriodLength = Literal["month", "quarter", "financial-year"]
_MONTHS_OF: dict[PeriodLength, int] = dict(zip(get_args(PeriodLength), (1, 3, 12), strict=True))


class InvalidMonth(ValueError):
    """The text is not a month like 2026-03, of the years 2000 to 2099."""


class Month(Struct, frozen=True, order=True):
    """A calendar month of Europe/London; as text `2026-03`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """The month that `2026-03` names; raises `InvalidMonth`."""
        if not re.fullmatch(MONTH_PATTERN, text):
            raise InvalidMonth(f"{EXPECTED_MONTH}, got {text!r}")
        return cls(int(text[:4]), int(text[5:]))

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def next(self) -> "Month":
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> "Month":
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def earlier(self, months: int) -> "Month":
        """The month so many months before."""
        return _later(self, -months)

    @property
    def days(self) -> int:
        return (self.next.first_day - self.first_day).days

    @property
    def start_at(self) -> datetime:
        """Its first instant, in UTC."""
        return local_midnight(self.first_day)

    @property
    def end_at(self) -> datetime:
        """The first instant after it, in UTC."""
        return self.next.start_at

    @property
    def financial_year(self) -> int:
        """The year in which its financial year began on 1 April."""
        return self.year if self.month >= 4 else self.year - 1

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month, a quarter or a financial year: `months_long` whole months from `first` on. Made by `period_of`.

    As text `2026-03`, `FY2026-Q1` (April to June 2026) or `FY2026` (April 2026 to March 2027).
    """

    first: Month
    months_long: int

    @property
    def months(self) -> tuple[Month, ...]:
        return tuple(_later(self.first, by) for by in range(self.months_long))

    @property
    def previous(self) -> "Period":
        return Period(_later(self.first, -self.months_long), self.months_long)

    @property
    def next(self) -> "Period":
        return Period(_later(self.first, self.months_long), self.months_long)

    @property
    def start_at(self) -> datetime:
        """Its first instant, in UTC."""
        return self.first.start_at

    @property
    def end_at(self) -> datetime:
        """The first instant after it, in UTC."""
        return self.next.first.start_at

    def __str__(self) -> str:
        match self.months_long:
            case 1:
                return str(self.first)
            case 3:
                return f"FY{self.first.financial_year}-Q{(self.first.month - 4) % 12 // 3 + 1}"
            case _:
                return f"FY{self.first.financial_year}"


def period_of(month: Month, over: PeriodLength) -> Period:
    """The month itself, or the quarter or financial year in which it lies; quarters begin in April, July ..."""
    months_long = _MONTHS_OF[over]
    return Period(_later(month, -((month.month - 4) % months_long)), months_long)


def months_between(first: Month, end: Month) -> list[Month]:
    """The months from `first` on, `end` excluded."""
    months = []
    while first < end:
        months.append(first)
        first = first.next
    return months


def _later(month: Month, by: int) -> Month:
    years, months = divmod(month.year * 12 + month.month - 1 + by, 12)
    return Month(years, months + 1)


def local_midnight(day: date) -> datetime:
    """The first instant of a London date, in UTC."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def month_of(instant: datetime) -> Month:
    """The London month in which an aware instant lies."""
    local = instant.astimezone(LONDON)
    return Month(local.year, local.month)


def month_of_day(day: date) -> Month:
    return Month(day.year, day.month)


def require_begun(month: Month, *, now: datetime) -> None:
    """Raises `MonthNotBegun` for a month after the one in which `now` lies."""
    if month > month_of(now):
        raise MonthNotBegun(f"{month} has not begun")


@lru_cache(maxsize=4096)
def month_of_hour(epoch_hour: int) -> Month:
    """The London month of an epoch hour: month borders fall on whole UTC hours, so hours suffice and cache well."""
    return month_of(datetime.fromtimestamp(epoch_hour * 3600, UTC))
