"""Bank holidays of the United Kingdom's three divisions, and until when they are known.

Source: GOV.UK, bank-holidays.json, 2012 to 2028, Open Government Licence v3.0, and one proclamation (data/README.md).
A date is the day that counts: the substitute where the nominal date falls on a weekend, as GOV.UK lists it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

Division = Literal["england-and-wales", "scotland", "northern-ireland"]
# England and Wales have eight a year, the others more. A year with fewer is not published yet.
MIN_HOLIDAYS_A_YEAR = 8


class UnreadableHolidays(ValueError):
    """The file is not of GOV.UK's shape."""


@dataclass(frozen=True, slots=True)
class BankHolidays:
    """Titles by date, for each division."""

    by_division: Mapping[Division, Mapping[date, str]]

    def closing(self, divisions: Iterable[Division]) -> dict[date, str]:
        """The union of the holidays of `divisions`, by ascending date; titles that differ are joined by " / "."""
        titles: dict[date, list[str]] = {}
        for division in divisions:
            for day, title in self.by_division[division].items():
                titles.setdefault(day, []).append(title)
        return {day: " / ".join(dict.fromkeys(titles[day])) for day in sorted(titles)}

    def covers_until(self, division: Division) -> date:
        """The first date for which the holidays of `division` are not known: 1 January after its last full year."""
        years = Counter(day.year for day in self.by_division[division])
        return date(max((year for year, count in years.items() if count >= MIN_HOLIDAYS_A_YEAR), default=0) + 1, 1, 1)

    def with_added(self, more: "BankHolidays") -> "BankHolidays":
        """These and `more`; where both have a date, with the title of `more`."""
        return BankHolidays(
            {division: {**days, **more.by_division.get(division, {})} for division, days in self.by_division.items()}
        )


class _Event(msgspec.Struct):
    title: str
    date: date


class _Division(msgspec.Struct):
    events: list[_Event]


def parse_holidays(raw: bytes) -> BankHolidays:
    """The holidays in a file of GOV.UK's shape, which may leave divisions out; raises `UnreadableHolidays`."""
    try:
        found = msgspec.json.decode(raw, type=dict[Division, _Division])
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UnreadableHolidays(f"expected the shape of GOV.UK's bank-holidays.json: {fault}") from fault
    return BankHolidays({name: {event.date: event.title for event in part.events} for name, part in found.items()})


@lru_cache
def shipped_holidays() -> BankHolidays:
    """The holidays that come with Tallystick."""
    return parse_holidays(files("shared").joinpath("data/bank-holidays.json").read_bytes())


def load_holidays(added: Path | None = None) -> BankHolidays:
    """The shipped holidays, and over them those of the file `added`; raises `UnreadableHolidays`."""
    return shipped_holidays() if added is None else shipped_holidays().with_added(parse_holidays(added.read_bytes()))
