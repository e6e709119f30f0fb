"""All that is wrong with a document: of each part by itself, then of the parts together.

A part that cannot be read does not hide what is wrong with the others; what the parts say together is looked at once
each of them is right.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from shared.contracts.calendar_rules import setting_faults
from shared.contracts.target_rules import target_faults
from shared.contracts.thresholds import ElapsedSeconds, parse_threshold
from shared.faults import Fault, Path
from shared.holidays import shipped_holidays
from shared.validation import InvalidValue, validated, value_faults
from shared.written_time import InvalidTime, When, read_time
from sla_monitor.trial.consistency import consistency_faults
from sla_monitor.trial.document import (
    OPENINGS,
    Addition,
    Question,
    TargetChange,
    TrialCalendar,
    TrialDocument,
    TrialEvent,
    TrialExclusion,
    TrialOutage,
    TrialTarget,
    times,
)

_FIRST_DAY, _END_DAY = date(2000, 1, 1), date(2050, 1, 1)
Part = TrialCalendar | TrialTarget | TargetChange | TrialEvent | TrialExclusion | TrialOutage | Question
_LISTS: Mapping[str, type[Part]] = {
    "calendars": TrialCalendar,
    "targets": TrialTarget,
    "target_changes": TargetChange,
    "events": TrialEvent,
    "exclusions": TrialExclusion,
    "outages": TrialOutage,
    "questions": Question,
}
# Which events the optional fields belong to.
_BELONG = {
    "service": (*OPENINGS, "reclassified"),
    "attributes": (*OPENINGS, "reclassified"),
    "due_at": OPENINGS,
    "priority": (*OPENINGS, "reprioritised", "reclassified"),
    "reason": ("paused", "cancelled", "rejected"),
    "awaiting": ("paused",),
}


def read_document(value: object) -> TrialDocument:
    """The document that a plain value is; raises `InvalidValue` with all that is wrong with it."""
    shape = value_faults(value, TrialDocument)
    faults = [*shape, *(_part_faults(value) if isinstance(value, dict) else ())]
    if not faults:
        document = validated(value, TrialDocument)
        faults = consistency_faults(document)
    if faults:
        raise InvalidValue(faults)
    return document


def with_default_calendar(target: TrialTarget, calendars: Iterable[str]) -> TrialTarget:
    """The target, its calendar the only one there is unless it names one itself, or counts time around the clock."""
    known = set(calendars)
    if target.calendar is not None or len(known) != 1 or _needs_none(target):
        return target
    return msgspec.structs.replace(target, calendar=known.pop())


def _needs_none(target: TrialTarget) -> bool:
    in_hours = target.measure in ("update-interval", "periodic-update", "availability")
    return isinstance(parse_threshold(target.within), ElapsedSeconds) and not in_hours


def _part_faults(value: Mapping[str, Any]) -> Iterator[Fault]:
    calendars = _calendar_names(value)
    for at, part in _readable_parts(value):
        yield from (fault.below(*at) for fault in _faults_of(part, calendars))
    as_of = value.get("as_of")
    if isinstance(as_of, str) and not value_faults(as_of, When):
        yield from _time_faults([(("as_of",), as_of)])


def _calendar_names(value: Mapping[str, Any]) -> set[str]:
    """Also of calendars that cannot be read: a target that counts on one is not wrong for that."""
    entries = [value.get("calendar"), *_listed(value, "calendars")]
    names = [entry.get("id", "calendar") for entry in entries if isinstance(entry, dict)]
    return {name for name in names if isinstance(name, str)}


def _readable_parts(value: Mapping[str, Any]) -> Iterator[tuple[Path, Part]]:
    candidates: list[tuple[Path, Any, type[Part]]] = [(("calendar",), value.get("calendar"), TrialCalendar)]
    for name, expected in _LISTS.items():
        candidates += [((name, index), entry, expected) for index, entry in enumerate(_listed(value, name))]
    for index, change in enumerate(_listed(value, "target_changes")):
        targets = _listed(change, "targets") if isinstance(change, dict) else []
        candidates += [
            (("target_changes", index, "targets", number), entry, TrialTarget) for number, entry in enumerate(targets)
        ]
    for at, entry, expected in candidates:
        if entry is not None and not value_faults(entry, expected):
            yield at, validated(entry, expected)


def _listed(value: Mapping[str, Any], name: str) -> list[Any]:
    entries = value.get(name)
    return entries if isinstance(entries, list) else []


def _faults_of(part: Part, calendars: Iterable[str]) -> Iterator[Fault]:
    yield from _time_faults(times(part))
    match part:
        case TrialCalendar():
            yield from _calendar_faults(part)
        case TrialTarget():
            yield from target_faults(with_default_calendar(part, calendars))
        case TrialEvent():
            yield from _event_faults(part)
        case Question():
            yield from _question_faults(part)


def _time_faults(written: Iterable[tuple[Path, str]]) -> Iterator[Fault]:
    for path, text in written:
        try:
            read_time(text)
        except InvalidTime as fault:
            yield Fault(path, str(fault))


def _calendar_faults(calendar: TrialCalendar) -> Iterator[Fault]:
    yield from setting_faults(calendar, shipped_holidays())
    if not _FIRST_DAY <= calendar.effective_from < _END_DAY:
        yield Fault(("effective_from",), "expected a date of the years 2000 to 2049")


def _event_faults(event: TrialEvent) -> Iterator[Fault]:
    for name, events in _BELONG.items():
        if getattr(event, name) and event.event not in events:
            yield Fault((name,), f"has no meaning for {event.event}")
    if event.event == "reprioritised" and event.priority is None:
        yield Fault(("priority",), "is missing: it is what changes")
    if event.event != "reclassified":
        taken_away = [name for name, value in event.attributes.items() if value is None]
        yield from (Fault(("attributes", name), "expected text: nothing to take away yet") for name in taken_away)
    elif event.service is None and event.priority is None and not event.attributes:
        yield Fault((), "changes nothing: give service, priority or attributes")


def _question_faults(question: Question) -> Iterator[Fault]:
    if sum(asked is not None for asked in (question.between, question.add, question.is_open)) != 1:
        yield Fault((), "expected exactly one of between, add and is_open")
    if question.add is not None:
        yield from (fault.below("add") for fault in _addition_faults(question.add))


def _addition_faults(add: Addition) -> Iterator[Fault]:
    if sum(amount is not None for amount in (add.seconds, add.working_hours, add.working_days)) != 1:
        yield Fault((), "expected exactly one of seconds, working_hours and working_days")
    if add.working_days is None and add.day_rule != "closing-time":
        yield Fault(("day_rule",), "has an effect only on working_days")
    if add.cut_off is not None and (add.working_days is None or add.day_rule != "closing-time"):
        yield Fault(("cut_off",), "has an effect only on working_days that end at closing time")
