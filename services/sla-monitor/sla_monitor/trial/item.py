"""The item of a document evaluated by the document's targets, with the rules that hold for every item."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.contracts.definitions import Agreement, Target
from shared.instants import epoch_us
from sla_monitor.domain import facts
from sla_monitor.domain.agreements import AgreementIndex, BoundTarget
from sla_monitor.domain.clock.exclusions import ExcludedTime
from sla_monitor.domain.clock.timeline import Timeline
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.trial.calendars import TrialCalendars
from sla_monitor.trial.consistency import services_of
from sla_monitor.trial.document import OPENINGS, TrialDocument, TrialEvent
from sla_monitor.trial.target_changes import SOURCE, select_targets
from sla_monitor.trial.times import read_time, second_of
from sla_monitor.trial.verdicts import TrialVerdict, trial_verdict

COUNCIL, ITEM, ANY_SERVICE = "council", "item", "any"


class UnjudgedTarget(Struct, frozen=True):
    """A target of the list `agreement` that has no verdict, and why."""

    target: str
    agreement: str
    reason: str


class ItemResult(Struct, frozen=True):
    """The verdicts on an item at `as_of` (epoch seconds); `notes` are on contradictions in its events."""

    as_of: int
    verdicts: list[TrialVerdict]
    unjudged: list[UnjudgedTarget]
    notes: tuple[str, ...]


def evaluate_item(document: TrialDocument, calendars: TrialCalendars) -> ItemResult | None:
    """The item evaluated; None where the document has no events."""
    if not document.events or document.as_of is None:
        return None
    zone, as_of = calendars.zone, second_of(document.as_of, calendars.zone)
    selection = select_targets(document, facts.history(_facts(document, zone)), zone)
    agreements = [(1, _agreement(name, targets)) for name, targets in selection.targets.items()]
    agreement_index = AgreementIndex(agreements, calendars)
    evaluation = evaluate(
        facts.history(selection.facts),
        council=COUNCIL,
        item=ITEM,
        agreement_index=agreement_index,
        exclusions=exclusions_of(document),
        as_of=as_of,
    )
    timeline = evaluation.timeline
    if timeline is None:
        return ItemResult(as_of, [], [], ("the item is opened after as_of",))
    verdicts = [trial_verdict(each, timeline, calendars, as_of=as_of) for each in evaluation.verdicts]
    unjudged = [*_unjudged(timeline, agreement_index, evaluation), *_of_other_services(timeline, selection.targets)]
    return ItemResult(as_of, verdicts, unjudged, evaluation.notes)


def exclusions_of(document: TrialDocument) -> tuple[ExcludedTime, ...]:
    """The document's exclusions, numbered from 1."""
    zone = document.wall_zone
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


def _agreement(name: str, targets: Sequence[Target]) -> Agreement:
    return Agreement(id=name, council=COUNCIL, provider="provider", title="Trial", targets=tuple(targets))


def _facts(document: TrialDocument, zone: ZoneInfo) -> list[facts.AnyFact]:
    services = services_of(document)
    service = services.pop() if len(services) == 1 else ANY_SERVICE
    # Facts of one instant and rank keep the order in which they were written.
    return [_fact(event, f"{number:04}", zone, service) for number, event in enumerate(document.events)]


def _fact(event: TrialEvent, name: str, zone: ZoneInfo, service: str) -> facts.AnyFact:
    at_us = epoch_us(read_time(event.at).on(zone))
    if event.event in OPENINGS:
        due_us = None if event.due_at is None else epoch_us(read_time(event.due_at).on(zone))
        priority = event.priority or "normal"
        return facts.Opened(at_us, SOURCE, name, event.service or service, priority, event.attributes, due_us, None)
    match event.event:
        case "reprioritised":
            return facts.Reprioritised(at_us, SOURCE, name, event.priority or "normal")
        case "resolved" | "completed" | "rejected":
            return facts.Stopped(at_us, SOURCE, name, event.event)
        case "cancelled":
            return facts.Cancelled(at_us, SOURCE, name, event.reason or "cancelled")
        case "paused":
            return facts.Paused(at_us, SOURCE, name, event.reason or "paused", event.awaiting or "council")
    return facts.PLAIN_FACTS[event.event](at_us, SOURCE, name)


def _unjudged(timeline: Timeline, index: AgreementIndex, evaluation: Evaluation) -> Iterator[UnjudgedTarget]:
    judged = {(verdict.bound_target.agreement, verdict.bound_target.target.id) for verdict in evaluation.verdicts}
    for bound_target in index.bound_targets(COUNCIL, timeline.opened.service, timeline.start):
        name, agreement = bound_target.target.id, bound_target.agreement
        if (agreement, name) not in judged:
            yield UnjudgedTarget(name, agreement, _why_unjudged(timeline, bound_target))


def _of_other_services(timeline: Timeline, lists: Mapping[str, Sequence[Target]]) -> Iterator[UnjudgedTarget]:
    for name, targets in lists.items():
        for target in targets:
            if target.measure != "availability" and target.service not in ("*", timeline.opened.service):
                yield UnjudgedTarget(target.id, name, "it is of another service")


def _why_unjudged(timeline: Timeline, bound_target: BoundTarget) -> str:
    applied = [bound_target.selects(priority, timeline.opened.attributes) for _, priority in timeline.priorities]
    if not any(applied):
        return "it does not apply to an item like this"
    return "its clock has not started" if applied[-1] else "it ceased to apply before it was missed"
