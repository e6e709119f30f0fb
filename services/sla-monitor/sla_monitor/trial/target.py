"""`try target`: the text of a document in, everything that holds of it out. Nothing is stored."""

from datetime import datetime

from msgspec import Struct

from shared.documents import WrittenIn, document_of
from shared.holidays import shipped_holidays
from shared.instants import instant
from sla_monitor.trial.availability import TrialAvailability, measure_availability
from sla_monitor.trial.calendars import Answer, answers, calendar_notes, calendars_of
from sla_monitor.trial.document import TrialDocument
from sla_monitor.trial.faults import read_document
from sla_monitor.trial.item import UnjudgedTarget, evaluate_item
from sla_monitor.trial.verdicts import TrialVerdict


class TrialAnswer(Struct, frozen=True):
    """All that holds of a document: verdicts on its item, availability, answers, and notes on how it was read.

    Instants are RFC 3339 in UTC; seconds are the clock's own (working or elapsed).
    """

    title: str | None
    zone: str
    as_of: datetime | None
    verdicts: list[TrialVerdict]
    unjudged: list[UnjudgedTarget]
    availability: list[TrialAvailability]
    answers: list[Answer]
    notes: list[str]


def try_target(raw: bytes, *, written_in: WrittenIn) -> TrialAnswer:
    """The answer to the document that `raw` is; raises `NotStrictJson` and `InvalidDocument`."""
    return _answer(document_of(raw, written_in, read_document))


def _answer(document: TrialDocument) -> TrialAnswer:
    holidays = shipped_holidays()
    calendars = calendars_of(document, holidays)
    item = evaluate_item(document, calendars)
    return TrialAnswer(
        title=document.title,
        zone=calendars.zone.key,
        as_of=None if item is None else instant(item.as_of),
        verdicts=[] if item is None else item.verdicts,
        unjudged=[] if item is None else item.unjudged,
        availability=measure_availability(document, calendars),
        answers=answers(document, calendars),
        notes=[*calendar_notes(document, holidays), *(() if item is None else item.notes)],
    )
