"""What both sides ruled: exclusions and how they stand, and orders to judge ended items again.

Steps are taken in the order of their log, so every reader comes to the same standing: the first decision holds, and a
side that may not take a step has not taken it (four eyes: who proposed an exclusion does not approve it).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shared.contracts import exclusions as contract
from shared.contracts.corrections import CorrectionRequested, CorrectionScope
from shared.contracts.exclusions import (
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    Party,
)
from shared.period import local_midnight
from sla_monitor.domain.clock.exclusions import ExcludedTime
from sla_monitor.domain.reevaluation import ReevaluationRequest

Status = Literal["proposed", "approved", "rejected", "withdrawn"]


class NotAllowed(ValueError):
    """The step may not be taken as the exclusion stands; the message says why."""


class ExclusionState(Struct, frozen=True):
    """An exclusion and what became of it so far."""

    id: str
    exclusion: contract.Exclusion
    proposed: Party
    proposed_at: datetime
    status: Status = "proposed"
    decided: Party | None = None
    decided_at: datetime | None = None


class CorrectionRun(Struct, frozen=True):
    """A correction run that was ordered. `position` is where shards are that have made it."""

    id: str
    scope: CorrectionScope
    requested_by: str
    ordered_at: datetime
    position: int


def step(standing: ExclusionState | None, event: ExclusionStep) -> ExclusionState:
    """How the exclusion stands after `event`; raises `NotAllowed`."""
    match event:
        case ExclusionProposed(data=data):
            if standing is None:
                return ExclusionState(event.subject, data.exclusion, data.proposed, event.time)
            if (standing.exclusion, standing.proposed) == (data.exclusion, data.proposed):
                return standing
            raise NotAllowed("another exclusion has this id")
        case ExclusionApproved(data=data):
            return _decided(standing, event, "approved", data.decided, by_proposer=False)
        case ExclusionRejected(data=data):
            return _decided(standing, event, "rejected", data.decided, by_proposer=False)
        case ExclusionWithdrawn(data=data):
            return _decided(standing, event, "withdrawn", data.decided, by_proposer=True)


def _decided(
    standing: ExclusionState | None, event: ExclusionStep, status: Status, by: Party, *, by_proposer: bool
) -> ExclusionState:
    if standing is None:
        raise NotAllowed("no exclusion of this id was proposed")
    if standing.status == status and standing.decided == by:
        return standing
    if standing.status != "proposed":
        raise NotAllowed(f"it is {standing.status} already")
    if (by.side == standing.proposed.side) is not by_proposer:
        whose = "the side that proposed it" if by_proposer else "the other side"
        raise NotAllowed(f"only {whose} can have it {status}; the {standing.proposed.side} proposed it")
    return msgspec.structs.replace(standing, status=status, decided=by, decided_at=event.time)


class Decisions:
    """Grows by the steps and orders of the log, taken in its order."""

    def __init__(self) -> None:
        self._standing: dict[str, ExclusionState] = {}
        self._approved: dict[str, tuple[ExcludedTime, ...]] = defaultdict(tuple)
        self._orders: list[ReevaluationRequest] = []
        self._runs: dict[str, CorrectionRun] = {}

    def take(self, event: ExclusionStep | CorrectionRequested, *, position: int) -> bool:
        """The ruling is known, from `position` on; returns whether any item is to be judged again."""
        if isinstance(event, CorrectionRequested):
            return self._take_run(event, position)
        before = self._standing.get(event.subject)
        try:
            after = self._standing[event.subject] = step(before, event)
        except NotAllowed:
            return False  # two sides may act at once: whoever was second in the log was refused by being second
        if after == before or after.status != "approved":
            return False
        agreed = excluded_time(after)
        self._approved[after.exclusion.council] += (agreed,)
        self._orders.append(request_of(agreed, position=position, at=int(event.time.timestamp())))
        return True

    def standing(self, exclusion: str) -> ExclusionState | None:
        """How an exclusion stands; None where none of that id was proposed."""
        return self._standing.get(exclusion)

    def standings(self, *, council: str | None) -> list[ExclusionState]:
        """All exclusions, of one council where it is named, by id."""
        return [
            self._standing[id_]
            for id_ in sorted(self._standing)
            if council in (None, self._standing[id_].exclusion.council)
        ]

    def approved(self, council: str) -> Sequence[ExcludedTime]:
        """The time that both sides agreed not to count for a council."""
        return self._approved.get(council, ())

    def orders(self, *, after: int) -> list[ReevaluationRequest]:
        """What was ordered since `after`, in order."""
        return [order for order in self._orders if order.position > after]

    def run(self, id_: str) -> CorrectionRun | None:
        """The correction run of that id."""
        return self._runs.get(id_)

    def _take_run(self, event: CorrectionRequested, position: int) -> bool:
        if event.subject in self._runs:
            return False
        scope = event.data.scope
        self._runs[event.subject] = CorrectionRun(event.subject, scope, event.data.requested_by, event.time, position)
        self._orders.append(
            ReevaluationRequest(
                cause=event.subject,
                position=position,
                at=int(event.time.timestamp()),
                start=int(local_midnight(scope.from_date).timestamp()),
                end=int(local_midnight(scope.to_date).timestamp()),
                council=scope.council,
                service=scope.service,
                renews=True,
            )
        )
        return True


def excluded_time(standing: ExclusionState) -> ExcludedTime:
    """The exclusion as clocks know it, its scope in whole seconds."""
    named = standing.exclusion
    return ExcludedTime(
        id=standing.id,
        start=int(named.start_at.timestamp()),
        end=int(named.end_at.timestamp()),
        category=named.category,
        council=named.council,
        service=named.service,
        target=named.target,
        item=named.item,
    )


def request_of(agreed: ExcludedTime, *, position: int, at: int) -> ReevaluationRequest:
    """The order to correct what an approved exclusion changes, by the catalogue that each item keeps."""
    return ReevaluationRequest(
        cause=agreed.id,
        position=position,
        at=at,
        start=agreed.start,
        end=agreed.end,
        council=agreed.council,
        service=agreed.service,
        item=agreed.item,
    )
