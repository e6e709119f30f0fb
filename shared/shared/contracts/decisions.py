"""What people decide about verdicts: exclusions of time, and requests to evaluate ended or failed items again.

Compacted by exclusion and step, so that every step stays. What became of a proposal is decided by the order of the
log: the first approval or rejection of the other side, or the first withdrawal by the same side.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.contracts.envelope import Event, EventData
from shared.contracts.scalars import Id, Instant, Stream

Category = Literal["planned-maintenance", "force-majeure", "council-caused", "third-party", "agreed"]
Side = Literal["provider", "council"]


class Party(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who acts, and for which side of the agreement. `by` is an opaque id, never a name."""

    side: Side
    by: Id


class Exclusion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Time [start_at, end_at) that is not to count for one council, or only for what the other fields name of it.

    A target is named with its agreement, an item with its stream; the item of the stream `service` is an outage.
    `reason` is the id of a change, an incident or a minute that records the reason.
    """

    council: Id
    start_at: Instant
    end_at: Instant
    category: Category
    reason: Id
    service: Id | None = None
    agreement: Id | None = None
    target: Id | None = None
    stream: Stream | None = None
    item: Id | None = None


class ProposedData(EventData, frozen=True, kw_only=True):
    """The exclusion, and who proposes it."""

    exclusion: Exclusion
    proposed: Party


class DecidedData(EventData, frozen=True, kw_only=True):
    """Whose exclusion it is, and who decided, or withdrew the proposal."""

    council: Id
    decided: Party


class ExclusionEvent(Event, frozen=True, kw_only=True):
    """A step of one exclusion; `subject` is its id, which is unique among those of its council."""

    subject: Annotated[Id, Meta(description="the exclusion's id, unique among those of its council")]


class ExclusionProposed(ExclusionEvent, frozen=True, kw_only=True, tag="tallystick.exclusion.proposed.v1"):
    """One side proposes an exclusion."""

    data: ProposedData


class ExclusionApproved(ExclusionEvent, frozen=True, kw_only=True, tag="tallystick.exclusion.approved.v1"):
    """The other side agrees: the time does not count, from the beginning."""

    data: DecidedData


class ExclusionRejected(ExclusionEvent, frozen=True, kw_only=True, tag="tallystick.exclusion.rejected.v1"):
    """The other side does not agree: the time counts."""

    data: DecidedData


class ExclusionWithdrawn(ExclusionEvent, frozen=True, kw_only=True, tag="tallystick.exclusion.withdrawn.v1"):
    """The side that proposed it withdrew the proposal."""

    data: DecidedData


ExclusionStep = ExclusionProposed | ExclusionApproved | ExclusionRejected | ExclusionWithdrawn


class CorrectionScope(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Items open at any time of the London dates [from_date, to_date), of every council and service unless named."""

    from_date: date
    to_date: date
    council: Id | None = None
    service: Id | None = None


class CorrectionProposedData(EventData, frozen=True, kw_only=True):
    """The items to evaluate again, and who proposes it (an opaque id)."""

    scope: CorrectionScope
    proposed_by: Id


class CorrectionProposed(Event, frozen=True, kw_only=True, tag="tallystick.correction.proposed.v1"):
    """Somebody proposes to evaluate ended items again; nothing happens until somebody else approves it."""

    subject: Id
    data: CorrectionProposedData


class CorrectionRejectedData(EventData, frozen=True, kw_only=True):
    """Whose run it is, none for one of every council, and who rejected it (an opaque id)."""

    council: Id | None = None
    rejected_by: Id


class CorrectionRejected(Event, frozen=True, kw_only=True, tag="tallystick.correction.rejected.v1"):
    """Somebody else does not agree: the run is not made."""

    subject: Id
    data: CorrectionRejectedData


class CorrectionRequestedData(EventData, frozen=True, kw_only=True):
    """The items to evaluate again, who proposed it, and who approved it (opaque ids)."""

    scope: CorrectionScope
    requested_by: Id
    approved_by: Id | None = None


class CorrectionRequested(Event, frozen=True, kw_only=True, tag="tallystick.correction.requested.v1"):
    """A run was approved: ended items in scope are evaluated again by the catalogue as now known.

    `subject` is the run's id: the cause of its corrections.
    """

    subject: Id
    data: CorrectionRequestedData


class ItemRetryData(EventData, frozen=True, kw_only=True):
    """The failed item to judge again, and who requested it (an opaque id)."""

    council: Id
    item: Id
    requested_by: Id


class ItemRetryRequested(Event, frozen=True, kw_only=True, tag="tallystick.item.retry-requested.v1"):
    """An item that could not be judged is to be judged again. `subject` is the request's id."""

    subject: Id
    data: ItemRetryData


def council_of_decision(event: "DecisionEvent") -> str | None:
    """Whose decision it is; None for a correction run of every council. Ids of decisions are unique among these."""
    match event:
        case ExclusionProposed(data=data):
            return data.exclusion.council
        case CorrectionProposed(data=data) | CorrectionRequested(data=data):
            return data.scope.council
        case _:
            return event.data.council


DecisionEvent = ExclusionStep | CorrectionProposed | CorrectionRejected | CorrectionRequested | ItemRetryRequested
