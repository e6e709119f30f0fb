"""What the monitor announces: differences between the verdicts announced before and those that hold now."""

from typing import Literal

from shared.contracts.definitions import Measure
from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.scalars import Id, Instant, MonthText

Outcome = Literal["met", "breached"]


class TargetData(EventData, frozen=True, kw_only=True):
    """Which promise this is about, and which versions of it were used."""

    service: Id
    target: Id
    measure: Measure
    cycle: int = 1
    agreement: Id
    agreement_version: int
    calendar: Id | None = None
    calendar_version: int | None = None
    due_at: Instant | None = None


class WarningData(TargetData, frozen=True, kw_only=True):
    """`percent` of the threshold is used up; `on_change` when a change of target made it so."""

    percent: int
    on_change: bool = False


class VerdictData(TargetData, frozen=True, kw_only=True):
    """The verdict and its figures. `month` is the one in which it counts. Elapsed and margin in the clock's seconds."""

    outcome: Outcome
    month: MonthText
    stopped_at: Instant | None = None
    elapsed_s: int | None = None
    margin_s: int | None = None
    value_pence: int | None = None


class CorrectedData(VerdictData, frozen=True, kw_only=True):
    """The verdict that now holds, the one it replaces, and the event that caused it."""

    was: Outcome
    was_month: MonthText
    was_due_at: Instant | None = None
    cause: str


class RetractedData(TargetData, frozen=True, kw_only=True):
    """The verdict announced before holds no longer, and none has taken its place yet."""

    was: Outcome
    was_month: MonthText
    cause: str


class WarningReached(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.warning.v1"):
    """An item used up a share of its allowance."""

    data: WarningData


class TargetMet(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.met.v1"):
    """The promise was kept."""

    data: VerdictData


class TargetBreached(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.breached.v1"):
    """The promise was missed; `time` is the due instant's passing, never the moment it was noticed."""

    data: VerdictData


class VerdictCorrected(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.corrected.v1"):
    """A late or reversed fact changed a verdict or the figures behind it."""

    data: CorrectedData


class VerdictRetracted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.sla.retracted.v1"):
    """A verdict was withdrawn."""

    data: RetractedData


VerdictEvent = WarningReached | TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted
