"""The calendars of a document, compiled, and the answers to plain questions about them."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.contracts.calendar_rules import PLAIN_DAYS, has_open_hours, plain_days, with_bank_holidays
from shared.contracts.versions import DefinitionVersion, in_force
from shared.holidays import BankHolidays
from shared.instants import instant, maybe_instant, seconds_of_day
from shared.written_time import read_time, second_of
from sla_monitor.domain.agreements import BoundCalendar, MissingCalendar
from sla_monitor.domain.working_time.calendar import compile_versions
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.trial.document import Addition, Question, TrialCalendar, TrialDocument, times

_HOUR_S = 3600


class TrialCalendars(Struct, frozen=True):
    """The document's calendars, each with its versions by ascending `effective_from`, numbered from 1."""

    zone: ZoneInfo
    bound: dict[str, BoundCalendar]
    versions: dict[str, list[TrialCalendar]]

    def __call__(self, calendar: str | None) -> BoundCalendar:
        """The calendar compiled; for None every hour of every day in the document's zone."""
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
    return TrialCalendars(document.wall_zone, bound, versions)


@lru_cache(maxsize=8)
def _plain_days(zone: str) -> BoundCalendar:
    return BoundCalendar(PLAIN_DAYS, 1, compile_versions([plain_days(zone)]))


def calendar_notes(document: TrialDocument, holidays: BankHolidays) -> list[str]:
    """Times that were read in one of several ways, calendars that never open, and bank holidays that are not known."""
    return [*_time_notes(document), *_hours_notes(document, holidays)]


def _time_notes(document: TrialDocument) -> list[str]:
    read = ((path, read_time(text).ambiguity(document.wall_zone)) for path, text in times(document))
    return [f"{'/'.join(map(str, path))}: {ambiguity}" for path, ambiguity in read if ambiguity is not None]


def _hours_notes(document: TrialDocument, holidays: BankHolidays) -> list[str]:
    years = [read_time(text).time.year for _, text in times(document)]
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


class BetweenAnswer(Struct, frozen=True, tag="between", tag_field="kind"):
    """Working seconds in [start_at, end_at), and the working days after the first date up to the last."""

    id: str | None
    calendar: str
    start_at: datetime
    end_at: datetime
    seconds: int
    working_days: int


class AdditionAnswer(Struct, frozen=True, tag="add", tag_field="kind"):
    """The earliest instant `at` by which so much has passed, and the first open one from there on; null for never.

    They differ at a closing instant, where other systems answer the opening.
    """

    id: str | None
    calendar: str
    start_at: datetime
    at: datetime | None
    next_open_at: datetime | None


class OpeningAnswer(Struct, frozen=True, tag="is-open", tag_field="kind"):
    """Whether the second that begins at `at` is open, and the first open instant from there on; null for never."""

    id: str | None
    calendar: str
    at: datetime
    open: bool
    next_open_at: datetime | None


Answer = BetweenAnswer | AdditionAnswer | OpeningAnswer


def answers(document: TrialDocument, calendars: TrialCalendars) -> list[Answer]:
    """An answer to each question, in their order."""
    only = next(iter(calendars.bound), "")
    return [_answer(question, question.calendar or only, calendars) for question in document.questions]


def _answer(question: Question, calendar: str, calendars: TrialCalendars) -> Answer:
    hours, zone, name = calendars(calendar).hours, calendars.zone, question.id
    if question.between is not None:
        start, end = (second_of(text, zone) for text in question.between)
        seconds, days = hours.between(start, end), hours.working_days_between(start, end)
        return BetweenAnswer(name, calendar, instant(start), instant(end), seconds, days)
    if question.add is not None:
        start = second_of(question.add.to, zone)
        at = _added(question.add, start, hours)
        next_open = None if at is None else hours.next_open(at)
        return AdditionAnswer(name, calendar, instant(start), maybe_instant(at), maybe_instant(next_open))
    assert question.is_open is not None, "a valid question asks one of three things"  # noqa: S101 (see validation)
    at = second_of(question.is_open, zone)
    return OpeningAnswer(name, calendar, instant(at), hours.is_open(at), maybe_instant(hours.next_open(at)))


def _added(add: Addition, start: int, hours: WorkingTime) -> int | None:
    if add.working_days is not None:
        cut_off_s = None if add.cut_off is None else seconds_of_day(add.cut_off)
        return hours.add_working_days(start, add.working_days, rule=add.day_rule, cut_off_s=cut_off_s)
    return hours.add(start, add.seconds if add.seconds is not None else (add.working_hours or 0) * _HOUR_S)
