"""Steps of statements as billing reads them back from the log, and who decided on prices."""

from msgspec import Struct

from billing.domain.metering import Origin
from shared.contracts.proposals import ProposalUpdated
from shared.contracts.statements import CreditNoteIssued, SealingKeyPublished, StatementEvent, StatementIssued
from shared.ids import derived_id
from shared.instants import epoch_us
from shared.units import ItemId


class StepReceived(Struct, frozen=True, gc=False):
    """A step that is in the log: made here, or by a database that was lost since."""

    origin: Origin
    event: StatementEvent


class PricesDecided(Struct, frozen=True, gc=False):
    """Versions of definitions, as kind, id and number, that the people `by` proposed and approved."""

    origin: Origin
    versions: tuple[tuple[str, str, int], ...]
    by: tuple[str, ...]


class SealingKeyKnown(Struct, frozen=True, gc=False):
    """A public key by which statements were sealed from that instant on; `x` is of RFC 8037."""

    origin: Origin
    kid: str
    x: str

    @property
    def published_at_us(self) -> int:
        """Since when."""
        return self.origin.at_us


def key_known(event: SealingKeyPublished) -> SealingKeyKnown:
    """The key in `event`."""
    return SealingKeyKnown(Origin(event.source, event.id, epoch_us(event.time)), event.data.kid, event.data.x)


def notes_of(event: StatementEvent) -> tuple[CreditNoteIssued, ...]:
    """The credit notes that are issued with a statement, each as an event of its own, which is the same every time."""
    if not isinstance(event, StatementIssued):
        return ()
    return tuple(
        CreditNoteIssued(
            id=derived_id("statement-step", event.council, note.month, note.step),
            source=event.source,
            time=event.time,
            subject=ItemId(note.month),
            council=event.council,
            data=note,
        )
        for note in event.data.credit_notes
    )


def step_of(event: StatementEvent) -> StepReceived:
    """The step in `event`."""
    return StepReceived(Origin(event.source, event.id, epoch_us(event.time)), event)


def prices_decided(event: ProposalUpdated) -> PricesDecided | None:
    """Who decided on the versions of an approved proposal; None for one that is not approved."""
    data = event.data
    if data.status != "approved":
        return None
    versions = tuple((each.kind, each.id, each.replaces + 1) for each in data.definitions)
    by = {data.proposed.by, *([] if data.decided is None else [data.decided.by])}
    return PricesDecided(Origin(event.source, event.id, epoch_us(event.time)), versions, tuple(sorted(by)))
