"""The item of a document evaluated by the document's targets, with the rules that hold for every item.

A change of targets during the item is expressed as a change of its priority: the rules of such a change (R28: the start
and the pauses stay, misses by then stay, `on_change`) are written once, for priorities. So each list of targets has
priorities of its own: `2:high` selects what list 2 means for `high`. A target that the next list has unchanged is one
target, selected by the priorities of both.
"""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Agreement, Target
from shared.instants import SECOND_US, epoch_us
from shared.written_time import read_time, second_of
from sla_monitor.domain import facts
from sla_monitor.domain.agreements import AgreementIndex, BoundTarget
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.timeline import FOREVER, Timeline, read_timeline
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.trial.calendars import TrialCalendars
from sla_monitor.trial.consistency import services_of
from sla_monitor.trial.document import OPENINGS, TrialDocument, TrialEvent, TrialTarget
from sla_monitor.trial.faults import with_default_calendar
from sla_monitor.trial.verdicts import TrialVerdict, trial_verdict

COUNCIL, ITEM, ANY_SERVICE = "council", "item", "any"
FIRST_LIST, CHANGED_LIST = "targets", "target-changes-{}"
SOURCE = "/try"


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
        stream="ticket",
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
    return [_fact(event, zone, service) for event in document.events]


def _opened(event: TrialEvent, name: str, zone: ZoneInfo, service: str) -> facts.Opened:
    due_us = None if event.due_at is None else epoch_us(read_time(event.due_at).on(zone))
    attributes = {name: value for name, value in event.attributes.items() if value is not None}
    return facts.Opened(
        epoch_us(read_time(event.at).on(zone)),
        SOURCE,
        name,
        event.sequence or "",
        event.service or service,
        event.priority or "normal",
        attributes,
        due_us,
        None,
    )


# One line a kind reads as the table that it is.
def _fact(event: TrialEvent, zone: ZoneInfo, service: str) -> facts.AnyFact:  # noqa: PLR0911
    # An id decides last on facts of one instant (R23). In its place what the event says, never its place in the list.
    name = msgspec.json.encode(msgspec.structs.replace(event, at="", sequence=None), order="deterministic").decode()
    at_us, sequence = epoch_us(read_time(event.at).on(zone)), event.sequence or ""
    if event.event in OPENINGS:
        return _opened(event, name, zone, service)
    match event.event:
        case "reprioritised":
            return facts.Reprioritised(at_us, SOURCE, name, sequence, event.priority or "normal")
        case "reclassified":
            return facts.Reclassified(at_us, SOURCE, name, sequence, event.service, event.priority, event.attributes)
        case "resolved" | "completed" | "rejected":
            return facts.Stopped(at_us, SOURCE, name, sequence, event.event)
        case "cancelled":
            return facts.Cancelled(at_us, SOURCE, name, sequence, event.reason or "cancelled")
        case "paused":
            return facts.Paused(at_us, SOURCE, name, sequence, event.reason or "paused", event.awaiting or "council")
    return facts.PLAIN_FACTS[event.event](at_us, SOURCE, name, sequence)


def _unjudged(timeline: Timeline, index: AgreementIndex, evaluation: Evaluation) -> Iterator[UnjudgedTarget]:
    judged = {(verdict.target.agreement, verdict.target.id) for verdict in evaluation.verdicts}
    for target in index.bound_targets(COUNCIL, timeline.services, timeline.start):
        name, agreement = target.id, target.agreement
        if (agreement, name) not in judged:
            yield UnjudgedTarget(name, agreement, _why_unjudged(timeline, target))


def _of_other_services(timeline: Timeline, lists: Mapping[str, Sequence[Target]]) -> Iterator[UnjudgedTarget]:
    for name, targets in lists.items():
        for target in targets:
            if target.measure != "availability" and not any(map(target.is_of, timeline.services)):
                yield UnjudgedTarget(target.id, name, "it is of another service")


def _why_unjudged(timeline: Timeline, target: BoundTarget) -> str:
    applied = [target.selects(each) for each in timeline.classifications]
    if not any(applied):
        return "it does not apply to an item like this"
    return "its clock has not started" if applied[-1] else "it ceased to apply before it was missed"


