"""Exclusions proposed and decided: each step is checked against how things stand, put in the log, and taken from it."""

from collections.abc import Sequence

from shared.clock import Clock
from shared.contracts.decisions import (
    DecidedData,
    Exclusion,
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    Party,
    ProposedData,
)
from shared.ids import derived_id
from shared.scope import Scope
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.decisions import ExclusionState, step
from sla_monitor.ports import DecisionsLog

DecisionEvent = type[ExclusionApproved] | type[ExclusionRejected] | type[ExclusionWithdrawn]


class UnknownExclusion(LookupError):
    """No exclusion of that id was proposed."""


class ExclusionService:
    """Proposals and decisions. Every method that adds to the log may raise `NotAllowed` and `AppendUncertain`."""

    def __init__(self, log: DecisionsLog, clock: Clock) -> None:
        self._log, self._clock = log, clock

    def standings(self, *, council: str | None = None) -> Sequence[ExclusionState]:
        """All exclusions, of one council where it is named; also those that nobody has decided about yet."""
        return self._log.rulings.exclusions(Scope.all().narrowed_to(council))

    def standing(self, id_: str) -> ExclusionState:
        """How an exclusion stands; raises `UnknownExclusion`."""
        found = self._log.rulings.exclusion(id_)
        if found is None:
            raise UnknownExclusion(f"no exclusion {id_!r} was proposed")
        return found

    async def propose(self, id_: str, exclusion: Exclusion, proposed: Party) -> ExclusionState:
        """The exclusion stands proposed; proposing the same again changes nothing."""
        event = ExclusionProposed(
            id=derived_id("exclusion-proposed", id_, proposed.side, proposed.by),
            source=SOURCE,
            time=self._clock.now(),
            subject=id_,
            data=ProposedData(exclusion=exclusion, proposed=proposed),
        )
        return await self._take(event)

    async def decide(self, id_: str, decided: Party, how: DecisionEvent) -> ExclusionState:
        """The exclusion is approved, rejected or withdrawn; raises `UnknownExclusion`."""
        self.standing(id_)
        event = how(
            id=derived_id("exclusion-decided", id_, how.__name__, decided.side, decided.by),
            source=SOURCE,
            time=self._clock.now(),
            subject=id_,
            data=DecidedData(decided=decided),
        )
        return await self._take(event)

    async def _take(self, event: ExclusionStep) -> ExclusionState:
        before = self._log.rulings.exclusion(event.subject)
        if step(before, event) != before:
            await self._log.append(event)
        # Somebody else's step may have come first in the log: then this one is refused after all.
        return step(self._log.rulings.exclusion(event.subject), event)
