"""The item of a document judged by the document's targets, with the rules that judge every item."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.contracts.definitions import Agreement, Target
from sla_monitor.domain.course import Course, read_course
from sla_monitor.domain.facts import (
    AnyFact,
    Asked,
    Assigned,
    Cancelled,
    Closed,
    Opened,
    Paused,
    Reopened,
    Reprioritised,
    Responded,
    Resumed,
    Stopped,
    history,
    microseconds,
)
from sla_monitor.domain.legs import Leg, measure_legs
from sla_monitor.domain.terms import Book, Term
from sla_monitor.domain.trying.document import OPENINGS, TargetTrial, TriedEvent
from sla_monitor.domain.trying.reading import Calendars, exclusions_of
from sla_monitor.domain.trying.selecting import SOURCE, selecting
from sla_monitor.domain.trying.times import read_time
from sla_monitor.domain.trying.together import second_of, services_of
from sla_monitor.domain.verdict import Evaluation, Outcome, Verdict, evaluate

COUNCIL, ITEM, ANY_SERVICE = "council", "item", "any"
_PLAIN: dict[str, type[Assigned | Asked | Responded | Closed | Resumed | Reopened]] = {
    "assigned": Assigned,
    "started": Assigned,
    "asked": Asked,
    "responded": Responded,
    "closed": Closed,
    "resumed": Resumed,
    "reopened": Reopened,
}


class JudgedVerdict(Struct, frozen=True):
    """A verdict and the legs behind it; none where nothing could be measured."""

    verdict: Verdict
    legs: tuple[Leg, ...]


class Unjudged(Struct, frozen=True):
    """A target without a verdict, and why."""

    target: str
    targets: str
    reason: str


class JudgedItem(Struct, frozen=True):
    """What holds of the item at `as_of` (epoch seconds), by target and cycle."""

    as_of: int
    evaluation: Evaluation
    verdicts: tuple[JudgedVerdict, ...]
    unjudged: tuple[Unjudged, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was contradictory in the events, and settled."""
        if self.evaluation.opened is None:
            return ("the item is opened after as_of",)
        return self.evaluation.notes


def judge_item(document: TargetTrial, calendars: Calendars) -> JudgedItem | None:
    """The item judged; None where the document has no events."""
    if not document.events or document.as_of is None:
        return None
    as_of = second_of(document.as_of, calendars.zone)
    chosen = selecting(document, history(_facts(document, calendars.zone)), calendars.zone)
    book = Book([(1, _agreement(name, targets)) for name, targets in chosen.targets.items()], calendars)
    facts = history(chosen.facts)
    evaluation = evaluate(facts, council=COUNCIL, item=ITEM, book=book, exclusions=exclusions_of(document), as_of=as_of)
    course, _ = read_course(facts, as_of_s=as_of)
    if course is None:
        return JudgedItem(as_of, evaluation, (), ())
    judged = tuple(JudgedVerdict(each, _legs(course, each, as_of)) for each in evaluation.verdicts)
    unjudged = (*_unjudged(course, book, evaluation), *_of_other_services(course, chosen.targets))
    return JudgedItem(as_of, evaluation, judged, unjudged)


def _agreement(name: str, targets: Sequence[Target]) -> Agreement:
    return Agreement(id=name, council=COUNCIL, provider="provider", title="Tried", targets=tuple(targets))


def _facts(document: TargetTrial, zone: ZoneInfo) -> list[AnyFact]:
    services = services_of(document)
    service = services.pop() if len(services) == 1 else ANY_SERVICE
    # Facts of one instant and rank keep the order in which they were written.
    return [_fact(event, f"{number:04}", zone, service) for number, event in enumerate(document.events)]


def _fact(event: TriedEvent, name: str, zone: ZoneInfo, service: str) -> AnyFact:
    at_us = _us(event.at, zone)
    if event.event in OPENINGS:
        due_us = None if event.due_at is None else _us(event.due_at, zone)
        priority = event.priority or "normal"
        return Opened(at_us, SOURCE, name, event.service or service, priority, event.attributes, due_us, None)
    match event.event:
        case "reprioritised":
            return Reprioritised(at_us, SOURCE, name, event.priority or "normal")
        case "resolved" | "completed" | "rejected":
            return Stopped(at_us, SOURCE, name, event.event)
        case "cancelled":
            return Cancelled(at_us, SOURCE, name, event.reason or "cancelled")
        case "paused":
            return Paused(at_us, SOURCE, name, event.reason or "paused", event.awaiting or "council")
    return _PLAIN[event.event](at_us, SOURCE, name)


def _us(text: str, zone: ZoneInfo) -> int:
    return microseconds(read_time(text).on(zone))


def _legs(course: Course, verdict: Verdict, as_of: int) -> tuple[Leg, ...]:
    if verdict.outcome is Outcome.UNMEASURABLE or not verdict.life.legs:
        return ()
    return tuple(measure_legs(course, verdict.term, verdict.life, as_of=min(as_of, verdict.until)))


def _unjudged(course: Course, book: Book, evaluation: Evaluation) -> Iterator[Unjudged]:
    judged = {(verdict.term.agreement, verdict.term.target.id) for verdict in evaluation.verdicts}
    for term in book.terms(COUNCIL, course.opened.service, course.start):
        if (term.agreement, term.target.id) not in judged:
            yield Unjudged(term.target.id, term.agreement, _why_unjudged(course, term))


def _of_other_services(course: Course, lists: Mapping[str, Sequence[Target]]) -> Iterator[Unjudged]:
    for name, targets in lists.items():
        for target in targets:
            if target.measure != "availability" and target.service not in ("*", course.opened.service):
                yield Unjudged(target.id, name, "it is of another service")


def _why_unjudged(course: Course, term: Term) -> str:
    selected = [term.selects(priority, course.opened.attributes) for _, priority in course.priorities]
    if not any(selected):
        return "it is not meant for an item like this"
    return "its clock has not started" if selected[-1] else "it ceased to hold before it was missed"
