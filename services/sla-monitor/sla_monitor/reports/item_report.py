"""An item and its verdicts, with the whole reason for each, as the API and the pages show them.

Instants are RFC 3339 in UTC; `elapsed_s` and `margin_s` are in the clock's own seconds (working or elapsed), but for a
date that was missed: there `margin_s` is minus the plain seconds since it was due.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from shared.contracts.scalars import Stream
from shared.instants import instant, maybe_instant
from shared.log.failures import CodeFailure
from shared.period import LONDON
from sla_monitor.domain.clock.trace import Kind, totals, trace
from sla_monitor.domain.clock.verdict import Evaluation, ReachedWarning, Verdict
from sla_monitor.domain.facts import AnyFact, Classification, WithdrawnFact, withdrawn_facts
from sla_monitor.ports import Announcement


class SegmentReport(Struct, frozen=True):
    """A segment of the trace, and why it counted or not."""

    start_at: datetime
    end_at: datetime
    kind: Kind
    seconds: int
    reason: str


class WarningReport(Struct, frozen=True):
    """A share of the allowance was used up, or it was so long `before` due; of an update target in its exchange."""

    percent: int | None
    before: str | None
    at: datetime
    on_change: bool
    exchange_started_at: datetime | None


class PendingReport(Struct, frozen=True):
    """The exchange of an update target that has no answer yet; `due_at` is null in a pause."""

    started_at: datetime
    due_at: datetime | None
    margin_s: int | None


class VerdictReport(Struct, frozen=True):
    """What holds of one target in one cycle, with its trace; counted, paused and closed add up to the time elapsed.

    The figures of an update target are those of the exchange that decides: the first that was missed, else the newest,
    or the one with the least margin once all have ended. `pending` is the exchange without an answer, null for none.
    """

    target: str
    measure: str
    within: str
    cycle: int
    verdict: str
    reason: str
    agreement: str
    agreement_version: int
    calendar: str | None
    calendar_version: int | None
    zone: str
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None
    missed_at: datetime | None
    elapsed_s: int
    margin_s: int | None
    counted_s: int
    paused_s: int
    closed_s: int
    pending: PendingReport | None
    warnings: list[WarningReport]
    trace: list[SegmentReport]


class ChangeReport(Struct, frozen=True):
    """What became known of the item, and from when: `priority p1, was p3`."""

    at: datetime
    what: str


class ItemReport(Struct, frozen=True):
    """An item at `as_of`, with all that was ever published about it.

    `changes` are those of its service, priority and attributes after the opening. `state` says whether anything can be
    judged at all; `without_effect` how many events changed nothing, by the reason. `withdrawn` tells each event that
    its own sender took back, in a sentence.
    """

    council: str
    stream: Stream
    item: str
    as_of: datetime
    state: str
    service: str | None
    priority: str | None
    opened_at: datetime | None
    changes: list[ChangeReport]
    verdicts: list[VerdictReport]
    announced: list[Announcement]
    conflicts: list[str]
    notes: list[str]
    without_effect: dict[str, int]
    withdrawn: list[str]


class ItemAnswer(Struct, frozen=True):
    """What holds of an item at `as_of` (epoch seconds), and what was published about it, oldest first.

    Where it has a `failure` nothing holds, and `evaluation` has no more than its opening.
    """

    council: str
    stream: Stream
    item: str
    as_of: int
    facts: Sequence[AnyFact]
    evaluation: Evaluation
    announced: list[Announcement]
    failure: CodeFailure | None = None


def item_report(answer: ItemAnswer) -> ItemReport:
    """The item as the API and the pages show it."""
    opened, timeline = answer.evaluation.opened, answer.evaluation.timeline
    now = opened if timeline is None else timeline.classification
    return ItemReport(
        council=answer.council,
        stream=answer.stream,
        item=answer.item,
        as_of=instant(answer.as_of),
        state=_state(answer),
        service=None if now is None else now.service,
        priority=None if now is None else now.priority,
        opened_at=None if opened is None else instant(opened.at_s),
        changes=[_change(*each) for each in pairwise(timeline.classifications)] if timeline is not None else [],
        verdicts=[verdict_report(verdict, as_of=answer.as_of) for verdict in answer.evaluation.verdicts],
        announced=answer.announced,
        conflicts=[_conflict(*each) for each in timeline.conflicts] if timeline is not None else [],
        notes=list(answer.evaluation.notes),
        without_effect=dict(Counter(timeline.without_effect if timeline is not None else ())),
        withdrawn=[_withdrawn(each) for each in withdrawn_facts(answer.facts) if each.by.at_s <= answer.as_of],
    )


def _change(before: Classification, after: Classification) -> ChangeReport:
    was, now = ({"service": each.service, "priority": each.priority, **each.attributes} for each in (before, after))
    changed = [name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name)]
    what = ", ".join(f"{name} {now.get(name, 'none')}, was {was.get(name, 'none')}" for name in changed)
    return ChangeReport(instant(after.since), what)


def _conflict(at: int, about: Sequence[str]) -> str:
    """In a sentence, that an opening says otherwise than the first one, which holds."""
    return f"opened again at {_when(at)} with other {', '.join(about)}: the earliest opening holds; ask the sender"


def _withdrawn(gone: WithdrawnFact) -> str:
    """In a sentence, which event counts for nothing."""
    what = type(gone.fact).__name__.lower()
    return f"{what} at {_when(gone.fact.at_s)} ({gone.fact.id}): withdrawn by its sender at {_when(gone.by.at_s)}"


def _when(at: int) -> str:
    return f"{instant(at).astimezone(LONDON):%d %b %Y %H:%M:%S}"


def _state(answer: ItemAnswer) -> str:
    """In a phrase, whether the item is judged and why not."""
    evaluation = answer.evaluation
    if answer.failure is not None:
        return f"failed: a bug in Tallystick, {answer.failure}; not judged, and in no figure"
    if evaluation.waiting:
        return "waiting for the council's agreement"
    if evaluation.opened is None:
        return "waiting for its opening"
    return "judged" if evaluation.verdicts else "out of scope: no agreement in force has a target for it"


def verdict_report(verdict: Verdict, *, as_of: int) -> VerdictReport:
    """The verdict with its trace up to `as_of` (epoch seconds)."""
    segments = trace(verdict, as_of=as_of)
    sums = totals(segments)
    bound, cycle = verdict.target, verdict.cycle
    return VerdictReport(
        target=bound.id,
        measure=bound.measure,
        within=bound.definition.within,
        cycle=cycle.number,
        verdict=verdict.outcome.value,
        reason=verdict.reason,
        agreement=bound.agreement,
        agreement_version=bound.agreement_version,
        calendar=None if bound.calendar is None else bound.calendar.id,
        calendar_version=None if bound.calendar is None else bound.calendar.version,
        zone=bound.hours.zone.key,
        started_at=instant(cycle.start),
        stopped_at=maybe_instant(cycle.raw_stop),
        due_at=maybe_instant(verdict.due),
        missed_at=maybe_instant(verdict.missed_at),
        elapsed_s=verdict.elapsed_s,
        margin_s=verdict.margin_s,
        counted_s=sums["counted"],
        paused_s=sums["paused"],
        closed_s=sums["closed"],
        pending=_pending(verdict),
        warnings=[_warning(each) for each in verdict.warnings],
        trace=[
            SegmentReport(instant(part.start), instant(part.end), part.kind, part.end - part.start, part.reason)
            for part in segments
        ],
    )


def _warning(each: ReachedWarning) -> WarningReport:
    exchange_start = maybe_instant(each.exchange_start)
    return WarningReport(each.percent, each.before, instant(each.at), each.on_change, exchange_start)


def _pending(verdict: Verdict) -> PendingReport | None:
    pending = verdict.pending
    return (
        None if pending is None else PendingReport(instant(pending.start), maybe_instant(pending.due), pending.margin_s)
    )
