"""The open targets of an item: what is due and not late yet, with what is left of each.

An update target that was missed once still has to answer the question asked since.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from shared.contracts.scalars import Stream
from shared.contracts.thresholds import WorkingDays, WorkingSeconds
from shared.instants import maybe_instant
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.clock.verdict import Evaluation, Outcome, Verdict
from sla_monitor.domain.working_time.compiled import BeyondHorizon


class OpenTarget(Struct, frozen=True):
    """One open target of one item. `due_at` is in UTC; of an update target that of the exchange without an answer.

    `left_s` is in the clock's own seconds (working time where `working_time`, else elapsed), `left_wall_s` around the
    clock; a clock that is used up
    while the service is closed has 0 left and is not missed yet. While `paused` nothing is due. `warned_percent` is the
    highest share of the allowance at which a warning fired, 0 before the first; `warned_before` the warning that fired
    nearest before due. `missed_before` where the update target
    was missed in an earlier exchange: nothing more can be lost in its objective.
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
    warned_before: str | None
    paused: bool
    missed_before: bool
    value_pence: int
    working_time: bool = False

    @property
    def place(self) -> tuple[str, ...]:
        """Which target of which item: equal to the `place` of its verdict once it is decided."""
        return self.council, self.item, self.stream, self.agreement, self.target, str(self.cycle)

    @property
    def at_risk(self) -> bool:
        """Whether a warning fired."""
        return self.warned_percent > 0 or self.warned_before is not None

    @property
    def urgency(self) -> tuple[float, float, str, str, str, str, str, int]:
        """Sorts by what is left on the clock, then around the clock; what is not known comes last."""
        unknown = float("inf")
        left = unknown if self.left_s is None else self.left_s
        wall = unknown if self.left_wall_s is None else self.left_wall_s
        return left, wall, self.council, self.item, self.target, self.agreement, self.stream, self.cycle


@dataclass(slots=True)
class OpenItems:
    """The open items that any target applies to: how many, and how many at risk, by council, service and priority.

    By the same, what is left to the one that breaches next, in seconds of its target's clock. Of each council and
    service the age of the oldest, in working seconds by the service hours of the target of which least have passed.
    Of each council the instant of its last fact (epoch seconds), of items that are open or not.
    """

    open: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    at_risk: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    next_breach_s: dict[tuple[str, str, str], int] = field(default_factory=dict)
    oldest_s: dict[tuple[str, str], int] = field(default_factory=dict)
    last_fact_s: dict[str, int] = field(default_factory=dict)

    def add_fact(self, council: str, at_s: int) -> None:
        """Something happened at the council then."""
        self.last_fact_s[council] = max(at_s, self.last_fact_s.get(council, at_s))

    def add(self, evaluation: Evaluation, targets: Sequence[OpenTarget], *, council: str, as_of: int) -> None:
        """An open item with its open targets, of which it has none once all are missed."""
        if evaluation.timeline is None or not evaluation.verdicts:
            return
        now = evaluation.timeline.classification
        key = council, now.service, now.priority
        self.open[key] += 1
        self.at_risk[key] += any(each.at_risk for each in targets)
        for each in targets:
            if each.left_s is not None and not each.paused and not each.missed_before:
                self.next_breach_s[key] = min(each.left_s, self.next_breach_s.get(key, each.left_s))
        age_s = _age_s(evaluation, since=evaluation.timeline.start, as_of=as_of)
        self.oldest_s[council, now.service] = max(age_s, self.oldest_s.get((council, now.service), 0))


def _age_s(evaluation: Evaluation, *, since: int, as_of: int) -> int:
    """Working seconds; 0 where no calendar of its targets reaches so far."""
    ages: list[int] = []
    for verdict in evaluation.verdicts:
        try:
            ages.append(verdict.target.hours.between(since, as_of))
        except BeyondHorizon:
            continue
    return min(ages, default=0)


def open_targets(evaluation: Evaluation, *, council: str, item: str, as_of: int) -> Iterator[OpenTarget]:
    """What the item's targets still ask for in time; none where nothing is due at present."""
    opened, timeline = evaluation.opened, evaluation.timeline
    if opened is None or timeline is None:
        return
    now = timeline.classification
    for verdict in evaluation.verdicts:
        pending = _pending(verdict)
        if pending is None:
            continue
        warned = [each for each in verdict.warnings if each.exchange_start == pending.exchange_start]
        yield OpenTarget(
            council=council,
            agreement=verdict.target.agreement,
            target=verdict.target.id,
            stream=evaluation.stream,
            item=item,
            cycle=verdict.cycle.number,
            service=now.service,
            measure=verdict.target.measure,
            priority=now.priority,
            due_at=maybe_instant(pending.due),
            left_s=None if pending.margin_s is None else max(pending.margin_s, 0),
            left_wall_s=None if pending.due is None else max(pending.due - as_of, 0),
            warned_percent=max([each.percent or 0 for each in warned], default=0),
            warned_before=next((each.before for each in reversed(warned) if each.before is not None), None),
            paused=pending.due is None,
            missed_before=verdict.decided,
            value_pence=opened.value_pence or 0,
            working_time=isinstance(verdict.target.threshold, WorkingSeconds | WorkingDays),
        )


class _Pending(NamedTuple):
    """What can still be done in time: when it is due, what is left, and of an update clock the exchange's start."""

    due: int | None
    margin_s: int | None
    exchange_start: int | None


def _pending(verdict: Verdict) -> _Pending | None:
    """None where nothing is due and no pause without end is why."""
    found = _in_time(verdict)
    if found is not None and found.due is None and not any(each.end == FOREVER for each in verdict.cycle.paused):
        return None
    return found


def _in_time(verdict: Verdict) -> _Pending | None:
    if verdict.target.has_exchanges:
        pending = verdict.pending
        return None if pending is None or pending.missed else _Pending(pending.due, pending.margin_s, pending.start)
    return _Pending(verdict.due, verdict.margin_s, None) if verdict.outcome is Outcome.RUNNING else None
