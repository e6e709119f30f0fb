"""Trying a target: the text of a document in, everything that holds of it out. Nothing is stored."""

from typing import Literal

from msgspec import Struct

from shared.faults import Fault, LocatedFault, TextPosition, position_of
from shared.holidays import shipped_holidays
from shared.json_values import strict_json
from shared.validation import InvalidValue
from shared.yaml_values import YamlValues, read_yaml
from sla_monitor.trial.availability import MeasuredAvailability, measure_availability
from sla_monitor.trial.calendars import TrialCalendars, calendars_of, notes_on
from sla_monitor.trial.document import TrialDocument
from sla_monitor.trial.faults import read_document
from sla_monitor.trial.item import ItemResult, evaluate_item
from sla_monitor.trial.questions import Answer, answers

MAX_DOCUMENT_BYTES = 262_144


class TrialResult(Struct, frozen=True):
    """All that holds of a document. `item` is None where it tells of none."""

    document: TrialDocument
    calendars: TrialCalendars
    item: ItemResult | None
    availability: list[MeasuredAvailability]
    answers: list[Answer]
    notes: list[str]


class InvalidDocument(ValueError):
    """The text is no document; `faults` is all that is wrong with it, in the order of the text."""

    def __init__(self, faults: list[LocatedFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def try_target(raw: bytes, *, written_in: Literal["json", "yaml"]) -> TrialResult:
    """What holds of the document that `raw` is; raises `NotStrictJson` and `InvalidDocument`."""
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
    return _tried(document)


def _tried(document: TrialDocument) -> TrialResult:
    holidays = shipped_holidays()
    calendars = calendars_of(document, holidays)
    item = evaluate_item(document, calendars)
    return TrialResult(
        document=document,
        calendars=calendars,
        item=item,
        availability=measure_availability(document, calendars),
        answers=answers(document, calendars),
        notes=[*notes_on(document, holidays), *(item.notes if item else ())],
    )


def _yaml(raw: bytes) -> YamlValues:
    try:
        return read_yaml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return YamlValues(faults=[Fault((), "is not UTF-8")])
