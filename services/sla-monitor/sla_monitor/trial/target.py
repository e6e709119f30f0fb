"""`try target`: the text of a document in, everything that holds of it out. Nothing is stored."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from shared.faults import Fault, LocatedFault, TextPosition, listed, position_of
from shared.holidays import shipped_holidays
from shared.instants import instant
from shared.json_values import strict_json
from shared.validation import InvalidValue
from shared.yaml_values import YamlValues, read_yaml
from sla_monitor.trial.availability import TrialAvailability, measure_availability
from sla_monitor.trial.calendars import Answer, answers, calendar_notes, calendars_of
from sla_monitor.trial.document import TrialDocument
from sla_monitor.trial.faults import read_document
from sla_monitor.trial.item import UnjudgedTarget, evaluate_item
from sla_monitor.trial.verdicts import TrialVerdict

MAX_DOCUMENT_BYTES = 262_144


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


class InvalidDocument(ValueError):
    """The text is no document; `faults` is all that is wrong with it, in the order of the text."""

    def __init__(self, faults: list[LocatedFault]) -> None:
        super().__init__("\n".join(listed(faults)))
        self.faults = faults


def try_target(raw: bytes, *, written_in: Literal["json", "yaml"]) -> TrialAnswer:
    """The answer to the document that `raw` is; raises `NotStrictJson` and `InvalidDocument`."""
    values = YamlValues(strict_json(raw)) if written_in == "json" else _yaml(raw)
    faults = list(values.faults)
    if values.value is not None or not faults:
        try:
            document = read_document(values.value)
        except InvalidValue as refused:
            faults += refused.faults
    if faults:
        located = [LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults]
        raise InvalidDocument(sorted(located, key=lambda each: each.position or TextPosition(0, 0)))
    return _answer(document)


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


def _yaml(raw: bytes) -> YamlValues:
    try:
        return read_yaml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return YamlValues(faults=[Fault((), "is not UTF-8")])
