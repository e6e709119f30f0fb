"""What is wrong between the parts of a document: their ids, their times, what one needs of another.

For documents whose parts are right by themselves.
"""

from collections.abc import Iterator

from shared.contracts.calendar_rules import intervals_a_day, intervals_a_week, is_time_zone
from shared.contracts.definitions import EVERY_SERVICE
from shared.faults import Fault, Path
from shared.instants import DAY_S
from shared.written_time import LAST_YEAR, second_of
from sla_monitor.trial.document import OPENINGS, TrialDocument, TrialExclusion, TrialOutage, TrialTarget

MAX_DAYS = 3660
# For each target a trace has a segment for every interval of open hours, and for the time between: a second's work.
MAX_SEGMENTS = 150_000
# Over all calendars. Compiled for half a century they take half a second and 200 MB.
MAX_WEEKLY_INTERVALS = 200


def consistency_faults(document: TrialDocument) -> list[Fault]:
    """All that is wrong between the parts."""
    faults = list(_zone(document))
    rules = (_calendars, _intervals, _targets, _references, _item, _availability, _purpose)
    faults += [fault for rule in rules for fault in rule(document)]
    # Without its zone a time is no instant yet.
    return faults or [fault for rule in (_item_span, _spans) for fault in rule(document)]


def _zone(document: TrialDocument) -> Iterator[Fault]:
    zones = {calendar.zone for calendar in document.all_calendars}
    if document.zone is None and len(zones) > 1:
        yield Fault(("zone",), "is missing: the calendars are in several zones")
    elif document.zone is not None and not is_time_zone(document.zone):
        yield Fault(("zone",), "expected a time zone like Europe/London")


def _calendars(document: TrialDocument) -> Iterator[Fault]:
    if document.calendar is not None and document.calendars:
        yield Fault(("calendar",), "is given beside calendars: write one of them")
        return
    zones: dict[str, str] = {}
    seen = set()
    for index, calendar in enumerate(document.calendars):
        if (calendar.id, calendar.effective_from) in seen:
            yield Fault(("calendars", index), "has the id and effective_from of an earlier one: give it one of its own")
        if zones.setdefault(calendar.id, calendar.zone) != calendar.zone:
            yield Fault(("calendars", index, "zone"), "is not that of its other versions: give it another id")
        seen.add((calendar.id, calendar.effective_from))


def _intervals(document: TrialDocument) -> Iterator[Fault]:
    by_id: dict[str, int] = {}
    for calendar in document.all_calendars:
        by_id[calendar.id] = max(by_id.get(calendar.id, 0), intervals_a_week(calendar))
    if sum(by_id.values()) > MAX_WEEKLY_INTERVALS:
        where = "calendars" if document.calendars else "calendar"
        yield Fault((where,), f"expected at most {MAX_WEEKLY_INTERVALS} intervals and breaks a week in all calendars")


def _each_target(document: TrialDocument) -> Iterator[tuple[Path, TrialTarget]]:
    yield from ((("targets", index), target) for index, target in enumerate(document.targets))
    for number, change in enumerate(document.target_changes):
        yield from ((("target_changes", number, "targets", index), each) for index, each in enumerate(change.targets))


def _targets(document: TrialDocument) -> Iterator[Fault]:
    seen: set[tuple[Path, str]] = set()
    for at, target in _each_target(document):
        if (at[:-1], target.id) in seen:
            yield Fault((*at, "id"), "is the id of an earlier target: give each its own")
        seen.add((at[:-1], target.id))
        if at[0] == "target_changes" and target.measure == "availability":
            yield Fault((*at, "measure"), "availability is not of an item: put it in targets")


def _references(document: TrialDocument) -> Iterator[Fault]:
    calendars = {calendar.id for calendar in document.all_calendars}
    targets = {target.id for _, target in _each_target(document)}
    for at, target in _each_target(document):
        if target.calendar is not None and target.calendar not in calendars:
            yield Fault((*at, "calendar"), "is no calendar of this document")
    for index, exclusion in enumerate(document.exclusions):
        if exclusion.target is not None and exclusion.target not in targets:
            yield Fault(("exclusions", index, "target"), "is no target of this document")
    for index, question in enumerate(document.questions):
        if question.calendar is None and len(calendars) != 1:
            yield Fault(("questions", index, "calendar"), "is missing: the document has not exactly one calendar")
        elif question.calendar is not None and question.calendar not in calendars:
            yield Fault(("questions", index, "calendar"), "is no calendar of this document")


def _item(document: TrialDocument) -> Iterator[Fault]:
    judged = any(target.measure != "availability" for _, target in _each_target(document))
    if judged and not document.events:
        yield Fault(("events",), "is missing: the targets are judged on what happened to an item")
    if not document.events:
        return
    if not judged:
        yield Fault(("targets",), "is missing: there is nothing to judge the events by")
    if document.as_of is None:
        yield Fault(("as_of",), "is missing: say the instant at which to judge")
    openings = [index for index, event in enumerate(document.events) if event.event in OPENINGS]
    if not openings:
        yield Fault(("events",), "has no opened: an item begins with it")
    elif document.events[openings[0]].service is None and len(services_of(document)) > 1:
        yield Fault(("events", openings[0], "service"), "is missing: the targets are of several services")


def services_of(document: TrialDocument) -> set[str]:
    """The services that the targets of items name."""
    listed = (target for targets in document.target_lists for target in targets)
    return {target.service for target in listed if target.measure != "availability"} - {EVERY_SERVICE}


def _item_span(document: TrialDocument) -> Iterator[Fault]:
    zone = document.wall_zone
    opened = [second_of(event.at, zone) for event in document.events if event.event in OPENINGS]
    if not opened or document.as_of is None:
        return
    days = (second_of(document.as_of, zone) - min(opened)) // DAY_S
    segments = sum(map(len, document.target_lists)) * _segments_a_day(document)
    if days > MAX_DAYS:
        yield Fault(("as_of",), f"expected an instant within {MAX_DAYS} days of the opening")
    elif days * segments > MAX_SEGMENTS:
        most = MAX_SEGMENTS // segments
        yield Fault(
            ("as_of",), f"expected an instant within {most} days of the opening, with so many targets and hours"
        )


def _segments_a_day(document: TrialDocument) -> int:
    most = max((intervals_a_day(calendar) for calendar in document.all_calendars), default=1)
    return 2 * most + 1


def _availability(document: TrialDocument) -> Iterator[Fault]:
    measured = any(target.measure == "availability" for target in document.targets)
    if measured and document.period is None:
        yield Fault(("period",), "is missing: availability is a share of a period")
    if document.period is not None and int(document.period[:4]) > LAST_YEAR:
        yield Fault(("period",), f"expected a month up to {LAST_YEAR}-12: calendars are worked out until then")
    for name in ("outages", "period"):
        if getattr(document, name) and not measured:
            yield Fault((name,), "has an effect only on a target of availability")


def _spans(document: TrialDocument) -> Iterator[Fault]:
    zone = document.wall_zone
    spans: list[tuple[str, int, TrialExclusion | TrialOutage]] = []
    spans += [("exclusions", index, span) for index, span in enumerate(document.exclusions)]
    spans += [("outages", index, span) for index, span in enumerate(document.outages)]
    for name, index, span in spans:
        if span.end is not None and second_of(span.end, zone) < second_of(span.start, zone):
            yield Fault((name, index, "end"), "is before its start")


def _purpose(document: TrialDocument) -> Iterator[Fault]:
    if not (document.events or document.questions or document.targets):
        yield Fault((), "asks nothing: give targets and events, or questions")
