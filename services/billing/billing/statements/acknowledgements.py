"""Acknowledgements of issued statements, as councils send them. Calls block."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from billing.domain.lifecycle import StepRefused
from billing.domain.statement import NoAgreement
from billing.ports import StepStore, StoredDocument
from billing.statements.steps import SOURCE
from billing.tally.acknowledging import Acknowledgement, require_acknowledged
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.statements import AcknowledgedData, StatementAcknowledged, StepEvent
from shared.ids import derived_id
from shared.period import Month
from shared.scope import Scope
from shared.units import CouncilId, ItemId

# Of one statement. A council that changes its key acknowledges again; nobody does so a hundred times.
MOST_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """What councils have acknowledged, kept as steps of their statements."""

    store: StepStore
    clock: Clock

    def of(self, council: str, month: Month, *, scope: Scope) -> list[Acknowledgement]:
        """Those of the council's month, the newest first. Raises `NoAgreement` where it has no statement."""
        with self.store.snapshot(scope.narrowed_to(council)) as snapshot:
            is_issued = snapshot.steps.statement(council, month) is not None
            if not is_issued and not snapshot.terms.agreements_in(council, month):
                raise NoAgreement(f"no agreement of {council} in {month}")
            return _acknowledged(snapshot.steps.steps(council, month))

    def add(self, caller: Principal, council: str, month: Month, found: Acknowledgement) -> Acknowledgement:
        """What the council has signed is kept, once however often it is sent.

        Raises `NoAgreement` for a council that is not the caller's, `NoAcknowledgement`, and `StepRefused` where it is
        not of the statement that was issued.
        """
        if not caller.scope.allows(council):
            raise NoAgreement(f"no agreement of {council} in {month}")
        require_acknowledged(found)
        with self.store.taking_steps() as writer:
            _require_of(writer.statement(council, month), found)
            known = _acknowledged(writer.steps(council, month))
            if found not in known:
                if len(known) >= MOST_OF_ONE:
                    raise StepRefused(f"the statement has been acknowledged {MOST_OF_ONE} times already")
                writer.add(self._step(caller, found, len(known) + 1))
        return found

    def _step(self, caller: Principal, found: Acknowledgement, number: int) -> StatementAcknowledged:
        step = f"acknowledged-{number}"
        data = AcknowledgedData(
            month=found.month,
            step=step,
            by=caller.name,
            number=found.number,
            sha256=found.statement_sha256,
            previous=found.previous_sha256,
            tally_sha256=found.tally_sha256,
            acknowledged_at=found.acknowledged_at,
            key=msgspec.json.encode(found.key, order="sorted").decode(),
            signature=found.signature,
        )
        id_ = derived_id("statement-step", found.council, found.month, step)
        return StatementAcknowledged(
            id=id_,
            source=SOURCE,
            time=self.clock.now(),
            subject=ItemId(found.month),
            council=CouncilId(found.council),
            data=data,
        )


def _require_of(document: StoredDocument | None, found: Acknowledgement) -> None:
    if document is None:
        raise StepRefused("no statement of the council is issued for that month: there is nothing to acknowledge")
    issued = (document.council, str(document.month), document.number, document.sha256, document.previous)
    if issued != (found.council, found.month, found.number, found.statement_sha256, found.previous_sha256):
        raise StepRefused(
            f"the acknowledgement is of {found.number} with the SHA-256 {found.statement_sha256}, and issued was "
            f"{document.number} with {document.sha256}: verify your tally again and ask the provider"
        )


def _acknowledged(steps: Sequence[StepEvent]) -> list[Acknowledgement]:
    """The newest first."""
    acknowledged = [step for step in steps if isinstance(step, StatementAcknowledged)]
    return [_acknowledgement(step) for step in reversed(acknowledged)]


def _acknowledgement(step: StatementAcknowledged) -> Acknowledgement:
    data = step.data
    return Acknowledgement(
        council=step.council,
        month=data.month,
        number=data.number,
        statement_sha256=data.sha256,
        previous_sha256=data.previous,
        tally_sha256=data.tally_sha256,
        acknowledged_at=data.acknowledged_at,
        key=msgspec.json.decode(data.key, type=dict[str, str]),
        signature=data.signature,
    )
