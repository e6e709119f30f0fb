"""Plain questions to a calendar, answered."""

from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.instants import seconds_of_day
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.trial.calendars import TrialCalendars
from sla_monitor.trial.consistency import second_of
from sla_monitor.trial.document import Addition, Question, TrialDocument

_HOUR_S = 3600


class Between(Struct, frozen=True):
    """Open seconds in [start, end), and how many working days lie after the date of `start` up to that of `end`."""

    start: int
    end: int
    seconds: int
    working_days: int


class Added(Struct, frozen=True):
    """The earliest instant by which so much has passed since `start`, and the first open one from there on.

    They differ at a closing instant, where other systems answer the opening. None where there is none.
    """

    start: int
    at: int | None
    next_open: int | None


class Opening(Struct, frozen=True):
    """Whether the second that begins at `at` is open, and the first open instant from there on; None if never."""

    at: int
    open: bool
    next_open: int | None


class Answer(Struct, frozen=True):
    """The answer to one question of one calendar."""

    id: str | None
    calendar: str
    found: Between | Added | Opening


def answers(document: TrialDocument, calendars: TrialCalendars) -> list[Answer]:
    """An answer to each question, in their order."""
    only = next(iter(calendars.bound), "")
    return [_answer(question, question.calendar or only, calendars) for question in document.questions]


def _answer(question: Question, calendar: str, calendars: TrialCalendars) -> Answer:
    hours, zone = calendars(calendar).hours, calendars.zone
    found: Between | Added | Opening
    if question.between is not None:
        start, end = (second_of(text, zone) for text in question.between)
        found = Between(start, end, hours.between(start, end), hours.working_days_between(start, end))
    elif question.add is not None:
        found = _added(question.add, hours, zone)
    elif question.is_open is not None:
        at = second_of(question.is_open, zone)
        found = Opening(at, hours.is_open(at), hours.next_open(at))
    else:
        raise AssertionError("a readable question asks one of three things")
    return Answer(question.id, calendar, found)


def _added(add: Addition, hours: WorkingTime, zone: ZoneInfo) -> Added:
    start = second_of(add.to, zone)
    if add.working_days is not None:
        cut_off_s = None if add.cut_off is None else seconds_of_day(add.cut_off)
        at = hours.add_working_days(start, add.working_days, rule=add.day_rule, cut_off_s=cut_off_s)
    else:
        seconds = add.seconds if add.seconds is not None else (add.working_hours or 0) * _HOUR_S
        at = hours.add(start, seconds)
    return Added(start, at, None if at is None else hours.next_open(at))
