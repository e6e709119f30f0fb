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
from shared.contracts.corrections import CorrectionOrdered, CorrectionScope
from shared.contracts.exclusions import (
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    Party,
)
from shared.period import local_midnight
from sla_monitor.domain.exclusions import Exclusion
from sla_monitor.domain.orders import Order

Status = Literal["proposed", "approved", "rejected", "withdrawn"]


class NotAllowed(ValueError):
    """The step may not be taken as the exclusion stands; the message says why."""


class Standing(Struct, frozen=True):
    """An exclusion and what became of it so far."""

    id: str
    exclusion: contract.Exclusion
    proposed: Party
    proposed_at: datetime
    status: Status = "proposed"
    decided: Party | None = None
    decided_at: datetime | None = None


class Run(Struct, frozen=True):
    """A correction run that was ordered. `position` is where shards are that have made it."""

    id: str
    scope: CorrectionScope
    ordered_by: str
    ordered_at: datetime
    position: int


def step(standing: Standing | None, event: ExclusionStep) -> Standing:
    """How the exclusion stands after `event`; raises `NotAllowed`."""
    match event:
        case ExclusionProposed(data=data):
            if standing is None:
                return Standing(event.subject, data.exclusion, data.proposed, event.time)
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
    standing: Standing | None, event: ExclusionStep, status: Status, by: Party, *, by_proposer: bool
) -> Standing:
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


class Rulings:
    """Grows by the steps and orders of the log, taken in its order."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}
        self._approved: dict[str, tuple[Exclusion, ...]] = defaultdict(tuple)
        self._orders: list[Order] = []
        self._runs: dict[str, Run] = {}

    def take(self, event: ExclusionStep | CorrectionOrdered, *, position: int) -> bool:
        """The ruling is known, from `position` on; returns whether any item is to be judged again."""
        if isinstance(event, CorrectionOrdered):
            return self._take_run(event, position)
        before = self._standing.get(event.subject)
        try:
            after = self._standing[event.subject] = step(before, event)
        except NotAllowed:
            return False  # two sides may act at once: whoever was second in the log was refused by being second
        if after == before or after.status != "approved":
            return False
        agreed = exclusion_of(after)
        self._approved[after.exclusion.council] += (agreed,)
        self._orders.append(order_of(agreed, position=position, at=int(event.time.timestamp())))
        return True

    def standing(self, exclusion: str) -> Standing | None:
        """How an exclusion stands; None where none of that id was proposed."""
        return self._standing.get(exclusion)

    def standings(self, *, council: str | None) -> list[Standing]:
        """All exclusions, of one council where it is named, by id."""
        return [
            self._standing[id_]
            for id_ in sorted(self._standing)
            if council in (None, self._standing[id_].exclusion.council)
        ]

    def approved(self, council: str) -> Sequence[Exclusion]:
        """The time that both sides agreed not to count for a council."""
        return self._approved.get(council, ())

    def orders(self, *, after: int) -> list[Order]:
        """What was ordered since `after`, in order."""
        return [order for order in self._orders if order.position > after]

    def run(self, id_: str) -> Run | None:
        """The correction run of that id."""
        return self._runs.get(id_)

    def _take_run(self, event: CorrectionOrdered, position: int) -> bool:
        if event.subject in self._runs:
            return False
        scope = event.data.scope
        self._runs[event.subject] = Run(event.subject, scope, event.data.ordered_by, event.time, position)
        self._orders.append(
            Order(
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


def exclusion_of(standing: Standing) -> Exclusion:
    """The exclusion as clocks know it, its scope in whole seconds."""
    named = standing.exclusion
    return Exclusion(
        id=standing.id,
        start=int(named.start_at.timestamp()),
        end=int(named.end_at.timestamp()),
        category=named.category,
        council=named.council,
        service=named.service,
        target=named.target,
        item=named.item,
    )


def order_of(agreed: Exclusion, *, position: int, at: int) -> Order:
    """The order to correct what an approved exclusion changes, by the catalogue that each item keeps."""
    return Order(
        cause=agreed.id,
        position=position,
        at=at,
        start=agreed.start,
        end=agreed.end,
        council=agreed.council,
        service=agreed.service,
        item=agreed.item,
    )
