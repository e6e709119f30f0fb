"""A document whose times are instants and whose calendars are compiled: ready for the monitor's own rules."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.contracts.calendar_rules import PLAIN_DAYS, has_open_hours, plain_days, with_bank_holidays
from shared.contracts.versions import DefinitionVersion, in_force
from shared.holidays import BankHolidays
from sla_monitor.domain.agreements import BoundCalendar, MissingCalendar
from sla_monitor.domain.clock.exclusions import ExcludedTime
from sla_monitor.domain.working_time.calendar import compile_versions
from sla_monitor.trial.consistency import second_of, zone_of
from sla_monitor.trial.document import TrialCalendar, TrialDocument
from sla_monitor.trial.times import read_time


class TrialCalendars(Struct, frozen=True):
    """The document's calendars, each with its versions by ascending `effective_from`, numbered from 1."""

    zone: ZoneInfo
    bound: dict[str, BoundCalendar]
    versions: dict[str, tuple[TrialCalendar, ...]]

    def __call__(self, calendar: str | None) -> BoundCalendar:
        """The calendar made ready; for None every hour of every day in the document's zone."""
        if calendar is None:
            return _plain_days(self.zone.key)
        if calendar not in self.bound:
            raise MissingCalendar(f"the document has no calendar {calendar!r}")
        return self.bound[calendar]

    def numbers_between(self, calendar: str, start: int, end: int) -> list[int]:
        """The numbers of the versions in force from the second `start` to the second `end`, both included."""
        zone = self.bound[calendar].hours.zone
        first, last = (datetime.fromtimestamp(at, zone).date() for at in (start, end))
        versions = [DefinitionVersion(number, each) for number, each in enumerate(self.versions[calendar], start=1)]
        ended = [each for each in in_force(versions) if each.end_day is None or first < each.end_day]
        # Days before the first version are its too.
        return [each.version.number for each in ended if each.version.number == 1 or each.first_day <= last]


def calendars_of(document: TrialDocument, holidays: BankHolidays) -> TrialCalendars:
    """The document's calendars compiled, the bank holidays of their divisions closed as in the catalogue."""
    versions: dict[str, list[TrialCalendar]] = {}
    for calendar in sorted(document.all_calendars, key=lambda each: each.effective_from):
        versions.setdefault(calendar.id, []).append(calendar)
    bound = {
        name: BoundCalendar(name, len(each), compile_versions([with_bank_holidays(one, holidays) for one in each]))
        for name, each in versions.items()
    }
    return TrialCalendars(zone_of(document), bound, {name: tuple(each) for name, each in versions.items()})


@lru_cache(maxsize=8)
def _plain_days(zone: str) -> BoundCalendar:
    return BoundCalendar(PLAIN_DAYS, 1, compile_versions([plain_days(zone)]))


def exclusions_of(document: TrialDocument) -> tuple[ExcludedTime, ...]:
    """What does not count, as the monitor knows it."""
    zone = zone_of(document)
    return tuple(
        ExcludedTime(
            id=f"exclusion-{number}",
            start=second_of(each.start, zone),
            end=second_of(each.end, zone),
            category=each.category,
            target=each.target,
        )
        for number, each in enumerate(document.exclusions, start=1)
    )


def notes_on(document: TrialDocument, holidays: BankHolidays) -> list[str]:
    """What was read in one of several ways, or could not be known: a reader may have meant another."""
    return [*_times(document), *_hours(document, holidays)]


def _times(document: TrialDocument) -> list[str]:
    zone = zone_of(document)
    odd = ((path, read_time(text).oddity(zone)) for path, text in document.times())
    return [f"{'/'.join(map(str, path))}: {oddity}" for path, oddity in odd if oddity is not None]


def _hours(document: TrialDocument, holidays: BankHolidays) -> list[str]:
    years = [read_time(text).time.year for _, text in document.times()]
    notes = []
    for calendar in document.all_calendars:
        if not has_open_hours(calendar):
            notes.append(f"calendar {calendar.id} never opens")
        for division in calendar.holidays:
            first = min(holidays.by_division[division], default=date.max).year
            last = holidays.covers_until(division).year - 1
            if years and not first <= min(years) <= max(years) <= last:
                notes.append(
                    f"calendar {calendar.id}: bank holidays of {division} are known from {first} to {last} only"
                )
    return list(dict.fromkeys(notes))
