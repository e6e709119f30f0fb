"""Verdicts as the monitor announces them: met, breached, corrected, retracted, and warnings before them."""

from typing import Literal, NamedTuple

from shared.contracts.definitions import Measure
from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.scalars import Id, Instant, MonthText, Stream

Outcome = Literal["met", "breached"]


class VerdictKey(NamedTuple):
    """Which verdict: all six, for a target's id is unique in its agreement only, an item's in its council and stream.

    So a council may have two agreements with a target `resolution` each, and a ticket and a work item `T-1`.
    """

    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
    cycle: int


class TargetData(EventData, frozen=True, kw_only=True):
    """The target that this is about, and the versions of agreement and calendar that were used."""

    agreement: Id
    target: Id
    stream: Stream
    cycle: int = 1
    service: Id
    measure: Measure
    agreement_version: int
    calendar: Id | None = None
    calendar_version: int | None = None
    due_at: Instant | None = None


class WarningData(TargetData, frozen=True, kw_only=True):
    """`percent` of the threshold is used up, or it is so long `before` due; `on_change` where a change caused it.

    `exchange_started_at` is for update targets, each of whose exchanges has warnings of its own: which one it is.
    """

    percent: int | None = None
    before: str | None = None
    on_change: bool = False
    exchange_started_at: Instant | None = None


def warning_text(percent: int | None, before: str | None) -> str:
    """What a warning is of, in words: `75% used up`, or `2 working hours before due`."""
    return f"{percent}% used up" if before is None else f"{before} due"


class VerdictData(TargetData, frozen=True, kw_only=True):
    """The verdict and its figures: the month in which it counts, elapsed time and margin in seconds of its clock."""

    outcome: Outcome
    month: MonthText
    stopped_at: Instant | None = None
    elapsed_s: int | None = None
    margin_s: int | None = None
    value_pence: int | None = None


class CorrectedData(VerdictData, frozen=True, kw_only=True):
    """The verdict now, the one that it replaces, and the event that caused the correction."""

    was: Outcome
    was_month: MonthText
    was_due_at: Instant | None = None
    cause: str


class RetractedData(TargetData, frozen=True, kw_only=True):
    """The verdict that is withdrawn, without another in its place yet, and the event that caused it."""

    was: Outcome
    was_month: MonthText
    cause: str


class WarningReached(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.warning.v1"):
    """An item has used up a share of its threshold."""

    data: WarningData


class TargetMet(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.met.v1"):
    """The item met its target."""

    data: VerdictData


class TargetBreached(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.breached.v1"):
    """The item missed its target; `time` is when it became due, never when that was noticed."""

    data: VerdictData


class VerdictCorrected(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.corrected.v1"):
    """A late or reversed event changed a verdict or the figures behind it."""

    data: CorrectedData


class VerdictRetracted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.retracted.v1"):
    """A verdict was withdrawn."""

    data: RetractedData


VerdictEvent = WarningReached | TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted


def verdict_key(event: VerdictEvent) -> VerdictKey:
    """Which verdict the event is about."""
    data = event.data
    return VerdictKey(event.council, data.agreement, data.target, data.stream, event.subject, data.cycle)
