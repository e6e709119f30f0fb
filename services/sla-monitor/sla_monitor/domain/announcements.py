"""The difference between what was published about an item and what holds now, as events.

A verdict's event has the same content and the same id however often, late or in whatever batches it is computed:
a breach is (verdict key, due instant), never the moment it was noticed. What changes a published verdict is a
correction that names both; what takes it away is a retraction.
"""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from shared.contracts.verdicts import (
    CorrectedData,
    RetractedData,
    TargetBreached,
    TargetData,
    TargetMet,
    VerdictCorrected,
    VerdictData,
    VerdictEvent,
    VerdictKey,
    VerdictRetracted,
    WarningData,
    WarningReached,
)
from shared.ids import derived_id
from shared.instants import instant, maybe_instant
from shared.period import month_of_hour
from sla_monitor.domain.clock.cycles import service_when
from sla_monitor.domain.clock.verdict import Evaluation, Outcome, ReachedWarning, Verdict
from sla_monitor.domain.item import NOTHING_PUBLISHED, LastPublished

SOURCE = "/sla-monitor"


class Trigger(Struct, frozen=True):
    """Whose item is evaluated, when, and why: `cause` is the id of an event, "clock", or "catalogue"."""

    council: str
    item: str
    cause: str
    at: int


def announce(
    before: dict[str, LastPublished], evaluation: Evaluation, trigger: Trigger
) -> tuple[list[VerdictEvent], dict[str, LastPublished]]:
    """The events to send, and what is then the last published, by `agreement/target/cycle`."""
    events: list[VerdictEvent] = []
    after: dict[str, LastPublished] = {}
    for verdict in evaluation.verdicts:
        name = verdict.name
        was = before.get(name, NOTHING_PUBLISHED)
        after[name] = _announce_one(was, verdict, evaluation, trigger, events)
    for name in sorted(before.keys() - after.keys()):
        # The target applies no more, or the cycle never was: what was published of it is retracted.
        after[name] = _retract(before[name], trigger, events)
    return events, {name: last for name, last in after.items() if last != NOTHING_PUBLISHED}


def _announce_one(
    was: LastPublished, verdict: Verdict, evaluation: Evaluation, trigger: Trigger, events: list[VerdictEvent]
) -> LastPublished:
    new = [warning for warning in verdict.warnings if warning.label not in was.warned]
    events.extend(_warning(verdict, evaluation, trigger, warning) for warning in new)
    warned = tuple(sorted({*was.warned, *(warning.label for warning in new)})) if new else was.warned
    if not verdict.decided:
        return msgspec.structs.replace(_retract(was, trigger, events), warned=warned)
    data = verdict_data(verdict, evaluation)
    if was.verdict is not None and compared_fields(was.verdict) == compared_fields(data):
        return msgspec.structs.replace(was, warned=warned) if new else was
    if was.verdict is None:
        events.append(_decided(data, verdict, trigger, was.revision))
    else:
        events.append(_corrected(data, was.verdict, trigger, was.revision))
    return LastPublished(data, was.revision + 1, warned)


def verdict_data(verdict: Verdict, evaluation: Evaluation) -> VerdictData:
    """What an event says of a decided verdict. Of a miss, nothing that only a later stop would add."""
    opened = evaluation.opened
    met = verdict.outcome is Outcome.MET
    return VerdictData(
        **_target_data(verdict, evaluation, verdict.decided_at),
        outcome="met" if met else "breached",
        month=counted_month(verdict),
        stopped_at=maybe_instant(verdict.cycle.stop) if met else None,
        elapsed_s=verdict.elapsed_s if met else None,
        margin_s=verdict.margin_s if met else None,
        value_pence=None if opened is None else opened.value_pence,
    )


