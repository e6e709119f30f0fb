"""The difference between what was announced about an item and what holds now, as events.

A verdict's message has the same content and the same id however often, late or in whatever batches it is computed:
a breach is (item, target, due instant), never the moment it was noticed. What changes an announced verdict is a
correction that names both; what takes it away is a retraction.
"""

from datetime import UTC, datetime
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
    VerdictRetracted,
    WarningData,
    WarningReached,
)
from shared.ids import derived_id
from shared.period import month_of_hour
from sla_monitor.domain.clock.verdict import Evaluation, Outcome, ReachedWarning, Verdict
from sla_monitor.domain.item import LastPublished

SOURCE = "/sla-monitor"


class Trigger(Struct, frozen=True):
    """Whose item it is, and what brought the change about: the id of an event, "clock", or "catalogue"."""

    council: str
    item: str
    cause: str
    at: int


def announce(
    before: dict[str, LastPublished], evaluation: Evaluation, trigger: Trigger
) -> tuple[list[VerdictEvent], dict[str, LastPublished]]:
    """The events to send and what is then announced, by `target/cycle`."""
    events: list[VerdictEvent] = []
    after: dict[str, LastPublished] = {}
    for verdict in evaluation.verdicts:
        name = f"{verdict.bound_target.target.id}/{verdict.cycle.number}"
        was = before.get(name, _NOTHING)
        after[name] = _announce_one(was, verdict, evaluation, trigger, events)
    for name in before.keys() - after.keys():
        # The target applies no more, or the cycle never was: what was said of it is taken back.
        after[name] = _retract(before[name], trigger, events)
    return events, {name: said for name, said in after.items() if said != _NOTHING}


_NOTHING = LastPublished()


def _announce_one(
    was: LastPublished, verdict: Verdict, evaluation: Evaluation, trigger: Trigger, events: list[VerdictEvent]
) -> LastPublished:
    news = [warning for warning in verdict.warnings if warning.percent not in was.warned]
    events.extend(_warning(verdict, evaluation, trigger, warning) for warning in news)
    warned = tuple(sorted({*was.warned, *(warning.percent for warning in news)})) if news else was.warned
    if not verdict.decided:
        return msgspec.structs.replace(_retract(was, trigger, events), warned=warned)
    said = verdict_data(verdict, evaluation)
    if was.said is not None and compared_fields(was.said) == compared_fields(said):
        return msgspec.structs.replace(was, warned=warned) if news else was
    if was.said is None:
        events.append(_decided(said, verdict, trigger, was.revision))
    else:
        events.append(_corrected(said, was.said, was.revision, trigger))
    return LastPublished(said, was.revision + 1, warned)


def verdict_data(verdict: Verdict, evaluation: Evaluation) -> VerdictData:
    """What there is to say of a decided verdict. Of a miss, nothing that only a later stop would add."""
    opened = evaluation.opened
    met = verdict.outcome is Outcome.MET
    return VerdictData(
        **_about(verdict, evaluation),
        outcome="met" if met else "breached",
        month=counted_month(verdict),
        stopped_at=_instant(verdict.cycle.stop) if met else None,
        elapsed_s=verdict.elapsed_s if met else None,
        margin_s=verdict.margin_s if met else None,
        value_pence=None if opened is None else opened.value_pence,
    )


def counted_month(verdict: Verdict) -> str:
    """The London month in which a decided verdict counts, as the agreement attributes it (R39)."""
    at = {
        "due": verdict.due,
        "completed": verdict.cycle.stop,
        "decided": verdict.missed_at if verdict.missed_at is not None else verdict.cycle.stop,
    }[verdict.bound_target.attributed_by]
    first_of = at, verdict.due, verdict.cycle.stop, verdict.cycle.start
    return _month(next(instant for instant in first_of if instant is not None) // 3600)


@lru_cache(maxsize=4096)
def _month(epoch_hour: int) -> str:
    return str(month_of_hour(epoch_hour))


def compared_fields(said: VerdictData) -> tuple[object, ...]:
    """What makes a verdict news; a new version of the agreement or calendar alone does not."""
    return said.outcome, said.month, said.due_at, said.stopped_at, said.elapsed_s


def _about(verdict: Verdict, evaluation: Evaluation) -> dict[str, Any]:
    bound_target, opened = verdict.bound_target, evaluation.opened
    return {
        "service": "" if opened is None else opened.service,
        "target": bound_target.target.id,
        "measure": bound_target.target.measure,
        "cycle": verdict.cycle.number,
        "agreement": bound_target.agreement,
        "agreement_version": bound_target.agreement_version,
        "calendar": None if bound_target.calendar is None else bound_target.calendar.id,
        "calendar_version": None if bound_target.calendar is None else bound_target.calendar.version,
        "due_at": _instant(verdict.due),
    }


def _instant(at_s: int | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _decided(said: VerdictData, verdict: Verdict, trigger: Trigger, revision: int) -> TargetMet | TargetBreached:
    kind, at = (TargetMet, verdict.cycle.stop) if said.outcome == "met" else (TargetBreached, verdict.missed_at)
    return kind(
        id=_id(said.outcome, said, trigger, revision, said.agreement_version, str(compared_fields(said))),
        source=SOURCE,
        time=datetime.fromtimestamp(trigger.at if at is None else at, UTC),
        subject=trigger.item,
        council=trigger.council,
        data=said,
    )


def _corrected(said: VerdictData, old: VerdictData, revision: int, trigger: Trigger) -> VerdictCorrected:
    return VerdictCorrected(
        id=_id("corrected", said, trigger, revision, str(compared_fields(old)), str(compared_fields(said))),
        source=SOURCE,
        time=datetime.fromtimestamp(trigger.at, UTC),
        subject=trigger.item,
        council=trigger.council,
        data=CorrectedData(
            **msgspec.structs.asdict(said),
            was=old.outcome,
            was_month=old.month,
            was_due_at=old.due_at,
            cause=trigger.cause,
        ),
    )


def _retract(was: LastPublished, trigger: Trigger, events: list[VerdictEvent]) -> LastPublished:
    """Nothing holds any more; a retraction says so if anything was announced."""
    old = was.said
    if old is None:
        return was
    about = {name: getattr(old, name) for name in TargetData.__struct_fields__}
    events.append(
        VerdictRetracted(
            id=_id("retracted", old, trigger, was.revision, str(compared_fields(old))),
            source=SOURCE,
            time=datetime.fromtimestamp(trigger.at, UTC),
            subject=trigger.item,
            council=trigger.council,
            data=RetractedData(**about, was=old.outcome, was_month=old.month, cause=trigger.cause),
        )
    )
    return LastPublished(None, was.revision + 1, was.warned)


def _warning(verdict: Verdict, evaluation: Evaluation, trigger: Trigger, warned: ReachedWarning) -> WarningReached:
    data = WarningData(**_about(verdict, evaluation), percent=warned.percent, on_change=warned.on_change)
    return WarningReached(
        id=_id("warning", data, trigger, warned.percent, data.agreement_version, str(data.due_at), warned.at),
        source=SOURCE,
        time=datetime.fromtimestamp(warned.at, UTC),
        subject=trigger.item,
        council=trigger.council,
        data=data,
    )


def _id(kind: str, about: TargetData, trigger: Trigger, *parts: str | int) -> str:
    return derived_id(kind, trigger.council, trigger.item, about.target, about.cycle, *parts)
