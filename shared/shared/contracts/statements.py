"""Steps in the lifecycle of a council's statement: reviewed, checked, approved, issued, queried, paid, acknowledged.

Each is an event on a compacted topic under a key of its own, so that every step stays for ever and a restored database
reads back what people decided and what was issued. The subject of a step is the statement's month.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from shared.contracts.access import KeyId, PrincipalName, PublicKey
from shared.contracts.envelope import Event, EventData, ItemEvent
from shared.contracts.scalars import END_OF_TEXT, Id, Instant, MonthText, Pence, Stream

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + END_OF_TEXT, description="SHA-256 in lower-case hexadecimal")]
# One line of text: what a council's officer or its accountant wrote about a step.
Words = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=r"^[^\u0000-\u001f\u007f\u2028\u2029]*" + END_OF_TEXT,
        description="at most 500 characters of plain text",
    ),
]
DocumentNumber = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z0-9]{1,8}-)?20[0-9]{2}-[0-9]{2}\.(C?)[0-9]{4,7}" + END_OF_TEXT,
        description="like 2026-27.0001, of a credit note 2026-27.C0001",
    ),
]
Outcome = Literal["upheld", "credited", "corrected"]
BlockerOutcome = Literal["not-of-this-month", "discarded"]
# Characters of base64. Two of them and the rest of an event are less than Kafka's megabyte.
MOST_PACKED = 240_000
# Credit notes that one statement brings: of every month of six years, for two providers.
MOST_NOTES = 144
AboveNothing = Annotated[int, Meta(ge=1, le=10_000_000_000_000)]


class StepData(EventData, frozen=True, kw_only=True):
    """The statement's month, the step's own id among those of that statement, and who took it (a name in tokens)."""

    month: MonthText
    step: Id
    by: PrincipalName


class StatementStep(ItemEvent, frozen=True, kw_only=True):
    """A step of one council's statement. `subject` is the statement's month."""

    data: StepData

    @property
    def key(self) -> str:
        """The record's key: each step keeps its own."""
        return f"{self.council}:{self.subject}:{self.data.step}"


class ReviewOpenedData(StepData, frozen=True, kw_only=True):
    """What the council is shown, by the SHA-256 of its canonical JSON, and the last day of the review."""

    sha256: Sha256
    until: date


