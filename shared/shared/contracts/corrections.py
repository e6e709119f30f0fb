"""Orders to judge again what has ended, by the catalogue as it is now known."""

from datetime import date

from msgspec import Struct

from shared.contracts.envelope import Event, EventData, Id


class CorrectionScope(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Items whose life touches the London dates [from_date, to_date), of every council and service unless named."""

    from_date: date
    to_date: date
    council: Id | None = None
    service: Id | None = None


class CorrectionRequestedData(EventData, frozen=True, kw_only=True):
    """What is to be judged again, and who ordered it (an opaque id)."""

    scope: CorrectionScope
    requested_by: Id


class CorrectionRequested(Event, frozen=True, kw_only=True, tag="tallystick.correction.requested.v1"):
    """Ended items in scope are to be judged again; `subject` is the run's id, the cause of what it corrects."""

    subject: Id
    data: CorrectionRequestedData
