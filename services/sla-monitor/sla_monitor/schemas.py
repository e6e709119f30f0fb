"""What the monitor's API answers. Instants are RFC 3339 in UTC; seconds are the clock's own (working or elapsed)."""

from datetime import UTC, datetime

from msgspec import Struct

from sla_monitor.domain.clock.trace import Kind, totals, trace
from sla_monitor.domain.clock.verdict import Verdict
from sla_monitor.ports import Announcement
from sla_monitor.reports.items import Attainment, ItemAnswer


class AttainmentResult(Struct, frozen=True):
    """Good of total for one council, service, target and period, in items and in what the objective weighs by.

    `attained_percent` is by that weight and cut to one decimal; `misses_remaining` is in items, or pence.
    """

    council: str
    service: str
    target: str
    measure: str
    period: str
    good: int
    total: int
    good_pence: int
    total_pence: int
    weighted_by: str
    attained_percent: str
    objective_percent: str | None
    judgement: str
    misses_remaining: int | None


class SegmentReport(Struct, frozen=True):
    """A stretch of the item's life, and why it counted or not."""

    start_at: datetime
    end_at: datetime
    kind: Kind
    seconds: int
    reason: str


class WarningReport(Struct, frozen=True):
    """A share of the allowance that was used up."""

    percent: int
    at: datetime
    on_change: bool


class VerdictReport(Struct, frozen=True):
    """What holds of one target in one cycle, with its trace; counted, paused and closed add up to the time elapsed."""

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
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None
    missed_at: datetime | None
    elapsed_s: int
    margin_s: int | None
    counted_s: int
    paused_s: int
    closed_s: int
    warnings: list[WarningReport]
    trace: list[SegmentReport]


class AnnouncementReport(Struct, frozen=True):
    """One message that was announced: a warning, a verdict, a correction or a retraction, with its cause."""

    kind: str
    at: datetime
    target: str
    cycle: int
    id: str
    cause: str | None


class ItemReport(Struct, frozen=True):
    """An item as it stands at `as_of`. `state` says whether anything can be judged at all."""

    council: str
    item: str
    as_of: datetime
    state: str
    service: str | None
    priority: str | None
    opened_at: datetime | None
    verdicts: list[VerdictReport]
    announced: list[AnnouncementReport]
    notes: list[str]


def instant(at_s: int) -> datetime:
    """Epoch seconds as an aware instant."""
    return datetime.fromtimestamp(at_s, UTC)


def maybe_instant(at_s: int | None) -> datetime | None:
    """Epoch seconds as an aware instant, where there are any."""
    return None if at_s is None else instant(at_s)


def attainment_result(row: Attainment) -> AttainmentResult:
    """The row as the API shows it."""
    counted, objective = row.counted, row.objective
    return AttainmentResult(
        council=counted.council,
        service=counted.service,
        target=counted.target,
        measure=counted.measure,
        period=counted.period,
        good=counted.met,
        total=counted.total,
        good_pence=counted.met_pence,
        total_pence=counted.total_pence,
        weighted_by="count" if objective is None else objective.weighted_by,
        attained_percent=row.share.percent_text,
        objective_percent=None if objective is None else objective.percent,
        judgement=row.judgement.value,
        misses_remaining=row.misses_remaining,
    )


def item_report(answer: ItemAnswer) -> ItemReport:
    """The item as the API shows it."""
    opened = answer.evaluation.opened
    return ItemReport(
        council=answer.council,
        item=answer.item,
        as_of=instant(answer.as_of),
        state=state_of(answer),
        service=None if opened is None else opened.service,
        priority=None if opened is None else opened.priority,
        opened_at=None if opened is None else instant(opened.at_s),
        verdicts=[verdict_report(verdict, as_of=answer.as_of) for verdict in answer.evaluation.verdicts],
        announced=[_said_body(said) for said in answer.said],
        notes=list(answer.evaluation.notes),
    )


def state_of(answer: ItemAnswer) -> str:
    """In a phrase, whether the item is judged and why not."""
    if answer.evaluation.waiting:
        return "waiting for the council's agreement"
    if answer.evaluation.opened is None:
        return "waiting for its opening"
    return "judged" if answer.evaluation.verdicts else "out of scope: no agreement in force has a target for it"


def verdict_report(verdict: Verdict, *, as_of: int) -> VerdictReport:
    """The verdict as the API shows it."""
    segments = trace(verdict, as_of=as_of)
    sums = totals(segments)
    bound_target, cycle = verdict.bound_target, verdict.cycle
    return VerdictReport(
        target=bound_target.target.id,
        measure=bound_target.target.measure,
        within=bound_target.target.within,
        cycle=cycle.number,
        verdict=verdict.outcome.value,
        reason=verdict.reason,
        agreement=bound_target.agreement,
        agreement_version=bound_target.agreement_version,
        calendar=None if bound_target.calendar is None else bound_target.calendar.id,
        calendar_version=None if bound_target.calendar is None else bound_target.calendar.version,
        started_at=instant(cycle.start),
        stopped_at=maybe_instant(cycle.raw_stop),
        due_at=maybe_instant(verdict.due),
        missed_at=maybe_instant(verdict.missed_at),
        elapsed_s=verdict.elapsed_s,
        margin_s=verdict.margin_s,
        counted_s=sums["counted"],
        paused_s=sums["paused"],
        closed_s=sums["closed"],
        warnings=[WarningReport(warned.percent, instant(warned.at), warned.on_change) for warned in verdict.warnings],
        trace=[
            SegmentReport(instant(part.start), instant(part.end), part.kind, part.end - part.start, part.reason)
            for part in segments
        ],
    )


def _said_body(said: Announcement) -> AnnouncementReport:
    cause = getattr(said.event.data, "cause", None)
    return AnnouncementReport(said.kind, said.at, said.target, said.cycle, said.event.id, cause)
