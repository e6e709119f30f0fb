"""The item of a document judged by the document's targets, with the rules that judge every item."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.contracts.definitions import Agreement, Target
from shared.instants import epoch_us
from sla_monitor.domain.agreements import AgreementIndex, BoundTarget
from sla_monitor.domain.clock.due import ClockInterval, measure_intervals
from sla_monitor.domain.clock.timeline import Timeline, read_timeline
from sla_monitor.domain.clock.verdict import Evaluation, Outcome, Verdict, evaluate
from sla_monitor.domain.facts import (
    PLAIN_FACTS,
    AnyFact,
    Cancelled,
    Opened,
    Paused,
    Reprioritised,
    Stopped,
    history,
)
from sla_monitor.trial.calendars import TrialCalendars, exclusions_of
from sla_monitor.trial.consistency import second_of, services_of
from sla_monitor.trial.document import OPENINGS, TrialDocument, TrialEvent
from sla_monitor.trial.target_changes import SOURCE, select_targets
from sla_monitor.trial.times import read_time

COUNCIL, ITEM, ANY_SERVICE = "council", "item", "any"


class VerdictResult(Struct, frozen=True):
    """A verdict and the legs behind it; none where nothing could be measured."""

    verdict: Verdict
    intervals: tuple[ClockInterval, ...]


class TargetWithoutVerdict(Struct, frozen=True):
    """A target without a verdict, and why."""

    target: str
    targets: str
    reason: str


class ItemResult(Struct, frozen=True):
    """What holds of the item at `as_of` (epoch seconds), by target and cycle."""

    as_of: int
    evaluation: Evaluation
    verdicts: tuple[VerdictResult, ...]
    unjudged: tuple[TargetWithoutVerdict, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was contradictory in the events, and settled."""
        if self.evaluation.opened is None:
            return ("the item is opened after as_of",)
        return self.evaluation.notes


def evaluate_item(document: TrialDocument, calendars: TrialCalendars) -> ItemResult | None:
    """The item judged; None where the document has no events."""
    if not document.events or document.as_of is None:
        return None
    as_of = second_of(document.as_of, calendars.zone)
    chosen = select_targets(document, history(_facts(document, calendars.zone)), calendars.zone)
    agreement_index = AgreementIndex(
        [(1, _agreement(name, targets)) for name, targets in chosen.targets.items()], calendars
    )
    facts = history(chosen.facts)
    evaluation = evaluate(
        facts,
        council=COUNCIL,
        item=ITEM,
        agreement_index=agreement_index,
        exclusions=exclusions_of(document),
        as_of=as_of,
    )
    timeline, _ = read_timeline(facts, as_of_s=as_of)
    if timeline is None:
        return ItemResult(as_of, evaluation, (), ())
    judged = tuple(VerdictResult(each, _legs(timeline, each, as_of)) for each in evaluation.verdicts)
    unjudged = (*_unjudged(timeline, agreement_index, evaluation), *_of_other_services(timeline, chosen.targets))
    return ItemResult(as_of, evaluation, judged, unjudged)


def _agreement(name: str, targets: Sequence[Target]) -> Agreement:
    return Agreement(id=name, council=COUNCIL, provider="provider", title="Tried", targets=tuple(targets))


def _facts(document: TrialDocument, zone: ZoneInfo) -> list[AnyFact]:
    services = services_of(document)
    service = services.pop() if len(services) == 1 else ANY_SERVICE
    # Facts of one instant and rank keep the order in which they were written.
    return [_fact(event, f"{number:04}", zone, service) for number, event in enumerate(document.events)]


def _fact(event: TrialEvent, name: str, zone: ZoneInfo, service: str) -> AnyFact:
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
    return PLAIN_FACTS[event.event](at_us, SOURCE, name)


def _us(text: str, zone: ZoneInfo) -> int:
    return epoch_us(read_time(text).on(zone))


def _legs(timeline: Timeline, verdict: Verdict, as_of: int) -> tuple[ClockInterval, ...]:
    if verdict.outcome is Outcome.UNMEASURABLE or not verdict.cycle.intervals:
        return ()
    return tuple(measure_intervals(timeline, verdict.bound_target, verdict.cycle, as_of=min(as_of, verdict.until)))


def _unjudged(
    timeline: Timeline, agreement_index: AgreementIndex, evaluation: Evaluation
) -> Iterator[TargetWithoutVerdict]:
    judged = {(verdict.bound_target.agreement, verdict.bound_target.target.id) for verdict in evaluation.verdicts}
    for bound_target in agreement_index.bound_targets(COUNCIL, timeline.opened.service, timeline.start):
        if (bound_target.agreement, bound_target.target.id) not in judged:
            yield TargetWithoutVerdict(
                bound_target.target.id, bound_target.agreement, _why_unjudged(timeline, bound_target)
            )


def _of_other_services(timeline: Timeline, lists: Mapping[str, Sequence[Target]]) -> Iterator[TargetWithoutVerdict]:
    for name, targets in lists.items():
        for target in targets:
            if target.measure != "availability" and target.service not in ("*", timeline.opened.service):
                yield TargetWithoutVerdict(target.id, name, "it is of another service")


def _why_unjudged(timeline: Timeline, bound_target: BoundTarget) -> str:
    selected = [bound_target.selects(priority, timeline.opened.attributes) for _, priority in timeline.priorities]
    if not any(selected):
        return "it is not meant for an item like this"
    return "its clock has not started" if selected[-1] else "it ceased to hold before it was missed"