class TargetSelection(Struct, frozen=True):
    """The targets by the list that brought them in, and the facts by which they are selected."""

    targets: dict[str, list[Target]]
    facts: list[facts.AnyFact]


class _ListedTarget(Struct):
    """A target, and the numbers of the successive lists that have it."""

    target: TrialTarget
    lists: list[int]


class _SelectionPeriods(Struct, frozen=True):
    """From when which list and which priority apply. Both ascend by their second; list 0 is the first."""

    lists: list[tuple[int, int]]
    priorities: list[tuple[int, str]]

    def key_at(self, at_s: int) -> str:
        """The priority that selects at an instant."""
        number = [number for since, number in self.lists if since <= at_s][-1]
        priority = [priority for since, priority in self.priorities if since <= at_s][-1]
        return _key(number, priority)


def select_targets(document: TrialDocument, history: Sequence[facts.AnyFact], zone: ZoneInfo) -> TargetSelection:
    """The document's targets, and `history` (in order, one of them an opening) with changes of targets among them."""
    timeline, _ = read_timeline(history, as_of_s=FOREVER - 1)
    if not document.target_changes or timeline is None:  # as the services would evaluate the item
        calendars = [calendar.id for calendar in document.all_calendars]
        targets: list[Target] = [with_default_calendar(definition, calendars) for definition in document.targets]
        return TargetSelection({FIRST_LIST: targets}, list(history))
    start, set_at = timeline.start, [(each.since, each.priority) for each in timeline.classifications]
    changes = [(second_of(each.at, zone), number) for number, each in enumerate(document.target_changes, start=1)]
    periods = _SelectionPeriods([(-FOREVER, 0), *sorted(changes)], set_at)
    marks = {at for at, _ in (*set_at, *changes) if at > start}
    others = (fact for fact in map(_without_priority, history) if fact is not None)
    return TargetSelection(
        targets=_targets(document, [number for _, number in periods.lists], sorted({name for _, name in set_at})),
        facts=[
            *(
                msgspec.structs.replace(timeline.opened, priority=periods.key_at(start))
                if fact is timeline.opened
                else fact
                for fact in others
            ),
            *(facts.Reprioritised(at * SECOND_US, SOURCE, f"change-{at}", "", periods.key_at(at)) for at in marks),
        ],
    )


def _without_priority(fact: facts.AnyFact) -> facts.AnyFact | None:
    """What `fact` says beside a priority; None if that is all."""
    match fact:
        case facts.Reprioritised():
            return None
        case facts.Reclassified():
            says_more = fact.service is not None or fact.attributes
            return msgspec.structs.replace(fact, priority=None) if says_more else None
        case _:
            return fact


def _targets(document: TrialDocument, numbers: Sequence[int], priorities: Sequence[str]) -> dict[str, list[Target]]:
    targets: dict[str, list[Target]] = {}
    for listed in _listed(document, numbers):
        name = CHANGED_LIST.format(listed.lists[0]) if listed.lists[0] else FIRST_LIST
        targets.setdefault(name, []).append(_selected(listed, priorities))
    return targets


def _listed(document: TrialDocument, numbers: Sequence[int]) -> list[_ListedTarget]:
    calendars = [calendar.id for calendar in document.all_calendars]
    everything: list[_ListedTarget] = []
    before: list[_ListedTarget] = []
    for number in numbers:
        now = []
        for definition in document.target_lists[number]:
            target = with_default_calendar(definition, calendars)
            listed = next((each for each in before if each.target == target), None) or _ListedTarget(target, [])
            listed.lists.append(number)
            now.append(listed)
        everything += [listed for listed in now if listed not in before]
        before = now
    return everything


def _selected(listed: _ListedTarget, priorities: Sequence[str]) -> Target:
    accepted = listed.target.when.get("priority", tuple(priorities))
    keys = tuple(_key(number, priority) for number in listed.lists for priority in priorities if priority in accepted)
    return msgspec.structs.replace(listed.target, when=listed.target.when | {"priority": keys})


def _key(number: int, priority: str) -> str:
    return f"{number}:{priority}"