class StatementReviewOpened(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.review-opened.v1"):
    """The council may look through a draft, and query it, before anything is issued."""

    data: ReviewOpenedData


class SeenData(StepData, frozen=True, kw_only=True):
    """The SHA-256 of what was looked at, and a remark."""

    sha256: Sha256
    words: Words = ""


class StatementChecked(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.checked.v1"):
    """Somebody in the provider's finance has checked a draft."""

    data: SeenData


class StatementApproved(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.approved.v1"):
    """Another person has approved the draft that was checked: it may be issued as it is."""

    data: SeenData


class ReturnedData(StepData, frozen=True, kw_only=True):
    """Why the draft needs more work."""

    words: Words


class StatementReturned(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.returned.v1"):
    """The draft is not approved: reviewing and checking begin again."""

    data: ReturnedData


class DocumentData(StepData, frozen=True, kw_only=True):
    """A document with its number, and its canonical JSON, compressed by gzip and written in base64.

    `provider` is whose number it is, `sequence` its place in the provider's financial year. `sha256` is of the
    canonical JSON; `previous` is that of the council's document before it from the same provider, None for the first.
    `basis` is what a statement follows from beside events (docs/verifying.md), compressed likewise; None where it is
    too large to be sent.
    """

    number: DocumentNumber
    provider: Id
    financial_year: Annotated[int, Meta(ge=2000, le=2099, description="2026 is that from 1 April 2026")]
    sequence: Annotated[int, Meta(ge=1)]
    total_pence: Pence
    sha256: Sha256
    previous: Sha256 | None = None
    content: Annotated[str, Meta(max_length=MOST_PACKED)]
    basis: Annotated[str, Meta(max_length=MOST_PACKED)] | None = None


class IssuedData(DocumentData, frozen=True, kw_only=True):
    """A statement, and the credit notes that were issued with it: both or neither.

    Each of these is an event of its own too, which says the same.
    """

    credit_notes: Annotated[tuple[DocumentData, ...], Meta(max_length=MOST_NOTES)] = ()


class StatementIssued(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.issued.v1"):
    """A council's statement became final. It never changes: corrections are in later documents.

    Of two under one number, or of one month, the first in the log is the statement, and the other is none.
    """

    data: IssuedData


class CreditNoteIssued(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.credit-note-issued.v1"):
    """A credit note became final, of corrections that the agreement settles so. `subject` is the month it corrects."""

    data: DocumentData


class PaymentRecordedData(StepData, frozen=True, kw_only=True):
    """A payment that the provider received for a document: pence, the day, and the payer's or the bank's reference.

    With `on_account` it may be more than what was still to be paid. Of what is `written_off` nothing was received: the
    provider asks for it no longer, for the reason that `reference` gives.
    """

    payment: Id
    number: DocumentNumber
    amount_pence: AboveNothing
    paid_on: date
    reference: Words = ""
    on_account: bool = False
    written_off: bool = False


class PaymentRecorded(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.payment-recorded.v1"):
    """The provider's finance has recorded a payment, of all or a part of what is due."""

    data: PaymentRecordedData


class PaymentWithdrawnData(StepData, frozen=True, kw_only=True):
    """Which payment was recorded by mistake, and why it is taken back."""

    payment: Id
    words: Words


class PaymentWithdrawn(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.payment-withdrawn.v1"):
    """A payment that was recorded is not one."""

    data: PaymentWithdrawnData


class QueryRaisedData(StepData, frozen=True, kw_only=True):
    """What the council queries: a line, or an item's verdict; why; by when it is answered; the pence that are held."""

    query: Id
    line: Id | None = None
    stream: Stream | None = None
    item: Id | None = None
    words: Words
    reply_by: date
    held_pence: Annotated[int, Meta(ge=0, le=10_000_000_000_000)]


class QueryRaised(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.query-raised.v1"):
    """The council queries a charge, a credit or a verdict; what it holds is not due until the query is answered."""

    data: QueryRaisedData


class QueryAnsweredData(StepData, frozen=True, kw_only=True):
    """The outcome; the pence that are credited; the exclusion or correction run that corrects the verdict."""

    query: Id
    outcome: Outcome
    credited_pence: Annotated[int, Meta(ge=0, le=10_000_000_000_000)] = 0
    corrected_by: Id | None = None
    words: Words


class QueryAnswered(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.query-answered.v1"):
    """The provider has answered: the charge stands, is credited, or is corrected. The statement stays as issued."""

    data: QueryAnsweredData


class QueryWithdrawnData(StepData, frozen=True, kw_only=True):
    """Which query the council withdraws."""

    query: Id
    words: Words = ""


class QueryWithdrawn(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.query-withdrawn.v1"):
    """The council has withdrawn its query."""

    data: QueryWithdrawnData


class AcknowledgedData(StepData, frozen=True, kw_only=True):
    """What the council has verified and when, the public key of the council (a JWK) and its signature (detached JWS).

    `sha256` is that of the statement's canonical JSON, `previous` that of the council's document before it,
    `tally_sha256` that of the tally. docs/verifying.md says what exactly is signed.
    """

    number: DocumentNumber
    sha256: Sha256
    previous: Sha256 | None = None
    tally_sha256: Sha256
    acknowledged_at: Instant
    key: Annotated[str, Meta(max_length=2_000)]
    signature: Annotated[str, Meta(max_length=4_000)]


class StatementAcknowledged(StatementStep, frozen=True, kw_only=True, tag="tallystick.statement.acknowledged.v1"):
    """The council has signed what it received: from now on nobody can replace it unnoticed."""

    data: AcknowledgedData


class BlockerDecidedData(StepData, frozen=True, kw_only=True):
    """What kept a month from being issued, by its id, and why it does so no longer."""

    blocker: Id
    outcome: BlockerOutcome
    words: Words


class BlockerDecided(Event, frozen=True, kw_only=True, tag="tallystick.statement.blocker-decided.v1"):
    """Somebody has decided that a record which no council's statement may need keeps none from being issued."""

    data: BlockerDecidedData

    @property
    def key(self) -> str:
        """The record's key: each decision keeps its own."""
        return f":{self.subject}:{self.data.step}"


class SealingKeyData(EventData, frozen=True, kw_only=True):
    """The public half of a key of Ed25519 by which the provider seals statements, and its thumbprint."""

    kid: KeyId
    x: PublicKey


class SealingKeyPublished(Event, frozen=True, kw_only=True, tag="tallystick.statement.sealing-key-published.v1"):
    """The provider seals statements by a key from now on; what another key has sealed stays sealed by it."""

    data: SealingKeyData

    @property
    def key(self) -> str:
        """The record's key: each key keeps its own."""
        return f"sealing-key:{self.data.kid}"


StepEvent = (
    StatementReviewOpened
    | StatementChecked
    | StatementApproved
    | StatementReturned
    | StatementIssued
    | CreditNoteIssued
    | PaymentRecorded
    | PaymentWithdrawn
    | QueryRaised
    | QueryAnswered
    | QueryWithdrawn
    | StatementAcknowledged
)
StatementEvent = StepEvent | BlockerDecided
