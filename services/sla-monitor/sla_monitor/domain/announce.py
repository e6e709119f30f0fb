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
    About,
    CorrectedData,
    RetractedData,
    TargetBreached,
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
from sla_monitor.domain.item import Announced
from sla_monitor.domain.verdict import Evaluation, Outcome, Verdict, Warned

SOURCE = "/sla-monitor"


class Occasion(Struct, frozen=True):
    """Whose item it is, and what brought the change about: the id of an event, "clock", or "catalogue"."""

    council: str
    item: str
    cause: str
    at: int


def announce(
    before: dict[str, Announced], evaluation: Evaluation, occasion: Occasion
) -> tuple[list[VerdictEvent], dict[str, Announced]]:
    """The events to send and what is then announced, by `target/cycle`."""
    events: list[VerdictEvent] = []
    after: dict[str, Announced] = {}
    for verdict in evaluation.verdicts:
        name = f"{verdict.term.target.id}/{verdict.life.cycle}"
        was = before.get(name, _NOTHING)
        after[name] = _announce_one(was, verdict, evaluation, occasion, events)
    for name in before.keys() - after.keys():
        # The target applies no more, or the cycle never was: what was said of it is taken back.
        after[name] = _retract(before[name], occasion, events)
    return events, {name: said for name, said in after.items() if said != _NOTHING}


_NOTHING = Announced()


def _announce_one(
    was: Announced, verdict: Verdict, evaluation: Evaluation, occasion: Occasion, events: list[VerdictEvent]
) -> Announced:
    news = [warning for warning in verdict.warnings if warning.percent not in was.warned]
    events.extend(_warning(verdict, evaluation, occasion, warning) for warning in news)
    warned = tuple(sorted({*was.warned, *(warning.percent for warning in news)})) if news else was.warned
    if not verdict.decided:
        return msgspec.structs.replace(_retract(was, occasion, events), warned=warned)
    said = said_of(verdict, evaluation)
    if was.said is not None and figures(was.said) == figures(said):
        return msgspec.structs.replace(was, warned=warned) if news else was
    if was.said is None:
        events.append(_decided(said, verdict, occasion, was.revision))
    else:
        events.append(_corrected(said, was.said, was.revision, occasion))
    return Announced(said, was.revision + 1, warned)


def said_of(verdict: Verdict, evaluation: Evaluation) -> VerdictData:
    """What there is to say of a decided verdict. Of a miss, nothing that only a later stop would add."""
    opened = evaluation.opened
    met = verdict.outcome is Outcome.MET
    return VerdictData(
        **_about(verdict, evaluation),
        outcome="met" if met else "breached",
        month=counted_month(verdict),
        stopped_at=_instant(verdict.life.stop) if met else None,
        elapsed_s=verdict.elapsed_s if met else None,
        margin_s=verdict.margin_s if met else None,
        value_pence=None if opened is None else opened.value_pence,
    )


def counted_month(verdict: Verdict) -> str:
    """The London month in which a decided verdict counts, as the agreement attributes it (R39)."""
    at = {
        "due": verdict.due,
        "completed": verdict.life.stop,
        "decided": verdict.missed_at if verdict.missed_at is not None else verdict.life.stop,
    }[verdict.term.attributed_by]
    first_of = at, verdict.due, verdict.life.stop, verdict.life.start
    return _month(next(instant for instant in first_of if instant is not None) // 3600)


@lru_cache(maxsize=4096)
def _month(epoch_hour: int) -> str:
    return str(month_of_hour(epoch_hour))


def figures(said: VerdictData) -> tuple[object, ...]:
    """What makes a verdict news; a new version of the agreement or calendar alone does not."""
    return said.outcome, said.month, said.due_at, said.stopped_at, said.elapsed_s


def _about(verdict: Verdict, evaluation: Evaluation) -> dict[str, Any]:
    term, opened = verdict.term, evaluation.opened
    return {
        "service": "" if opened is None else opened.service,
        "target": term.target.id,
        "measure": term.target.measure,
        "cycle": verdict.life.cycle,
        "agreement": term.agreement,
        "agreement_version": term.agreement_version,
        "calendar": None if term.calendar is None else term.calendar.id,
        "calendar_version": None if term.calendar is None else term.calendar.version,
        "due_at": _instant(verdict.due),
    }


def _instant(at_s: int | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _decided(said: VerdictData, verdict: Verdict, occasion: Occasion, revision: int) -> TargetMet | TargetBreached:
    kind, at = (TargetMet, verdict.life.stop) if said.outcome == "met" else (TargetBreached, verdict.missed_at)
    return kind(
        id=_id(said.outcome, said, occasion, revision, said.agreement_version, str(figures(said))),
        source=SOURCE,
        time=datetime.fromtimestamp(occasion.at if at is None else at, UTC),
        subject=occasion.item,
        council=occasion.council,
        data=said,
    )


def _corrected(said: VerdictData, old: VerdictData, revision: int, occasion: Occasion) -> VerdictCorrected:
    return VerdictCorrected(
        id=_id("corrected", said, occasion, revision, str(figures(old)), str(figures(said))),
        source=SOURCE,
        time=datetime.fromtimestamp(occasion.at, UTC),
        subject=occasion.item,
        council=occasion.council,
        data=CorrectedData(
            **msgspec.structs.asdict(said),
            was=old.outcome,
            was_month=old.month,
            was_due_at=old.due_at,
            cause=occasion.cause,
        ),
    )


def _retract(was: Announced, occasion: Occasion, events: list[VerdictEvent]) -> Announced:
    """Nothing holds any more; a retraction says so if anything was announced."""
    old = was.said
    if old is None:
        return was
    about = {name: getattr(old, name) for name in About.__struct_fields__}
    events.append(
        VerdictRetracted(
            id=_id("retracted", old, occasion, was.revision, str(figures(old))),
            source=SOURCE,
            time=datetime.fromtimestamp(occasion.at, UTC),
            subject=occasion.item,
            council=occasion.council,
            data=RetractedData(**about, was=old.outcome, was_month=old.month, cause=occasion.cause),
        )
    )
    return Announced(None, was.revision + 1, was.warned)


def _warning(verdict: Verdict, evaluation: Evaluation, occasion: Occasion, warned: Warned) -> WarningReached:
    data = WarningData(**_about(verdict, evaluation), percent=warned.percent, on_change=warned.on_change)
    return WarningReached(
        id=_id("warning", data, occasion, warned.percent, data.agreement_version, str(data.due_at), warned.at),
        source=SOURCE,
        time=datetime.fromtimestamp(warned.at, UTC),
        subject=occasion.item,
        council=occasion.council,
        data=data,
    )


def _id(kind: str, about: About, occasion: Occasion, *parts: str | int) -> str:
    return derived_id(kind, occasion.council, occasion.item, about.target, about.cycle, *parts)
