"""The open targets of an item: neither met nor breached yet, with what is left of each."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from shared.contracts.scalars import Stream
from shared.instants import maybe_instant
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.clock.verdict import Evaluation, Outcome


class OpenTarget(Struct, frozen=True):
    """One open target of one item. `due_at` is in UTC.

    `left_s` is in the clock's own seconds (working or elapsed), `left_wall_s` around the clock; a clock that is used up
    while the service is closed has 0 left and is not missed yet. While `paused` nothing is due. `warned_percent` is the
    highest share of the allowance at which a warning fired, 0 before the first.
    """

    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
    cycle: int
    service: str
    measure: str
    priority: str
    due_at: datetime | None
    left_s: int | None
    left_wall_s: int | None
    warned_percent: int
    paused: bool
    value_pence: int

    @property
    def at_risk(self) -> bool:
        """Whether a warning fired."""
        return self.warned_percent > 0

    @property
    def urgency(self) -> tuple[float, float, str, str, str, str, str, int]:
        """Sorts by what is left on the clock, then around the clock; what is not known comes last."""
        unknown = float("inf")
        left = unknown if self.left_s is None else self.left_s
        wall = unknown if self.left_wall_s is None else self.left_wall_s
        return left, wall, self.council, self.item, self.target, self.agreement, self.stream, self.cycle


def open_targets(evaluation: Evaluation, *, council: str, item: str, as_of: int) -> Iterator[OpenTarget]:
    """The item's targets that are neither met nor breached; none where nothing is due at present."""
    opened = evaluation.opened
    if opened is None:
        return
    for verdict in evaluation.verdicts:
        paused = verdict.due is None and any(each.end == FOREVER for each in verdict.cycle.paused)
        if verdict.outcome is not Outcome.RUNNING or (verdict.due is None and not paused):
            continue
        yield OpenTarget(
            council=council,
            agreement=verdict.target.agreement,
            target=verdict.target.id,
            stream=evaluation.stream,
            item=item,
            cycle=verdict.cycle.number,
            service=opened.service,
            measure=verdict.target.measure,
            priority=opened.priority,
            due_at=maybe_instant(verdict.due),
            left_s=None if verdict.margin_s is None else max(verdict.margin_s, 0),
            left_wall_s=None if verdict.due is None else max(verdict.due - as_of, 0),
            warned_percent=max((warning.percent for warning in verdict.warnings), default=0),
            paused=paused,
            value_pence=opened.value_pence or 0,
        )