def counted_month(verdict: Verdict) -> str:
    """The London month in which a decided verdict counts, as the agreement attributes it (R39)."""
    due, stop = verdict.due, verdict.cycle.stop
    by_rule = {"due": due, "completed": stop, "decided": verdict.decided_at}[verdict.target.attributed_by]
    for at in (by_rule, due, stop):
        if at is not None:
            return _month(at // 3600)
    return _month(verdict.cycle.start // 3600)


@lru_cache(maxsize=4096)
def _month(epoch_hour: int) -> str:
    return str(month_of_hour(epoch_hour))


def compared_fields(data: VerdictData) -> tuple[object, ...]:
    """What makes a verdict a new one; another version of the agreement or calendar alone does not."""
    return data.outcome, data.month, data.due_at, data.stopped_at, data.elapsed_s, data.service


def _service(verdict: Verdict, evaluation: Evaluation, at: int | None) -> str:
    return "" if evaluation.timeline is None else service_when(evaluation.timeline, verdict.target, at)


def _target_data(verdict: Verdict, evaluation: Evaluation, at: int | None) -> dict[str, Any]:
    """`at` is the instant of what is said; its service is the one that the item was of then."""
    target = verdict.target
    return {
        "agreement": target.agreement,
        "target": target.id,
        "stream": evaluation.stream,
        "cycle": verdict.cycle.number,
        "service": _service(verdict, evaluation, at),
        "measure": target.measure,
        "agreement_version": target.agreement_version,
        "calendar": None if target.calendar is None else target.calendar.id,
        "calendar_version": None if target.calendar is None else target.calendar.version,
        "due_at": maybe_instant(verdict.due),
    }


def _envelope(trigger: Trigger, at_s: int) -> dict[str, Any]:
    return {"source": SOURCE, "time": instant(at_s), "subject": trigger.item, "council": trigger.council}


def _decided(data: VerdictData, verdict: Verdict, trigger: Trigger, revision: int) -> TargetMet | TargetBreached:
    kind, at = (TargetMet, verdict.cycle.stop) if data.outcome == "met" else (TargetBreached, verdict.missed_at)
    id_ = _id(data.outcome, data, trigger, revision, data.agreement_version, str(compared_fields(data)))
    return kind(id=id_, data=data, **_envelope(trigger, trigger.at if at is None else at))


def _corrected(data: VerdictData, old: VerdictData, trigger: Trigger, revision: int) -> VerdictCorrected:
    return VerdictCorrected(
        id=_id("corrected", data, trigger, revision, str(compared_fields(old)), str(compared_fields(data))),
        data=CorrectedData(
            **msgspec.structs.asdict(data),
            was=old.outcome,
            was_month=old.month,
            was_due_at=old.due_at,
            cause=trigger.cause,
        ),
        **_envelope(trigger, trigger.at),
    )


def _retract(was: LastPublished, trigger: Trigger, events: list[VerdictEvent]) -> LastPublished:
    """Nothing holds any more; a retraction says so if a verdict was published."""
    old = was.verdict
    if old is None:
        return was
    target = {name: getattr(old, name) for name in TargetData.__struct_fields__}
    data = RetractedData(**target, was=old.outcome, was_month=old.month, cause=trigger.cause)
    id_ = _id("retracted", old, trigger, was.revision, str(compared_fields(old)))
    events.append(VerdictRetracted(id=id_, data=data, **_envelope(trigger, trigger.at)))
    return LastPublished(None, was.revision + 1, was.warned)


def _warning(verdict: Verdict, evaluation: Evaluation, trigger: Trigger, reached: ReachedWarning) -> WarningReached:
    data = WarningData(
        **_target_data(verdict, evaluation, reached.at) | {"due_at": maybe_instant(reached.due)},
        percent=reached.percent,
        before=reached.before,
        on_change=reached.on_change,
        exchange_started_at=maybe_instant(reached.exchange_start),
    )
    # The service at that instant may become known later: then it is another warning, not another one of the same id.
    parts = reached.label, data.agreement_version, data.service, str(data.due_at), reached.at
    id_ = _id("warning", data, trigger, *parts)
    return WarningReached(id=id_, data=data, **_envelope(trigger, reached.at))


def _id(kind: str, data: TargetData, trigger: Trigger, *parts: str | int) -> str:
    key = VerdictKey(trigger.council, data.agreement, data.target, data.stream, trigger.item, data.cycle)
    return derived_id(kind, *key, *parts)
