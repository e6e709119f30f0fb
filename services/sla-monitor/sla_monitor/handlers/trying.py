"""Trying a target: the text of a document in, everything that holds of it out. Nothing is stored."""

from typing import Literal

from msgspec import Struct

from shared.faults import Fault, LocatedFault, Place, place_of
from shared.holidays import shipped_holidays
from shared.json_values import strict_json
from shared.shapes import Misshapen
from shared.yaml_values import YamlValues, read_yaml
from sla_monitor.domain.trying.document import TargetTrial
from sla_monitor.domain.trying.faults import read_document
from sla_monitor.domain.trying.item import JudgedItem, judge_item
from sla_monitor.domain.trying.questions import Answer, answers
from sla_monitor.domain.trying.reading import Calendars, calendars_of, notes_on
from sla_monitor.domain.trying.service import MeasuredAvailability, measure_availability

MOST_BYTES = 262_144


class Tried(Struct, frozen=True):
    """All that holds of a document. `item` is None where it tells of none."""

    document: TargetTrial
    calendars: Calendars
    item: JudgedItem | None
    availability: list[MeasuredAvailability]
    answers: list[Answer]
    notes: list[str]


class UnreadableDocument(ValueError):
    """The text is no document; `faults` is all that is wrong with it, in the order of the text."""

    def __init__(self, faults: list[LocatedFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def try_target(raw: bytes, *, written_in: Literal["json", "yaml"]) -> Tried:
    """What holds of the document that `raw` is; raises `NotStrictJson` and `UnreadableDocument`."""
    values = YamlValues(strict_json(raw)) if written_in == "json" else _yaml(raw)
    faults = list(values.faults)
    if values.value is not None or not faults:
        try:
            document = read_document(values.value)
        except Misshapen as refused:
            faults += refused.faults
    if faults:
        located = [LocatedFault(fault, place_of(fault.path, values.places)) for fault in faults]
        raise UnreadableDocument(sorted(located, key=lambda each: each.place or Place(0, 0)))
    return _tried(document)


def _tried(document: TargetTrial) -> Tried:
    holidays = shipped_holidays()
    calendars = calendars_of(document, holidays)
    item = judge_item(document, calendars)
    return Tried(
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
